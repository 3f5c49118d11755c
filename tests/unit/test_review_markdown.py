"""The Markdown of a review: what it says, that nothing in a plan can become more than text, and how it gets shorter."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from syrupy.assertion import SnapshotAssertion

from cost.infracost import InfracostFigure
from errors import UserError
from pictures.mermaid import to_mermaid
from review.checks.allowances import read_allowances
from review.checks.rules import RULES
from review.model import (
    Action,
    Address,
    Allowance,
    Change,
    Difference,
    Downtime,
    Finding,
    PlanReview,
    Review,
    Unplanned,
    Verdict,
)
from review.report import text
from review.report.markdown import LADDER, LIMIT, SMALLEST, code, marker, prose, to_markdown
from tests.review.examples import (
    ATTACKS,
    AURORA_SOURCE,
    BUCKET,
    CLUSTER,
    COST,
    DANGEROUS,
    EMPTY,
    EXAMPLES,
    FIRST,
    GROUP,
    LOOK,
    PICTURE,
    SAFE,
    hostile,
    large,
)
from tests.review.golden_files import GoldenMarkdown

NO_LIMIT = 10**9
GOLDEN_LIMIT = 16_000  # the large example does not fit
GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
SPECIAL = "`|\\<>!-+=[](){}@#*_~&;:.'\"\n\r\t $a1/"
TEXTS = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(max_size=60),
    st.text(alphabet=SPECIAL, max_size=60),
    st.lists(st.sampled_from(ATTACKS), min_size=1, max_size=3).map("".join),
)


def _code_spans(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "code_inline":
            yield token.content
        yield from _code_spans(token.children or ())


def _plain_text(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type == "text":
            yield token.content
        yield from _plain_text(token.children or ())


def _tags(html: str) -> list[str]:
    """Every tag with its attributes, and every comment."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append(" ".join([tag, *(str(name) for name, _ in attrs)]))

        def handle_endtag(self, tag: str) -> None:
            found.append(f"/{tag}")

        def handle_comment(self, _: str) -> None:
            found.append("comment")

    reader = Reader()
    reader.feed(html)
    reader.close()
    return found


def _skeleton(tokens: Sequence[Token]) -> list[object]:
    """The blocks of a document, without what stands in them; of HTML its tags."""
    return [
        (token.type, token.tag, token.info, token.level, _tags(token.content) if token.type == "html_block" else [])
        for token in tokens
    ]


def _inline(tokens: Sequence[Token]) -> set[str]:
    return {
        f"{child.type}: {child.content}" if child.type == "html_inline" else child.type
        for token in tokens
        for child in token.children or ()
    }


def _folds(report: str) -> tuple[int, int]:
    """Folds that are opened and closed, counted as a parser sees them."""
    html = [tag for token in GFM.parse(report) if token.type == "html_block" for tag in _tags(token.content)]
    return sum(tag.split()[0] == "details" for tag in html), html.count("/details")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_comment_is_as_reviewed(name: str, snapshot: SnapshotAssertion) -> None:
    # Pictures have tests of their own.
    report = to_markdown(replace(EXAMPLES[name], picture=None), limit=GOLDEN_LIMIT)
    assert report == snapshot(extension_class=GoldenMarkdown)


@given(st.lists(TEXTS, min_size=1, max_size=12))
@example(list(ATTACKS))
@settings(max_examples=40, deadline=None)
def test_nothing_that_a_plan_says_becomes_more_than_text(texts: list[str]) -> None:
    words = {each: "word" + "".join(chr(ord("a") + int(digit)) for digit in str(n)) for n, each in enumerate(texts)}
    found = GFM.parse(to_markdown(hostile(*texts), limit=NO_LIMIT))
    harmless = GFM.parse(to_markdown(hostile(*(words[each] for each in texts)), limit=NO_LIMIT))

    assert _skeleton(found) == _skeleton(harmless)
    assert _inline(found) <= _inline(harmless) | {"code_inline", "text"}
    assert "image" not in _inline(found)
    links = [child.attrs["href"] for token in found for child in token.children or () if child.type == "link_open"]
    assert links == [AURORA_SOURCE]


