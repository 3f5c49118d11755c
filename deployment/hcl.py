"""Writes synthesised stacks as Terraform HCL, for those who have Terraform but no Python.

Converted from our JSON. CDKTF's own HCL (``cdktf synth --hcl``) is no Terraform: it drops ephemeral blocks, leaves the
quotes inside strings unescaped and garbles overrides.

JSON has one notation where HCL has several: an object is a block or a map, a string is a template, a plain text or a
reference. Terraform decides by what stands where; so does this, by the providers' schemas for what is theirs.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import hcl2
from hcl2.const import IS_BLOCK
from hcl2.deserializer import DeserializerOptions
from hcl2.formatter import FormatterOptions
from lark.exceptions import LarkError

from deployment.lifecycle import Stack
from deployment.progress import Display
from deployment.terraform import Terraform
from deployment.toolchain import terraform_environment
from errors import UserError

Writer = Callable[[Any], Any]
"""Turns an argument's value from Terraform JSON into what ``hcl2.dumps`` takes."""


def expression(value: Any) -> Any:
    """A value whose strings are templates, as in all arguments that providers define."""
    return _written(value, _template)


def literal(value: Any) -> Any:
    """A value whose strings are plain text, ``${`` included: what Terraform reads before it evaluates anything."""
    return _written(value, lambda text: _quoted(re.sub(r"([$%])(?=\{)", r"\1\1", text)))


def reference(value: Any) -> Any:
    """Addresses, attribute names and keywords, which are strings in JSON alone."""
    return _written(value, str)


@dataclass(frozen=True)
class Body:
    """What a block may hold: blocks, and arguments with how each is written; *other* arguments None refuses."""

    arguments: Mapping[str, Writer] = field(default_factory=dict)
    blocks: Mapping[str, Body | Labelled] = field(default_factory=dict)
    other: Writer | None = None

    @classmethod
    def of_schema(cls, block: Mapping[str, Any], common: Body | None = None) -> Body:
        """The body of a block in a provider's schema, and what is *common* to all blocks of its kind."""
        common = common or cls()
        nested = {name: cls.of_schema(inner["block"]) for name, inner in block.get("block_types", {}).items()}
        return cls(
            {**dict.fromkeys(block.get("attributes", {}), expression), **common.arguments},
            {**nested, **common.blocks},
        )


@dataclass(frozen=True)
class Labelled:
    """A block with a label before its body; the label may decide what the body is."""

    body: Callable[[str], Body | Labelled]


_CONDITION = Body({"condition": expression, "error_message": expression})
_LIFECYCLE = Body(
    {
        "create_before_destroy": literal,
        "prevent_destroy": literal,
        "ignore_changes": reference,
        "replace_triggered_by": reference,
    },
    {"precondition": _CONDITION, "postcondition": _CONDITION},
)
_PROVISIONER = Body({"when": reference, "on_failure": reference}, other=expression)
_OF_RESOURCES = Body(
    {"count": expression, "for_each": expression, "depends_on": reference, "provider": reference},
    {"lifecycle": _LIFECYCLE, "provisioner": Labelled(lambda _: _PROVISIONER)},
)
_OF_PROVIDERS = Body({"alias": literal})
_TERRAFORM = Body(
    {"required_version": literal},
    {"required_providers": Body(other=literal), "backend": Labelled(lambda _: Body(other=literal))},
)
_OUTPUT = Body(
    {
        "value": expression,
        "description": literal,
        "sensitive": literal,
        "ephemeral": literal,
        "depends_on": reference,
    },
    {"precondition": _CONDITION},
)


