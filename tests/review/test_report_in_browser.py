"""The HTML page of a review in a real browser, opened from a file as whoever downloads it does."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from deployment.toolchain import CACHE
from review.model import Review
from review.report.html import to_html
from tests.review.examples import ATTACKS, DANGEROUS, EMPTY, EXAMPLES, LOOK, hostile

SCREENSHOTS = CACHE / "screenshots"
READABLE = 4.5
"""The contrast of text and its background that WCAG 2.2 asks for at level AA (1.4.3)."""
CONTRASTS = """() => {
  const channel = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
  const luminance = colour => {
    const [r, g, b] = numbers(colour).map(value => channel(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if ((numbers(colour)[3] ?? 1) === 1) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('svg') || !element.checkVisibility()) continue;
    const [light, dark] = [getComputedStyle(element).color, background(element)].map(luminance).sort((a, b) => b - a);
    found.push([(light + 0.05) / (dark + 0.05), walker.currentNode.data.trim().slice(0, 60)]);
  }
  return found;
}"""
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: run `make setup-test`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Open the page of a review; every request that it makes, and all that it logs, must be none."""
    outside: list[str] = []
    pages: list[Page] = []

    def open_page(review: Review, *, width: int = 1200, scheme: str = "light") -> Page:
        file = tmp_path / "review.html"
        file.write_text(to_html(review, generated="2026-11-24 12:00 UTC"), encoding="utf-8")
        page = browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
        )
        page.on("request", lambda request: outside.append(request.url) if request.url != file.as_uri() else None)
        page.on("console", lambda message: outside.append(message.text))
        page.on("pageerror", lambda error: outside.append(str(error)))
        page.on("dialog", lambda dialog: outside.append(dialog.message))
        page.goto(file.as_uri())
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert outside == []


def _picture(page: Page, name: str) -> None:
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_opens_from_a_file_and_asks_for_nothing(opened: Open, name: str) -> None:
    page = opened(EXAMPLES[name])
    assert page.get_by_role("heading", level=1).is_visible()
    _picture(page, f"review-{name}")


def test_what_attacks_the_page_stays_text_and_runs_nothing(opened: Open) -> None:
    page = opened(hostile(*ATTACKS))
    assert page.locator("script, img, iframe, link").count() == 0
    assert page.get_by_text("<script>alert(1)</script>").count() > 0


def test_the_verdict_is_seen_without_scrolling(opened: Open) -> None:
    verdict = opened(DANGEROUS, width=390).locator(".verdict")
    box = verdict.bounding_box()
    assert "Dangerous." in verdict.inner_text()
    assert box is not None
    assert box["y"] + box["height"] < 900


def test_folds_open_and_close(opened: Open) -> None:
    page = opened(DANGEROUS)
    allowed = page.locator("pre", has_text="[[allowed]]")
    assert not allowed.is_visible()
    page.get_by_text("How to allow what is dangerous").click()
    assert allowed.is_visible()
    page.get_by_text("How to allow what is dangerous").click()
    assert not allowed.is_visible()


def test_a_pointer_of_a_finding_opens_its_fold_and_shows_the_resource(opened: Open) -> None:
    page = opened(DANGEROUS)
    page.locator("details.construct", has_text="force_destroy").evaluate("fold => fold.open = false")
    resource = page.locator(".resource", has_text="force_destroy")
    assert not resource.is_visible()
    page.locator("#looks a").first.click()
    resource.wait_for(state="visible")


def test_the_picture_is_visible_with_its_marks(opened: Open) -> None:
    page = opened(LOOK)
    picture = page.locator("figure svg")
    assert picture.is_visible()
    words = " ".join(picture.locator("text").all_text_contents())
    for label in ("load balancer", "web ACL", "Aurora MySQL", "leftover"):
        assert label in words
    assert {"+", "~"} <= set(words)
    picture.screenshot(path=SCREENSHOTS / "review-picture.png")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_is_readable(opened: Open, scheme: str) -> None:
    page = opened(DANGEROUS, scheme=scheme)
    page.locator("details").evaluate_all("folds => folds.forEach(fold => fold.open = true)")
    contrasts = page.evaluate(CONTRASTS)
    _picture(page, f"review-open-{scheme}")
    assert len(contrasts) > 100
    assert [each for each in contrasts if each[0] < READABLE] == []


def test_light_and_dark_differ(opened: Open) -> None:
    colours = {
        opened(EMPTY, scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert len(colours) == 2


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_narrow_page_does_not_scroll_sideways(opened: Open, name: str) -> None:
    page = opened(EXAMPLES[name], width=390)
    page.locator("details").evaluate_all("folds => folds.forEach(fold => fold.open = true)")
    _picture(page, f"review-{name}-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
