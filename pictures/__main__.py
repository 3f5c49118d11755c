"""``make pictures``: draws docs/pictures/ from the synthesised stacks.

``--check`` writes nothing and fails when a picture is stale.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from deployment.toolchain import ROOT
from errors import UserError, exit_on_user_error
from pictures.documents import documents


def main(arguments: Sequence[str] | None = None, *, root: Path = ROOT) -> None:
    """Write, or with ``--check`` compare, the pictures below *root*; those that nobody draws any more are deleted.

    Raises ``UserError`` for a check that finds something stale, and when a package that draws is missing.
    """
    parser = argparse.ArgumentParser(prog="python -m pictures", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name what is stale")
    options = parser.parse_args(arguments)
    wanted = documents(root)
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    gone = sorted(set((root / "docs" / "pictures").glob("*.svg")) - set(wanted))
    if options.check and (stale or gone):
        names = ", ".join(str(path.relative_to(root)) for path in [*stale, *gone])
        raise UserError(f"stale pictures: {names}. Run `make pictures`.")
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        print(f"{path.relative_to(root)} is drawn anew")
    for path in gone:
        path.unlink()
        print(f"{path.relative_to(root)} is deleted")


if __name__ == "__main__":
    exit_on_user_error(main)
