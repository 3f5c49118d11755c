"""The pictures in a real browser: Mermaid draws every one of them, and SVGs look as they should."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from deployment.toolchain import CACHE, ROOT
from pictures import Diagram, Edge, Group, Mark, Node, architecture, marked
from pictures.mermaid import to_mermaid
from pictures.resources import Platform
from pictures.svg import to_svg
from tests.unit.pictured import synthesised

SCREENSHOTS = CACHE / "screenshots"
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.svg"))
PAGE = ROOT / "docs" / "pictures" / "README.md"
BLOCKS: Mapping[str, str] = dict(
    zip(
        re.findall(r"\]\(([^)]+)\.svg\)", PAGE.read_text()),
        re.findall(r"^```mermaid\n(.*?)^```$", PAGE.read_text(), re.M | re.S),
        strict=True,
    )
)
# What Mermaid, Markdown or HTML would take for something of their own.
HOSTILE = [
    "end", "subgraph", "graph TD", "click x", "---", "~~~", "%% comment", "%%{init: {}}%%", "a--b -->|c| d",
    '"double" \'single\' `back`', "{a} (b) [c] |d|", "@{ shape: x }", "a;b;c", "#35; #quot; #x", "&#35; &lt;",
    "style: #a;", "classDef x fill:#f;b", "linkStyle 0 x:#y;", "fa:fa-car", "$$x^2$$", "C:\\dir\\n",
    "<b>bold</b> & <i>", "<script>document.title='owned'</script>", "<img src=x onerror=alert(1)>",
    "1. first", "1)", "- dash", "* star", "+ plus", "> quote", "# head", "__b__ _i_ **s**", "[x](https://example.com)",
    "aws_nat_gateway.network_nat_0", "https://a.example/c?d=e&f=g#h", "\u00e9\u00fc \u65e5\u672c", "\u2028line",
]  # fmt: skip
DRAW = """async ([id, text]) => {
    const { svg } = await mermaid.render(id, text);
    document.getElementById("picture").innerHTML = svg;
    return [...document.querySelectorAll("#picture .nodeLabel, #picture .edgeLabel .edgeLabel")].map(e => e.innerText);
}"""
# Texts that stick out of their box or lie on another text, and boxes that lie on each other; half a point is rounding.
OVERLAPS = """() => {
    const place = element => element.getBoundingClientRect();
    const inside = (a, b) =>
        a.left >= b.left - .5 && a.right <= b.right + .5 && a.top >= b.top - .5 && a.bottom <= b.bottom + .5;
    const apart = (a, b) =>
        a.right <= b.left + .5 || b.right <= a.left + .5 || a.bottom <= b.top + .5 || b.bottom <= a.top + .5;
    const boxes = [...document.querySelectorAll("svg g[id]")];
    const texts = [...document.querySelectorAll("svg text")];
    const found = [];
    for (const box of boxes) {
        const frame = place(box.querySelector("rect"));
        for (const text of box.querySelectorAll("text"))
            if (!inside(place(text), frame)) found.push(`${text.textContent} sticks out`);
        for (const other of boxes)
            if (box !== other && !apart(frame, place(other.querySelector("rect"))))
                found.push(`${box.id} on ${other.id}`);
        for (const text of texts)
            if (!box.contains(text) && !apart(frame, place(text))) found.push(`${text.textContent} on ${box.id}`);
    }
    for (const one of texts) for (const other of texts)
        if (one !== other && one.parentNode !== other.parentNode && !apart(place(one), place(other)))
            found.push(`${one.textContent} on ${other.textContent}`);
    return found;
}"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of a browser that cannot reach anything."""
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: run `make setup-test`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        yield page
        browser.close()


@pytest.fixture(scope="module")
def mermaid(page: Page) -> Page:
    """A page with Mermaid, as strict as GitHub's."""
    page.goto("about:blank")
    page.set_content('<title>kept</title><div id="picture"></div>')
    page.add_script_tag(path=ROOT / "node_modules" / "mermaid" / "dist" / "mermaid.min.js")
    page.evaluate("mermaid.initialize({ startOnLoad: false, securityLevel: 'strict' })")
    return page


