"""A development machine's AWS: the instance metadata (IMDSv2), and EC2 behind a stand-in for the ``aws`` command.

The stand-in checks operations and parameters with botocore's model of EC2 and evaluates ``--query`` as the CLI does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import jmespath  # type: ignore[import-untyped] # it comes with botocore; its stubs are not worth a dependency
from botocore import xform_name
from botocore.model import ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from tests.unit.fake_endpoint import Answer, Request, endpoint

INSTANCE = "i-0123456789abcdef0"
REGION = "eu-north-1"
VOLUME = "vol-0fedcba9876543210"
SERIAL = "vol0fedcba9876543210"  # of the NVMe disk
_TOKEN = "a-session-token"  # noqa: S105 - of nothing

_AWS = """#!/bin/sh
# The answer's last line is its HTTP status.
answer=$(printf '%s\\0' "$@" | curl -sS --noproxy '*' --data-binary @- --write-out '\\n%{http_code}' "$EC2_STAND_IN")
case $answer in
*200) printf '%s\\n' "${answer%???}" ;;
*) printf '%s\\n' "$answer" >&2; exit 254 ;;
esac
"""


@dataclass
class Ec2:
    """One instance with one volume of *size* GiB; *on_growth* gets the new size when a modification has begun.

    A modification is "modifying" for as many answers as *slow* says, then *outcome*. EC2's answers come late: the first
    *late* ones are still those about an older modification, which was completed.
    """

    size: int
    device: str = "/dev/xvda"
    serves: bool = True
    others: tuple[str, ...] = ()
    slow: int = 1
    late: int = 0
    outcome: str = "optimizing"
    refused: str = ""
    under_way: int | None = None
    on_growth: Callable[[int], None] = lambda _: None
    modified: list[int] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self._target = self.under_way
        self._polls = 0

    def answer(self, request: Request) -> Answer:
        """What the metadata service, or EC2 through the stand-in, answers."""
        if request.path == "/aws":
            return self._aws(request.body.decode().rstrip("\0").split("\0"))
        path, token = request.path, request.headers.get("X-aws-ec2-metadata-token")
        if (request.method, path) == ("PUT", "/latest/api/token"):
            lives = int(request.headers["X-aws-ec2-metadata-token-ttl-seconds"])
            return Answer(body=_TOKEN.encode()) if 1 <= lives <= 21600 else Answer(400)
        if token != _TOKEN or request.method != "GET":
            return Answer(401, b"Unauthorized")
        known = {"/latest/meta-data/placement/region": REGION, "/latest/meta-data/instance-id": INSTANCE}
        return Answer(body=known[path].encode()) if path in known else Answer(404)

    def _aws(self, arguments: list[str]) -> Answer:
        try:
            operation, parameters, query = _parse(arguments)
        except (AssertionError, KeyError, IndexError, ValueError) as error:
            return Answer(400, f"the stand-in for aws does not know {arguments}: {error!r}".encode())
        if self.refused == operation:
            return Answer(403, f"An error occurred (UnauthorizedOperation) when calling {operation}".encode())
        answers = {
            "DescribeVolumes": self._describe_volumes,
            "DescribeVolumesModifications": self._describe_modifications,
            "ModifyVolume": self._modify,
        }
        return Answer(body=_text(jmespath.search(query, answers[operation](parameters))).encode())

    def _describe_volumes(self, asked: dict[str, Any]) -> dict[str, Any]:
        if "VolumeIds" in asked:
            return {"Volumes": [{"VolumeId": name, "Size": self.size} for name in asked["VolumeIds"] if name == VOLUME]}
        filters = {one["Name"]: one["Values"] for one in asked["Filters"]}
        assert filters.keys() == {"attachment.instance-id", "attachment.device"}
        mine = filters["attachment.instance-id"] == [INSTANCE] and self.device in filters["attachment.device"]
        return {"Volumes": [{"VolumeId": name} for name in ((VOLUME, *self.others) if mine else ())]}

    def _describe_modifications(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["Filters"] == [{"Name": "volume-id", "Values": [VOLUME]}]
        if self._target is None:
            return {"VolumesModifications": []}
        self._polls += 1
        if self._polls <= self.late:
            return {"VolumesModifications": [{"ModificationState": "completed", "TargetSize": self.size}]}
        if self._polls - self.late <= self.slow:
            return {"VolumesModifications": [{"ModificationState": "modifying", "TargetSize": self._target}]}
        if self.outcome != "failed" and self.size != self._target:
            self.size = self._target
            self.on_growth(self.size)
        return {"VolumesModifications": [{"ModificationState": self.outcome, "TargetSize": self._target}]}

    def _modify(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["VolumeId"] == VOLUME
        assert asked["Size"] > self.size, "AWS refuses to shrink"
        self.modified.append(asked["Size"])
        self._target, self._polls = asked["Size"], 0
        return {"VolumeModification": {"ModificationState": "modifying"}}


@contextmanager
def serving(ec2: Ec2) -> Iterator[Ec2]:
    """Serve *ec2* at its url, for as long as the block lasts."""
    with endpoint(ec2.answer) as served:
        ec2.url = served.url
        yield ec2


def write_aws(folder: Path) -> None:
    """Write the stand-in for ``aws`` to *folder*; it asks the address in EC2_STAND_IN."""
    program = folder / "aws"
    program.write_text(_AWS, encoding="utf-8")
    program.chmod(0o755)


@cache
def _model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("ec2")


def _parse(arguments: Sequence[str]) -> tuple[str, dict[str, Any], str]:
    """Operation, parameters and query of a command line; raises when EC2 has no such thing."""
    service, command, *rest = arguments
    assert service == "ec2"
    operation = {xform_name(name, "-"): name for name in _model().operation_names}[command]
    options: dict[str, list[str]] = {}
    for word in rest:
        if word.startswith("--"):
            options[word[2:]] = []
        else:
            options[list(options)[-1]].append(word)
    assert options.pop("region") == [REGION]
    assert options.pop("output") == ["text"]
    (query,) = options.pop("query")
    shape = _model().operation_model(operation).input_shape
    assert isinstance(shape, StructureShape)
    members = {xform_name(name, "-"): (name, member) for name, member in shape.members.items()}
    parameters = {members[key][0]: _value(members[key][1], words) for key, words in options.items()}
    report = ParamValidator().validate(parameters, shape)
    assert not report.has_errors(), report.generate_report()
    return operation, parameters, query


def _value(shape: Shape, words: list[str]) -> object:
    """The CLI's shorthand, as far as these commands use it."""
    if shape.type_name != "list":
        (word,) = words
        return int(word) if shape.type_name == "integer" else word
    if not words[0].startswith("Name="):
        return words
    parts = [word.removeprefix("Name=").split(",Values=", 1) for word in words]
    return [{"Name": name, "Values": values.split(",")} for name, values in parts]


def _text(value: object) -> str:
    """*value* as the CLI's ``--output text`` prints it."""
    return "\t".join(map(_text, value)) if isinstance(value, list) else str(value)
