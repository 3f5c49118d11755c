"""GitHub and GitLab, as far as a report needs them: comments of a pull request, and issues, of the token's own user."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from errors import UserError
from review.forge_api import Api, field


@dataclass(frozen=True)
class Post:
    """A comment or an issue that the token's own user wrote.

    *id* is what the API addresses it by, *url* where people read it.
    """

    id: int
    body: str
    url: str


class Forge(Protocol):
    """What is asked of either; *limit* is the most characters that one post may have."""

    limit: int

    def comments(self, number: int) -> Iterator[Post]:
        """Our own comments of a pull request."""

    def create_comment(self, number: int, body: str) -> Post:
        """Write a comment."""

    def update_comment(self, number: int, comment: Post, body: str) -> Post:
        """Replace the text of a comment."""

    def issues(self) -> Iterator[Post]:
        """Our own open issues."""

    def create_issue(self, title: str, body: str) -> Post:
        """Open an issue."""

    def update_issue(self, issue: Post, body: str) -> Post:
        """Replace the text of an issue."""

    def close_issue(self, issue: Post, farewell: str) -> None:
        """Say *farewell* in an issue and close it."""


class GitHub:
    """GitHub; whose token it is, only GraphQL says: REST refuses that to a workflow's own token."""

    limit = 65_536

    def __init__(self, api: Api, repository: str, graphql: str) -> None:
        self._api, self._repository, self._graphql = api, f"repos/{repository}", graphql

    def comments(self, number: int) -> Iterator[Post]:
        """Our own comments of a pull request; to the API it is an issue."""
        return self._own(f"issues/{number}/comments")

    def create_comment(self, number: int, body: str) -> Post:
        """Write a comment."""
        return self._write("POST", f"issues/{number}/comments", body=body)

    def update_comment(self, number: int, comment: Post, body: str) -> Post:  # noqa: ARG002  # GitLab needs it
        """Replace the text of a comment, which has an id of its own in the repository."""
        return self._write("PATCH", f"issues/comments/{comment.id}", body=body)

    def issues(self) -> Iterator[Post]:
        """Our own open issues."""
        return self._own("issues", state="open")

    def create_issue(self, title: str, body: str) -> Post:
        """Open an issue."""
        return self._write("POST", "issues", title=title, body=body)

    def update_issue(self, issue: Post, body: str) -> Post:
        """Replace the text of an issue."""
        return self._write("PATCH", f"issues/{issue.id}", body=body)

    def close_issue(self, issue: Post, farewell: str) -> None:
        """Say *farewell* in an issue and close it."""
        self.create_comment(issue.id, farewell)
        self._write("PATCH", f"issues/{issue.id}", state="closed")

    def _own(self, path: str, **parameters: str) -> Iterator[Post]:
        answer = self._api.ask("POST", self._graphql, json={"query": "{ viewer { databaseId } }"})
        me = field(answer, "data", "viewer", "databaseId")
        for entry in self._api.pages(f"{self._repository}/{path}", **parameters):
            # The list of issues has the pull requests as well; the author of either may be deleted.
            if "pull_request" not in entry and entry.get("user") and field(entry, "user", "id") == me:
                yield _github_post(entry)

    def _write(self, method: str, path: str, **fields: str) -> Post:
        return _github_post(self._api.ask(method, f"{self._repository}/{path}", json=fields))


def _github_post(entry: Mapping[str, Any]) -> Post:
    # An issue is addressed by its number, a comment by its id.
    number = entry["number"] if "number" in entry else field(entry, "id")
    return Post(number, entry.get("body") or "", field(entry, "html_url"))


class GitLab:
    """GitLab; a comment is a note there, and has no address of its own."""

    limit = 1_000_000

    def __init__(self, api: Api, project: str) -> None:
        self._api, self._project = api, f"projects/{quote(project, safe='')}"

    def comments(self, number: int) -> Iterator[Post]:
        """Our own notes of a merge request."""
        me = field(self._api.ask("GET", "user"), "id")
        for note in self._api.pages(self._notes(number)):
            if field(note, "author", "id") == me:
                yield _gitlab_note(note, number)

    def create_comment(self, number: int, body: str) -> Post:
        """Write a note."""
        return _gitlab_note(self._api.ask("POST", self._notes(number), json={"body": body}), number)

    def update_comment(self, number: int, comment: Post, body: str) -> Post:
        """Replace the text of a note."""
        changed = self._api.ask("PUT", f"{self._notes(number)}/{comment.id}", json={"body": body})
        return _gitlab_note(changed, number)

    def issues(self) -> Iterator[Post]:
        """Our own open issues."""
        issues = self._api.pages(f"{self._project}/issues", state="opened", scope="created_by_me")
        return map(_gitlab_issue, issues)

    def create_issue(self, title: str, body: str) -> Post:
        """Open an issue."""
        fields = {"title": title, "description": body}
        return _gitlab_issue(self._api.ask("POST", f"{self._project}/issues", json=fields))

    def update_issue(self, issue: Post, body: str) -> Post:
        """Replace the text of an issue."""
        return self._change(issue, description=body)

    def close_issue(self, issue: Post, farewell: str) -> None:
        """Say *farewell* in an issue and close it."""
        self._api.ask("POST", f"{self._project}/issues/{issue.id}/notes", json={"body": farewell})
        self._change(issue, state_event="close")

    def _change(self, issue: Post, **fields: str) -> Post:
        return _gitlab_issue(self._api.ask("PUT", f"{self._project}/issues/{issue.id}", json=fields))

    def _notes(self, number: int) -> str:
        return f"{self._project}/merge_requests/{number}/notes"


def _gitlab_note(note: Mapping[str, Any], number: int) -> Post:
    return Post(field(note, "id"), field(note, "body"), f"note {field(note, 'id')} of merge request {number}")


def _gitlab_issue(entry: Mapping[str, Any]) -> Post:
    return Post(field(entry, "iid"), entry.get("description") or "", field(entry, "web_url"))


def forge_of(shell: Mapping[str, str]) -> Forge:
    """The one that the variables of *shell* name; raises ``UserError`` if none does, or if the token is missing."""
    if shell.get("GITHUB_REPOSITORY"):
        url = (shell.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/")
        rights = "the permission `pull-requests: write` for a comment, `issues: write` for an issue"
        # An enterprise server has it beside /api/v3 (GitHub Docs, Forming calls with GraphQL).
        graphql = shell.get("GITHUB_GRAPHQL_URL") or f"{url.removesuffix('/v3')}/graphql"
        api = Api(url, _needed(shell, "GITHUB_TOKEN"), "GITHUB_TOKEN", rights)
        return GitHub(api, shell["GITHUB_REPOSITORY"], graphql)
    if shell.get("CI_PROJECT_ID"):
        rights = "the scope `api`, and the role Reporter or a higher one"
        url = _needed(shell, "CI_API_V4_URL").rstrip("/")
        return GitLab(Api(url, _needed(shell, "GITLAB_TOKEN"), "GITLAB_TOKEN", rights), shell["CI_PROJECT_ID"])
    raise UserError(
        "neither GITHUB_REPOSITORY nor CI_PROJECT_ID is set, so nobody knows where to write. For GitHub set "
        "GITHUB_REPOSITORY=owner/name and GITHUB_TOKEN; for GitLab CI_API_V4_URL, CI_PROJECT_ID and GITLAB_TOKEN."
    )


def _needed(shell: Mapping[str, str], name: str) -> str:
    if not shell.get(name):
        raise UserError(f"the environment variable {name} is not set: nothing can be written without it.")
    return shell[name]