def _words(texts: list[str]) -> list[str]:
    return [" ".join(text.split()) for text in texts]


@pytest.mark.parametrize("name", BLOCKS)
def test_mermaid_draws_every_block_of_the_documentation(mermaid: Page, name: str) -> None:
    labels = mermaid.evaluate(DRAW, [f"doc-{name}", BLOCKS[name]])
    assert len(labels) >= BLOCKS[name].count('"') / 2 - 1
    mermaid.screenshot(path=SCREENSHOTS / f"mermaid-{name}.png", full_page=True)


@pytest.mark.parametrize("label", HOSTILE)
def test_mermaid_shows_any_label_as_it_is(mermaid: Page, label: str) -> None:
    nodes = (Node("a", label, "", label), Node("b", label, "architecture-service/AmazonAurora", mark=Mark.ADDED))
    diagram = Diagram(label, (Group(label, label),), nodes, (Edge("a", "b", label),), label)
    shown = _words(mermaid.evaluate(DRAW, [f"hostile-{HOSTILE.index(label)}", to_mermaid(diagram)]))
    expected = " ".join(label.split())
    assert shown.count(expected) == 3  # a box, a frame, an arrow
    assert f"+ {expected}" in shown
    assert mermaid.title() == "kept"


def test_mermaid_draws_what_comes_and_goes(mermaid: Page, tmp_path: Path) -> None:
    diagram = _review(tmp_path)
    labels = _words(mermaid.evaluate(DRAW, ["review", to_mermaid(diagram)]))
    assert {"+ WAF web ACL web-firewall", "\u2212 secret mlflow-credentials", "~ load balancer internal"} <= set(labels)
    assert "\u2212 removed" in labels
    mermaid.screenshot(path=SCREENSHOTS / "mermaid-review.png", full_page=True)


def _review(folder: Path) -> Diagram:
    """The picture of a change of dev into an environment with an endpoint of its own."""
    before, after = (synthesised(name, folder / name) for name in ("basic", "endpoint-in-dev"))
    old, new = ({each.address: each.values for each in Platform(stacks).resources} for stacks in (before, after))
    marks = {
        **dict.fromkeys(old.keys() - new.keys(), Mark.REMOVED),
        **dict.fromkeys(new.keys() - old.keys(), Mark.ADDED),
        **{address: Mark.CHANGED for address in new.keys() & old.keys() if new[address] != old[address]},
    }
    return marked(after, marks, before)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: str(path.stem))
def test_an_svg_of_the_documentation_is_drawn_without_overlaps(page: Page, picture: Path, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(picture.as_uri())
    _screenshot(page, f"{picture.stem}-{scheme}")
    assert page.evaluate(OVERLAPS) == []
    icons = page.evaluate("[...document.querySelectorAll('use')].map(e => e.getBBox().width * e.getBBox().height)")
    assert icons
    assert min(icons) > 0


@pytest.mark.parametrize("variant", ["prod", "endpoint", "lambda", "studio", "existing-network"])
def test_other_environments_are_drawn_without_overlaps(page: Page, tmp_path: Path, variant: str) -> None:
    _show(page, to_svg([architecture(synthesised(variant, tmp_path))])[0], f"architecture-{variant}")
    assert page.evaluate(OVERLAPS) == []


def test_a_review_is_drawn_without_overlaps(page: Page, tmp_path: Path) -> None:
    _show(page, to_svg([_review(tmp_path)])[0], "architecture-review")
    assert page.evaluate(OVERLAPS) == []


def _show(page: Page, svg: str, name: str) -> None:
    page.goto("about:blank")
    page.set_content(f'<body style="margin: 0">{svg}</body>')
    _screenshot(page, name)


def _screenshot(page: Page, name: str) -> None:
    box = page.locator("svg").first.bounding_box()
    assert box is not None
    page.set_viewport_size({"width": int(box["width"]) + 20, "height": int(box["height"]) + 20})
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
