"""The HTML page of a review: what it says, that it stands alone, and that nothing in a plan can become an element."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from pictures.model import Diagram
from review.model import Action, Change, Difference, PlanReview, Review
from review.report import text
from review.report.html import to_html
from tests.review.examples import ATTACKS, AURORA_SOURCE, CLUSTER, DANGEROUS, EMPTY, EXAMPLES, LOOK, PICTURE, hostile
from tests.review.golden_files import GoldenHtml

GENERATED = "2026-11-24 12:00 UTC"
VOID = {"meta", "path", "circle"}
TEXTS = st.one_of(
    st.sampled_from(ATTACKS), st.text(max_size=60), st.text(alphabet="<>&\"'/=` \n{}%#!-abc", max_size=60)
)


@dataclass
class Page(HTMLParser):
    """What a parser finds: every start tag with its attributes, the text, and which elements are open at its end."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    @property
    def text(self) -> str:
        return "".join(self.words)

    def attributes(self, name: str) -> list[str | None]:
        return [attributes[name] for _, attributes in self.tags if name in attributes]


def _page(review: Review) -> Page:
    page = Page()
    page.feed(to_html(replace(review, picture=None), generated=GENERATED))
    page.close()
    assert page.open == []
    return page


def _elements(page: Page) -> Counter[str]:
    """The elements, without those that show a value as code or shorten it, whose number depends on the values."""
    return Counter(tag for tag, attributes in page.tags if tag not in {"code", "summary", "details"})


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_is_as_reviewed(name: str, snapshot: SnapshotAssertion) -> None:
    page = to_html(replace(EXAMPLES[name], picture=None), generated=GENERATED)
    style = re.compile("<style>.*</style>", flags=re.S)  # read with the eyes, in the pictures of the browser test
    assert style.sub("<style></style>", page) == snapshot(extension_class=GoldenHtml)


@given(st.lists(TEXTS, min_size=1, max_size=12))
@example(list(ATTACKS))
@settings(max_examples=60, deadline=None)
def test_nothing_that_a_plan_says_becomes_an_element_or_an_attribute(texts: list[str]) -> None:
    words = {each: "word" + "".join(chr(ord("a") + int(digit)) for digit in str(n)) for n, each in enumerate(texts)}
    found, harmless = (_page(hostile(*each)) for each in (texts, [words[each] for each in texts]))
    assert _elements(found) == _elements(harmless)
    assert {(tag, *attributes) for tag, attributes in found.tags} <= {
        *((tag, *attributes) for tag, attributes in harmless.tags),
        ("code", "class"),
        ("details", "class"),
    }
    assert [each for each in found.attributes("href") if not str(each).startswith("#")] == [AURORA_SOURCE]


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_a_value_reads_as_it_is(value: str) -> None:
    change = Change(CLUSTER, Action.UPDATE, (Difference("path", value, "other"),))
    assert text.visible(value, keep="\n") in _page(Review("dev", "us-west-2", PlanReview((change,)))).text


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_asks_for_nothing_and_runs_nothing(name: str) -> None:
    page = _page(EXAMPLES[name])
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    assert [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "src"] == []
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page.attributes("content")
    assert "url(" not in page.text
    assert "@import" not in page.text


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_pointer_inside_the_page_points_to_one_place(name: str) -> None:
    page = _page(EXAMPLES[name])
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    assert {str(each)[1:] for each in page.attributes("href") if str(each).startswith("#")} <= set(ids)


def test_a_finding_points_to_its_resource() -> None:
    html = to_html(replace(DANGEROUS, picture=None), generated=GENERATED)
    anchor = re.search(r'<a href="#(resource-\d+)"><code>dev-mlflow-vpclink: aws_rds_cluster.database</code>', html)
    assert anchor
    resource = html.partition(f'id="{anchor[1]}"')[2].partition("</p>")[0]
    assert "<code>aws_rds_cluster.database</code>" in resource


def test_sections_stand_in_the_order_of_the_comment() -> None:
    found = [attributes["id"] for tag, attributes in _page(DANGEROUS).tags if tag == "section"]
    expected = ["dangerous", "looks", "settings", "changes", "drift", "downtime", "cost", "meaning"]
    assert found == expected


def test_an_empty_plan_is_one_line_and_its_foot() -> None:
    page = _page(EMPTY)
    assert [tag for tag, _ in page.tags if tag in {"section", "nav"}] == []
    assert "Terraform would change nothing." in page.text


def test_a_long_value_is_there_shortened_and_whole() -> None:
    value = "a" * 1_000 + "z" * 234
    change = Change(CLUSTER, Action.UPDATE, (Difference("path", value, "other"),))
    page = _page(Review("dev", "us-west-2", PlanReview((change,))))
    assert f"{'a' * 133} … 1,234 characters … {'z' * 66}" in page.words
    assert value in page.words


def test_an_unknown_price_is_said_to_be_unknown() -> None:
    html = to_html(replace(LOOK, picture=None), generated=GENERATED)
    row = next(line for line in html.splitlines() if line.startswith("<tr><td>Notebook</td>"))
    assert re.findall(r"<td[^>]*>(.*?)</td>", row) == ["Notebook", "0.00", "price unknown", "unknown"]


def test_the_lines_of_the_bill_have_their_arithmetic() -> None:
    words = _page(LOOK).words
    assert "1 * 42.24" in words
    assert "as dev uses it" in words


@pytest.mark.parametrize("name", ["look", "dangerous"])
def test_what_is_allowed_says_until_when(name: str) -> None:
    assert ("Allowed until 2027-01-15: " in _page(EXAMPLES[name]).text) == (name == "dangerous")


def test_the_picture_is_drawn_once_and_stands_in_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[Diagram]] = []

    def draw(diagrams: Sequence[Diagram]) -> list[str]:
        asked.append(diagrams)
        return ["<svg><title>drawn</title></svg>"]

    monkeypatch.setattr("review.report.html.to_svg", draw)
    html = to_html(LOOK, generated=GENERATED)
    assert asked == [[PICTURE]]
    assert "<figure><svg><title>drawn</title></svg></figure>" in html


def test_a_verdict_is_a_word_and_a_shape_and_not_only_a_colour() -> None:
    html = to_html(replace(DANGEROUS, picture=None), generated=GENERATED)
    assert re.search(r'<svg class="sign dangerous".*?</svg> <strong>Dangerous\.</strong>', html, flags=re.S)


def test_the_page_says_when_it_was_made_and_of_which_plan() -> None:
    assert (
        f"Base feature/encryption (77aa01c) · Digest of the plan 19581e27de7ced00 · Made {GENERATED}"
        in _page(DANGEROUS).text
    )
