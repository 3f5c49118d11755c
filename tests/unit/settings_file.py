"""Settings files of tests: the settings that come of one, or the message that refuses it."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from errors import UserError
from settings import Settings, load


def loaded(text: str) -> Settings:
    """The settings of a file in us-west-2 that begins with *text*."""
    with TemporaryDirectory() as folder:
        Path(folder, "dev.tfvars").write_text(f'{text}\nproject = "x"\nregion = "us-west-2"\n', encoding="utf-8")
        return load("dev", directory=Path(folder))


def refusal(text: str) -> str:
    """The message that refuses it, with the file's name alone instead of its path."""
    with pytest.raises(UserError) as caught:
        loaded(text)
    return re.sub(r"^\S*/(?=dev\.tfvars)", "", str(caught.value), flags=re.M)
