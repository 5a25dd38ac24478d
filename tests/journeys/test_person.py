"""Journeys to a human being: ask, wait, talk, end; and leaving in every state."""

from collections.abc import Callable

import pytest

from tests.journeys import script
from tests.journeys.conftest import LANGUAGES, AnyPerson, Meet
from tests.journeys.counsellor import Counsellor
from tests.journeys.stack import Stack, handoffs
from tests.waiting import wait_until

#: As the English console names them.
LANGUAGE_NAMES = {"en": "English", "fr": "French", "es": "Spanish", "pa": "Punjabi",
                  "ar": "Arabic", "zh-Hans": "Chinese"}  # fmt: skip
HELLO = {
    "en": "I can write now, he is at work",
    "fr": "je peux écrire maintenant",
    "es": "ahora puedo escribir",
    "pa": "ਹੁਣ ਮੈਂ ਲਿਖ ਸਕਦੀ ਹਾਂ",
    "ar": "أستطيع الكتابة الآن",
    "zh-Hans": "我现在可以写字了",
}


def _asks_for_person(person: AnyPerson, language: str, consent: str = "all") -> None:
    answer = person.presses("do:person")
    assert script.asks(answer, "consent", language)
    person.presses(f"answer:consent:{consent}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_someone_asks_waits_talks_and_ends(
    meet: Meet, stack: Stack, counsellor: Counsellor, language: str
) -> None:
    # Given someone who has said that the phone may be seen, and waits
    person = meet(language)
    person.presses("do:start_check")
    person.presses("answer:safe_now:safe")
    person.presses("answer:hurt_now:no")
    person.presses("answer:phone_seen:yes")
    _asks_for_person(person, language)
    counsellor.sees_waiting("orange")
    # When the counsellor takes them
    card = counsellor.takes_next()
    assert LANGUAGE_NAMES[language] in card
    person.hears(counsellor.alias)
    # Then both sides read what the other writes, as it was written
    person._say(HELLO[language])
    counsellor.hears(HELLO[language])
    counsellor.says("Thank you for writing. Are you alone now?")
    person.hears("Are you alone now?")
    # And the assistant is silent: nothing of its own came in between
    said = [seen for seen in person.screen() if not seen.by_person]
    assert not any(script.is_said(seen, "what_next", language) for seen in said[-2:])
    # When the counsellor ends it, the person is told and may erase at once
    counsellor.ends()
    end = script.WORDS.text("responses", "counsellor_ended", language).splitlines()[0]
    person.hears(end)
    person._press("do:erase_now")
    person.is_clean()
    wait_until(lambda: not handoffs(stack), "everything of the talk to be erased")


def test_danger_said_to_a_counsellor_shows_the_card_once_and_flags_the_case(
    meet: Meet, counsellor: Counsellor
) -> None:
    person = meet("en")
    _asks_for_person(person, "en", "nothing")
    counsellor.takes_next()
    person.hears(counsellor.alias)
    person._say("he is going to kill me")
    counsellor.hears("he is going to kill me")
    person.hears("The counsellor has been told")
    person._say("he is going to kill me tonight")
    counsellor.hears("tonight")
    shown = [seen for seen in person.screen() if "The counsellor has been told" in seen.text]
    assert len(shown) == 1
    counsellor.sends_emergency_card()
    person.hears("Call 9-1-1 if you or someone else is in danger now")
    person.leaves()


def test_a_counsellor_who_releases_gives_the_person_their_place_back(
    meet: Meet, stack: Stack, counsellor: Counsellor
) -> None:
    person = meet("en")
    _asks_for_person(person, "en")
    counsellor.takes_next()
    person.hears(counsellor.alias)
    counsellor.releases_all()
    person.hears(script.WORDS.text("responses", "counsellor_away", "en").splitlines()[0])
    assert [one["state"] for one in handoffs(stack)] == ["waiting"]
    person.leaves()


State = Callable[[AnyPerson], object]

_STATES: dict[str, State] = {
    "just greeted": lambda person: None,
    "in the middle of the check": lambda person: (
        person.presses("do:start_check"), person.presses("answer:safe_now:safe")),
    "after danger": lambda person: person.says("he has a knife"),
    "asked for consent": lambda person: person.presses("do:person"),
    "waiting": lambda person: _asks_for_person(person, "en"),
    "setting a code word": lambda person: (
        person.presses("do:start_check"), person.presses("answer:phone_seen:yes"),
        person.presses("answer:safe_contact:any")),
}  # fmt: skip


@pytest.mark.parametrize("state", _STATES)
@pytest.mark.parametrize("how", ["button", "words"])
def test_leave_erases_everything_in_every_state(
    meet: Meet, stack: Stack, state: str, how: str
) -> None:
    person = meet("en")
    _STATES[state](person)
    if how == "button":
        person.leaves()
    else:
        person._say("/exit")
        person.is_clean()
    wait_until(lambda: stack.keys_of_people() == [], "all keys of people to be gone")


def test_leave_works_in_the_middle_of_a_talk(
    meet: Meet, stack: Stack, counsellor: Counsellor
) -> None:
    person = meet("en")
    _asks_for_person(person, "en")
    counsellor.takes_next()
    person.hears(counsellor.alias)
    person._say("CANARY something private")
    counsellor.hears("CANARY something private")
    person.leaves()
    wait_until(lambda: stack.keys_of_people() == [], "all keys of people to be gone")
