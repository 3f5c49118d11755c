"""What all tests share: the platform of this repository's environments, synthesised once."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import constructs_lib as constructs_lib  # first, so that the AWS bindings are imported the fast way
import main
from settings import Settings, load
from tests.unit.synthesis import Terraform

ENVIRONMENTS = ("dev", "prod")


@pytest.fixture(scope="session")
def environments() -> Mapping[str, Settings]:
    """The settings of ``environments/*.tfvars``, whatever region this machine's shell names."""
    with pytest.MonkeyPatch.context() as shell:
        shell.delenv("AWS_REGION", raising=False)
        return {name: load(name) for name in ENVIRONMENTS}


@pytest.fixture(scope="session")
def platform(environments: Mapping[str, Settings], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Terraform]:
    """Every stack of every environment by its name, the state backends among them."""
    outdir = tmp_path_factory.mktemp("cdktf.out")
    main.synthesise(list(environments.values()), outdir / "platform")
    for name, settings in environments.items():
        main.synthesise_state_backend(settings, outdir / name, local_state=False)
    return {folder.name: Terraform.read(folder.parents[1], folder.name) for folder in sorted(outdir.glob("*/stacks/*"))}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what checkov counted: a bare "passed" would not say that anything was checked."""
    for report in terminalreporter.getreports("passed"):
        for name, counted in report.user_properties:
            if name == "checkov":
                terminalreporter.write_line(str(counted))
