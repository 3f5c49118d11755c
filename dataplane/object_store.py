"""S3: the AWS emulator, whose bucket is kept in a file between two runs."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType

from rehearsal.emulator import Emulator

BUCKET = "artifacts"
_SAVE_SECONDS = 5.0


class ObjectStore:
    """An S3 endpoint with one bucket, whose objects are loaded from *file* and saved there every few seconds.

    The emulator itself keeps all in memory: a crash loses what was written in the last seconds.
    """

    def __init__(self, file: Path) -> None:
        self.emulator = Emulator()
        self._file = file
        self._stopping = threading.Event()
        self._saver = threading.Thread(target=self._save_now_and_then, name="object-store", daemon=True)

    def __enter__(self) -> ObjectStore:
        self.emulator.__enter__()
        try:
            self._s3 = self.emulator.client("s3")
            self._s3.create_bucket(
                Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": self.emulator.region}
            )
            self._load()
            self._saver.start()
        except BaseException:
            self.emulator.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._saver.join()
        try:
            self.save()
        finally:
            self.emulator.__exit__(kind, error, traceback)

    @property
    def uri(self) -> str:
        """Where artifacts go."""
        return f"s3://{BUCKET}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use it."""
        return self.emulator.environ({})

    def save(self) -> None:
        """Bring the file up to date with the bucket."""
        there = {
            entry["Key"]: entry["ETag"]
            for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
            for entry in page.get("Contents", [])
        }
        with closing(self._open()) as saved, saved:
            known = dict(saved.execute("SELECT key, etag FROM objects"))
            saved.executemany("DELETE FROM objects WHERE key = ?", [(key,) for key in known.keys() - there.keys()])
            for key in [key for key, etag in there.items() if known.get(key) != etag]:
                with suppress(self._s3.exceptions.NoSuchKey):  # deleted meanwhile
                    entry = self._s3.get_object(Bucket=BUCKET, Key=key)
                    row = (key, entry["ETag"], entry["ContentType"], entry["Body"].read())
                    saved.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", row)

    def _load(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._open()) as saved, saved:
            for key, content_type, body in list(saved.execute("SELECT key, type, body FROM objects")):
                etag = self._s3.put_object(Bucket=BUCKET, Key=key, ContentType=content_type, Body=body)["ETag"]
                saved.execute("UPDATE objects SET etag = ? WHERE key = ?", (etag, key))

    def _open(self) -> sqlite3.Connection:
        saved = sqlite3.connect(self._file)
        saved.execute("CREATE TABLE IF NOT EXISTS objects (key TEXT PRIMARY KEY, etag TEXT, type TEXT, body BLOB)")
        return saved

    def _save_now_and_then(self) -> None:
        while not self._stopping.wait(_SAVE_SECONDS):
            self.save()
