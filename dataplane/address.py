"""Where a running ``make local`` is and how to log in: a file in its folder, as long as it runs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from errors import UserError

_FILE = "client.json"


@dataclass(frozen=True)
class Address:
    """What a client needs to know."""

    url: str
    username: str
    password: str = field(repr=False)

    @contextmanager
    def written_to(self, folder: Path) -> Iterator[None]:
        """Keep it in *folder*, for this user alone, as long as the block lasts."""
        file = folder / _FILE
        file.unlink(missing_ok=True)  # one that was killed has left it
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
            json.dump(asdict(self), opened)
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def read_address(folder: Path) -> Address:
    """The address that is kept in *folder*; raises ``UserError`` if none is."""
    try:
        return Address(**json.loads((folder / _FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(
            f"no data plane runs in {folder}. Start it with `make local` in another terminal, and leave it running."
        ) from None
