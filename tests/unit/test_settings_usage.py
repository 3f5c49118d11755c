"""The assumptions about use: their bounds, and what follows from the other settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from errors import UserError
from settings import Settings, UsageSettings, load
from settings.usage import notebook_hours


def settings(**groups: Any) -> Settings:
    return Settings(environment="dev", project="mlflow", **groups)


@pytest.mark.parametrize(
    ("minutes", "hours"), [(60, 198.0), (30, 187.0), (15, 181.5), (0, 730.0), (1440, 704.0)], ids=str
)
def test_a_notebook_runs_as_long_as_people_and_its_own_patience_say(minutes: int, hours: float) -> None:
    assert notebook_hours(minutes) == hours
    assert settings(notebook={"auto_stop_minutes": minutes}).usage.notebook_hours == hours


def test_hours_of_the_notebook_that_somebody_sets_are_kept() -> None:
    chosen = settings(notebook={"auto_stop_minutes": 0}, usage={"notebook_hours": 10, "lcu": 2})
    assert (chosen.usage.notebook_hours, chosen.usage.lcu) == (10, 2)


def test_no_month_has_more_hours_than_it_has() -> None:
    for field in ("api_hours", "database_hours", "notebook_hours"):
        with pytest.raises(ValidationError, match="less than or equal to 730"):
            UsageSettings(**{field: 731})


@pytest.mark.parametrize("field", UsageSettings.model_fields)
def test_refuses_less_than_nothing(field: str) -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        UsageSettings(**{field: -1})


def test_a_mistake_names_the_file_the_key_and_what_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "dev.tfvars").write_text('project = "mlflow"\nusage = { database_acu = 0.25, nat = 1, lcu = "2" }\n')
    with pytest.raises(UserError) as refused:
        load("dev", directory=tmp_path)
    lines = [line.partition("dev.tfvars:2: ")[2] for line in str(refused.value).splitlines()]
    assert sorted(lines) == [
        "usage.database_acu = 0.25: set a number from 0.5 to 256",
        'usage.lcu = "2": set a number from 0 to 1000, without quotes',
        "usage.nat = 1: there is no such key; did you mean usage.nat_gb?",
    ]