class Schemas:
    """What the providers know, from the answer of ``terraform providers schema -json``."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self._providers: dict[str, Mapping[str, Any]] = dict(answer["provider_schemas"])

    def configuration(self) -> Body:
        """The body of a whole configuration."""
        return Body(
            blocks={
                "terraform": _TERRAFORM,
                "provider": Labelled(self._provider),
                "locals": Body(other=expression),
                "data": self._typed("data_source_schemas"),
                "ephemeral": self._typed("ephemeral_resource_schemas"),
                "resource": self._typed("resource_schemas"),
                "output": Labelled(lambda _: _OUTPUT),
                "moved": Body({"from": reference, "to": reference}),
            }
        )

    def _typed(self, kind: str) -> Labelled:
        """Blocks labelled by a type, which decides the body, and a name."""

        def named(type: str) -> Labelled:
            body = self._resource(kind, type)
            return Labelled(lambda _: body)

        return Labelled(named)

    def _resource(self, kind: str, type: str) -> Body:
        for provider in self._providers.values():
            if type in provider.get(kind, {}):
                return Body.of_schema(provider[kind][type]["block"], _OF_RESOURCES)
        raise UserError(f"no provider has {type} in its {kind.replace('_', ' ')}")

    def _provider(self, name: str) -> Body:
        for address, provider in self._providers.items():
            if address.rpartition("/")[2] == name:
                return Body.of_schema(provider["provider"].get("block", {}), _OF_PROVIDERS)
        raise UserError(f"the provider {name} is not among those in required_providers")


def convert(configuration: Mapping[str, Any], schemas: Schemas) -> dict[str, Any]:
    """Return a stack's Terraform JSON as ``hcl2.dumps`` takes it: a list of blocks for each kind.

    Raises ``UserError`` for what neither the schemas nor this module know: a guess might be wrong silently.
    """
    return dict(_content(schemas.configuration(), configuration, ()))


def render(blocks: Mapping[str, Any]) -> str:
    """Return converted blocks as HCL text, ready for ``terraform fmt``."""
    try:
        text = hcl2.dumps(
            dict(blocks),
            deserializer_options=DeserializerOptions(object_elements_trailing_comma=False),
            formatter_options=FormatterOptions(open_empty_blocks=False),
        )
    except LarkError as error:
        raise UserError(f"python-hcl2 cannot write an expression: {error}") from error
    # It leaves two empty lines between blocks and some blanks; no string holds a newline, so this touches layout only.
    return re.sub(r"\n\s*\n", "\n\n", text).strip() + "\n"


def write_hcl(stacks: Sequence[Stack], outdir: Path, display: Display) -> None:
    """Write each of *stacks* as a folder of .tf files below *outdir*; what else is there of ours goes.

    *outdir* lies beside the folder of the stacks' JSON, so that relative paths, as of a local state, mean the same in
    both. Nothing is written unless all of it can be. What Terraform keeps in a folder (.terraform, a plan) stays.
    Raises ``UserError``.
    """
    environment = terraform_environment()
    with TemporaryDirectory(dir=outdir.parent, prefix=f".{outdir.name}-") as temporary:
        folders = [Path(temporary, stack.name) for stack in stacks]
        with display.step("all stacks", "read the providers' schemas"):
            schemas = _read_schemas(stacks, Path(temporary, "providers"), environment)
        for stack, folder in zip(stacks, folders, strict=True):
            with display.step(stack.name, "write HCL") as step:
                _write(stack, folder, schemas)
                _Terraform(folder, environment=environment).format()
                step.result = f"in {outdir / stack.name}"
        outdir.mkdir(exist_ok=True)
        for folder in folders:
            _publish(folder, outdir / folder.name)
    _remove_others(outdir, {stack.name for stack in stacks})


class _Terraform(Terraform):
    """The commands that only the conversion needs."""

    def schemas(self) -> Schemas:
        """Return the schemas of the providers that the folder's configuration requires."""
        return Schemas(json.loads(self._capture("providers", "schema", "-json")))

    def format(self) -> None:
        """Bring the folder's .tf files to Terraform's own layout; fails on what is no HCL."""
        self._capture("fmt", "-list=false")


def _read_schemas(stacks: Iterable[Stack], folder: Path, environment: Mapping[str, str]) -> Schemas:
    # A configuration of its own, without a backend: the stacks' folders may be in use, or initialised with a state.
    # Terraform's built-in provider (terraform_data, terraform_remote_state) shows its schema only where it is required.
    providers = {"terraform": {"source": "terraform.io/builtin/terraform"}}
    for stack in stacks:
        providers |= stack.configuration().get("terraform", {}).get("required_providers", {})
    folder.mkdir()
    (folder / "main.tf.json").write_text(json.dumps({"terraform": {"required_providers": providers}}))
    terraform = _Terraform(folder, environment=environment)
    terraform.init()
    return terraform.schemas()


_ASSETS = "assets"  # where CDKTF puts files that a stack needs beside its configuration
_FILES = {"terraform": "terraform.tf", "provider": "providers.tf", "output": "outputs.tf"}


def _write(stack: Stack, folder: Path, schemas: Schemas) -> None:
    files: dict[str, dict[str, Any]] = {}
    try:
        for kind, blocks in convert(stack.configuration(), schemas).items():
            files.setdefault(_FILES.get(kind, "main.tf"), {})[kind] = blocks
        texts = {name: render(content) for name, content in files.items()}
    except UserError as error:
        raise UserError(f"{stack.name}: {error}") from error
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(f"{_header(stack)}\n{text}", encoding="utf-8")
    if (stack.folder / _ASSETS).is_dir():
        shutil.copytree(stack.folder / _ASSETS, folder / _ASSETS)


def _header(stack: Stack) -> str:
    lines = ["# Generated by `make hcl`: changes are lost with the next run."]
    if stack.dependencies:
        lines.append(f"# Apply {' and '.join(stack.dependencies)} first.")
    return "".join(f"{line}\n" for line in lines)