@given(st.lists(TEXTS, min_size=1, max_size=12))
@example(list(ATTACKS))
@settings(max_examples=40, deadline=None)
def test_outside_of_code_there_is_nothing_that_github_would_link_or_mention(texts: list[str]) -> None:
    for plain in _plain_text(GFM.parse(to_markdown(hostile(*texts), limit=NO_LIMIT))):
        bare = plain.replace("docs.aws.amazon.com", "")
        assert not re.search(r"[@#<>\[\]{}`|\\*_~$^]|![\[\w]|://|www\.|[A-Za-z]-\d|\b[0-9a-f]{7,40}\b", bare), bare


@given(TEXTS)
@settings(max_examples=40, deadline=None)
def test_a_value_reads_as_it_is(value: str) -> None:
    change = Change(CLUSTER, Action.UPDATE, (Difference("path", value, "other"),))
    spans = list(_code_spans(GFM.parse(to_markdown(Review("dev", "us-west-2", PlanReview((change,)))))))
    assert (text.visible(text.shortened(value)) or '""') in spans


@given(st.text(alphabet="`|\\ a", min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_bars_and_backticks_stay_in_their_cell(value: str) -> None:
    table = f"| a | b |\n| --- | --- |\n| {code(value, cell=True)} | {code('end', cell=True)} |"
    assert list(_code_spans(GFM.parse(table))) == [value, "end"]


@given(st.lists(TEXTS, min_size=1, max_size=8), st.integers(SMALLEST, LIMIT))
@settings(max_examples=40, deadline=None)
def test_every_report_fits_and_has_its_verdict_and_closes_its_folds(texts: list[str], limit: int) -> None:
    review = hostile(*texts)
    many = replace(
        review, plan=replace(review.plan, changes=review.plan.changes * 2, findings=review.plan.findings * 9)
    )
    report = to_markdown(many, limit=limit)
    opened, closed = _folds(report)
    assert len(report) <= limit
    assert report.startswith(marker(many.environment) + "\n")
    assert "⛔ **Dangerous.**" in report
    assert opened == closed


@pytest.mark.parametrize("character", ["`", "\u202e", "\ud800", "\U000e0001", "|", "\\", "<"])
def test_the_shortest_report_fits_whatever_its_names_are(character: str) -> None:
    name = character * 5_000
    review = replace(large(300, findings=60), environment=name, region=name, base=name, digest=name)
    assert len(to_markdown(review, limit=SMALLEST)) <= SMALLEST


def test_refuses_a_limit_that_no_report_fits() -> None:
    with pytest.raises(ValueError, match=f"up to {SMALLEST}"):
        to_markdown(SAFE, limit=SMALLEST - 1)


def test_parts_are_left_out_in_the_order_of_the_ladder_and_named() -> None:
    review = large(120, findings=100)
    lengths, seen = len(to_markdown(review, limit=NO_LIMIT)), []
    while lengths > SMALLEST:
        report = to_markdown(review, limit=lengths - 1)
        match = re.search(r"this is left out: (.*)\. The HTML report has all of it", report)
        assert match
        seen.append(match[1].split(", "))
        if len(report) == lengths:
            break
        lengths = len(report)
    words = [rung.words for rung in LADDER]
    assert seen == [words[: n + 1] for n in range(len(seen))]
    assert len(seen) == len(LADDER)


@pytest.mark.parametrize(
    ("rungs", "there", "gone"),
    [
        (0, ("```mermaid", "`old 0`", "Waiting already", "`new 2`", "aws_s3_object.files_100"), ()),
        (1, ("`old 0`", "Waiting already", "`new 2`"), ("```mermaid",)),
        (2, ("aws_s3_object.files_0`", "Waiting already", "`new 2`"), ("`old 0`",)),
        (3, ("aws_s3_object.files_0`", "`new 2`"), ("Waiting already",)),
        (4, ("aws_s3_object.files_100`", "aws_s3_object.files_2`"), ("`new 2`",)),
        (5, ("`files-10`: ", "### Cost", "It stays."), ("aws_s3_object.files_100`",)),
        (6, ("`files-10`: ", "### Cost", "It is lost."), ("It stays.",)),
        (7, ("It is lost.", "Keep it."), ("`files-10`", "### Cost")),
        (8, ("aws_s3_object.files_0`",), ("It is lost.",)),
        (9, ("100 findings that nobody has allowed",), ("aws_s3_object.files_0`",)),
    ],
)
def test_what_a_rung_takes_away_is_gone_and_the_rest_is_there(
    rungs: int, there: Sequence[str], gone: Sequence[str]
) -> None:
    report = to_markdown(large(120, findings=100), limit=NO_LIMIT)
    for _ in range(rungs):
        report = to_markdown(large(120, findings=100), limit=len(report) - 1)
    assert [each for each in there if each not in report] == []
    assert [each for each in gone if each in report] == []


def test_what_is_not_there_is_not_said_to_be_left_out() -> None:
    review = replace(large(400), picture=None)
    assert "this is left out: the differences of what changes in place." in to_markdown(review, limit=LIMIT)


def test_the_first_line_finds_the_comment_again() -> None:
    assert to_markdown(SAFE).splitlines()[0] == "<!-- mlflow-on-aws plan review: dev -->"


def test_the_name_of_an_environment_cannot_end_the_marker() -> None:
    assert marker("a--><b>--_x") == "<!-- mlflow-on-aws plan review: a-b-_x -->"


def test_an_empty_plan_is_one_line() -> None:
    assert to_markdown(EMPTY).splitlines()[2:] == [
        "## Plan review: `dev`",
        "",
        "✅ **Safe.** Terraform would change nothing.",
        "",
        "Base `main (1f0c2ab)` · Digest of the plan `e3b0c44298fc1c14`",
    ]


def test_the_verdict_stands_before_everything_else() -> None:
    blocks = to_markdown(DANGEROUS).split("\n\n")
    assert blocks[2] == "⛔ **Dangerous.** 2 findings that nobody has allowed, and 2 to look at."
    assert blocks[4] == "### ⛔ Dangerous"


def test_a_dangerous_finding_says_what_and_what_to_do() -> None:
    assert (
        "- **`dev-mlflow-vpclink: aws_security_group_rule.load_balancer_from_world`** (`open-to-world`): "
        "Port 80 is opened to `0.0.0.0/0`.<br>→ Name a security group instead, or a smaller range."
    ) in to_markdown(DANGEROUS).splitlines()


def test_what_is_allowed_says_until_when_and_why_and_is_not_among_the_dangerous() -> None:
    report = to_markdown(DANGEROUS)
    dangerous, _, rest = report.partition("### 👀 To look at")
    assert "protection-off" not in dangerous
    assert "Allowed until 2027-01-15: The experiments have moved to the bucket of prod, see ticket 4711." in rest


def test_only_what_nobody_has_allowed_is_offered_to_be_allowed() -> None:
    toml = next(token for token in GFM.parse(to_markdown(DANGEROUS)) if token.info == "toml").content
    assert tomllib.loads(toml)["allowed"] == [
        {"environment": "dev", "address": str(address), "rule": rule, "reason": "", "expires": date(1970, 1, 1)}
        for address, rule in ((CLUSTER, "data-lost"), (GROUP, "open-to-world"))
    ]


@given(TEXTS, TEXTS, TEXTS, TEXTS)
@settings(max_examples=40, deadline=None)
def test_the_offered_toml_names_exactly_the_finding(environment: str, stack: str, resource: str, rule: str) -> None:
    address = replace(CLUSTER, stack=stack, resource=resource)
    finding = Finding(Verdict.DANGEROUS, rule, address, "Lost.")
    allowed = tomllib.loads(text.allowances_toml(environment, [finding, finding]))["allowed"]
    expected = (re.sub("[\ud800-\udfff]", "\ufffd", each) for each in (environment, str(address), rule))
    assert [tuple(each.values())[:3] for each in allowed] == [tuple(expected)]


def _offered(folder: Path, *, reason: str, expires: str) -> Path:
    finding = Finding(Verdict.DANGEROUS, next(iter(RULES)), CLUSTER, "Lost.")
    toml = text.allowances_toml("dev", [finding])
    file = folder / "allowed.toml"
    file.write_text(toml.replace('reason = ""', f'reason = "{reason}"').replace("1970-01-01", expires))
    return file


def test_what_is_offered_allows_the_finding_once_a_reason_and_a_day_are_filled_in(tmp_path: Path) -> None:
    file = _offered(tmp_path, reason="Moved.", expires="2026-11-20")
    (entry,) = read_allowances(file, "dev", today=date(2026, 11, 2)).entries
    assert (entry.address, entry.rule) == (str(CLUSTER), next(iter(RULES)))
    assert entry.allowance == Allowance("Moved.", date(2026, 11, 20))


def test_what_is_offered_allows_nothing_without_a_reason(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="reason"):
        read_allowances(_offered(tmp_path, reason="", expires="2026-11-20"), "dev", today=date(2026, 11, 2))


def test_nothing_is_offered_to_be_allowed_where_nothing_is_dangerous() -> None:
    assert "[[allowed]]" not in to_markdown(LOOK)


def test_an_attribute_that_forces_a_replacement_says_so() -> None:
    assert "| `storage_encrypted` **forces replacement** | `true` | `false` |" in to_markdown(DANGEROUS)
    assert "| `deletion_protection` | `true` | `false` |" in to_markdown(DANGEROUS)


def test_changes_stand_under_their_stack_and_construct_with_what_matters_most_first() -> None:
    constructs = re.findall(r"^(?:\*\*`(.*?)`\*\*|<summary><(?:code|i)>(.*?)<)", to_markdown(DANGEROUS), flags=re.M)
    assert [stack or construct for stack, construct in constructs][:7] == [
        "dev-mlflow-vpclink",
        "database",
        "no longer in the code",
        "artifacts",
        "load-balancer",
        "dev-http-api-gateway",
        "access",
    ]


def test_what_waits_already_is_apart_from_what_the_pull_request_changes() -> None:
    mine, _, waiting = to_markdown(LOOK).partition("### Waiting already")
    assert "aws_kms_key.key" not in mine
    assert "The base would make these changes as well: 1 to change" in waiting
    assert "aws_kms_key.key" in waiting
    assert "Resources: 1 to replace, 1 to destroy, 1 to change, 1 to add; waiting already: 1 to change." in mine


def test_an_unknown_price_is_named_and_never_0() -> None:
    report = to_markdown(LOOK)
    assert "| `Notebook` | 0.00 | price unknown | unknown |" in report
    assert "Price unknown, so in no sum: `notebook instance, ml.p9.huge`." in report
    assert "| **all that has a known price** | **70.40** | **96.52** | **+26.12** |" in report


def test_a_cost_that_stays_is_said_to_stay() -> None:
    assert "Cost: 70.40 USD a month, as before." in to_markdown(SAFE)


def test_prices_have_a_day_and_a_region_and_an_assumption() -> None:
    assert "list prices of `us-west-2` as of 2026-11-02; how much is used is assumed by `usage`" in to_markdown(LOOK)


@pytest.mark.parametrize(
    ("figure", "line"),
    [
        (InfracostFigure(101.5, 127.25, "infracost v0.10"), "infracost: 101.50 → 127.25 USD (`infracost v0.10`)"),
        (InfracostFigure(None, 3.0, "new"), "infracost: price unknown → 3.00 USD (`new`)"),
        (InfracostFigure(None, None, "no key"), "infracost: no figure (`no key`)"),
    ],
)
def test_the_figure_of_infracost_stands_beside_ours(figure: InfracostFigure, line: str) -> None:
    assert line in to_markdown(replace(LOOK, infracost=figure)).splitlines()


def test_the_picture_is_folded_and_as_drawn() -> None:
    blocks = GFM.parse(to_markdown(LOOK))
    assert [block.content.strip() for block in blocks if block.info == "mermaid"] == [to_mermaid(PICTURE).strip()]


def test_a_picture_cannot_close_its_fence(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = "flowchart LR\n```\n</details>\n# out\n````"
    monkeypatch.setattr("review.report.markdown.to_mermaid", lambda _: drawn)
    blocks = GFM.parse(to_markdown(LOOK))
    assert [block.content.strip() for block in blocks if block.info == "mermaid"] == [drawn]


@pytest.mark.parametrize(
    ("stack", "line"),
    [
        (
            Unplanned("dev-a", ("dev-b", "dev-c")),
            "- `dev-a`: it reads outputs of `dev-b`, `dev-c`, which must be deployed before.",
        ),
        (Unplanned("dev-a", ()), "- `dev-a`: no plan was given, so nobody knows what would change."),
    ],
)
def test_a_stack_without_a_plan_says_why(stack: Unplanned, line: str) -> None:
    assert line in to_markdown(replace(FIRST, unplanned=(stack,))).splitlines()


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("https://docs.aws.amazon.com/a/b.html#c", "[docs.aws.amazon.com](<https://docs.aws.amazon.com/a/b.html#c>)"),
        ("docs/notebook.md", "`docs/notebook.md`"),
        ("javascript:alert(1)", "`javascript:alert(1)`"),
        ("https://user@evil.example/", "`https://user@evil.example/`"),
        ("https://evil.example/>[x](y)", "`https://evil.example/>[x](y)`"),
    ],
)
def test_only_the_plain_address_of_a_page_becomes_a_link(source: str, shown: str) -> None:
    plan = PlanReview(downtimes=(Downtime(CLUSTER, "The database.", "minutes", source),))
    line = f"| `dev-mlflow-vpclink: aws_rds_cluster.database` | The database. | minutes | {shown} |"
    assert line in to_markdown(Review("dev", "us-west-2", plan)).splitlines()


def test_a_long_value_is_shortened_in_the_middle_and_its_length_said() -> None:
    assert code("a" * 1_000 + "z" * 234) == f"`{'a' * 133} … 1,234 characters … {'z' * 66}`"
    assert code("a" * 200) == f"`{'a' * 200}`"


def test_many_settings_notes_and_findings_are_folded() -> None:
    findings = tuple(Finding(Verdict.LOOK, "look", BUCKET, f"Number {n}.") for n in range(20))
    plan = PlanReview(findings=findings, notes=tuple(f"Note {n}." for n in range(20)))
    keys = tuple((f"key{n}", "1", "2") for n in range(20))
    report = to_markdown(Review("dev", "us-west-2", plan, settings_changes=keys))
    assert re.findall("<summary>(20 .*)</summary>", report) == ["20 findings", "20 keys", "20 notes"]


def test_an_allowed_finding_alone_needs_a_look_only() -> None:
    allowed = Finding(Verdict.DANGEROUS, "data-lost", CLUSTER, "Lost.", "", Allowance("Moved.", date(2027, 1, 1)))
    report = to_markdown(Review("dev", "us-west-2", PlanReview(findings=(allowed,))))
    assert "👀 **Look.** To look at: 1 finding, 1 of them allowed." in report


def test_the_comparison_names_components_that_do_not_change_in_a_fold() -> None:
    shown, _, folded = to_markdown(replace(LOOK, cost=COST)).partition("<summary>2 components as before</summary>")
    assert "`NAT gateways`" not in shown
    assert "| `NAT gateways` | 32.85 | 32.85 | 0.00 |" in folded


def test_changes_inside_of_a_construct_count_to_it() -> None:
    inside = (
        Change(Address("dev-a", f"aws_route.{name}", "aws_route", f"network/{name}"), Action.CREATE) for name in "xy"
    )
    report = to_markdown(Review("dev", "us-west-2", PlanReview(changes=tuple(inside))))
    assert re.findall(r"<summary>(<code>.*)</summary>", report) == ["<code>network</code>: 2 to add"]


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        (
            "At most 90 days, S3 keeps 4.5 GB (known after apply).",
            "At most 90 days, S3 keeps 4.5 GB (known after apply).",
        ),
        ("by `iam` instead", "by `iam` instead"),
        ("see #123", "see `#123`"),
        ("octo/repo#1 or GH-12", "`octo/repo#1` or `GH-12`"),
        ("ask @octocat", "ask `@octocat`"),
        ("1f0c2ab is the commit", "`1f0c2ab` is the commit"),
        ("a facade", "a facade"),
        ("<b>bold</b>", "`<b>bold</b>`"),
        ("![a](b)", "`![a](b`)"),
        ("*stars* ~~gone~~ _under_", "`*stars*` `~~gone~~` `_under_`"),
        ("1. first", "`1`. first"),
        ("a ``` b", "a ```` ``` ```` b"),
        ("https://example.com/x www.example.com", "`https://example.com/x` `www.example.com`"),
        ("a\n# b", "a `#` b"),
        ("", "—"),
    ],
)
def test_a_sentence_is_language_as_far_as_it_is_plain_words(sentence: str, shown: str) -> None:
    assert prose(sentence) == shown
