"""``python -m review.comment``: keeps one comment of a pull request, or one issue, at what a file says.

The file's first line is a marker, as ``python -m review`` writes it. What the token's own user wrote with the same
marker is updated in place, and everything else is left alone. On GitHub it takes GITHUB_TOKEN and GITHUB_REPOSITORY, on
GitLab GITLAB_TOKEN, CI_API_V4_URL and CI_PROJECT_ID.
"""

from __future__ import annotations

import argparse
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from errors import UserError, exit_on_user_error
from review.forge import Forge, forge_of
from review.forge_api import patiently

MARKER = re.compile(r"<!-- mlflow-on-aws plan review: [a-z0-9-]+ -->")
"""The first line of a report, with the environment's name."""


def main(arguments: list[str] | None = None) -> None:
    """Write one comment or issue; raises ``UserError`` for what the user can mend."""
    options = _parse(arguments)
    forge = forge_of(os.environ)
    body = read_report(options.file, options.link, forge.limit)
    if options.close:
        done = patiently(lambda: close_issue(forge, body, options.close))
    elif options.issue:
        done = patiently(lambda: keep_issue(forge, options.issue, body))
    else:
        number = options.number or number_of(os.environ)
        done = patiently(lambda: keep_comment(forge, number, body))
    print(done)


def keep_comment(forge: Forge, number: int, body: str) -> str:
    """Make our comment say *body*; what was done, in a few words."""
    for comment in forge.comments(number):
        if _first_line(comment.body) == _first_line(body):
            return f"updated {forge.update_comment(number, comment, body).url}"
    return f"wrote {forge.create_comment(number, body).url}"


def keep_issue(forge: Forge, title: str, body: str) -> str:
    """Make our open issue say *body*, and open one if there is none; what was done, in a few words."""
    for issue in forge.issues():
        if _first_line(issue.body) == _first_line(body):
            return f"updated {forge.update_issue(issue, body).url}"
    return f"opened {forge.create_issue(title, body).url}"


def close_issue(forge: Forge, body: str, farewell: str) -> str:
    """Close our open issue with the marker of *body*, if there is one; what was done, in a few words."""
    for issue in forge.issues():
        if _first_line(issue.body) == _first_line(body):
            forge.close_issue(issue, farewell)
            return f"closed {issue.url}"
    return "there is no open issue"


def read_report(file: Path, link: str | None, limit: int) -> str:
    """The text of *file*, with *link* at its end if there is room for it.

    Raises ``UserError`` for one that cannot be read, has no marker or is longer than *limit*.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--file {file}: cannot be read: {error}") from None
    if not MARKER.fullmatch(_first_line(text)):
        raise UserError(
            f"--file {file}: its first line is no marker like `<!-- mlflow-on-aws plan review: dev -->`, by which the "
            "comment would be found again. `python -m review` writes one."
        )
    if len(text) > limit:
        raise UserError(f"--file {file}: it has {len(text):,} characters, and {limit:,} is the most there.")
    linked = f"{text.rstrip()}\n\n[The whole report as a page]({link})\n" if link else text
    return linked if len(linked) <= limit else text


def number_of(shell: Mapping[str, str]) -> int:
    """The pull request that this run is for; raises ``UserError`` if it is for none."""
    if (merge_request := shell.get("CI_MERGE_REQUEST_IID", "")).isdecimal():
        return int(merge_request)
    event = shell.get("GITHUB_EVENT_PATH", "")
    try:
        return int(json.loads(Path(event).read_text(encoding="utf-8"))["pull_request"]["number"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError("this run is for no pull request: say by --number which one to write to.") from None


def _first_line(body: str) -> str:
    return body.partition("\n")[0].strip()


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m review.comment", description=__doc__)
    parser.add_argument("--file", type=Path, required=True, help="the report; its first line is the marker")
    parser.add_argument(
        "--link", metavar="URL", type=_link, help="where the whole report is; the last line, if it fits"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--number", type=_number, help="the pull request, if it is not the one that this run is for")
    where.add_argument("--issue", metavar="TITLE", help="open an issue, or update the open one, instead of a comment")
    where.add_argument("--close", metavar="TEXT", help="say this in the open issue, if there is one, and close it")
    return parser.parse_args(arguments)


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a pull request, such as 12")
    return int(text)


def _link(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s()<>]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as https://example.com/report")
    return text


if __name__ == "__main__":
    exit_on_user_error(main)
