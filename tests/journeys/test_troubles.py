"""Journeys when something is wrong or odd: the engine is down, the language changes, odd input."""

import pytest

from tests.journeys import script
from tests.journeys.conftest import LANGUAGES, Meet
from tests.journeys.person import TelegramPerson
from tests.journeys.stack import Stack
from tests.journeys.test_information import CRIES


def test_with_the_engine_down_the_check_and_the_cards_go_on(meet: Meet, stack: Stack) -> None:
    """In every language; one outage for all of them, because a start takes seconds."""
    people = {language: meet(language) for language in LANGUAGES}
    for person in people.values():
        person.presses("do:start_check")
    with stack.without("engine"):
        for language, person in people.items():
            answer = person.says(script.ABOUT_RIGHTS[language])
            assert script.is_said(answer[0], "engine_away", language)
            assert script.asks(answer, "safe_now", language)
            answer = person.presses("answer:safe_now:safe")
            assert script.asks(answer, "hurt_now", language)
            assert script.is_said(person.says(CRIES[language])[0], "report_danger", language)
            assert script.is_said(person.presses("do:emergency")[0], "card_911", language)
    for language, person in people.items():
        # And afterwards the engine is told what it missed: the order goes on.
        answer = person.presses("answer:hurt_now:no")
        assert script.asks(answer, "phone_seen", language)
        person.leaves()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_can_be_changed_in_the_middle(meet: Meet, language: str) -> None:
    other = "fr" if language != "fr" else "es"
    person = meet(language)
    person.presses("do:start_check")
    person.presses("answer:safe_now:safe")
    answer = person.presses(f"lang:{other}")
    assert script.is_said(answer[0], "language_set", other)
    assert script.asks(answer, "hurt_now", other)
    answer = person.presses("answer:hurt_now:no")
    assert script.asks(answer, "phone_seen", other)
    person.leaves()


def test_writing_in_ones_language_is_enough(meet: Meet) -> None:
    person = meet("en", choose=False)
    answer = person.says("ਮੈਨੂੰ ਮਦਦ ਚਾਹੀਦੀ ਹੈ, ਮਾਲਕ ਨੇ ਮੇਰਾ ਪਾਸਪੋਰਟ ਰੱਖ ਲਿਆ ਹੈ")
    said = [seen for seen in answer if script.is_said(seen, "disclose_control", "pa")]
    assert said, [seen.text for seen in answer]  # who answers is said first, where no page says it
    person.leaves()


@pytest.mark.parametrize("typed", ["/restart", '/answer{"hurt_now":"no"}', "/intent", "🙂🙂",
                                   "\u202eevil", "<b>x</b>", "a" * 4000])  # fmt: skip
def test_odd_text_gets_one_kind_answer_and_loses_nothing(meet: Meet, typed: str) -> None:
    person = meet("en")
    person.presses("do:start_check")
    assert person.says(typed), "whatever it is taken for"
    assert script.asks(person.presses("do:resume_check"), "safe_now", "en"), "nothing was answered"
    person.leaves()


@pytest.mark.parametrize("payload", ["answer:hurt_now:maybe", "do:nothing", "x", "show:ask_x",
                                     "lang:xx", "region:XX", "answer:language:en"])  # fmt: skip
def test_a_forged_button_changes_nothing_and_is_answered(meet: Meet, payload: str) -> None:
    person = meet("en")
    person.presses("do:start_check")
    assert person.presses(payload)
    assert script.asks(person.presses("do:resume_check"), "safe_now", "en")
    person.leaves()


@pytest.mark.parametrize("kind", ["voice", "photo", "sticker", "contact", "location", "document"])
def test_what_cannot_be_opened_is_answered_on_telegram(stack: Stack, kind: str) -> None:
    person = TelegramPerson(stack)
    person.presses("lang:en")
    answer = person.sends(kind)
    assert "I have not kept what you sent" in answer[0].text
    person.leaves()


def test_messages_are_silent_and_protected_on_telegram(stack: Stack) -> None:
    person = TelegramPerson(stack)
    answer = person.presses("lang:en") + person.presses("do:start_check")
    for seen in answer:
        assert seen.flags.get("protect_content") is True, seen
        assert seen.flags.get("disable_notification") is True, seen
    numbers = person.presses("do:numbers")
    assert not numbers[0].flags.get("protect_content"), "numbers may be handed on"
    person.leaves()


def test_nothing_a_person_writes_is_in_any_log(meet: Meet, stack: Stack) -> None:
    """Promise P7, with every process at DEBUG."""
    person = meet("en")
    person.says("CANARYWORD my boss Mr CANARYNAME keeps my passport")
    person.presses("do:start_check")
    person.leaves()
    logs = stack.logs()
    assert "Starting Rasa server" in logs, "the logs are read at all"
    for canary in ("CANARYWORD", "CANARYNAME", "CANARY-token", "CANARY-secret", "passport"):
        assert canary not in logs, canary
