"""Two stacks, the second reading an output of the first, through their whole life."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from deployment.lifecycle import Lifecycle, StackPlan, load_stacks
from deployment.progress import Display
from deployment.terraform import Changes
from errors import UserError


def write(outdir: Path, name: str, dependencies: list[str], input: str) -> None:
    folder = outdir / "stacks" / name
    folder.mkdir(parents=True, exist_ok=True)
    stack: dict[str, Any] = {
        "terraform": {"backend": {"local": {"path": f"../{name}.tfstate"}}},
        "resource": {"terraform_data": {"it": {"input": input}}},
        "output": {"cross-stack-output-it": {"value": "${terraform_data.it.output}", "sensitive": True}},
    }
    if input == READS:
        remote = {"backend": "local", "config": {"path": f"../{dependencies[0]}.tfstate"}}
        stack["data"] = {"terraform_remote_state": {"other": remote}}
    (folder / "cdk.tf.json").write_text(json.dumps(stack))
    manifest = outdir / "manifest.json"
    stacks = json.loads(manifest.read_text())["stacks"] if manifest.exists() else {}
    stacks[name] = {"name": name, "dependencies": dependencies, "workingDirectory": f"stacks/{name}"}
    manifest.write_text(json.dumps({"stacks": stacks}))


READS = "${data.terraform_remote_state.other.outputs.cross-stack-output-it}"


@pytest.fixture
def outdir(tmp_path: Path) -> Path:
    write(tmp_path, "dev-api", ["dev-platform"], READS)
    write(tmp_path, "dev-platform", [], "x")
    return tmp_path


def lifecycle(outdir: Path) -> Lifecycle:
    return Lifecycle(load_stacks(outdir, ["dev"]), Display(Console(file=io.StringIO(), width=200)))


def yes(_: StackPlan) -> bool:
    return True


def test_stacks_come_after_those_they_depend_on(tmp_path: Path) -> None:
    write(tmp_path, "dev-api", ["dev-platform"], "")
    write(tmp_path, "dev-eu-platform", [], "")
    write(tmp_path, "dev-platform", [], "")
    stacks = load_stacks(tmp_path, ["dev", "dev-eu", "prod"])
    assert [(stack.name, stack.environment) for stack in stacks] == [
        ("dev-platform", "dev"),
        ("dev-api", "dev"),
        ("dev-eu-platform", "dev-eu"),
    ]
    assert stacks[1].dependencies == ("dev-platform",)
    assert stacks[1].folder == tmp_path / "stacks/dev-api"


def test_refuses_to_read_stacks_where_nothing_was_synthesised(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing was synthesised"):
        load_stacks(tmp_path)


def test_a_stack_that_reads_an_undeployed_one_is_planned_later(outdir: Path) -> None:
    platform, api = lifecycle(outdir).plan_all()
    assert str(platform) == "1 to add, 0 to change, 0 to destroy"
    assert str(api) == "planned after dev-platform is deployed"
    assert api.plan is None
    assert api.text() == str(api)


def test_a_stack_that_only_comes_after_another_is_planned_at_once(tmp_path: Path) -> None:
    write(tmp_path, "dev-platform", [], "x")
    write(tmp_path, "dev-api", ["dev-platform"], "y")
    assert all(planned.plan for planned in lifecycle(tmp_path).plan_all())


def test_deploys_in_order_then_has_nothing_to_do_then_destroys_in_reverse(outdir: Path) -> None:
    asked: list[str] = []

    def approve(planned: StackPlan) -> bool:
        asked.append(f"{planned.stack.name}: {planned}")
        assert "# terraform_data.it will be created" in planned.text()
        return True

    added = "1 to add, 0 to change, 0 to destroy"
    assert list(lifecycle(outdir).deploy(approve)) == ["dev-platform", "dev-api"]
    assert asked == [f"dev-platform: {added}", f"dev-api: {added}"]

    again = lifecycle(outdir)
    assert all(planned.plan and planned.plan.is_empty for planned in again.plan_all())
    assert again.outputs()["dev-api"]["cross-stack-output-it"].value == "x"
    assert again.deploy(approve) == {"dev-platform": Changes(), "dev-api": Changes()}
    assert len(asked) == 2  # what changes nothing needs no approval

    one = Changes(destroy=1)
    assert list(again.destroy().items()) == [("dev-api", one), ("dev-platform", one)]
    assert again.destroy() == {"dev-api": Changes(), "dev-platform": Changes()}
    assert again.outputs() == {"dev-platform": {}, "dev-api": {}}


def test_a_change_is_seen_by_the_next_plan(outdir: Path) -> None:
    lifecycle(outdir).deploy(yes)
    write(outdir, "dev-platform", [], "y")
    platform, api = lifecycle(outdir).plan_all()
    assert str(platform) == "0 to add, 1 to change, 0 to destroy"
    assert str(api) == "no changes"


def test_a_stack_that_is_not_approved_stays_as_it_is(outdir: Path) -> None:
    stacks = lifecycle(outdir)
    with pytest.raises(UserError, match="dev-api was not approved"):
        stacks.deploy(lambda planned: planned.stack.name == "dev-platform")
    assert stacks.terraform(stacks.stacks["dev-platform"]).resources()
    assert not stacks.terraform(stacks.stacks["dev-api"]).resources()
