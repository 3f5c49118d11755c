from pathlib import Path

import pytest
from cdktf import App, TerraformOutput, TerraformStack
from constructs import Construct, Node

import constructs_lib as constructs_lib  # first, so that paths are remembered
from constructs_lib import construct_path
from constructs_lib.construct_path import path_of


@pytest.fixture
def stack(tmp_path: Path) -> TerraformStack:
    return TerraformStack(App(outdir=str(tmp_path)), "dev-network")


def test_is_what_node_says(stack: TerraformStack) -> None:
    group = Construct(stack, "group")
    output = TerraformOutput(group, "endpoint", value="x")
    for construct in (stack, group, output):
        assert path_of(construct) == construct.node.path
    assert path_of(output) == "dev-network/group/endpoint"
    assert path_of(output.node) == path_of(output)


def test_is_known_without_node(stack: TerraformStack, monkeypatch: pytest.MonkeyPatch) -> None:
    output = TerraformOutput(Construct(stack, "group"), "endpoint", value="x")
    monkeypatch.delattr(Node, "path")
    assert path_of(output) == "dev-network/group/endpoint"


def test_an_id_that_node_changes_is_asked_for_and_so_is_what_is_below_it(stack: TerraformStack) -> None:
    group = Construct(stack, "a/b")
    below = Construct(group, "c")
    assert (path_of(group), path_of(below)) == ("dev-network/a--b", "dev-network/a--b/c")


def test_constructs_made_before_are_asked_for(stack: TerraformStack, monkeypatch: pytest.MonkeyPatch) -> None:
    group = Construct(stack, "group")
    monkeypatch.delattr(group, construct_path._PATH)
    assert path_of(group) == "dev-network/group"
