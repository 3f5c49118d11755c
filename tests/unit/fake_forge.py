"""GitHub's and GitLab's API, as far as comments and issues go, on a loopback address; it keeps what is written."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from tests.unit.fake_endpoint import Answer

ME, SOMEBODY = 41, 7
TOKEN = "a-token"  # noqa: S105  # nobody's


@dataclass
class FakeForge:
    """What both have; *answers* come first, one for each request; None is its own."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Answer | None] = field(default_factory=list)
    writes_before_failing: bool = False

    @contextmanager
    def served(self) -> Iterator[str]:
        """Its address, as long as the block lasts."""
        server = make_server("127.0.0.1", 0, Request.application(self._answer), request_handler=_Silent)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _answer(self, asked: Request) -> Response:
        if asked.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Response('{"message": "Bad credentials"}', 401)
        refusal = self.answers.pop(0) if self.answers else None
        if refusal and not self.writes_before_failing:
            return Response(refusal.body, refusal.status, refusal.headers)
        given = self.answer(asked.method, asked.path, asked.args.to_dict(), json.loads(asked.data or b"null"))
        if refusal:
            return Response(refusal.body, refusal.status, refusal.headers)
        if given is None:
            return Response('{"message": "Not Found"}', 404)
        return Response(json.dumps(given), content_type="application/json")

    def answer(self, method: str, path: str, query: dict[str, str], sent: Any) -> object:
        """What the request gets; None: there is no such thing."""
        raise NotImplementedError


class FakeGitHub(FakeForge):
    """One repository, owner/name; a comment's ``on`` is the number of its issue or pull request."""

    def answer(self, method: str, path: str, query: dict[str, str], sent: Any) -> object:
        routes: dict[str, Callable[..., object]] = {
            "POST /graphql": lambda: {"data": {"viewer": {"databaseId": ME}}},
            r"GET /repos/owner/name/issues/(\d+)/comments": lambda on: _page(
                [comment for comment in self.comments if comment["on"] == int(on)], query
            ),
            r"POST /repos/owner/name/issues/(\d+)/comments": lambda on: self.comment(sent["body"], on=int(on)),
            r"PATCH /repos/owner/name/issues/comments/(\d+)": lambda id: _change(self.comments, "id", id, sent),
            "GET /repos/owner/name/issues": lambda: _page(
                [issue for issue in self.issues if issue["state"] == query["state"]], query
            ),
            "POST /repos/owner/name/issues": lambda: self.issue(sent["body"], title=sent["title"]),
            r"PATCH /repos/owner/name/issues/(\d+)": lambda number: _change(self.issues, "number", number, sent),
        }
        return _route(routes, f"{method} {path}")

    def comment(self, body: str, *, on: int = 12, by: int = ME) -> dict[str, Any]:
        """Write one."""
        id = len(self.comments) + 1000
        self.comments.append({"id": id, "on": on, "body": body, "user": {"id": by}, "html_url": f"comment-{id}"})
        return self.comments[-1]

    def issue(self, body: str, *, title: str = "Drift", by: int = ME, **more: Any) -> dict[str, Any]:
        """Open one."""
        number = len(self.issues) + 1
        about = {"number": number, "id": number + 9000, "html_url": f"issue-{number}", "state": "open"}
        self.issues.append({**about, "title": title, "body": body, "user": {"id": by}, **more})
        return self.issues[-1]


class FakeGitLab(FakeForge):
    """One project, 55; a note's ``on`` is ``merge_requests/12`` or ``issues/1``."""

    def answer(self, method: str, path: str, query: dict[str, str], sent: Any) -> object:
        routes: dict[str, Callable[..., object]] = {
            "GET /projects/55/issues": lambda: _page(self._own_open(query), query),
            "POST /projects/55/issues": lambda: self.issue(sent["description"], title=sent["title"]),
            r"PUT /projects/55/issues/(\d+)": lambda iid: _change(self.issues, "iid", iid, sent),
            "GET /user": lambda: {"id": ME},
            r"GET /projects/55/(merge_requests/\d+)/notes": lambda on: _page(
                [note for note in self.comments if note["on"] == on], query
            ),
            r"POST /projects/55/(\w+/\d+)/notes": lambda on: self.comment(sent["body"], on=on),
            r"PUT /projects/55/merge_requests/\d+/notes/(\d+)": lambda id: _change(self.comments, "id", id, sent),
        }
        return _route(routes, f"{method} {path}")

    def _own_open(self, query: dict[str, str]) -> list[dict[str, Any]]:
        assert query["scope"] == "created_by_me"
        assert query["state"] == "opened"
        return [issue for issue in self.issues if issue["author"]["id"] == ME and issue.get("state_event") is None]

    def comment(self, body: str, *, on: str = "merge_requests/12", by: int = ME) -> dict[str, Any]:
        """Write one."""
        self.comments.append({"id": len(self.comments) + 1000, "on": on, "body": body, "author": {"id": by}})
        return self.comments[-1]

    def issue(self, body: str, *, title: str = "Drift", by: int = ME) -> dict[str, Any]:
        """Open one."""
        iid = len(self.issues) + 1
        about = {"iid": iid, "id": iid + 9000, "web_url": f"issue-{iid}", "title": title, "author": {"id": by}}
        self.issues.append({**about, "description": body})
        return self.issues[-1]


def _route(routes: dict[str, Callable[..., object]], asked: str) -> object:
    for pattern, give in routes.items():
        if found := re.fullmatch(pattern, asked):
            return give(*found.groups())
    return None


def _page(entries: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    size, page = int(query["per_page"]), int(query["page"])
    assert size <= 100, "neither server gives more"
    return entries[(page - 1) * size : page * size]


def _change(entries: list[dict[str, Any]], key: str, value: str, sent: dict[str, Any]) -> dict[str, Any] | None:
    for entry in entries:
        if entry[key] == int(value):
            entry.update(sent)
            return entry
    return None


class _Silent(WSGIRequestHandler):
    def log_request(self, *_code_and_size: object) -> None:
        """The tests look at what the forge keeps."""