def _publish(folder: Path, target: Path) -> None:
    """Replace the .tf files of *target*, and the files that they need, by those of *folder*."""
    target.mkdir(exist_ok=True)
    for file in target.glob("*.tf"):
        if not (folder / file.name).exists():
            file.unlink()
    for file in folder.glob("*.tf"):
        file.replace(target / file.name)
    shutil.rmtree(target / _ASSETS, ignore_errors=True)
    if (folder / _ASSETS).is_dir():
        (folder / _ASSETS).rename(target / _ASSETS)


def _remove_others(outdir: Path, names: set[str]) -> None:
    # As CDKTF does with its own folder: what is not in the settings any more must not look as if it were.
    for folder in outdir.iterdir():
        if folder.is_dir() and folder.name not in names:
            shutil.rmtree(folder)


def _content(body: Body, content: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    # Arguments before blocks, as people write it.
    for name, value in sorted(content.items(), key=lambda item: item[0] in body.blocks):
        if name == "//":  # a comment: CDKTF's metadata
            continue
        if name in body.blocks:
            if blocks := list(_blocks(body.blocks[name], value, (*path, name))):
                yield name, blocks
        elif (write := body.arguments.get(name, body.other)) is not None:
            yield name, write(value)
        else:
            raise UserError(f"{'.'.join((*path, name))}: it is not known whether this is an argument or a block")


def _blocks(block: Body | Labelled, value: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The blocks of one kind, each a chain of labels that ends in a marked body."""
    for content in value if isinstance(value, list) else [] if value is None else [value]:
        if isinstance(block, Body):
            yield {**dict(_content(block, content, path)), IS_BLOCK: True}
            continue
        for label, inner in content.items():
            if label != "//":
                for labelled in _blocks(block.body(label), inner, (*path, label)):
                    yield {json.dumps(label): labelled}


def _written(value: Any, write: Callable[[str], str]) -> Any:
    """*value* with each string turned to HCL source by *write*."""
    match value:
        case str():
            # As an expression, which python-hcl2 parses. Given as a string it would split it at templates itself, and
            # loses escaped quotes next to them: "{\"arn\": \"${...}\"}".
            return f"${{{write(value)}}}"
        case list():
            return [_written(item, write) for item in value]
        case dict():
            return {_key(key, write): _written(item, write) for key, item in value.items()}
    return value


def _key(key: str, write: Callable[[str], str]) -> str:
    # Without quotes `for` would begin a for expression, and the others are values.
    if re.fullmatch(r"[A-Za-z_][\w-]*", key, re.ASCII) and key not in ("for", "if", "in", "true", "false", "null"):
        return key
    source = write(key)
    return f"${{{source}}}" if source.startswith('"') else f"${{({source})}}"


def _template(text: str) -> str:
    """The HCL source of a template: bare if it is one interpolation, else in quotes."""
    parts = [part for part in _parts(text) if part.text]
    if len(parts) == 1 and parts[0].is_code and text.startswith("${"):
        return text[2:-1].strip()
    # Code stays as it is, quotes included: HCL reads a string within ${} or %{} on its own.
    return '"' + "".join(part.text if part.is_code else _escaped(part.text) for part in parts) + '"'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


_ESCAPES = {code: f"\\u{code:04x}" for code in (*range(32), 127)} | {
    ord("\n"): r"\n",
    ord("\r"): r"\r",
    ord("\t"): r"\t",
    ord('"'): r"\"",
    ord("\\"): r"\\",
}


class _Part(NamedTuple):
    text: str
    is_code: bool  # ${...} or %{...}


# In both, the doubled $${ and %%{ come first: they are text.
_OPENING = re.compile(r"\$\$\{|%%\{|\$\{|%\{")
_TOKEN = re.compile(r'\$\$\{|%%\{|\$\{|%\{|\{|\}|"|\\.', re.DOTALL)


def _parts(text: str) -> Iterator[_Part]:
    """*text* in parts, some of them empty."""
    done = position = 0
    while (opening := _OPENING.search(text, position)) is not None:
        position = opening.end()
        if opening[0] in ("${", "%{"):
            position = _end_of_code(text, opening.start())
            yield _Part(text[done : opening.start()], is_code=False)
            yield _Part(text[opening.start() : position], is_code=True)
            done = position
    yield _Part(text[done:], is_code=False)


def _end_of_code(text: str, start: int) -> int:
    """Where the ``${`` or ``%{`` at *start* is closed; strings in it may hold code of their own."""
    awaited: list[str] = []
    for token in _TOKEN.finditer(text, start):
        in_string = awaited[-1:] == ['"']
        if awaited and token[0] == awaited[-1]:
            awaited.pop()
        elif token[0] in ("${", "%{") or (token[0] == "{" and not in_string):
            awaited.append("}")
        elif token[0] == '"':
            awaited.append('"')
        if not awaited:
            return token.end()
    raise UserError(f"an expression does not end: {text[start : start + 80]}")
