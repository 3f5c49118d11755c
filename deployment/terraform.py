"""Terraform in one stack's folder: every command that a deployment needs, its answer typed, its errors readable."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployment.toolchain import terraform_environment
from errors import UserError

OnProgress = Callable[[int, int | None, str], None]
"""Told of each step: resources done, in all (None: unknown), and the address under way, with what is said there."""

OnEvent = Callable[[dict[str, Any]], None]

# What resources under way may take to come to rest after Ctrl-C, before Terraform is told again and then killed.
GRACE_SECONDS = 120.0
_LAST_SECONDS = 10.0

_OUTPUT_OF_ANOTHER_STACK = "cross_stack_output_"  # how CDKTF names what stacks hand over to each other
_PROTECTIONS = ("deletion_protection", "enable_deletion_protection", "deletion_protection_enabled")


@dataclass(frozen=True)
class Changes:
    """How many resources a plan or an apply adds, changes and destroys."""

    add: int = 0
    change: int = 0
    destroy: int = 0

    @property
    def total(self) -> int:
        """All of them; a replaced resource counts twice, as in Terraform's own summary."""
        return self.add + self.change + self.destroy

    def __str__(self) -> str:
        return f"{self.add} to add, {self.change} to change, {self.destroy} to destroy"


@dataclass(frozen=True)
class Plan:
    """A saved plan. It can have zero changes and still not be empty: outputs change too."""

    file: Path
    changes: Changes
    is_empty: bool

    def __str__(self) -> str:
        if self.is_empty:
            return "no changes"
        return str(self.changes) if self.changes.total else "only outputs change"


@dataclass(frozen=True)
class Output:
    """One output of an applied stack."""

    value: object
    sensitive: bool


