"""Journeys through the whole safety check, at both doors, in every language."""

import pytest

from bot.dialogue.check import QUESTIONS
from tests.journeys import script
from tests.journeys.conftest import LANGUAGES, Meet
from tests.journeys.stack import Stack, handoffs
from tests.waiting import wait_until


def _records(stack: Stack, level: int) -> list[dict[str, str]]:
    return [one for one in handoffs(stack) if one["level"] == str(level)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("answers", "last", "level", "rule"),
    [
        (script.RED, "free_to_leave", 1, "cannot_leave_and_seen"),
        (script.ORANGE, "threatened", 2, "threatened"),
    ],
    ids=["red", "orange"],
)
def test_urgent_answers_stop_the_questions_and_offer_a_person(
    meet: Meet, stack: Stack, language: str, answers: dict[str, str], last: str, level: int,
    rule: str,
) -> None:  # fmt: skip
    # Given someone whose answers become urgent in the middle
    person = meet(language)
    slot, answer = script.walk(person, language, answers)
    assert slot == last
    assert "do:resume_check" in answer[-1].payloads
    # When they ask for a person and agree to share
    answer = person.presses("do:person")
    assert script.is_said(answer[0], "handoff_nobody", language)
    assert script.asks(answer, "consent", language)
    answer = person.presses("answer:consent:all")
    assert script.is_said(answer[-1], "handoff_meanwhile", language)
    # Then they wait at that level, with the rule that fired
    assert [rule in one["rules"] for one in _records(stack, level)] == [True]
    # And the rest of the questions can be gone on with where they stopped
    answer = person.presses("do:resume_check")
    following = list(QUESTIONS)[list(QUESTIONS).index(last) + 1]
    assert script.asks(answer, following, language)
    person.leaves()
    wait_until(lambda: not handoffs(stack), "the place in line to be given up")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("answers", "closing"),
    [(script.YELLOW, "check_done_person"), ({}, "check_done_info")],
    ids=["yellow", "green"],
)
def test_other_answers_go_through_to_the_end(
    meet: Meet, language: str, answers: dict[str, str], closing: str
) -> None:
    person = meet(language)
    slot, answer = script.walk(person, language, answers)
    assert slot == "consent"
    assert script.is_said(answer[-1], closing, language)
    person.leaves()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_question_can_be_interrupted_and_is_asked_again(meet: Meet, language: str) -> None:
    person = meet(language)
    answer = person.presses("do:start_check")
    for slot in QUESTIONS:
        assert script.asks(answer, slot, language), slot
        # by a button that needs no engine
        answer = person.presses("do:emergency")
        assert script.is_said(answer[0], "card_911", language)
        assert script.asks(answer, slot, language), slot
        # by a typed question that the engine understands
        answer = person.says(script.ABOUT_RIGHTS[language])
        assert script.is_said(answer[0], "ask_rights", language), answer[0].text
        assert script.asks(answer, slot, language), slot
        answer = person.presses(f"answer:{slot}:{script.HARMLESS[slot]}")
        if script.is_said(answer[-1], "ask_code_word", language):
            answer = person.presses("do:no_thanks")
    assert script.is_said(answer[-1], "check_done_info", language)
    person.leaves()


def test_every_question_can_be_skipped_and_a_skip_is_no_answer(meet: Meet) -> None:
    person = meet("en")
    answer = person.presses("do:start_check")
    for slot in QUESTIONS:
        if slot == "coerced":  # skipped together with "may I ask"
            continue
        assert script.asks(answer, slot, "en"), slot
        value = "nothing" if slot == "consent" else "skipped"
        answer = person.presses(f"answer:{slot}:{value}")
    assert script.is_said(answer[-1], "check_done_info", "en")
    person.leaves()


def test_danger_at_the_first_question_shows_the_card_and_disconnects_nobody(meet: Meet) -> None:
    person = meet("en")
    person.presses("do:start_check")
    answer = person.presses("answer:safe_now:danger")
    assert script.is_said(answer[-1], "report_danger", "en")
    assert {"do:person", "do:leave", "do:resume_check"} <= set(answer[-1].payloads)
    assert script.asks(person.presses("do:resume_check"), "hurt_now", "en")
    person.leaves()


@pytest.mark.parametrize(
    ("language", "yes", "no"),
    [("en", "yes", "no"), ("fr", "oui", "non"), ("es", "sí", "no"), ("pa", "ਹਾਂ", "ਨਹੀਂ"),
     ("ar", "نعم", "لا"), ("zh-Hans", "是", "不是")],
)  # fmt: skip
def test_a_typed_yes_or_no_is_taken_as_said(
    meet: Meet, stack: Stack, language: str, yes: str, no: str
) -> None:
    person = meet(language)
    person.presses("do:start_check")
    assert script.asks(person.says(yes), "hurt_now", language)
    assert script.asks(person.says(no), "phone_seen", language)
    person.leaves()


def test_a_late_press_on_an_older_question_corrects_the_answer(meet: Meet, stack: Stack) -> None:
    person = meet("en")
    person.presses("do:start_check")
    person.presses("answer:safe_now:safe")
    person.presses("answer:hurt_now:no")
    answer = person.presses("answer:hurt_now:yes")
    assert script.is_said(answer[0], "ask_medical", "en")
    person.presses("do:person")
    person.presses("answer:consent:urgency")
    assert "hurt_now" in _records(stack, 1)[0]["rules"]
    person.leaves()
