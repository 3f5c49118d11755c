"""The documentation: its generated parts are fresh, what it points to exists, its sums are right."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from docs import generate
from errors import UserError
from tests.unit.arithmetic import evaluated
from tests.unit.synthesis import Terraform

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
GROUPS = {key.partition(".")[0] for key in generate.settings_rows() if "." in key}
COST = ROOT / "docs" / "cost.md"
ENVIRONMENTS = ("dev", "prod")

of_every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pytest.fixture(scope="session")
def generated() -> Mapping[Path, str]:
    return generate.documents()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The documentation, for tests that change it."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


# --- Generated parts --------------------------------------------------------------------------------------------------


def test_generated_parts_are_fresh(generated: Mapping[Path, str]) -> None:
    stale = [path.name for path, text in generated.items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run `make docs`"


def test_check_names_what_is_stale_and_writes_nothing(copy: Path) -> None:
    page = copy / "docs" / "outputs.md"
    page.write_text("old", encoding="utf-8")
    (copy / "docs" / "settings.md").unlink()
    with pytest.raises(UserError, match=r"stale documentation: docs/settings\.md, docs/outputs\.md\. Run `make docs`"):
        generate.main(["--check"], root=copy)
    assert page.read_text(encoding="utf-8") == "old"


def test_writing_makes_the_check_pass(copy: Path, generated: Mapping[Path, str]) -> None:
    for path in generated:
        target = copy / path.relative_to(ROOT)
        target.write_text(re.sub(r"^\| `.*\n", "", target.read_text(encoding="utf-8"), flags=re.M), encoding="utf-8")
    generate.main([], root=copy)
    generate.main(["--check"], root=copy)


def test_refuses_a_readme_without_the_markers(copy: Path) -> None:
    readme = copy / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace("<!-- /settings -->", ""), encoding="utf-8")
    with pytest.raises(UserError, match=r"README\.md needs the lines <!-- settings --> and <!-- /settings -->"):
        generate.main([], root=copy)


def test_outputs_of_every_stack_are_listed(generated: Mapping[Path, str], platform: Mapping[str, Terraform]) -> None:
    listed = re.findall(r"^\| `(\w+)` \|", generated[ROOT / "docs" / "outputs.md"], flags=re.M)
    assert sorted(listed) == sorted(
        name
        for stack, terraform in platform.items()
        if stack.startswith(f"{generate.ENVIRONMENT}-")
        for name, output in terraform.document.get("output", {}).items()
        if not output.get("sensitive")
    )


# --- What the pages point to ------------------------------------------------------------------------------------------


@of_every_page
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in _anchors(target), f"{link}: {target.name} has no such heading"


@of_every_page
def test_every_page_can_be_reached_from_the_readme(page: Path) -> None:
    assert page in _reachable()


@of_every_page
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.M))
    named = {target for code in _code(page) for target in re.findall(r"\bmake ([a-z][a-z-]*)", code)}
    assert named <= targets


@of_every_page
def test_settings_keys_exist(page: Path) -> None:
    named = {
        match[0] for code in _spans(page) if (match := re.match(r"([a-z_]+)\.[a-z_.]+", code)) and match[1] in GROUPS
    }
    assert {key for key in named if not key.endswith(".py")} <= generate.settings_rows().keys()


@of_every_page
def test_paths_exist(page: Path) -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    generated = ("cdktf.out", "node_modules")
    for code in _spans(page):
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", code) and code.partition("/")[0] in folders - set(generated):
            assert (ROOT / code).exists(), f"there is no {code}"


def test_every_permission_is_in_the_table_of_roles(platform: Mapping[str, Terraform]) -> None:
    table = (
        (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Roles")[2].partition("\n## ")[0]
    )
    for terraform in platform.values():
        for policy in terraform.document["resource"].get("aws_iam_role_policy", {}).values():
            assert f"`{policy['name']}`" in table
            for action in re.findall(r'"(\w+:\w+\*?)"', policy["policy"].replace("\\", "")):
                assert action in table, f"{policy['name']} allows {action}"


# --- Sums -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_costs_are_what_their_arithmetic_says(environment: str) -> None:
    lines, total = _costs(environment)
    assert len(lines) > 20
    for item, arithmetic, dollars in lines:
        assert abs(evaluated(arithmetic) - dollars) <= 0.005 + 1e-9, item
    assert round(sum(dollars for *_, dollars in lines), 2) == total


def test_sums_in_the_prose_about_costs_are_right() -> None:
    number, times = r"[0-9]+(?:\.[0-9]+)?", "\N{MULTIPLICATION SIGN}"
    sums = re.findall(rf"({number}(?: {times} {number})+) = ({number})", COST.read_text(encoding="utf-8"))
    assert len(sums) == 4
    for arithmetic, dollars in sums:
        assert abs(evaluated(arithmetic) - float(dollars)) <= 0.005 + 1e-9, arithmetic


def test_the_totals_of_dev_without_a_notebook_and_with_one_that_never_stops_are_right() -> None:
    lines, total = _costs("dev")
    notebook, disk = (dollars for item, _, dollars in lines if item.startswith("Notebook"))
    never_stops = 36.50
    prose = " ".join(_prose(COST).split())
    assert f"and the total {total - notebook + never_stops:.2f}." in prose
    assert f"the total is {total - notebook - disk:.2f}." in prose


def test_the_price_of_a_task_on_demand_is_right() -> None:
    on_demand = next(arithmetic for item, arithmetic, _ in _costs("prod")[0] if item.startswith("Fargate"))
    assert on_demand.startswith("3 \N{MULTIPLICATION SIGN} ")
    assert "on demand it would be 14.42." in _prose(COST)
    assert "9 \N{MULTIPLICATION SIGN} 14.42" in _prose(COST)
    assert abs(evaluated(on_demand) / 3 - 14.42) <= 0.005


def test_readme_quotes_the_total_costs() -> None:
    dev, prod = (round(_costs(environment)[1]) for environment in ENVIRONMENTS)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"**{dev} USD a month for dev, {prod} USD a month for prod**" in readme


def _costs(environment: str) -> tuple[list[tuple[str, str, float]], float]:
    """The lines (item, arithmetic, dollars) and the total of an environment's table."""
    section = COST.read_text(encoding="utf-8").partition(f"## {environment}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"][
        2:
    ]
    *lines, total = rows
    return [(row[0], row[2], float(row[3])) for row in lines], float(total[3].strip("*"))


# --- Markdown ---------------------------------------------------------------------------------------------------------


@cache
def _reachable() -> frozenset[Path]:
    found: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in found:
            found.add(page)
            links = re.findall(r"\]\(([^)\s#]+\.md)", _prose(page))
            waiting += [(page.parent / link).resolve() for link in links if "://" not in link]
    return frozenset(found)


@cache
def _anchors(page: Path) -> frozenset[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), flags=re.M)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


@cache
def _prose(page: Path) -> str:
    """The page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def _spans(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", _prose(page))


def _code(page: Path) -> Iterator[str]:
    """The page's code, without the comments of shells."""
    yield from _spans(page)
    for block in re.findall(r"^ *```(?:sh)?\n(.*?)^ *```$", page.read_text(encoding="utf-8"), flags=re.M | re.S):
        yield re.sub(r"#.*", "", block)
