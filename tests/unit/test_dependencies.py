"""Dependencies point one way: main -> settings, stacks -> constructs_lib, images."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import main

REPOSITORY = Path(main.__file__).parent
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "settings": {"errors"},
    "images": {"errors"},
    "constructs_lib": set(),
    "stacks": {"constructs_lib", "images", "settings"},
    "main": {"errors", "settings", "stacks"},
    "deployment": {"errors", "images", "main", "settings"},
    "rehearsal": {"deployment", "errors", "main", "settings"},
    "dataplane": {"deployment", "errors", "rehearsal"},
    "client": {"dataplane", "deployment", "errors", "main", "settings"},
    "cost": {"errors", "settings"},
    "pictures": {"deployment", "errors", "main", "settings"},
    "review": {"cost", "deployment", "errors", "main", "pictures", "settings"},
    "benchmarks": {"cost", "dataplane", "deployment", "errors", "main", "pictures", "review", "settings"},
}
OURS = {path.stem for path in [*REPOSITORY.glob("*.py"), *(init.parent for init in REPOSITORY.glob("*/__init__.py"))]}


def _files(module: str) -> list[Path]:
    file = REPOSITORY / f"{module}.py"
    return [file] if file.is_file() else sorted((REPOSITORY / module).rglob("*.py"))


def _imports(file: Path) -> Iterator[str]:
    """The top-level modules that *file* imports: also inside functions, and for type checkers only."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            # What goes into an image has another place there.
            assert REPOSITORY / "images" in file.parents[1:], f"{file}:{node.lineno}: imports are absolute here"


@pytest.mark.parametrize("module", MAY_IMPORT)
def test_a_module_imports_only_those_below_it(module: str) -> None:
    files = _files(module)
    assert files

    found = {str(file.relative_to(REPOSITORY)): set(_imports(file)) & OURS - {module} for file in files}
    assert {
        file: sorted(names - MAY_IMPORT[module]) for file, names in found.items() if names - MAY_IMPORT[module]
    } == {}


def test_the_rules_name_modules_that_exist_and_have_no_circle() -> None:
    assert MAY_IMPORT.keys() <= OURS
    done: list[str] = []
    for module, below in MAY_IMPORT.items():  # each after all that it may import
        assert below <= set(done), module
        done.append(module)


@pytest.mark.parametrize("file", _files("constructs_lib"), ids=lambda file: str(file.stem))
def test_every_construct_has_its_tests_under_its_name(file: Path) -> None:
    assert file.stem == "__init__" or (Path(__file__).parent / f"test_{file.name}").is_file()
