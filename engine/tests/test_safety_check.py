"""The safety check: every question, every interruption, answers out of order, resuming."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Conversation, Engine

#: The questions in their order, each with an answer.
ANSWERS = {
    "safe_now": "safe",
    "hurt_now": "no",
    "phone_seen": "unsure",
    "minor": "no",
    "free_to_leave": "skipped",
    "documents_held": "yes",
    "threatened": "no",
    "pay_or_debt": "unsure",
    "deceived": "yes",
    "private_ok": "yes",
    "coerced": "skipped",
    "wish": "papers",
    "safe_contact": "only_me",
    "consent": "urgency",
}
QUESTIONS = list(ANSWERS)

#: Answered by the key of their own name, then the open question again.
ASIDES = [
    "greet",
    "thank",
    "ask_identity",
    "ask_repeat",
    "out_of_scope",
    "report_watched",
    "concern_for_other",
    "disclose_labour",
    "disclose_sexual",
    "disclose_control",
    "ask_police",
    "ask_anonymous_report",
    "ask_helpline",
    "ask_shelter",
    "ask_medical",
    "ask_immigration",
    "ask_rights",
    "ask_trafficking",
    "ask_privacy",
    "change_language",
]
LEAVING = ["report_danger", "report_self_harm", "request_counsellor", "erase", "goodbye"]
WORDS = ["affirm", "deny", "unsure", "skip"]
SIGNALS = {"request_counsellor": "handoff", "change_language": "language", "erase": "leave"}


def walk_to(person: Conversation, question: str) -> dict[str, Any]:
    """Begin the check and answer until the question is open."""
    found = person.press("start_check")
    for slot in QUESTIONS[: QUESTIONS.index(question)]:
        found = person.press("answer", **{slot: ANSWERS[slot]})
    return found


def answered_before(question: str) -> dict[str, str]:
    return {slot: ANSWERS[slot] for slot in QUESTIONS[: QUESTIONS.index(question)]}


def test_the_check_asks_every_question_in_order_and_ends(person: Conversation) -> None:
    found = person.press("start_check")
    assert found["keys"] == ["check_intro", "ask_safe_now"]
    assert found["intent"] == {"name": "start_check", "confidence": 1.0}
    for slot, after in zip(QUESTIONS, [*QUESTIONS[1:], None], strict=True):
        assert found["asking"] == slot
        found = person.press("answer", **{slot: ANSWERS[slot]})
        assert found["keys"] == ([f"ask_{after}"] if after else ["check_done"])
    assert found["slots"] == ANSWERS
    assert found["asking"] is None
    assert found["signal"] is None


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_about_something_else_is_answered_and_the_open_one_asked_again(
    person: Conversation, question: str
) -> None:
    walk_to(person, question)
    for aside in ASIDES:
        found = person.press(aside)
        assert found["keys"] == [aside, f"ask_{question}"]
        assert found["signal"] == SIGNALS.get(aside)
        assert found["asking"] == question
        assert found["slots"] == answered_before(question)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("leaving", LEAVING)
def test_what_cannot_wait_leaves_the_check_which_resumes_at_the_same_question(
    person: Conversation, question: str, leaving: str
) -> None:
    walk_to(person, question)
    found = person.press(leaving)
    assert found["keys"] == [leaving]
    assert found["signal"] == SIGNALS.get(leaving)
    assert found["asking"] is None
    assert found["slots"] == answered_before(question)
    assert person.press(leaving)["keys"] == [leaving]
    assert person.press("ask_police")["keys"] == ["ask_police"]
    found = person.press("resume_check")
    assert found["keys"] == [f"ask_{question}"]
    assert found["asking"] == question


@pytest.mark.parametrize("question", QUESTIONS)
def test_words_that_are_not_understood_never_answer_a_question(
    person: Conversation, question: str
) -> None:
    walk_to(person, question)
    for word in WORDS:
        found = person.press(word)
        assert found["keys"] == ["not_understood", f"ask_{question}"]
        assert found["slots"] == answered_before(question)
    found = person.write("🙃 ?!")
    assert found["keys"] == ["not_understood", f"ask_{question}"]
    assert found["intent"]["name"] == "nlu_fallback"


@pytest.mark.parametrize("question", QUESTIONS)
def test_typed_danger_leaves_the_check_at_every_question(
    person: Conversation, question: str
) -> None:
    walk_to(person, question)
    found = person.write("he is going to kill me right now please send help")
    assert found["keys"] == ["report_danger"]
    assert found["asking"] is None


@pytest.mark.parametrize("question", QUESTIONS)
def test_pausing_keeps_the_place(person: Conversation, question: str) -> None:
    walk_to(person, question)
    found = person.press("pause_check")
    assert found["keys"] == ["check_paused"]
    assert found["asking"] is None
    assert person.press("pause_check")["keys"] == ["check_paused"]
    assert person.press("resume_check")["keys"] == [f"ask_{question}"]
    assert person.press("pause_check")["keys"] == ["check_paused"]
    assert person.press("start_check")["keys"] == ["check_intro", f"ask_{question}"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_starting_or_resuming_inside_asks_the_open_question_again(
    person: Conversation, question: str
) -> None:
    walk_to(person, question)
    for pressed in ("start_check", "resume_check", "start_check"):
        found = person.press(pressed)
        assert found["keys"] == [f"ask_{question}"]
        assert found["asking"] == question


@pytest.mark.parametrize("question", QUESTIONS[1:])
def test_a_late_press_on_an_earlier_question_corrects_it(
    person: Conversation, question: str
) -> None:
    walk_to(person, question)
    for value in ("watched", "watched", "danger"):
        found = person.press("answer", safe_now=value)
        assert found["keys"] == [f"ask_{question}"]
        assert found["slots"] == {**answered_before(question), "safe_now": value}


def test_an_answer_to_a_question_not_asked_yet_is_kept_and_not_asked_again(
    person: Conversation,
) -> None:
    walk_to(person, "hurt_now")
    assert person.press("answer", phone_seen="yes")["keys"] == ["ask_hurt_now"]
    assert person.press("answer", hurt_now="no")["keys"] == ["ask_minor"]


def test_several_answers_in_one_press(person: Conversation) -> None:
    walk_to(person, "private_ok")
    found = person.press("answer", private_ok="no", coerced="skipped")
    assert found["keys"] == ["ask_wish"]


def test_a_late_answer_after_leaving_is_kept_without_asking_on(person: Conversation) -> None:
    walk_to(person, "minor")
    person.press("report_danger")
    found = person.press("answer", minor="yes")
    assert found["keys"] == ["what_next"]
    assert found["slots"]["minor"] == "yes"
    assert person.press("resume_check")["keys"] == ["ask_free_to_leave"]


def test_a_finished_check_can_be_corrected_and_does_not_begin_again(person: Conversation) -> None:
    walk_to(person, "consent")
    person.press("answer", consent="all")
    assert person.press("resume_check")["keys"] == ["check_done"]
    assert person.press("start_check")["keys"] == ["check_intro", "check_done"]
    found = person.press("answer", consent="nothing")
    assert found["keys"] == ["what_next"]
    assert found["slots"]["consent"] == "nothing"


@pytest.mark.parametrize("intent", [*ASIDES, *LEAVING])
def test_outside_the_check_each_intent_answers_its_own_key(
    person: Conversation, intent: str
) -> None:
    found = person.press(intent)
    assert found["keys"] == [intent]
    assert found["signal"] == SIGNALS.get(intent)
    assert found["slots"] == {}
    assert found["asking"] is None


@pytest.mark.parametrize("word", WORDS)
def test_outside_the_check_yes_and_no_lead_to_what_can_be_done_next(
    person: Conversation, word: str
) -> None:
    assert person.press(word)["keys"] == ["what_next"]


def test_a_long_exchange_inside_the_check_loses_nothing(person: Conversation) -> None:
    walk_to(person, "wish")
    for _ in range(120):
        assert person.press("ask_rights")["keys"] == ["ask_rights", "ask_wish"]
    found = person.press("answer", wish="person")
    assert found["keys"] == ["ask_safe_contact"]
    assert found["slots"] == {**answered_before("wish"), "wish": "person"}


def test_two_people_never_share_answers(engine: Engine) -> None:
    one, other = Conversation(engine), Conversation(engine)
    walk_to(one, "minor")
    assert other.press("start_check")["keys"] == ["check_intro", "ask_safe_now"]
    assert other.press("ask_police")["slots"] == {}