class Terraform:
    """Runs Terraform in *folder*, which holds one synthesised stack; the folder's name is the stack's.

    Each method raises ``UserError`` with Terraform's own diagnostics when the command fails. Interrupted (by Ctrl-C or
    any exception), it lets Terraform finish what is under way, for a bounded time, and leaves no process behind.
    """

    def __init__(self, folder: Path, *, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._environment = terraform_environment() if environment is None else dict(environment)
        self._program = self._environment["TERRAFORM_BINARY_NAME"]

    def init(self, *, reconfigure: bool = False, migrate_state: bool = False) -> None:
        """Prepare the folder. *reconfigure* forgets the last backend, *migrate_state* moves the state out of it."""
        if migrate_state:  # Terraform refuses it together with -json
            self._stream("init", "-migrate-state", "-force-copy", "-no-color")
        else:
            self._stream("init", "-json", *(["-reconfigure"] if reconfigure else []))

    def plan(self, *, destroy: bool = False, on_progress: OnProgress | None = None) -> Plan:
        """Make and save a plan."""
        file = self.folder / ("destroy.tfplan" if destroy else "apply.tfplan")
        counter = _Counter(on_progress, kind="refresh", total=None)
        arguments = ["-json", "-detailed-exitcode", f"-out={file.name}", *(["-destroy"] if destroy else [])]
        code = self._stream("plan", *arguments, on_event=counter, succeeded=(0, 2))
        return Plan(file, counter.changes, is_empty=code == 0)

    def apply(self, plan: Plan, *, on_progress: OnProgress | None = None) -> Changes:
        """Apply a saved plan, be it one to create or to destroy, and return what was done."""
        counter = _Counter(on_progress, kind="apply", total=plan.changes.total)
        self._stream("apply", "-json", plan.file.name, on_event=counter)
        return counter.changes

    def destroy(self, *, on_progress: OnProgress | None = None) -> Changes:
        """Plan the removal of everything in the state and apply that plan."""
        return self.apply(self.plan(destroy=True, on_progress=on_progress), on_progress=on_progress)

    def outputs(self) -> dict[str, Output]:
        """Return the outputs in the state; none when the stack was never applied."""
        outputs: dict[str, dict[str, Any]] = json.loads(self._capture("output", "-json"))
        return {name: Output(output["value"], output["sensitive"]) for name, output in outputs.items()}

    def resources(self) -> tuple[str, ...]:
        """Return the addresses of what the state manages; none when the stack was never applied."""
        return tuple(address for address, _ in self._state())

    def buckets(self) -> tuple[str, ...]:
        """Return the names of the S3 buckets in the state that Terraform does not empty before it deletes them."""
        return tuple(
            attributes["bucket"]
            for address, attributes in self._state()
            if address.startswith("aws_s3_bucket.") and not attributes["force_destroy"]
        )

    def objects(self) -> tuple[str, ...]:
        """Return the keys of the S3 objects in the state."""
        return tuple(attributes["key"] for address, attributes in self._state() if address.startswith("aws_s3_object."))

    def protected_resources(self) -> tuple[str, ...]:
        """Return the addresses of what AWS refuses to delete: what has deletion protection, such as a database."""
        return tuple(
            address
            for address, attributes in self._state()
            if any(attributes.get(name) in (True, "ACTIVE") for name in _PROTECTIONS)  # Cognito says it in words
        )

    def _state(self) -> Iterator[tuple[str, dict[str, Any]]]:
        # Not `state list`, which fails without a state, nor `show -json`, which loads the provider's schema (seconds).
        state = json.loads(self._capture("state", "pull") or "{}")
        for resource in state.get("resources", []):
            if resource["mode"] == "managed":
                for instance in resource["instances"]:
                    yield f"{resource['type']}.{resource['name']}", instance["attributes"]

    def show_json(self, plan: Plan) -> dict[str, Any]:
        """Return a saved plan in Terraform's JSON format."""
        shown: dict[str, Any] = json.loads(self._capture("show", "-json", plan.file.name))
        return shown

    def show_text(self, plan: Plan) -> str:
        """Return a saved plan as Terraform shows it to people."""
        return self._capture("show", "-no-color", plan.file.name)

    def force_unlock(self, lock_id: str) -> None:
        """Remove a lock that a dead run left behind."""
        self._capture("force-unlock", "-force", lock_id)

    def _stream(
        self,
        *arguments: str,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        succeeded: tuple[int, ...] = (0,),
    ) -> int:
        """Run a command that prints one JSON event a line and return its exit code."""
        diagnostics: list[dict[str, Any]] = []
        other: list[str] = []
        with self._running(arguments, stderr=subprocess.STDOUT) as process:
            assert process.stdout is not None  # noqa: S101 - told to Popen in _running
            for line in process.stdout:
                event = _event(line)
                if event is None:
                    other.append(line)
                elif event.get("type") == "diagnostic":
                    diagnostics.append(event["diagnostic"])
                elif on_event is not None:
                    on_event(event)
            code = process.wait()
        if code not in succeeded:
            errors = [diagnostic for diagnostic in diagnostics if diagnostic["severity"] == "error"]
            raise self._error(arguments, errors or [{"summary": _plain("".join(other))}])
        return code

    def _capture(self, *arguments: str) -> str:
        """Run a command and return what it prints."""
        with self._running(arguments, stderr=subprocess.PIPE) as process:
            answer, complaint = process.communicate()
        if process.returncode != 0:
            raise self._error(arguments, [{"summary": _plain(complaint)}])
        return answer

    @contextmanager
    def _running(self, arguments: tuple[str, ...], *, stderr: int) -> Iterator[subprocess.Popen[str]]:
        # A process group of its own: the terminal's Ctrl-C goes to us alone and we pass it on, once. Sent by both, the
        # second signal would make Terraform abandon resources under way.
        process = subprocess.Popen(
            [self._program, *arguments],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
            errors="replace",
            process_group=0,
        )
        try:
            yield process
        except BaseException:
            _stop(process)
            raise

    def _error(self, arguments: tuple[str, ...], diagnostics: list[dict[str, Any]]) -> UserError:
        stack = self.folder.name
        lines = [f"{stack}: terraform {arguments[0]} failed"]
        for diagnostic in diagnostics:
            text = _text(diagnostic)
            if "Error acquiring the state lock" in text and (lock := _lock_info(text)):
                return UserError(self._locked(lock))
            where = diagnostic.get("address") or diagnostic.get("snippet", {}).get("context")
            lines += [f"  {line}".rstrip() for line in (f"{where}: {text}" if where else text).splitlines()]
            if re.search(r"already ?exists", text, flags=re.IGNORECASE) and not _is_of_provisioner(diagnostic):
                take_over = shlex.join([self._program, f"-chdir={self.folder}", "import", str(where)])
                lines.append(f"  If a run that was killed left it there, take it over and try again: {take_over} ID")
        if any(_OUTPUT_OF_ANOTHER_STACK in line for line in lines):
            lines.append(
                "  The settings are not those that are deployed: another stack does not hand over yet what they take. "
                "Deploy them, or go back to those."
            )
        return UserError("\n".join(lines))

    def _locked(self, lock: Mapping[str, str]) -> str:
        unlock = shlex.join([self._program, f"-chdir={self.folder}", "force-unlock", lock["ID"]])
        return (
            f"{self.folder.name}: the state is locked by another run\n"
            f"  who:       {lock.get('Who', 'unknown')}\n"
            f"  since:     {lock.get('Created', 'unknown')}\n"
            f"  operation: {lock.get('Operation', 'unknown').removeprefix('OperationType').lower()}\n"
            f"  lock id:   {lock['ID']}\n"
            f"Wait until that run has ended, then try again. Only if you are sure that it is dead:\n  {unlock}"
        )


class _Counter:
    """Turns Terraform's events into progress and the final count."""

    def __init__(self, on_progress: OnProgress | None, *, kind: str, total: int | None) -> None:
        self.changes = Changes()
        self._on_progress = on_progress
        self._kind = kind
        self._total = total
        self._done = 0

    def __call__(self, event: dict[str, Any]) -> None:
        kind = event.get("type", "")
        if kind == "change_summary":
            counts = event["changes"]
            self.changes = Changes(counts["add"], counts["change"], counts["remove"])
        elif kind == "provision_progress":  # a line of a program that a resource runs
            line = "".join(filter(str.isprintable, event["hook"]["output"]))
            self._tell(f"{event['hook']['resource']['addr']}: {line}")
        elif kind.startswith(f"{self._kind}_") and event["hook"].get("action") != "read":
            self._done += kind == f"{self._kind}_complete"
            self._tell(event["hook"]["resource"]["addr"])

    def _tell(self, current: str) -> None:
        if self._on_progress is not None:
            self._on_progress(self._done, self._total, current)


def _stop(process: subprocess.Popen[str]) -> None:
    """Interrupt Terraform and wait; again when it takes too long or the user insists; then kill what is left."""
    if process.poll() is None:
        print(
            "Stopping: Terraform finishes what is under way. Ctrl-C again stops it at once; "
            "resources under way are then missing from the state.",
            file=sys.stderr,
        )
    for patience in (GRACE_SECONDS, _LAST_SECONDS):
        if process.poll() is not None:
            break
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=patience)  # drains the pipe: a full one would block Terraform
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its own group: Terraform, provider plugins
    process.wait()


