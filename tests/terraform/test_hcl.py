"""The HCL of every stack is Terraform that the real one accepts, and says what the JSON says."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hcl2.utils import SerializationOptions
from rich.console import Console

import main
from deployment.hcl import write_hcl
from deployment.lifecycle import Stack, load_stacks
from deployment.progress import Display
from deployment.terraform import Terraform
from deployment.toolchain import terraform_environment
from settings import Settings
from tests.modes import ENDPOINT, MODES, changed

READ = SerializationOptions(
    with_comments=False, explicit_blocks=False, strip_string_quotes=True, preserve_heredocs=False
)
CHANGES = {"cognito": MODES["cognito"], "endpoint": ENDPOINT, "lambda": MODES["lambda"]}
PLATFORM = ("http-api-gateway", "mlflow-vpclink", "sagemaker-notebook")
STACKS = sorted(
    [f"{environment}-{name}" for environment in ("dev", "prod") for name in (*PLATFORM, "state-backend")]
    + [f"{change}-{name}" for change in CHANGES for name in PLATFORM]
)


@pytest.fixture(scope="module")
def outdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cdktf.out")


@pytest.fixture(scope="module")
def stacks(environments: Mapping[str, Settings], outdir: Path) -> Mapping[str, Stack]:
    """Every stack of every environment by its name, written as HCL below *outdir*."""
    dev = environments["dev"]
    changes = [changed(dev, {**each, "environment": name}) for name, each in CHANGES.items()]
    main.synthesise([*environments.values(), *changes], outdir / "platform")
    for name, settings in environments.items():
        main.synthesise_state_backend(settings, outdir / name, local_state=False)
    found = [stack for folder in ("platform", *environments) for stack in load_stacks(outdir / folder)]
    write_hcl(found, outdir / "hcl", Display(Console(file=io.StringIO())))
    return {stack.name: stack for stack in found}


def read(folder: Path) -> dict[str, list[Any]]:
    """The blocks of all files of *folder* by their kind, as python-hcl2 reads them."""
    blocks: dict[str, list[Any]] = {}
    for file in folder.glob("*.tf"):
        for kind, found in hcl2.loads(file.read_text(), serialization_options=READ).items():
            blocks.setdefault(kind, []).extend(found)
    return blocks


def one_way(value: Any) -> Any:
    """*value* without what the syntaxes are free to do: comments, one block in a list or not, references quoted."""
    match value:
        case [dict(block)]:
            return one_way(block)
        case list():
            return [one_way(item) for item in value]
        case dict():
            return {
                name: [reference.removeprefix("${").removesuffix("}") for reference in item]
                if name in ("depends_on", "ignore_changes")
                else one_way(item)
                for name, item in value.items()
                if name != "//"
            }
    return value


def nested(blocks: list[Any]) -> dict[str, Any]:
    """Labelled blocks as in Terraform JSON: by their labels."""
    merged: dict[str, Any] = {}
    for block in blocks:
        for label, inner in block.items():
            known = merged.setdefault(label, {})
            assert known.keys().isdisjoint(inner), f"{label} is there twice"
            known.update(inner)
    return merged


def test_no_stack_is_left_out(stacks: Mapping[str, Stack], outdir: Path) -> None:
    assert sorted(stacks) == STACKS
    assert sorted(folder.name for folder in (outdir / "hcl").iterdir()) == STACKS


@pytest.mark.parametrize("name", STACKS)
def test_terraform_finds_it_valid(stacks: Mapping[str, Stack], outdir: Path, name: str) -> None:
    folder, environment = outdir / "hcl" / stacks[name].name, terraform_environment()
    for command in (["init", "-backend=false"], ["validate", "-json"], ["fmt", "-check"]):
        done = subprocess.run(
            [environment["TERRAFORM_BINARY_NAME"], *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", STACKS)
def test_it_reads_back_as_the_json(stacks: Mapping[str, Stack], outdir: Path, name: str) -> None:
    blocks = read(outdir / "hcl" / name)
    unlabelled = {kind: found for kind, found in blocks.items() if kind in ("locals", "terraform")}
    labelled = {kind: nested(found) for kind, found in blocks.items() if kind not in unlabelled}
    assert one_way({**labelled, **unlabelled}) == one_way(stacks[name].configuration())


def test_the_code_of_a_function_is_there(stacks: Mapping[str, Stack], outdir: Path) -> None:
    folder = outdir / "hcl" / "lambda-http-api-gateway"
    [function] = stacks[folder.name].configuration()["resource"]["aws_lambda_function"].values()
    assert (folder / function["filename"]).read_bytes() == (
        stacks[folder.name].folder / function["filename"]
    ).read_bytes()


def test_every_ephemeral_block_is_there(stacks: Mapping[str, Stack], outdir: Path) -> None:
    for environment in ("dev", "prod"):
        expected = stacks[f"{environment}-mlflow-vpclink"].configuration()["ephemeral"]
        assert expected
        assert one_way(nested(read(outdir / "hcl" / f"{environment}-mlflow-vpclink")["ephemeral"])) == one_way(expected)


VALUES = {
    "policy": '{"arn": "${terraform_data.it.output}", "also": ["${upper("a\\"}")}"]}',
    "script": "#!/bin/sh\n\techo \"$HOME\" '100%' C:\\new \\${terraform_data.it.output}\r\n",
    "dollars": "$$${not.evaluated} $",
    "escaped": '$${Name} %%{x} $$ %% $${"quoted"} \\"',
    "directive": '%{ if terraform_data.it.output == "in\\"put" }"yes"%{ else }no%{ endif }',
    "nested": 'a ${"b ${"c ${terraform_data.it.output} }"}"} "d"',
    "function": '${jsonencode({username = "a", "b" = {c = [1, true, null, terraform_data.it.output]}})}',
    "control": "\x01\x7f é ☃ \U0001f600",
    "for": "${[for n in [1, 2] : n * 2 if n > 1]}",
    "number": 0.1,
    "exponent": 1e-7,
    "types": {"for": None, "a b": [], "${terraform_data.it.output}": {"null": False}, "x-${1 + 1}": "5", "y": 5},
}


def test_every_string_means_the_same_to_terraform(tmp_path: Path) -> None:
    configuration = {
        "terraform": {"backend": {"local": {"path": "${not}%{evaluated}.tfstate"}}},
        "resource": {"terraform_data": {"it": {"input": 'in"put'}}},
        "output": {name: {"value": value} for name, value in VALUES.items()},
    }
    stack = Stack("dev-strings", tmp_path / "stacks" / "dev-strings")
    stack.folder.mkdir(parents=True)
    (stack.folder / "cdk.tf.json").write_text(json.dumps(configuration))
    write_hcl([stack], tmp_path / "hcl", Display(Console(file=io.StringIO())))

    by_json, by_hcl = (Terraform(tmp_path / kind / stack.name) for kind in ("stacks", "hcl"))
    for terraform in (by_json, by_hcl):
        terraform.init()
        terraform.apply(terraform.plan())
    assert by_hcl.outputs() == by_json.outputs()
    assert by_json.outputs()["directive"].value == '"yes"'
    assert len(by_json.outputs()) == len(VALUES)
    states = [{file.name for file in terraform.folder.glob("*.tfstate")} for terraform in (by_json, by_hcl)]
    assert states[0] == states[1] != set()
