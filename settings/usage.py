"""What is assumed about the use of an environment, where no resource says it: for the estimate of its cost.

Nothing of it reaches AWS. The defaults are light use by a small team; `docs/cost.md` shows what they come to.
"""

from __future__ import annotations

from pydantic import Field

from settings.group import Group

HOURS_PER_MONTH = 730
"""AWS's own month: 365 days by 24 hours, over 12."""

_WORK_DAYS, _WORK_HOURS = 22, 8


def notebook_hours(auto_stop_minutes: int) -> float:
    """Hours by month that a notebook instance runs which people use 8 hours on 22 days, and which stops when idle.

    0 minutes: it never stops.
    """
    if not auto_stop_minutes:
        return HOURS_PER_MONTH
    return min(_WORK_DAYS * (_WORK_HOURS + auto_stop_minutes / 60), HOURS_PER_MONTH)


class UsageSettings(Group):
    """A month's use. Where it contradicts the resources, the estimate keeps to what these allow."""

    requests_millions: float = Field(default=0.2, ge=0, le=1_000_000, description="Million requests to the HTTP API.")
    answer_kb: float = Field(
        default=10, ge=0, le=10_240, description="Mean KB of an answer of the HTTP API, which ends at 10 MB."
    )
    api_hours: float = Field(
        default=_WORK_DAYS * _WORK_HOURS,
        ge=0,
        le=HOURS_PER_MONTH,
        description="Hours in which anybody calls the API; its detailed metrics are billed in these. A month has 730.",
    )
    nat_gb: float = Field(default=10, ge=0, le=1_000_000, description="GB through the NAT gateways, both ways.")
    endpoints_gb: float = Field(
        default=2, ge=0, le=1_000_000, description="GB through the interface endpoints, if there are any."
    )
    lcu: float = Field(
        default=0.1, ge=0, le=1_000, description="Mean capacity units (LCU) of the load balancer, over the whole month."
    )
    database_hours: float = Field(
        default=_WORK_DAYS * _WORK_HOURS,
        ge=0,
        le=HOURS_PER_MONTH,
        description="Hours that a database which may pause is awake; one that may not is awake for all 730.",
    )
    database_acu: float = Field(
        default=1,
        ge=0.5,
        le=256,
        description="Mean capacity of the database while awake, in ACU; kept within its smallest and largest capacity.",
    )
    database_gb: float = Field(default=1, ge=0, le=131_072, description="GB in the database.")
    database_io_millions: float = Field(
        default=1, ge=0, le=1_000_000, description="Million reads and writes of the database's storage."
    )
    database_backup_gb: float = Field(
        default=1, ge=0, le=1_000_000, description="GB of backups beyond the size of the database, which is free."
    )
    logs_gb: float = Field(default=1, ge=0, le=1_000_000, description="GB written to the log groups, but flow logs.")
    flow_logs_gb: float = Field(
        default=2, ge=0, le=1_000_000, description="GB of the network's flow logs, if there are any."
    )
    images_gb: float = Field(default=2, ge=0, le=100_000, description="GB of images in the repositories.")
    artifacts_gb: float = Field(default=20, ge=0, le=100_000_000, description="GB of artifacts.")
    artifacts_objects: int = Field(default=10_000, ge=0, le=100_000_000_000, description="Artifacts, as objects in S3.")
    artifacts_new_objects: int = Field(
        default=10_000,
        ge=0,
        le=100_000_000_000,
        description="Artifacts that come new within the month; kept to `artifacts_objects`.",
    )
    notebook_hours: float = Field(
        default=notebook_hours(60),
        ge=0,
        le=HOURS_PER_MONTH,
        description="Hours that the notebook instance runs.",
        json_schema_extra={"default": "22 days of 8 h and of `notebook.auto_stop_minutes`; 730 if that is 0"},
    )
    studio_hours: float = Field(
        default=_WORK_DAYS * _WORK_HOURS,
        ge=0,
        le=100_000,
        description="Hours that JupyterLab runs in Studio, of all users together, on ml.t3.medium.",
    )
    studio_gb: float = Field(default=5, ge=0, le=1_000_000, description="GB in the home folders of Studio's domain.")
    authorizer_seconds: float = Field(
        default=0.05,
        ge=0,
        le=30,
        description="Mean seconds of a call of the Lambda authorizer. Each request is taken for a call; "
        "`access.cache_seconds` makes them fewer.",
    )
    cognito_users: int = Field(
        default=10, ge=0, le=100_000_000, description="People who sign in to the Cognito user pool within the month."
    )
