"""The notebook as it is stored: clean, explained, and without anything secret in it."""

from __future__ import annotations

import ast
import json
import re

import pytest

from tests.lab.notebook_file import NOTEBOOK, cells

CELLS = cells()
CODE = [cell for cell in CELLS if cell.kind == "code"]
SECRETS = {
    "an access key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a long random string": r"[A-Za-z0-9/+_-]{40,}",
    "a password or token that is set": r"(?i)(password|secret|token|access_key)\w*[\"'\]]*\s*=\s*[\"'\w]",
    "credentials in an address": r"://[^/\s:]+:[^/\s@]+@",
    "an account": r"\b\d{12}\b",
}


def test_no_output_is_stored() -> None:
    assert [cell.id for cell in CODE if cell.outputs or cell.execution_count is not None] == []


@pytest.mark.parametrize("pattern", SECRETS.values(), ids=SECRETS)
def test_no_cell_has(pattern: str) -> None:
    assert [cell.id for cell in CELLS if re.search(pattern, cell.source)] == []


@pytest.mark.parametrize(
    "text",
    ["AKIAIOSFODNN7EXAMPLE", "x" * 40, 'MLFLOW_TRACKING_PASSWORD = "a"', 'os.environ["TOKEN"] = b', "https://a:b@c"],
)
def test_such_a_cell_would_be_found(text: str) -> None:
    assert [name for name, pattern in SECRETS.items() if re.search(pattern, text)] != []


def test_every_cell_compiles() -> None:
    for cell in CODE:
        ast.parse(cell.source, filename=cell.id)


def test_every_cell_is_small() -> None:
    assert [cell.id for cell in CODE if len(cell.source.splitlines()) > 20] == []


def test_every_part_that_runs_code_says_what_you_should_see() -> None:
    parts: list[tuple[str, bool]] = []
    for cell in CELLS:
        if cell.kind == "markdown":
            parts.append((cell.source, False))
        else:
            parts[-1] = (parts[-1][0], True)
    assert [text[:40] for text, has_code in parts if has_code and "ou should see" not in " ".join(text.split())] == []


def test_what_calls_sagemaker_is_tagged_and_nothing_else() -> None:
    calls = {cell.id for cell in CODE if "sagemaker_jobs" in cell.source or re.search(r"\blab\.", cell.source)}
    assert calls == {cell.id for cell in CODE if "sagemaker" in cell.tags}
    assert calls == {"start-job", "wait-job", "deploy", "wait-endpoint", "invoke", "clean-up-now"}


def test_it_opens_with_the_kernel_of_the_notebook_instance() -> None:
    stored = json.loads(NOTEBOOK.read_text("utf-8"))
    assert stored["metadata"]["kernelspec"] == {"display_name": "MLflow", "language": "python", "name": "mlflow"}
    assert (stored["nbformat"], stored["nbformat_minor"]) == (4, 5)
    assert len({cell.id for cell in CELLS}) == len(CELLS)
