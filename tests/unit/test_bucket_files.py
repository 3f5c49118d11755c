from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from cdktf import TerraformOutput

from constructs_lib.bucket_files import BucketFiles
from tests.unit.synthesis import Terraform, Workbench

TEXTS = {
    "lab/deep/notebook.ipynb": '{"cells": ["ü"]}\n',
    "setup/Zoe.py": "print('first in the order of the bytes')\n",
    "setup/empty.py": "",
    "setup/setup.sh": 'echo "${HOME}" %{http_code} $HOME\n',
}


def _write(folder: Path, texts: dict[str, str]) -> None:
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _write(tmp_path / "files", TEXTS)
    return tmp_path / "files"


def _make(stack: Workbench, folder: Path) -> BucketFiles:
    folders = {"setup": folder / "setup", "lab": folder / "lab"}
    return BucketFiles(stack, "files", bucket=stack.artifacts, prefix="notebook", folders=folders)


def _contents(terraform: Terraform) -> dict[str, str]:
    """The texts as Terraform would read them."""
    [contents] = terraform.document["locals"].values()
    return {path: text.replace("$${", "${").replace("%%{", "%{") for path, text in contents.items()}


def test_every_file_becomes_an_object_below_the_prefix(stack: Workbench, folder: Path) -> None:
    _make(stack, folder)
    terraform = stack.synthesise()

    [name] = terraform.document["locals"]
    assert terraform.one("aws_s3_object") == {
        "for_each": f"${{local.{name}}}",
        "bucket": terraform.one("aws_s3_bucket").ref("id"),
        "key": "notebook/${each.key}",
        "content": "${sensitive(each.value)}",
        "source_hash": "${sha256(each.value)}",
    }
    assert _contents(terraform) == TEXTS


def test_terraform_evaluates_nothing_in_a_file(stack: Workbench, folder: Path) -> None:
    _make(stack, folder)

    [contents] = stack.synthesise().document["locals"].values()
    assert contents["setup/setup.sh"] == 'echo "$${HOME}" %%{http_code} $HOME\n'


def test_hidden_files_and_caches_stay_here(stack: Workbench, folder: Path) -> None:
    _write(
        folder, dict.fromkeys(["setup/__pycache__/a.pyc", "lab/.ipynb_checkpoints/a.ipynb", "lab/.DS_Store"], "rubbish")
    )
    _make(stack, folder)

    assert _contents(stack.synthesise()).keys() == TEXTS.keys()


def test_the_digest_is_what_the_notebook_finds_if_nobody_changed_anything(stack: Workbench, folder: Path) -> None:
    files = _make(stack, folder)

    sums = "find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum"
    listed = subprocess.run(["bash", "-c", sums], cwd=folder, capture_output=True, check=True).stdout
    assert files.sha256 == hashlib.sha256(listed).hexdigest()


@pytest.mark.parametrize("path", TEXTS)
def test_the_digest_tells_a_changed_file_a_renamed_one_and_one_more(stack: Workbench, folder: Path, path: str) -> None:
    def digest(id: str) -> str:
        folders = {"setup": folder / "setup", "lab": folder / "lab"}
        return BucketFiles(stack, id, bucket=stack.artifacts, prefix="notebook", folders=folders).sha256

    found = [digest("before")]
    (folder / path).write_text("changed", encoding="utf-8")
    found.append(digest("changed"))
    (folder / path).rename(folder / f"{path}-renamed")
    found.append(digest("renamed"))
    (folder / path).write_text("changed", encoding="utf-8")
    found.append(digest("added"))
    assert len(set(found)) == 4


def test_it_says_where_the_files_are(stack: Workbench, folder: Path) -> None:
    TerraformOutput(stack, "uri", value=_make(stack, folder).uri)
    terraform = stack.synthesise()

    assert terraform.document["output"]["uri"]["value"] == f"s3://{terraform.one('aws_s3_bucket').ref('id')}/notebook"


def test_the_configuration_names_no_folder_of_this_machine(stack: Workbench, folder: Path) -> None:
    _make(stack, folder)

    assert os.fspath(folder) not in str(stack.synthesise().document)


@pytest.mark.parametrize("there", [False, True], ids=["missing", "empty"])
def test_refuses_a_folder_without_files(stack: Workbench, folder: Path, there: bool) -> None:
    if there:
        (folder / "nothing").mkdir()

    with pytest.raises(ValueError, match="nothing has no files to put into a bucket: name another folder"):
        BucketFiles(stack, "files", bucket=stack.artifacts, prefix="x", folders={"a": folder / "nothing"})
