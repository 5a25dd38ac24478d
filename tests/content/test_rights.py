"""What is told as a fact stands in directory/rights.yml with its source; nothing forbidden is."""

import re

import pytest

from bot.conversation.render import Words
from bot.data_file import read_mapping
from bot.paths import ROOT

FACTS = read_mapping(ROOT / "directory" / "rights.yml")["facts"]
WORDS = Words.load()
ENGLISH = WORDS.language("en").sections["responses"]
#: Advice and offers; no fact about law or services but the numbers, which are tested elsewhere.
ADVICE = {"ask_medical", "ask_helpline", "topic_safety_plan", "topics"}
TOPICS = sorted(
    key
    for key in ENGLISH
    if key.startswith("topic_") or (key.startswith("ask_") and WORDS.has_topic(key))
)


def test_every_fact_has_an_id_sources_and_a_confidence() -> None:
    assert len({fact["id"] for fact in FACTS}) == len(FACTS) == 24
    for fact in FACTS:
        assert fact["sources"], fact["id"]
        assert fact["confidence"][0] in "AB", fact["id"]


def test_facts_are_told_in_messages_that_exist() -> None:
    told = {key for fact in FACTS for key in fact["told_in"]}
    assert told <= set(ENGLISH), told - set(ENGLISH)


@pytest.mark.parametrize("key", [key for key in TOPICS if key not in ADVICE])
def test_every_topic_rests_on_a_fact(key: str) -> None:
    assert [fact["id"] for fact in FACTS if key in fact["told_in"]], key


@pytest.mark.parametrize("code", WORDS.codes())
def test_what_must_not_be_said_is_not(code: str) -> None:
    """No fixed length of the old permit, no enforcement line, in any language."""
    for key, text in WORDS.language(code).sections["responses"].items():
        assert "180" not in re.findall(r"\d+", text), key
        assert "502-9060" not in text, key


def test_english_promises_nothing_about_police_status_or_permits() -> None:
    for key, text in ENGLISH.items():
        for promise in ("will not be deported", "you will get the permit", "fully anonymous"):
            assert promise not in text.lower(), key
