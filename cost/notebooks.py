"""The lines of those who work with MLflow: the notebook instance, and Studio."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from cost.arithmetic import product, unknown
from cost.bill import AFTER_APPLY, HOURS, Bill, Chapter, Component, several, shown
from cost.inventory import amount, text
from cost.model import Line

_NOTEBOOK = Component("Notebook instance")
_STUDIO = Component("Studio")

_DEFAULT_DISK_GB = 5
_STUDIO_INSTANCE = "ml.t3.medium"


def _notebook(bill: Bill) -> Iterator[Line]:
    instances = bill.all("aws_sagemaker_notebook_instance")
    for instance in instances:
        suffix = f" ({instance.name})" if len(instances) > 1 else ""
        hours = min(bill.usage.notebook_hours, HOURS)
        kind = text(instance.values, "instance_type")
        price = bill.price(f"notebook.{kind}") if kind else unknown(f"instance_type is {AFTER_APPLY}")
        yield _NOTEBOOK.line(
            f"Notebook instance{suffix}",
            f"{kind or 'an instance'}, runs {shown(hours)} hours (usage.notebook_hours, notebook.auto_stop_minutes)",
            product(hours, price),
        )
        disk = amount(instance.values, "volume_size") or Decimal(_DEFAULT_DISK_GB)
        yield _NOTEBOOK.line(
            f"Notebook, disk{suffix}",
            f"{shown(float(disk))} GB (notebook.volume_size_gb)",
            product(disk, bill.price("notebook_disk_gb")),
        )


def _studio(bill: Bill) -> Iterator[Line]:
    if profiles := len(bill.all("aws_sagemaker_user_profile")):
        hours = bill.usage.studio_hours
        yield _STUDIO.line(
            "Studio, JupyterLab",
            f"{shown(hours)} hours (usage.studio_hours) on {_STUDIO_INSTANCE} by {several(profiles, 'user profile')}, "
            "without the disks of their spaces",
            product(hours, bill.price(f"notebook.{_STUDIO_INSTANCE}")),
        )
    if domains := len(bill.all("aws_sagemaker_domain")):
        used = bill.usage.studio_gb
        yield _STUDIO.line(
            "Studio, home folders",
            f"{shown(used)} GB (usage.studio_gb) of {several(domains, 'domain')}",
            product(used, bill.price("efs_gb")),
        )


NOTEBOOK = Chapter(frozenset({"aws_sagemaker_notebook_instance"}), _notebook)
STUDIO = Chapter(frozenset({"aws_sagemaker_domain", "aws_sagemaker_user_profile"}), _studio)
