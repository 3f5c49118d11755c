"""``python -m review.comment`` against GitHub's and GitLab's API on a loopback address."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from errors import UserError
from review.comment import MARKER, main
from review.forge import GitHub, GitLab, forge_of
from review.forge_api import TIMEOUT_SECONDS, WAITS_SECONDS
from review.report.markdown import LIMIT, marker
from tests.unit.fake_endpoint import Answer
from tests.unit.fake_forge import SOMEBODY, TOKEN, FakeForge, FakeGitHub, FakeGitLab

MARK = "<!-- mlflow-on-aws plan review: dev -->"
REPORT = f"{MARK}\n\n# dev: safe\n"
OURS = ("GITHUB_", "CI_", "GITLAB_")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A shell that no server of this machine's has set variables for."""
    for name in tuple(os.environ):
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that it would have waited, one after the other."""
    seconds: list[float] = []
    monkeypatch.setattr("review.forge_api.time.sleep", seconds.append)
    return seconds


@pytest.fixture
def github(shell: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    fake = FakeGitHub()
    with fake.served() as url:
        _point_to_github(shell, url)
        yield fake


@pytest.fixture
def gitlab(shell: pytest.MonkeyPatch) -> Iterator[FakeGitLab]:
    fake = FakeGitLab()
    with fake.served() as url:
        shell.setenv("CI_API_V4_URL", url)
        shell.setenv("CI_PROJECT_ID", "55")
        shell.setenv("CI_MERGE_REQUEST_IID", "12")
        shell.setenv("GITLAB_TOKEN", TOKEN)
        yield fake


@pytest.fixture(params=["github", "gitlab"])
def forge(request: pytest.FixtureRequest) -> FakeForge:
    """Either, each in a test of its own."""
    served: FakeForge = request.getfixturevalue(request.param)
    return served


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "review.md"
    file.write_text(REPORT, encoding="utf-8")
    return file


def _point_to_github(shell: pytest.MonkeyPatch, url: str) -> None:
    shell.setenv("GITHUB_API_URL", url)
    shell.setenv("GITHUB_GRAPHQL_URL", f"{url}/graphql")
    shell.setenv("GITHUB_REPOSITORY", "owner/name")
    shell.setenv("GITHUB_TOKEN", TOKEN)


def _bodies(forge: FakeForge) -> list[str]:
    return [comment["body"] for comment in forge.comments]


def _texts(forge: FakeForge) -> list[str]:
    return [issue["body"] if "body" in issue else issue["description"] for issue in forge.issues]


def test_writes_a_comment_where_there_is_none(forge: FakeForge, report: Path) -> None:
    main(["--number", "12", "--file", str(report)])
    assert _bodies(forge) == [REPORT]


def test_updates_its_comment_in_place(forge: FakeForge, report: Path) -> None:
    main(["--number", "12", "--file", str(report)])
    report.write_text(f"{MARK}\n\n# dev: dangerous\n", encoding="utf-8")
    main(["--number", "12", "--file", str(report)])
    assert _bodies(forge) == [f"{MARK}\n\n# dev: dangerous\n"]


def test_leaves_alone_what_another_user_wrote_with_our_marker(
    github: FakeGitHub, gitlab: FakeGitLab, forge: FakeForge, report: Path, shell: pytest.MonkeyPatch
) -> None:
    if forge is gitlab:
        shell.delenv("GITHUB_REPOSITORY")
    github.comment(f"{MARK}\nnot yours", by=SOMEBODY)
    gitlab.comment(f"{MARK}\nnot yours", by=SOMEBODY)
    main(["--number", "12", "--file", str(report)])
    assert _bodies(forge) == [f"{MARK}\nnot yours", REPORT]


def test_each_environment_has_a_comment_of_its_own(forge: FakeForge, report: Path) -> None:
    main(["--number", "12", "--file", str(report)])
    prod = REPORT.replace("dev", "prod")
    report.write_text(prod, encoding="utf-8")
    main(["--number", "12", "--file", str(report)])
    assert _bodies(forge) == [REPORT, prod]


def test_leaves_alone_our_comment_that_only_quotes_the_marker(github: FakeGitHub, report: Path) -> None:
    github.comment(f"> see\n{MARK}")
    main(["--number", "12", "--file", str(report)])
    assert _bodies(github) == [f"> see\n{MARK}", REPORT]


def test_finds_its_comment_on_a_later_page(github: FakeGitHub, report: Path) -> None:
    for number in range(230):
        github.comment(f"comment {number}", by=SOMEBODY)
    github.comment(f"{MARK}\nold")
    main(["--number", "12", "--file", str(report)])
    assert len(github.comments) == 231
    assert github.comments[-1]["body"] == REPORT


def test_asks_no_page_too_many(github: FakeGitHub, report: Path) -> None:
    for number in range(200):
        github.comment(f"comment {number}", by=SOMEBODY)
    main(["--number", "12", "--file", str(report)])
    assert len(github.comments) == 201


def test_a_comment_of_a_deleted_user_is_nobodys(github: FakeGitHub, report: Path) -> None:
    github.comment(f"{MARK}\nold")["user"] = None
    main(["--number", "12", "--file", str(report)])
    assert _bodies(github) == [f"{MARK}\nold", REPORT]


def test_a_comment_with_the_line_ends_of_a_browser_is_found(github: FakeGitHub, report: Path) -> None:
    github.comment(f"{MARK}\r\nold")
    main(["--number", "12", "--file", str(report)])
    assert _bodies(github) == [REPORT]


def test_the_number_comes_from_the_event(
    github: FakeGitHub, report: Path, shell: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 34}}))
    shell.setenv("GITHUB_EVENT_PATH", str(event))
    main(["--file", str(report)])
    assert [comment["on"] for comment in github.comments] == [34]


def test_the_number_comes_from_gitlabs_variable(gitlab: FakeGitLab, report: Path) -> None:
    main(["--file", str(report)])
    assert [note["on"] for note in gitlab.comments] == ["merge_requests/12"]


@pytest.mark.parametrize("event", ["{}", "[]", "no JSON", '{"pull_request": null}'])
def test_refuses_a_run_for_no_pull_request(
    github: FakeGitHub, report: Path, shell: pytest.MonkeyPatch, tmp_path: Path, event: str
) -> None:
    file = tmp_path / "event.json"
    file.write_text(event)
    shell.setenv("GITHUB_EVENT_PATH", str(file))
    with pytest.raises(UserError, match="say by --number"):
        main(["--file", str(report)])
    assert github.comments == []


def test_a_link_is_the_last_line(github: FakeGitHub, report: Path) -> None:
    main(["--number", "12", "--file", str(report), "--link", "https://example.com/a/1"])
    assert _bodies(github) == [f"{REPORT}\n[The whole report as a page](https://example.com/a/1)\n"]


def test_a_link_is_left_out_where_the_report_fills_the_comment(github: FakeGitHub, report: Path) -> None:
    full = f"{MARK}\n".ljust(GitHub.limit, "x")
    report.write_text(full, encoding="utf-8")
    main(["--number", "12", "--file", str(report), "--link", "https://example.com/a/1"])
    assert _bodies(github) == [full]


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://example.com/a) [b](c", "https://a b", "<https://a>"])
def test_refuses_a_link_that_is_more_than_an_address(
    report: Path, link: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--number", "12", "--file", str(report), "--link", link])
    assert "is not an address" in capsys.readouterr().err


@pytest.mark.parametrize(("served", "limit"), [("github", GitHub.limit), ("gitlab", GitLab.limit)])
def test_refuses_a_report_that_is_too_long(
    request: pytest.FixtureRequest, report: Path, served: str, limit: int
) -> None:
    forge: FakeForge = request.getfixturevalue(served)
    report.write_text(f"{MARK}\n".ljust(limit + 1, "x"), encoding="utf-8")
    with pytest.raises(UserError, match=f"it has {limit + 1:,} characters, and {limit:,} is the most"):
        main(["--number", "12", "--file", str(report)])
    assert forge.comments == []


@pytest.mark.parametrize("text", ["", "# dev: safe\n", f"\n{MARK}\n", "<!-- mlflow-on-aws plan review: a --> b -->\n"])
def test_refuses_a_report_without_a_marker(github: FakeGitHub, report: Path, text: str) -> None:
    report.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="its first line is no marker"):
        main(["--number", "12", "--file", str(report)])
    assert github.comments == []


def test_refuses_a_report_that_is_not_there(github: FakeGitHub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        main(["--number", "12", "--file", str(tmp_path / "none.md")])
    assert github.comments == []


def test_opens_an_issue_then_updates_it(forge: FakeForge, report: Path) -> None:
    main(["--issue", "Drift in dev", "--file", str(report)])
    assert [issue["title"] for issue in forge.issues] == ["Drift in dev"]
    report.write_text(f"{MARK}\nmore drift", encoding="utf-8")
    main(["--issue", "Drift in dev", "--file", str(report)])
    assert _texts(forge) == [f"{MARK}\nmore drift"]


def test_leaves_alone_issues_of_others_and_pull_requests(github: FakeGitHub, report: Path) -> None:
    github.issue(f"{MARK}\ntheirs", by=SOMEBODY)
    github.issue(f"{MARK}\na pull request", pull_request={})
    main(["--issue", "Drift in dev", "--file", str(report)])
    assert _texts(github) == [f"{MARK}\ntheirs", f"{MARK}\na pull request", REPORT]


def test_opens_a_new_issue_once_the_old_one_is_closed(forge: FakeForge, report: Path) -> None:
    main(["--issue", "Drift in dev", "--file", str(report)])
    main(["--close", "It is gone.", "--file", str(report)])
    main(["--issue", "Drift in dev", "--file", str(report)])
    assert len(forge.issues) == 2


def test_closes_the_issue_and_says_why(forge: FakeForge, report: Path) -> None:
    main(["--issue", "Drift in dev", "--file", str(report)])
    report.write_text(f"{MARK}\nnothing", encoding="utf-8")
    main(["--close", "It is gone.", "--file", str(report)])
    (issue,) = forge.issues
    assert issue.get("state") == "closed" or issue.get("state_event") == "close"
    assert _texts(forge) == [REPORT], "what the drift was stays to be read"
    assert [(comment["on"], comment["body"]) for comment in forge.comments] in (
        [(1, "It is gone.")],
        [("issues/1", "It is gone.")],
    )


def test_closes_nothing_where_no_issue_is_open(
    forge: FakeForge, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--close", "It is gone.", "--file", str(report)])
    assert capsys.readouterr().out == "there is no open issue\n"
    assert forge.comments == []


def test_tries_again_after_what_passes(github: FakeGitHub, report: Path, waited: list[float]) -> None:
    github.answers = [Answer(502, b"<html>"), Answer(500), Answer(429, b"{}", {"Retry-After": "7"})]
    main(["--number", "12", "--file", str(report)])
    assert _bodies(github) == [REPORT]
    assert waited == [WAITS_SECONDS[0], WAITS_SECONDS[1], 7.0]


def test_a_comment_that_was_written_although_the_answer_got_lost_is_not_written_twice(
    github: FakeGitHub, report: Path, waited: list[float]
) -> None:
    # Whose token it is, the list, and the comment itself, whose answer gets lost; then the same again.
    github.writes_before_failing = True
    github.answers = [None, None, Answer(504, b"")]
    main(["--number", "12", "--file", str(report)])
    assert _bodies(github) == [REPORT]
    assert waited == [WAITS_SECONDS[0]]


def test_gives_up_after_the_last_attempt(github: FakeGitHub, report: Path, waited: list[float]) -> None:
    github.answers = [Answer(503, b"down")] * 9
    with pytest.raises(UserError, match=r"status 503, down, 4 times: try again later"):
        main(["--number", "12", "--file", str(report)])
    assert waited == list(WAITS_SECONDS)
    assert len(github.answers) == 9 - len(WAITS_SECONDS) - 1


def test_waits_for_no_limit_that_takes_longer(github: FakeGitHub, report: Path, waited: list[float]) -> None:
    github.answers = [Answer(403, b'{"message": "rate limit"}', {"Retry-After": "3000"})]
    with pytest.raises(UserError, match="asks to wait 3000 s"):
        main(["--number", "12", "--file", str(report)])
    assert waited == []


def test_a_used_up_rate_limit_is_no_missing_permission(github: FakeGitHub, report: Path, waited: list[float]) -> None:
    github.answers = [Answer(403, b"{}", {"X-RateLimit-Remaining": "0"})]
    main(["--number", "12", "--file", str(report)])
    assert _bodies(github) == [REPORT]
    assert waited == [WAITS_SECONDS[0]]


@pytest.mark.usefixtures("waited")
@pytest.mark.parametrize(
    ("served", "answer", "says"),
    [
        (
            "github",
            Answer(403, b'{"message": "Resource not accessible by integration"}'),
            "not accessible by integration: GITHUB_TOKEN needs the permission `pull-requests: write`",
        ),
        ("github", Answer(404, b'{"message": "Not Found"}'), "Not Found: GITHUB_TOKEN needs .* or there is no such"),
        ("github", Answer(401, b"{}"), "GITHUB_TOKEN is wrong or has expired"),
        ("github", Answer(410, b'{"message": "Issues are disabled"}'), "has no issues; switch them on"),
        ("github", Answer(301, b"", {"Location": "https://example.com"}), "has moved"),
        ("github", Answer(422, b'{"message": "no", "errors": [{"code": "x"}]}'), r'422, no, \[\{"code": "x"\}\]'),
        ("github", Answer(200, b"<html>"), "answered no JSON"),
        ("github", Answer(200, b'{"errors": []}'), "has no data.viewer.databaseId"),
        ("gitlab", Answer(403, b'{"error": "insufficient_scope"}'), "insufficient_scope: GITLAB_TOKEN needs the scope"),
    ],
)
def test_a_refusal_says_what_to_do(
    request: pytest.FixtureRequest, report: Path, served: str, answer: Answer, says: str
) -> None:
    forge: FakeForge = request.getfixturevalue(served)
    forge.answers = [answer]
    with pytest.raises(UserError, match=says):
        main(["--number", "12", "--file", str(report)])
    assert forge.comments == []


def test_refuses_a_list_that_is_none(github: FakeGitHub, report: Path) -> None:
    github.answers = [Answer(200, b'{"data": {"viewer": {"databaseId": 41}}}'), Answer(200, b"{}")]
    with pytest.raises(UserError, match="answered no list"):
        main(["--number", "12", "--file", str(report)])


def test_a_server_that_is_not_there_is_a_message(shell: pytest.MonkeyPatch, report: Path, waited: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        _point_to_github(shell, f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.raises(UserError, match="no connection, 4 times"):
        main(["--number", "12", "--file", str(report)])
    assert waited == list(WAITS_SECONDS)


def test_nothing_is_asked_without_a_time_limit(
    github: FakeGitHub, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = []
    request = requests.request

    def remember(*arguments: Any, **more: Any) -> requests.Response:
        limits.append(more.get("timeout"))
        return request(*arguments, **more)

    monkeypatch.setattr("review.forge_api.requests.request", remember)
    main(["--number", "12", "--file", str(report)])
    assert limits == [TIMEOUT_SECONDS] * 3
    assert len(github.comments) == 1


def test_other_credentials_of_this_machine_are_not_sent(
    github: FakeGitHub, report: Path, shell: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    shell.setenv("NETRC", str(netrc))
    main(["--number", "12", "--file", str(report)])
    assert _bodies(github) == [REPORT]


@pytest.mark.parametrize("missing", ["GITHUB_TOKEN", "GITHUB_REPOSITORY"])
def test_a_missing_variable_is_named(github: FakeGitHub, report: Path, shell: pytest.MonkeyPatch, missing: str) -> None:
    shell.delenv(missing)
    with pytest.raises(UserError, match=missing):
        main(["--number", "12", "--file", str(report)])
    assert github.comments == []


@pytest.mark.parametrize(
    ("rest", "graphql"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://git.example.com/api/v3/", "https://git.example.com/api/graphql"),
    ],
)
def test_an_enterprise_server_has_graphql_beside_rest(rest: str, graphql: str) -> None:
    shell = {"GITHUB_REPOSITORY": "o/n", "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": rest}
    assert forge_of(shell)._graphql == graphql  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", ["0", "-1", "x", ""])
def test_refuses_a_number_that_is_none(report: Path, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([f"--number={number}", "--file", str(report)])
    assert "is not the number of a pull request" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["dev", "prod", "eu-prod-2"])
def test_the_first_line_of_a_report_is_a_marker(name: str) -> None:
    assert MARKER.fullmatch(marker(name))


def test_a_report_fits_into_a_comment_of_either() -> None:
    assert min(GitHub.limit, GitLab.limit) >= LIMIT
