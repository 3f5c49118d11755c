"""Pictures as text: Mermaid and SVG, whatever the labels hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployment.toolchain import ROOT
from errors import UserError
from pictures import Diagram, Edge, Group, Mark, Node, architecture, layout, marked, svg
from pictures.mermaid import escape, to_mermaid
from pictures.svg import to_svg
from tests.unit.pictured import synthesised

ICON = "architecture-service/AmazonAurora"
SVG = "{http://www.w3.org/2000/svg}"
LABELS = st.text(max_size=30) | st.sampled_from(
    [
        '"',
        "end",
        "a;b",
        "<b>&amp;</b>",
        "#quot;",
        "style: #35;",
        "classDef x:y #1;",
        "a\nb",
        "`md`",
        "%%{init}%%",
        "]]>",
    ]
)
unhurried = settings(deadline=None, max_examples=100)

MARKED = Diagram(
    "Marked",
    (Group("frame", "frame", mark=Mark.CHANGED), Group("empty", "empty", "frame", mark=Mark.REMOVED)),
    (
        Node("a", "a", ICON, "frame", mark=Mark.ADDED),
        Node("b", "b", ICON, "frame", mark=Mark.REMOVED),
        Node("c", "c", ICON),
    ),
    (Edge("a", "b", "80", Mark.CHANGED), Edge("b", "c", mark=Mark.REMOVED), Edge("a", "a")),
)


def _of(label: str) -> Diagram:
    other = f"{label} other"
    nodes = (Node(label, label, ICON, label), Node(other, label, ICON))
    return Diagram(label, (Group(label, label),), nodes, (Edge(label, other, label),), label)


def _parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314 - our own


# --- Mermaid ---


@unhurried
@given(LABELS)
def test_a_label_of_mermaid_has_nothing_that_mermaid_reads(label: str) -> None:
    escaped = escape(label).replace("<br>", "")
    assert re.fullmatch(r"([A-Za-z0-9 .,:/()\u2212-]|#\d+;)+", escaped)
    assert not re.search("style|classdef", escaped, re.IGNORECASE)


@unhurried
@given(LABELS)
def test_a_label_of_mermaid_can_be_read_back(label: str) -> None:
    lines = escape(label).split("<br>")
    read = [re.sub(r"#(\d+);", lambda match: chr(int(match[1])), line) for line in lines]
    printed = ["".join(each if each.isprintable() else " " for each in line) for line in label.splitlines()]
    assert [" ".join(line.split()) for line in read] == [" ".join(line.split()) for line in printed or [""]]


@unhurried
@given(LABELS)
def test_a_label_adds_no_line_to_mermaid(label: str) -> None:
    assert to_mermaid(_of(label)).count("\n") == to_mermaid(_of("x")).count("\n")


def test_ids_that_look_alike_stay_apart() -> None:
    nodes = tuple(Node(id, id, "resource/Gear") for id in ("a-b", "a_b", "a/b"))
    text = to_mermaid(Diagram("x", nodes=nodes, edges=(Edge("a-b", "a/b"),)))
    assert re.findall(r"^    (n_a_b\w*)\[", text, re.M) == ["n_a_b", "n_a_b_2", "n_a_b_3"]
    assert "n_a_b --> n_a_b_3" in text


def test_marks_are_told_by_signs_and_a_legend() -> None:
    text = to_mermaid(MARKED)
    for line in (
        'n_a[("#43; a")]', 'n_b[("\u2212 b")]', 'g_empty["\u2212 empty"]', 'subgraph g_frame ["#126; frame"]',
        'n_a -->|"#126; 80"| n_b', 'n_b -.->|"\u2212"| n_c', 'legend_added["#43; added"]',
        "class n_a,legend_added added", "class g_frame changedFrame", "linkStyle 0 stroke:#9a6700,stroke-width:3px",
    ):  # fmt: skip
        assert line in text


def test_what_is_not_marked_has_no_legend() -> None:
    assert "legend" not in to_mermaid(_of("x"))
    assert "legend" not in to_svg([_of("x")])[0]


# --- SVG ---


@settings(deadline=None, max_examples=25)
@given(st.lists(LABELS, min_size=1, max_size=6))
def test_an_svg_is_well_formed_and_has_the_texts_whatever_the_labels_hold(labels: list[str]) -> None:
    for label, text in zip(labels, to_svg([_of(label) for label in labels]), strict=True):
        root = _parsed(text)
        shown = "".join(element.text or "" for element in root.iter(f"{SVG}text"))
        for character in label:
            assert character in shown or not character.isprintable() or character.isspace()


def test_an_svg_is_the_same_each_time() -> None:
    assert to_svg([MARKED, _of("x")]) == to_svg([MARKED, _of("x")])


def test_svgs_of_one_call_or_of_two_prefixes_share_no_id() -> None:
    ids = [
        element.attrib["id"]
        for text in (*to_svg([MARKED, MARKED]), *to_svg([MARKED], prefix="other"))
        for element in _parsed(text).iter()
        if "id" in element.attrib
    ]
    assert ids
    assert len(ids) == len(set(ids))


def test_an_svg_stands_alone_and_runs_nothing(tmp_path: Path) -> None:
    text = to_svg([architecture(synthesised("endpoint", tmp_path))])[0]
    root = _parsed(text)
    ids = {element.attrib["id"] for element in root.iter() if "id" in element.attrib}
    links = {value for element in root.iter() for key, value in element.attrib.items() if key.endswith("href")}
    assert links
    assert {link.removeprefix("#") for link in links} <= ids
    assert not {element.tag.removeprefix(SVG) for element in root.iter()} & {
        "script",
        "style",
        "image",
        "foreignObject",
    }
    assert {key for element in root.iter() for key in element.attrib if key.startswith("on")} == set()
    assert re.findall(r"https?://[^\"<]+", text) == ["http://www.w3.org/2000/svg"]
    assert str(ROOT) not in text


def test_an_svg_is_a_picture_with_a_title_a_description_and_a_background() -> None:
    root = _parsed(to_svg([_of("a <b>")])[0])
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], description.attrib["id"]]
    assert (title.text, description.text) == ("a <b>", "a <b>")
    background = root.find(f"{SVG}rect")
    assert background is not None
    assert background.attrib["fill"] == "#ffffff"


def test_marks_in_an_svg_are_told_by_signs_dashes_and_a_legend() -> None:
    root = _parsed(to_svg([MARKED])[0])
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert {"+ a", "\u2212 b", "c", "~ frame", "\u2212 empty", "~ 80", "\u2212"} <= set(texts)
    assert texts[-3:] == ["+ added", "~ changed", "\u2212 removed"]
    dashed = [each for each in root.iter(f"{SVG}rect") if "stroke-dasharray" in each.attrib]
    assert len(dashed) == 3  # the box, the frame, the legend


def test_every_box_has_its_icon_and_names_its_resources(tmp_path: Path) -> None:
    diagram = architecture(synthesised("dev", tmp_path))
    root = _parsed(to_svg([diagram], prefix="p")[0])
    boxes: Mapping[str, Any] = {each.attrib["id"]: each for each in root.iter(f"{SVG}g") if "id" in each.attrib}
    assert boxes.keys() == {f"p-1-box-{number}" for number, _ in enumerate(diagram.nodes, 1)}
    symbols = {each.attrib["id"]: each for each in root.iter(f"{SVG}symbol")}
    for number, node in enumerate(diagram.nodes, 1):
        box = boxes[f"p-1-box-{number}"]
        assert len(symbols[box.find(f"{SVG}use").attrib["href"][1:]]) > 0
        assert set(node.addresses) <= set(box.find(f"{SVG}title").text.split("\n"))


def test_no_picture_takes_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_run", None)
    assert to_svg([]) == []


@pytest.mark.parametrize("missing", ["node_modules", "icon"])
def test_refuses_to_draw_without_the_packages_and_says_what_to_do(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing == "node_modules":
        monkeypatch.setattr(layout, "ROOT", tmp_path)
    else:
        monkeypatch.setattr(svg, "ICONS", tmp_path)
    with pytest.raises(UserError, match=r"is missing.*`npm ci`"):
        to_svg([Diagram("x", nodes=(Node("a", "a", "resource/Client"),))], prefix="missing")


def test_refuses_with_what_graphviz_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "_dot", lambda _diagram: "digraph {")
    with pytest.raises(UserError, match=r"could not be laid out.*syntax error"):
        to_svg([_of("x")])


def test_the_nodes_options_of_the_shell_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "--require ./missing.cjs")
    assert to_svg([_of("x")])


def test_a_marked_picture_of_the_platform_is_drawn(tmp_path: Path) -> None:
    stacks = synthesised("dev", tmp_path)
    diagram = marked(stacks, {"dev-mlflow-vpclink: aws_nat_gateway.network_nat_0": Mark.REMOVED}, stacks)
    assert "\u2212 NAT gateway" in to_svg([diagram])[0]
    assert "\u2212 NAT gateway" in to_mermaid(diagram)
