"""The answer when nothing can be stored: the right card, from the words alone."""

import socket

import pytest

from bot.conversation.emergency import Emergency
from bot.data_file import read_mapping
from bot.paths import ROOT
from tests.core.world import DANGER, LANGUAGES, SELF_HARM, lexicon, text_of, words

MARK = "\u200e"
#: An ordinary sentence in every language: what a counsellor might send.
ORDINARY = {
    code: next(
        line["text"]
        for line in read_mapping(ROOT / "phrases" / f"{code}.yml")["moments"]["privacy"]
        if line["id"] == "privacy_no_name"
    )
    for code in LANGUAGES
}


@pytest.fixture
def emergency(monkeypatch: pytest.MonkeyPatch) -> Emergency:
    """With words and lists read, and no way out of the process."""
    made = Emergency(words(), lexicon())

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the emergency answer touched the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return made


@pytest.mark.parametrize("language", LANGUAGES)
def test_danger_shows_the_card_first_in_the_persons_language(
    emergency: Emergency, language: str
) -> None:
    replies = emergency.answer(DANGER[language])
    assert replies[0].text == text_of("report_danger", language)
    assert replies[-1].text == text_of("store_away", language)
    assert all(reply.urgent and not reply.buttons for reply in replies)


@pytest.mark.parametrize("language", LANGUAGES)
def test_suicide_shows_its_own(emergency: Emergency, language: str) -> None:
    replies = emergency.answer(SELF_HARM[language])
    assert replies[0].text == text_of("report_self_harm", language)
    assert "9-8-8" in replies[0].text.replace(MARK, "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_ordinary_words_get_numbers_and_the_truth(emergency: Emergency, language: str) -> None:
    replies = emergency.answer(ORDINARY[language])
    assert [reply.text for reply in replies] == [text_of("store_away", language)]
    for number in ("9-1-1", "1-833-900-1010"):
        assert number in replies[0].text.replace(MARK, "")


@pytest.mark.parametrize("text", ["", "🙂", "\ud800", "\x00", "a" * 1_000_000, "\u202e"])
def test_whatever_came_in_something_is_said_in_english_and_french(
    emergency: Emergency, text: str
) -> None:
    replies = emergency.answer(text)
    assert [reply.text for reply in replies] == [
        text_of("store_away", "en"), text_of("store_away", "fr"),
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["es", "pa", "ar"])
def test_a_button_says_nothing_so_the_phones_language_decides(
    emergency: Emergency, language: str
) -> None:
    assert emergency.answer("", language)[0].text == text_of("store_away", language)


def test_danger_and_suicide_in_one_message_show_both(emergency: Emergency) -> None:
    replies = emergency.answer(f"{DANGER['en']}, {SELF_HARM['en']}")
    assert [reply.text for reply in replies] == [
        text_of(key) for key in ("report_danger", "report_self_harm", "store_away")
    ]


def test_a_defect_in_guessing_the_language_costs_nobody_the_numbers(
    emergency: Emergency, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("bot.conversation.emergency.detection.update", fails)
    assert emergency.answer("hello", "pa")[0].text == text_of("store_away")
    assert emergency.answer(DANGER["pa"])[0].text == text_of("report_danger", "pa")


def test_who_writes_in_latin_letters_can_read_the_card(emergency: Emergency) -> None:
    """Hindi's own letters are not everybody's who says it so."""
    shown = [reply.text for reply in emergency.answer("malik mujhe maar dalega")]
    assert text_of("report_danger", "en") in shown
    assert text_of("store_away", "en") in shown
    assert len(shown) == 4