def _text(diagnostic: Mapping[str, Any]) -> str:
    """A diagnostic's summary and detail; of a program of ours that Terraform ran, its own message alone."""
    text = f"{diagnostic['summary']}\n{diagnostic.get('detail', '')}".strip()
    if _is_of_provisioner(diagnostic) and (message := re.search(r"^error: (.+)", text, flags=re.MULTILINE | re.DOTALL)):
        return message[1].strip()
    return text


def _is_of_provisioner(diagnostic: Mapping[str, Any]) -> bool:
    return str(diagnostic["summary"]).startswith("local-exec provisioner")


def _event(line: str) -> dict[str, Any] | None:
    with suppress(ValueError):
        event = json.loads(line)
        if isinstance(event, dict):
            return event
    return None


def _plain(text: str) -> str:
    """Terraform's text for people without colours, frame, and what came before the error."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [line.lstrip("╷│╵ ").rstrip() for line in text.splitlines()]
    text = "\n".join(line for line in lines if line)
    return text[max(text.find("Error: "), 0) :].removeprefix("Error: ") or "no message"


def _lock_info(text: str) -> dict[str, str] | None:
    fields = dict(re.findall(r"^\s*(ID|Operation|Who|Created):[ \t]+(.+)$", text, flags=re.MULTILINE))
    return fields if "ID" in fields else None
