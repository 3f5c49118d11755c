"""infracost's figure, asked of a stand-in program on PATH."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cost import infracost
from cost.infracost import InfracostFigure, infracost_figure
from tests.unit.fake_engine import FakeEngines


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEngines:
    """PATH with nothing on it but what a test installs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return FakeEngines(tmp_path)


@pytest.fixture
def program(programs: FakeEngines) -> FakeEngines:
    programs.install("infracost")
    programs.answer("--version", runs="print('Infracost v0.10.43')")
    return programs


def totals(program: FakeEngines, plan: str, **root: Any) -> None:
    """What infracost makes of *plan*: the root of its JSON."""
    whole = {"version": "0.2", "currency": "USD", "projects": [], **root}
    program.answer(f"breakdown --path {plan}", runs=f"print({json.dumps(whole)!r})")


def test_there_is_no_figure_without_the_program(programs: FakeEngines, tmp_path: Path) -> None:
    assert infracost_figure({"dev-x": tmp_path / "plan.json"}) is None
    assert programs.calls == []


def test_sums_the_totals_of_all_plans(program: FakeEngines) -> None:
    totals(program, "/a.json", pastTotalMonthlyCost="1.10", totalMonthlyCost="32.85")
    totals(program, "/b.json", pastTotalMonthlyCost="0.2", totalMonthlyCost="0")
    figure = infracost_figure({"dev-a": Path("/a.json"), "dev-b": Path("/b.json")})
    assert figure == InfracostFigure(1.30, 32.85, "Infracost v0.10.43")
    assert [arguments for _, arguments, _ in program.calls] == [
        ["breakdown", "--path", "/a.json", "--format", "json", "--no-color"],
        ["breakdown", "--path", "/b.json", "--format", "json", "--no-color"],
        ["--version"],
    ]


def test_a_side_that_one_plan_lacks_has_no_sum(program: FakeEngines) -> None:
    totals(program, "/a.json", pastTotalMonthlyCost=None, totalMonthlyCost="2")
    totals(program, "/b.json", pastTotalMonthlyCost="1", totalMonthlyCost="3")
    figure = infracost_figure({"dev-a": Path("/a.json"), "dev-b": Path("/b.json")})
    assert figure == InfracostFigure(None, 5.0, "Infracost v0.10.43")


def test_no_plans_cost_nothing(program: FakeEngines) -> None:
    assert program.calls == []
    assert infracost_figure({}) == InfracostFigure(0.0, 0.0, "Infracost v0.10.43")


def test_a_failure_is_one_line_of_its_message(program: FakeEngines) -> None:
    message = "\n\x1b[31mError:\x1b[0m No INFRACOST_API_KEY environment variable is set.\nRun `infracost auth login`"
    program.answer("breakdown", code=1, says=message)
    assert infracost_figure({"dev-a": Path("/a.json")}) == InfracostFigure(
        None, None, "dev-a: Error: No INFRACOST_API_KEY environment variable is set."
    )


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ({"code": 3}, "dev-a: exit code 3"),
        ({"code": 1, "says": "x" * 1000}, f"dev-a: {'x' * 199}\N{HORIZONTAL ELLIPSIS}"),
        ({"runs": "print('no JSON')"}, "dev-a: infracost gave no JSON with totals"),
        ({"runs": "print('[]')"}, "dev-a: infracost gave no JSON with totals"),
        ({"runs": "print('{}')"}, "dev-a: infracost gave no JSON with totals"),
    ],
    ids=["no-message", "long-message", "no-json", "a-list", "no-totals"],
)
def test_no_failure_is_an_error(program: FakeEngines, answer: dict[str, Any], note: str) -> None:
    program.answer("breakdown", **answer)
    assert infracost_figure({"dev-a": Path("/a.json")}) == InfracostFigure(None, None, note)


def test_no_total_is_made_of_what_is_no_number(program: FakeEngines) -> None:
    values: tuple[object, ...] = ("many", "NaN", {})
    for value in values:
        totals(program, "/a.json", pastTotalMonthlyCost="0", totalMonthlyCost=value)
        figure = infracost_figure({"dev-a": Path("/a.json")})
        assert figure == InfracostFigure(None, None, f"dev-a: infracost gave {value} for a total")


def test_another_currency_is_no_figure(program: FakeEngines) -> None:
    totals(program, "/a.json", currency="EUR", pastTotalMonthlyCost="0", totalMonthlyCost="1")
    figure = infracost_figure({"dev-a": Path("/a.json")})
    assert figure == InfracostFigure(None, None, "dev-a: infracost counts in EUR, not in USD")


def test_a_program_that_gives_no_answer_is_ended(program: FakeEngines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(infracost, "_TIMEOUT_SECONDS", 0.2)
    program.answer("breakdown", runs="import time; time.sleep(60)")
    figure = infracost_figure({"dev-a": Path("/a.json")})
    assert figure == InfracostFigure(None, None, "dev-a: infracost gave no answer within 0.2 seconds")


def test_a_program_that_cannot_be_run_is_no_error(programs: FakeEngines) -> None:
    program = programs.install("infracost")
    program.write_text(program.read_text().replace(sys.executable, "/nowhere/python"))
    figure = infracost_figure({"dev-a": Path("/a.json")})
    assert figure is not None
    assert figure.note.startswith("dev-a: infracost could not be run: ")
