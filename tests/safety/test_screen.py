"""The safety screen: works on words alone, in every language, and never raises."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.safety
from bot.safety.lexicon import ANYWHERE, WHOLE, Lexicon
from bot.safety.normalise import normalise
from bot.safety.screen import screen

LEXICON = Lexicon.load()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("he is going to kill me", "danger"),
        ("HE IS GOING TO KILL ME!!!", "danger"),
        ("please, he’s going to kill me tonight", "danger"),
        ("il va me tuer", "danger"),
        ("mainu maar dena usne", "danger"),
        ("ra7 yi2tilni", "danger"),
        ("jiuming ta yao sha wo", "danger"),
        ("me va a matar", "danger"),
        ("he is in the next room with a gun", "danger"),
        ("i want to kill myself", "self_harm"),
        ("je veux mourir", "self_harm"),
        ("he is reading my phone", "watched"),
        ("/exit", "leave"),
        ("Leave", "leave"),
    ],
)
def test_plain_cries_are_heard(text: str, kind: str) -> None:
    assert kind in screen(text, LEXICON).kinds()


@pytest.mark.parametrize(
    "text",
    [
        "what happens if I call 911?",
        "is this a dangerous job",
        "he killed the engine of the truck",
        "I could kill for a coffee",
        "he cooks with a knife",
        "leave me the address please",
        "bonjour, j'ai une question sur mon permis",
        "hola, tengo una pregunta",
        "yes",
        "ok",
    ],
)
def test_ordinary_messages_raise_nothing(text: str) -> None:
    assert screen(text, LEXICON).kinds() == []


def test_a_leave_word_inside_a_sentence_does_not_erase_anything() -> None:
    assert not screen("can I leave my job", LEXICON).leave


@given(st.text())
def test_any_text_is_screened_without_an_exception(text: str) -> None:
    screen(text, LEXICON)


@pytest.mark.parametrize(
    "text", ["", "\x00", "\ud800", "\u202eabc", "🙂", " " * 100_000, "a" * 1_000_000]
)
def test_hostile_texts_are_screened_without_an_exception(text: str) -> None:
    assert screen(text, LEXICON).kinds() == []


@given(st.text(max_size=200))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


def test_a_word_that_means_yes_here_and_no_there_counts_for_nothing() -> None:
    lexicon = Lexicon(
        {
            code: {kind: ["-"] for kind in (*ANYWHERE, *WHOLE)} | extra
            for code, extra in {"aa": {"yes": ["na"]}, "bb": {"no": ["na"]}}.items()
        }
    )
    assert lexicon.answer("na", None) is None
    assert lexicon.answer("na", "aa") == "yes"
    assert lexicon.answer("na", "bb") == "no"


def test_the_safety_package_touches_nothing_outside() -> None:
    """Promise P5: the screen needs no network, no Redis, no engine."""
    allowed = {"bot.safety", "bot.errors", "bot.data_file", "bot.paths", "collections",
               "collections.abc", "dataclasses", "enum", "pathlib", "re",
               "unicodedata"}  # fmt: skip
    for path in Path(bot.safety.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name in allowed or name.startswith("bot.safety."), (path.name, name)
