"""The tag of an image: a hash of all that makes it, and of nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from errors import UserError
from images import context
from images.context import Build

NGINX = Build("nginx", "arm64")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The context of nginx, of three files."""
    monkeypatch.setattr(context, "FOLDER", tmp_path)
    return write(tmp_path / "nginx")


def write(folder: Path) -> Path:
    (folder / "conf").mkdir(parents=True)
    (folder / "Dockerfile").write_bytes(b"FROM nginx:1\n")
    (folder / "conf" / "nginx.conf").write_bytes(b"events {}\n")
    (folder / "start.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "start.sh").chmod(0o755)
    return folder


def test_the_tag_is_the_same_on_every_machine(folder: Path) -> None:
    assert folder.is_dir()
    assert NGINX.tag() == "44ee391b28b09869"


@pytest.mark.parametrize("changed", [Build("nginx", "x86_64"), Build("nginx", "arm64", "mirror.example/library")])
def test_another_architecture_or_base_registry_is_another_tag(folder: Path, changed: Build) -> None:
    assert folder.is_dir()
    assert changed.tag() != NGINX.tag()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "conf" / "nginx.conf").write_bytes(b"events { }\n"),
        lambda folder: (folder / "conf" / "nginx.conf").rename(folder / "nginx.conf"),
        lambda folder: (folder / "conf" / "nginx.conf").unlink(),
        lambda folder: (folder / "new").touch(),
        lambda folder: (folder / "start.sh").chmod(0o644),
    ],
    ids=["content", "place", "fewer files", "more files", "no longer executable"],
)
def test_a_change_of_the_context_is_another_tag(folder: Path, change: Callable[[Path], object]) -> None:
    before = NGINX.tag()
    change(folder)
    assert NGINX.tag() != before


def test_time_umask_and_place_do_not_matter(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = NGINX.tag()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    copy = write(elsewhere / "nginx")
    os.utime(copy / "Dockerfile", (0, 0))
    (copy / "Dockerfile").chmod(0o600)
    (copy / "start.sh").chmod(0o700)
    monkeypatch.setattr(context, "FOLDER", elsewhere)
    assert NGINX.tag() == before
    assert folder != copy


def test_what_programs_leave_behind_does_not_matter(folder: Path) -> None:
    before = NGINX.tag()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "entrypoint.pyc").touch()
    (folder / "conf" / ".DS_Store").touch()
    assert NGINX.tag() == before


def test_refuses_a_context_without_a_dockerfile(folder: Path) -> None:
    (folder / "Dockerfile").unlink()
    with pytest.raises(UserError, match="no Dockerfile in images/nginx"):
        NGINX.tag()


@pytest.mark.parametrize("name", context.NAMES)
def test_both_images_take_the_base_registry_as_an_argument(name: str) -> None:
    dockerfile = (Build(name, "arm64").context / "Dockerfile").read_text(encoding="utf-8")
    assert f"ARG BASE_REGISTRY={context.BASE_REGISTRY}\n" in dockerfile
    assert "FROM ${BASE_REGISTRY}/" in dockerfile


def test_a_tag_is_one_that_registries_take() -> None:
    tags = {Build(name, architecture).tag() for name in context.NAMES for architecture in context.PLATFORMS}
    assert len(tags) == 4
    assert {len(tag) for tag in tags} == {16}
