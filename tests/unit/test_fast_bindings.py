from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from constructs_lib import fast_bindings
from constructs_lib.fast_bindings import BINDINGS
from tests.unit.conftest import REPOSITORY, python

HOOK = REPOSITORY / "constructs_lib" / "jsii_preload.cjs"
OBSERVED = """
import json, os, sys
before = dict(os.environ)
import {first}
import constructs_lib
print(json.dumps({{"environment kept": dict(os.environ) == before, "fast": {bindings!r} in sys.modules}}))
"""


def _node() -> str:
    return {**os.environ, **fast_bindings._node()}.get("JSII_NODE", "node")


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


# --- both ways ---


def test_both_ways_give_the_same_json(tmp_path: Path) -> None:
    fast = python("main.py", ENV="dev", CDKTF_OUTDIR=str(tmp_path / "fast"))
    slow = python("main.py", ENV="dev", CDKTF_OUTDIR=str(tmp_path / "slow"), SLOW_BINDINGS="1")

    assert fast.stderr == ""
    assert "imported the slow way (about 17 s): SLOW_BINDINGS is set" in slow.stderr
    assert "stacks/dev-mlflow-vpclink/cdk.tf.json" in _tree(tmp_path / "fast")
    assert _tree(tmp_path / "fast") == _tree(tmp_path / "slow")


def test_the_fast_way_is_taken_here() -> None:
    assert "without their __init__" in str(sys.modules[BINDINGS].__doc__)


@pytest.mark.parametrize("variables", [{}, {"NODE_OPTIONS": "--no-warnings", "JSII_NODE": _node()}])
def test_the_environment_is_left_as_it_was(variables: dict[str, str]) -> None:
    result = python("-c", OBSERVED.format(first="sys", bindings=BINDINGS), **variables)

    assert json.loads(result.stdout) == {"environment kept": True, "fast": True}


# --- falling back ---


def test_falls_back_with_a_warning_if_cdktf_was_imported_before() -> None:
    result = python("-c", OBSERVED.format(first="cdktf", bindings=BINDINGS))

    assert json.loads(result.stdout) == {"environment kept": True, "fast": False}
    assert "slow way (about 17 s): cdktf was imported before constructs_lib" in result.stderr


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As if neither CDKTF nor the bindings were imported yet; CDKTF's import then does nothing."""
    for name in ("cdktf", BINDINGS):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delenv("SLOW_BINDINGS", raising=False)
    monkeypatch.setattr(importlib, "import_module", lambda name: ModuleType(name))
    return monkeypatch


def _installed_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    spec = importlib.util.spec_from_file_location(
        BINDINGS, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == BINDINGS else find_spec(name))


@pytest.mark.usefixtures("fresh")
def test_takes_the_fast_way_if_all_is_as_expected(recwarn: pytest.WarningsRecorder) -> None:
    fast_bindings.install()

    assert [str(warning.message) for warning in recwarn] == []
    assert not hasattr(sys.modules[BINDINGS], "__file__")


def test_falls_back_with_a_warning_if_the_package_has_no_jsii_part(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _installed_at(tmp_path, fresh)

    with pytest.warns(UserWarning, match=rf"slow way .*: {tmp_path} has no _jsii package"):
        fast_bindings.install()
    assert BINDINGS not in sys.modules


def test_falls_back_with_a_warning_if_the_provider_is_packed_otherwise(
    fresh: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "_jsii").mkdir()
    (tmp_path / "_jsii" / "__init__.py").touch()
    _installed_at(tmp_path, fresh)

    with pytest.warns(UserWarning, match=r"slow way .* with provider-aws@\*\.jsii\.tgz"):
        fast_bindings.install()
    assert BINDINGS not in sys.modules


def test_falls_back_with_a_warning_if_the_package_is_not_a_folder(fresh: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    fresh.setattr(importlib.util, "find_spec", lambda name: None if name == BINDINGS else find_spec(name))

    with pytest.warns(UserWarning, match=f"slow way .*: {BINDINGS} is not installed as a package folder"):
        fast_bindings.install()


@pytest.mark.parametrize("missing", ["jsii._kernel.providers.process", "jsii._kernel.providers", "jsii._kernel"])
def test_falls_back_with_a_warning_if_jsii_starts_node_otherwise(fresh: pytest.MonkeyPatch, missing: str) -> None:
    find_spec = importlib.util.find_spec

    def find_spec_without(name: str) -> object:
        if name.startswith(f"{missing}."):  # as Python does where a parent is missing
            raise ModuleNotFoundError(f"No module named {missing!r}")
        return None if name == missing else find_spec(name)

    fresh.setattr(importlib.util, "find_spec", find_spec_without)
    with pytest.warns(UserWarning, match="slow way .*: this release of jsii does not start Node by"):
        fast_bindings.install()
    assert BINDINGS not in sys.modules


def test_a_second_install_changes_nothing() -> None:
    before = sys.modules[BINDINGS]
    fast_bindings.install()

    assert sys.modules[BINDINGS] is before


# --- Node's part ---


INDEX = 'exports.one = require("./one");\nexports.two = require("./two");\n'
USE = 'const index = require("./index.js"); console.log(Object.keys(index).join()); console.log(index.one.name);'


@pytest.mark.parametrize(
    ("folder", "index", "loaded"),
    [
        ("provider-aws/lib", INDEX, ["one,two", "load one", "1"]),
        ("provider-other/lib", INDEX, ["load one", "load two", "one,two", "1"]),
        ("provider-aws/lib", INDEX.replace("require", "(0, require)"), ["load one", "load two", "one,two", "1"]),
    ],
    ids=["index of the provider", "another file", "another layout"],
)
def test_node_loads_a_module_of_the_provider_on_first_use(
    tmp_path: Path, folder: str, index: str, loaded: list[str]
) -> None:
    lib = tmp_path / folder
    lib.mkdir(parents=True)
    for number, name in enumerate(("one", "two"), start=1):
        (lib / f"{name}.js").write_text(f'console.log("load {name}"); exports.name = {number};')
    (lib / "index.js").write_text(index)
    (lib / "use.js").write_text(USE)

    command = [_node(), "--require", str(HOOK), str(lib / "use.js")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == loaded
