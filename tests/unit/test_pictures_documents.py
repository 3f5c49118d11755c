"""docs/pictures/ is what the stacks say today, and ``python -m pictures`` keeps it so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from deployment.toolchain import ROOT
from errors import UserError
from pictures import __main__ as program
from pictures import documents


@pytest.fixture(scope="module")
def wanted() -> Mapping[str, str]:
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("AWS_REGION", "eu-central-1")  # that of this shell must not be in a picture
        return {str(path.relative_to(ROOT)): text for path, text in documents.documents().items()}


@pytest.fixture
def root(wanted: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose pictures are fresh; drawing them takes no time."""
    for name, text in wanted.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(program, "documents", lambda root: {root / name: text for name, text in wanted.items()})
    return tmp_path


def test_the_pictures_are_fresh(wanted: Mapping[str, str]) -> None:
    found = {str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / "docs" / "pictures").iterdir()}
    assert found.keys() == wanted.keys(), "run `make pictures`"
    assert [name for name in wanted if found[name] != wanted[name]] == [], "run `make pictures`"


def test_the_check_says_nothing_about_fresh_pictures(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program.main(["--check"], root=root)
    program.main([], root=root)
    assert capsys.readouterr().out == ""


def test_refuses_stale_missing_and_left_over_pictures_and_writes_nothing(root: Path) -> None:
    folder = root / "docs" / "pictures"
    (folder / "architecture.svg").write_text("stale")
    (folder / "request-path.svg").unlink()
    (folder / "stack-gone.svg").write_text("nobody draws it")
    before = {path.name: path.read_text() for path in folder.iterdir()}
    with pytest.raises(UserError) as caught:
        program.main(["--check"], root=root)
    for name in ("architecture.svg", "request-path.svg", "stack-gone.svg"):
        assert f"docs/pictures/{name}" in str(caught.value)
    assert "README.md" not in str(caught.value)
    assert "make pictures" in str(caught.value)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_a_run_makes_them_fresh_and_says_which(
    root: Path, wanted: Mapping[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = root / "docs" / "pictures"
    (folder / "architecture.svg").unlink()
    (folder / "stack-gone.svg").write_text("nobody draws it")
    program.main([], root=root)
    assert capsys.readouterr().out.splitlines() == [
        "docs/pictures/architecture.svg is drawn anew",
        "docs/pictures/stack-gone.svg is deleted",
    ]
    assert {f"docs/pictures/{path.name}": path.read_text() for path in folder.iterdir()} == wanted


def test_the_page_shows_every_picture_twice(wanted: Mapping[str, str]) -> None:
    page = wanted["docs/pictures/README.md"]
    pictures = {Path(name).name for name in wanted if name.endswith(".svg")}
    assert set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", page)) == pictures
    assert page.count("```mermaid\nflowchart ") == len(pictures)


def test_readme_and_architecture_show_the_pictures(wanted: Mapping[str, str]) -> None:
    assert "docs/pictures/architecture.svg" in wanted
    assert "](docs/pictures/architecture.svg)" in (ROOT / "README.md").read_text()
    architecture = (ROOT / "docs" / "architecture.md").read_text()
    assert "](pictures/architecture.svg)" in architecture
    assert "](pictures/request-path.svg)" in architecture


def test_no_picture_names_a_path_of_this_machine(wanted: Mapping[str, str]) -> None:
    assert [name for name, text in wanted.items() if str(ROOT) in text or "node_modules" in text] == []
