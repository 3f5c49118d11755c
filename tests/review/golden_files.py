"""Reports as they were read and found good; ``--snapshot-update`` accepts a change."""

from __future__ import annotations

from pathlib import Path

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation


class _Golden(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        return str(Path(__file__).parent / "golden" / test_location.basename)


class GoldenMarkdown(_Golden):
    file_extension = "md"


class GoldenHtml(_Golden):
    file_extension = "html"
