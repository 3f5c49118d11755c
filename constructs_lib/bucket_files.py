"""Files of this repository in a bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from cdktf import TerraformLocal
from cdktf_cdktf_provider_aws.s3_object import S3Object
from constructs import Construct

from constructs_lib.artifact_store import ArtifactStore
from constructs_lib.terraform_text import literal


class BucketFiles(Construct):
    """The files of *folders*, all of them UTF-8 text, as objects below *prefix* of *bucket*.

    A folder's files are below its key in *folders*, without hidden ones and Python's caches. What goes from a folder
    goes from the bucket with the next apply, and everything goes with the stack, old versions too. The contents are in
    the configuration, so that it needs no files beside it, as HCL or wherever it is applied; plans hide them, which
    else would be little but contents.

    Whoever may write to the bucket can put something else there. *sha256* is of what belongs there, to be compared
    before any of it is run: the digest of a line for each file, as ``sha256sum`` writes it with the path from *prefix*,
    in the order of the paths. Raises ValueError where a folder has nothing to put there.
    """

    def __init__(
        self, scope: Construct, id: str, *, bucket: ArtifactStore, prefix: str, folders: Mapping[str, Path]
    ) -> None:
        super().__init__(scope, id)
        files = {f"{place}/{path}": text for place, folder in folders.items() for path, text in _texts(folder).items()}
        contents = TerraformLocal(self, "contents", {path: literal(text) for path, text in files.items()})
        # One resource for all: an object of the bindings for each file would cost milliseconds of every synthesis.
        self.objects = S3Object(
            self,
            "Resource",
            bucket=bucket.bucket_name,
            key=f"{prefix}/${{each.key}}",
            content="${sensitive(each.value)}",
            source_hash="${sha256(each.value)}",  # S3's ETag is no hash of an object that a KMS key encrypts
        )
        self.objects.add_override("for_each", contents.as_string)
        self.uri = f"s3://{bucket.bucket_name}/{prefix}"
        self.sha256 = _digest(files)


def _texts(folder: Path) -> dict[str, str]:
    """The text of each file by its path from *folder*."""
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    texts = {path.as_posix(): (folder / path).read_text("utf-8") for path in paths if not _is_left_out(path)}
    if not texts:
        raise ValueError(f"{folder} has no files to put into a bucket: name another folder")
    return texts


def _is_left_out(path: Path) -> bool:
    return any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _digest(files: Mapping[str, str]) -> str:
    lines = [f"{hashlib.sha256(files[path].encode()).hexdigest()}  {path}\n" for path in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
