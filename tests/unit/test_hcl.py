"""The HCL of a stack: what is a block, an argument, a template, a text or a reference, and what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import hcl2
import pytest
from hcl2.utils import SerializationOptions
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from deployment.hcl import Schemas, convert, expression, literal, render, write_hcl
from deployment.lifecycle import Stack
from deployment.progress import Display
from errors import UserError

READ = SerializationOptions(
    with_comments=False, explicit_blocks=False, strip_string_quotes=True, preserve_heredocs=False
)


def block(*attributes: str, **blocks: Any) -> dict[str, Any]:
    nested = {name: {"nesting_mode": "list", "block": inner} for name, inner in blocks.items()}
    return {"attributes": {name: {"type": "dynamic"} for name in attributes}, "block_types": nested}


SCHEMAS = Schemas(
    {
        "provider_schemas": {
            "registry.terraform.io/example/fake": {
                "provider": {"block": block("region", default_tags=block("tags"))},
                "resource_schemas": {
                    "fake_thing": {"block": block("it", "tags", "rules", settings=block("it", inner=block("it")))}
                },
                "data_source_schemas": {"fake_found": {"block": block("it", filter=block("name", "values"))}},
                "ephemeral_resource_schemas": {"fake_password": {"block": block("length")}},
            },
            "terraform.io/builtin/terraform": {
                "resource_schemas": {"terraform_data": {"block": block("input")}},
            },
        }
    }
)


def hcl(configuration: dict[str, Any]) -> str:
    return render(convert(configuration, SCHEMAS))


def thing(**content: Any) -> str:
    """The lines within the one resource that has *content*."""
    lines = hcl({"resource": {"fake_thing": {"a": content}}}).splitlines()
    assert (lines[0], lines[-1]) == ('resource "fake_thing" "a" {', "}")
    return dedent("\n".join(lines[1:-1]))


def source(value: object) -> str:
    return thing(it=value).removeprefix("it = ")


def test_the_schema_decides_what_is_a_block_and_what_a_map() -> None:
    assert thing(settings={"it": 1, "inner": {"it": 2}}, tags={"it": 1}) == dedent(
        """\
        tags = {
          it = 1
        }

        settings {
          it = 1

          inner {
            it = 2
          }
        }"""
    )


def test_an_object_in_a_list_that_is_an_argument_is_no_block() -> None:
    assert thing(rules=[{"it": 1}]) == "rules = [\n  {\n    it = 1\n  },\n]"


@pytest.mark.parametrize("once", [{"local-exec": {"command": "x"}}, [{"local-exec": {"command": "x"}}]])
def test_a_provisioner_is_a_block_with_a_label(once: object) -> None:
    assert thing(provisioner=once) == 'provisioner "local-exec" {\n  command = "x"\n}'


def test_each_provisioner_of_a_list_is_a_block_and_knows_keywords() -> None:
    two = [
        {"local-exec": {"command": "${a.b} '$${HOME}'", "when": "destroy", "environment": {"A": "b"}}},
        {"local-exec": {"command": "y", "on_failure": "continue"}},
    ]
    assert thing(provisioner=two) == dedent(
        """\
        provisioner "local-exec" {
          command     = "${a.b} '$${HOME}'"
          when        = destroy
          environment = {
            A = "b"
          }
        }

        provisioner "local-exec" {
          command    = "y"
          on_failure = continue
        }"""
    )


@pytest.mark.parametrize("once", [{"it": 1}, [{"it": 1}]])
def test_a_single_block_may_be_an_object_or_a_list(once: object) -> None:
    assert thing(settings=once) == "settings {\n  it = 1\n}"


def test_each_object_of_a_list_is_a_block() -> None:
    assert thing(settings=[{"it": 1}, {}]) == "settings {\n  it = 1\n}\n\nsettings {}"


@pytest.mark.parametrize("none", [None, []])
def test_no_block_is_nothing_at_all(none: object) -> None:
    assert thing(it=1, settings=none) == "it = 1"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (False, "false"),
        (None, "null"),
        (0, "0"),
        (-1.5, "-1.5"),
        (12345678901234567890, "12345678901234567890"),
        ([], "[]"),
        ({}, "{}"),
        ("", '""'),
        ("true", '"true"'),
        ("5", '"5"'),
        ("null", '"null"'),
    ],
)
def test_a_value_keeps_its_type(value: object, expected: str) -> None:
    assert source(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": "b"}', r'"{\"a\": \"b\"}"'),
        ("one\ntwo\tthree\r", r'"one\ntwo\tthree\r"'),
        (r"C:\new", r'"C:\\new"'),
        ("\x00\x7f", r'"\u0000\u007f"'),
        ("größer ☃", '"größer ☃"'),
        ("$default costs 5$ or 5%", '"$default costs 5$ or 5%"'),
        ("$${Name} %%{x}", '"$${Name} %%{x}"'),
        ('$${"q"}', r'"$${\"q\"}"'),
    ],
)
def test_a_text_is_escaped(text: str, expected: str) -> None:
    assert source(text) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${fake_thing.b.id}", "fake_thing.b.id"),
        ("${element(data.fake_found.x.names, 0)}", "element(data.fake_found.x.names, 0)"),
        (r'${replace("#!/bin/sh\necho \"}\"", "@A@", a.b)}', r'replace("#!/bin/sh\necho \"}\"", "@A@", a.b)'),
        ("${a.b}/${a.c}", '"${a.b}/${a.c}"'),
        ('{"arn": "${a.b}"}', r'"{\"arn\": \"${a.b}\"}"'),
        ('${a.b}: "x"', r'"${a.b}: \"x\""'),
        ('say "${join("-", [a.b, "}"])}"', r'"say \"${join("-", [a.b, "}"])}\""'),
        ('${"in ${"${a.b} deep"}"} "out"', r'"${"in ${"${a.b} deep"}"} \"out\""'),
        ('x${jsonencode({a = "$${b}"})}\n', r'"x${jsonencode({a = "$${b}"})}\n"'),
        ('%{ if a.b }"yes"%{ endif }', r'"%{ if a.b }\"yes\"%{ endif }"'),
    ],
)
def test_only_what_is_outside_of_expressions_is_escaped(template: str, expected: str) -> None:
    assert source(template) == expected


def test_an_object_within_an_expression_stays_one() -> None:
    value = '${jsonencode({username = "mlflow", password = ephemeral.fake_password.p.random})}'
    assert source(value) == dedent(
        """\
        jsonencode({
          username = "mlflow",
          password = ephemeral.fake_password.p.random
        })"""
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("managed-by", "managed-by"),
        ("aws:SecureTransport", '"aws:SecureTransport"'),
        ("1", '"1"'),
        ("for", '"for"'),
        ("null", '"null"'),
        ("${a.b}", "(a.b)"),
        ("${a.b}-x", '"${a.b}-x"'),
    ],
)
def test_a_key_is_quoted_where_it_must_be(key: str, expected: str) -> None:
    assert source({key: 1}) == f"{{\n  {expected} = 1\n}}"


def test_metadata_is_dropped_but_a_key_of_a_map_is_not() -> None:
    assert thing(**{"//": {"metadata": {}}, "settings": {"//": "x"}, "tags": {"//": 1}}) == dedent(
        """\
        tags = {
          "//" = 1
        }

        settings {}"""
    )


def test_references_are_no_strings() -> None:
    written = thing(
        depends_on=["fake_thing.b", "data.fake_found.c"],
        provider="fake.west",
        lifecycle={"ignore_changes": ["it", 'tags["a"]'], "prevent_destroy": True},
    )
    assert written == dedent(
        """\
        depends_on = [
          fake_thing.b,
          data.fake_found.c,
        ]
        provider   = fake.west

        lifecycle {
          ignore_changes  = [
            it,
            tags["a"],
          ]
          prevent_destroy = true
        }"""
    )


def test_all_changes_are_ignored_by_a_keyword() -> None:
    assert thing(lifecycle={"ignore_changes": "all"}) == "lifecycle {\n  ignore_changes = all\n}"


def test_conditions_are_blocks() -> None:
    condition = {"condition": "${self.it != 1}", "error_message": "it is ${self.it}"}
    assert thing(lifecycle={"postcondition": [condition]}) == dedent(
        """\
        lifecycle {
          postcondition {
            condition     = self.it != 1
            error_message = "it is ${self.it}"
          }
        }"""
    )


def test_data_and_ephemeral_blocks_are_there() -> None:
    written = hcl(
        {
            "data": {"fake_found": {"a": {"filter": [{"name": "x", "values": ["y"]}]}}},
            "ephemeral": {"fake_password": {"b": {"length": 40}}},
        }
    )
    assert written == dedent(
        """\
        data "fake_found" "a" {
          filter {
            name   = "x"
            values = [
              "y",
            ]
          }
        }

        ephemeral "fake_password" "b" {
          length = 40
        }
        """
    )


def test_each_provider_configuration_is_a_block() -> None:
    written = hcl({"provider": {"fake": [{"default_tags": [{"tags": {"a": "b"}}]}, {"alias": "west"}]}})
    assert written == dedent(
        """\
        provider "fake" {
          default_tags {
            tags = {
              a = "b"
            }
          }
        }

        provider "fake" {
          alias = "west"
        }
        """
    )


def test_terraforms_own_settings() -> None:
    settings = {
        "backend": {"s3": {"bucket": "b", "encrypt": True}},
        "required_providers": {"fake": {"source": "example/fake", "version": "1.0.0"}},
        "required_version": ">= 1.11",
    }
    assert hcl({"terraform": settings}) == dedent(
        """\
        terraform {
          required_version = ">= 1.11"

          backend "s3" {
            bucket  = "b"
            encrypt = true
          }

          required_providers {
            fake = {
              source  = "example/fake"
              version = "1.0.0"
            }
          }
        }
        """
    )


def test_locals_are_arguments_of_one_block() -> None:
    blocks = convert({"locals": {"script": "${x} and y", "n": 1}}, SCHEMAS)
    assert render(blocks) == 'locals {\n  script = "${x} and y"\n  n      = 1\n}\n'


def test_outputs_and_moves() -> None:
    written = hcl(
        {
            "output": {"o": {"description": "not ${evaluated}", "sensitive": True, "value": "${a.b}"}},
            "moved": [{"from": "fake_thing.a", "to": "fake_thing.b"}],
        }
    )
    assert written == dedent(
        """\
        output "o" {
          description = "not $${evaluated}"
          sensitive   = true
          value       = a.b
        }

        moved {
          from = fake_thing.a
          to   = fake_thing.b
        }
        """
    )


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        ({"module": {}}, "module: it is not known whether this is an argument or a block"),
        (
            {"resource": {"fake_thing": {"a": {"settings": {"itt": 1}}}}},
            "resource.fake_thing.a.settings.itt: it is not known whether this is an argument or a block",
        ),
        ({"resource": {"fake_thin": {"a": {}}}}, "no provider has fake_thin in its resource schemas"),
        ({"ephemeral": {"fake_thing": {"a": {}}}}, "no provider has fake_thing in its ephemeral resource schemas"),
        ({"provider": {"other": [{}]}}, "the provider other is not among those in required_providers"),
        ({"output": {"o": {"value": 'a ${f("}'}}}, 'an expression does not end: ${f("}'),
    ],
)
def test_refuses_what_it_does_not_know(configuration: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refusal:
        convert(configuration, SCHEMAS)
    assert str(refusal.value) == message


def test_refuses_an_expression_that_is_none() -> None:
    with pytest.raises(UserError, match="python-hcl2 cannot write an expression"):
        source("${a b}")


def read_back(value: object) -> Any:
    return hcl2.loads(render({"it": value}), serialization_options=READ)["it"]


# python-hcl2 reads $${ and %%{ only when they are closed, so neither is written at random.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{"))


@given(TEXTS)
def test_any_text_is_read_back(text: str) -> None:
    assert read_back(expression(text)) == text
    assert read_back(literal(text)) == text


@settings(deadline=None)  # a large map takes its time on a busy machine
@given(st.dictionaries(TEXTS, TEXTS | st.booleans() | st.integers() | st.none() | st.lists(TEXTS)))
def test_any_map_is_read_back(value: dict[str, Any]) -> None:
    assert read_back(expression(value)) == value


def stack(tmp_path: Path, name: str, value: str, dependencies: tuple[str, ...] = ()) -> Stack:
    folder = tmp_path / "stacks" / name
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {"resource": {"terraform_data": {"it": {"input": value}}}, "output": {"it": {"value": value}}}
    (folder / "cdk.tf.json").write_text(json.dumps(configuration))
    return Stack(name, folder, dependencies)


@pytest.fixture
def display() -> Display:
    return Display(Console(file=io.StringIO()))


def test_a_folder_holds_a_stack_as_terraform_would_format_it(tmp_path: Path, display: Display) -> None:
    stacks = [stack(tmp_path, "dev-a", "x"), stack(tmp_path, "dev-b", "y", ("dev-a",))]
    write_hcl(stacks, tmp_path / "hcl", display)
    files = {str(file.relative_to(tmp_path / "hcl")): file.read_text() for file in tmp_path.glob("hcl/*/*")}
    first = "# Generated by `make hcl`: changes are lost with the next run.\n"
    assert files == {
        "dev-a/main.tf": f'{first}\nresource "terraform_data" "it" {{\n  input = "x"\n}}\n',
        "dev-a/outputs.tf": f'{first}\noutput "it" {{\n  value = "x"\n}}\n',
        "dev-b/main.tf": f'{first}# Apply dev-a first.\n\nresource "terraform_data" "it" {{\n  input = "y"\n}}\n',
        "dev-b/outputs.tf": f'{first}# Apply dev-a first.\n\noutput "it" {{\n  value = "y"\n}}\n',
    }


def test_a_second_run_leaves_what_is_terraforms_and_removes_what_is_no_more(tmp_path: Path, display: Display) -> None:
    outdir = tmp_path / "hcl"
    write_hcl([stack(tmp_path, "dev-a", "x"), stack(tmp_path, "dev-b", "x")], outdir, display)
    (outdir / "dev-a" / ".terraform").mkdir()
    (outdir / "dev-a" / "providers.tf").write_text("# of an earlier run")
    write_hcl([stack(tmp_path, "dev-a", "new")], outdir, display)
    assert {path.name for path in outdir.iterdir()} == {"dev-a"}
    assert {path.name for path in (outdir / "dev-a").iterdir()} == {".terraform", "main.tf", "outputs.tf"}
    assert '"new"' in (outdir / "dev-a" / "main.tf").read_text()


@pytest.mark.parametrize("wrong", ["${a b}", "${a"])
def test_nothing_is_written_when_one_stack_cannot_be(tmp_path: Path, display: Display, wrong: str) -> None:
    outdir = tmp_path / "hcl"
    write_hcl([stack(tmp_path, "dev-a", "x")], outdir, display)
    before = (outdir / "dev-a" / "main.tf").read_text()
    with pytest.raises(UserError, match=r"^dev-b: "):
        write_hcl([stack(tmp_path, "dev-a", "new"), stack(tmp_path, "dev-b", wrong)], outdir, display)
    assert (outdir / "dev-a" / "main.tf").read_text() == before
    assert {path.name for path in tmp_path.iterdir()} == {"stacks", "hcl"}
    assert {path.name for path in outdir.iterdir()} == {"dev-a"}
