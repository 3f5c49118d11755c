from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

import main
from settings import Settings
from tests.unit.conftest import python

OBSERVED = """
import json, sys
started = []
sys.addaudithook(lambda event, args: event == "subprocess.Popen" and started.append(str(args[0])))
import main
heavy = {"cdktf", "cdktf_cdktf_provider_aws", "constructs", "constructs_lib", "jsii", "stacks"} & set(sys.modules)
print(json.dumps([started, sorted(heavy)]))
"""


def _stacks(outdir: Path) -> set[str]:
    return {folder.name for folder in (outdir / "stacks").iterdir()}


def test_importing_main_starts_no_node_process_and_imports_no_cdktf() -> None:
    result = python("-c", OBSERVED)

    assert json.loads(result.stdout) == [[], []]


@pytest.mark.parametrize(("env", "environments"), [(None, ["dev"]), ("prod", ["prod"]), ("all", ["dev", "prod"])])
def test_main_synthesises_what_env_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, env: str | None, environments: list[str]
) -> None:
    monkeypatch.setenv("CDKTF_OUTDIR", str(tmp_path))
    monkeypatch.setenv("ENV", env) if env else monkeypatch.delenv("ENV", raising=False)
    main.main()

    stacks = ("mlflow-vpclink", "http-api-gateway", "sagemaker-notebook")
    assert _stacks(tmp_path) == {f"{environment}-{stack}" for environment in environments for stack in stacks}


def test_the_output_folder_is_made_with_those_above_it(environments: Mapping[str, Settings], tmp_path: Path) -> None:
    main.synthesise_state_backend(environments["dev"], tmp_path / "not" / "there", local_state=False)

    assert _stacks(tmp_path / "not" / "there") == {"dev-state-backend"}


def test_an_environment_is_the_same_whether_others_are_synthesised_with_it_or_not(
    environments: Mapping[str, Settings], tmp_path: Path
) -> None:
    main.synthesise([environments["dev"], environments["prod"]], tmp_path / "both")
    main.synthesise([environments["prod"]], tmp_path / "alone")

    for stack in _stacks(tmp_path / "alone"):
        file = Path("stacks") / stack / "cdk.tf.json"
        assert (tmp_path / "alone" / file).read_bytes() == (tmp_path / "both" / file).read_bytes()


def test_refuses_an_unknown_environment_with_one_message_and_writes_nothing(tmp_path: Path) -> None:
    result = python("main.py", ENV="staging", CDKTF_OUTDIR=str(tmp_path / "out"))

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith('error: ENV = "staging": environments has no such file; set ENV to one of: dev')
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()
