"""The guides show pictures that are there, and name the keys that the desk has."""

import re

import pytest

from bot.paths import ROOT

DOCS = ROOT / "docs"
GUIDES = ("counsellor-guide.md", "supervisor-guide.md")
TEXTS = {name: (DOCS / name).read_text("utf-8") for name in GUIDES}


def test_every_picture_is_shown_and_small() -> None:
    shown = {name for text in TEXTS.values() for name in re.findall(r"screenshots/([\w-]+)", text)}
    taken = {path.stem: path.stat().st_size for path in (DOCS / "screenshots").glob("*.png")}
    assert shown == set(taken)
    assert all(size < 80_000 for size in taken.values())


def test_make_screenshots_takes_them_all() -> None:
    script = (ROOT / "scripts" / "screenshots.py").read_text("utf-8")
    made = set(re.findall(r'keep\(.*, "([\w-]+)"\)', script))
    assert made == {path.stem for path in (DOCS / "screenshots").glob("*.png")}


def test_the_guide_has_the_keys_of_the_help() -> None:
    page = (ROOT / "bot" / "console" / "templates" / "_help.html").read_text("utf-8")
    rows = re.findall(r"<dt>(.*?)</dt>", page)
    keys = {"+".join(re.findall(r"<kbd>(.*?)</kbd>", row)) for row in rows}
    assert {key for key in keys if key not in TEXTS["counsellor-guide.md"]} == set()


@pytest.mark.parametrize("name", GUIDES)
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", TEXTS[name]):
        path, _, place = target.partition("#")
        path = path or name
        assert (DOCS / path).exists(), target
        if place:
            titles = re.findall(r"^#+ (.*)$", (DOCS / path).read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", one).lower().replace(" ", "-") for one in titles}
            assert place in anchors, target
