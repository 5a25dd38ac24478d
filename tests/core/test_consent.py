"""What a counsellor may see is what the person said yes to, and nothing more."""

import pytest

from bot.conversation.session import BREAK
from bot.handoff.record import Case
from bot.safety.levels import Level
from tests.core.world import Someone, World, payloads

ANSWERS = ("lang:en", "do:start_check", "answer:safe_now:safe", "answer:phone_seen:yes",
           "answer:minor:skipped", "answer:documents_held:yes", "answer:deceived:unsure",
           "region:ON", "answer:safe_contact:evening", "do:no_thanks")  # fmt: skip


async def case_of(person: Someone) -> Case:
    found = await person.handoff()
    assert found is not None
    return await person.world.queue.case(found)


async def test_with_all_the_counsellor_sees_the_answers(world: World) -> None:
    person = world.someone()
    await person.presses(*ANSWERS, "do:person", "answer:consent:all")
    case = await case_of(person)
    assert case.answers == {
        "safe_now": "safe", "phone_seen": "yes", "documents_held": "yes", "deceived": "unsure",
        "safe_contact": "evening",
    }  # fmt: skip
    assert case.skipped == ("minor",)
    assert (case.region, case.consent) == ("ON", "all")


@pytest.mark.parametrize("consent", ["urgency", "nothing", "skipped"])
async def test_without_it_only_what_protects_the_person(world: World, consent: str) -> None:
    person = world.someone()
    await person.presses(*ANSWERS, "do:person", f"answer:consent:{consent}")
    case = await case_of(person)
    assert (case.answers, case.skipped, case.region) == ({}, (), "")
    assert (case.phone_seen, case.safe_contact) == ("yes", "evening")
    assert case.consent == ("nothing" if consent == "skipped" else consent)


async def test_urgency_shows_the_rules_and_nothing_shows_none(world: World) -> None:
    ana, bo = world.someone("ana"), world.someone("bo")
    await ana.presses("do:start_check", "answer:threatened:yes", "do:person",
                      "answer:consent:urgency")  # fmt: skip
    await bo.presses("do:start_check", "answer:threatened:yes", "do:person",
                     "answer:consent:nothing")  # fmt: skip
    told, untold = await ana.handoff(), await bo.handoff()
    assert told is not None
    assert untold is not None
    assert "threatened" in told.rules
    assert untold.rules == ()
    assert told.level is untold.level is Level.ORANGE


async def test_a_yes_taken_back_is_taken_back(world: World) -> None:
    person = world.someone()
    await person.presses(*ANSWERS, "answer:threatened:yes", "do:person", "answer:consent:all")
    await person.presses("answer:consent:nothing")
    case = await case_of(person)
    assert (case.answers, case.consent) == ({}, "nothing")
    found = await person.handoff()
    assert found is not None
    assert found.consent == "nothing"
    assert found.rules == ()


async def test_an_answer_given_while_waiting_reaches_the_case_and_the_place(
    world: World,
) -> None:
    person = world.someone()
    await person.presses("do:person", "answer:consent:all", "do:resume_check")
    await person.presses("answer:hurt_now:yes")
    found = await person.handoff()
    assert found is not None
    assert found.level is Level.RED
    assert (await case_of(person)).answers["hurt_now"] == "yes"


async def test_asking_for_a_person_puts_one_in_line_at_once_and_asks_for_consent_once(
    world: World,
) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person")
    assert person.was_told("handoff_nobody", place=1)
    assert "1-833-900-1010" in person.read_words()
    assert person.was_asked("consent")
    first = await person.handoff()
    assert first is not None
    assert first.consent == "nothing"
    await person.presses("answer:consent:urgency")
    assert person.was_told("handoff_meanwhile")
    kept = await person.handoff()
    assert kept is not None
    assert (kept.id, kept.consent) == (first.id, "urgency")
    await person.presses("do:cancel_wait", "do:person")
    assert not person.was_asked("consent")
    again = await person.handoff()
    assert again is not None
    assert again.id != first.id


async def test_asking_twice_keeps_the_place(world: World) -> None:
    ana, bo = world.someone("ana"), world.someone("bo")
    for person in (ana, bo):
        await person.presses("lang:en", "do:person", "answer:consent:nothing")
    await ana.presses("do:person")
    assert [waits.person for waits in await world.queue.waiting()] == [ana.id, bo.id]
    await ana.presses("do:wait_place")
    assert "number 1" in ana.read_words()


async def test_the_place_is_true_when_a_counsellor_is_there(world: World) -> None:
    await world.on_shift()
    ana, bo = world.someone("ana"), world.someone("bo")
    for number, person in enumerate((ana, bo), 1):
        await person.presses("lang:en")
        await world.on_shift()
        await person.presses("do:person", after=0)
        assert person.was_told("handoff_waiting_place", place=number)


async def test_going_on_with_the_check_keeps_the_place_in_line(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:nothing")
    before = await person.handoff()
    await person.presses("do:resume_check", "answer:safe_now:safe", "show:ask_rights")
    await person.says("what is this?")
    after = await person.handoff()
    assert before is not None
    assert after is not None
    assert (before.id, before.asked_at) == (after.id, after.asked_at)


async def test_during_a_talk_answers_go_to_the_counsellor(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:nothing")
    claimed = await person.is_claimed()
    assert await person.presses("answer:consent:all") == []
    assert (await case_of(person)).consent == "all"
    await person.presses("answer:safe_now:danger")
    assert person.was_told("danger_seen")
    found = await world.queue.get(claimed.id)
    assert found is not None
    assert found.level is Level.RED
    lines = await world.queue.transcript.read(found)
    assert "All my answers" in lines[0].text
    assert "I am in danger" in lines[1].text


@pytest.mark.parametrize("payload", ["do:start_check", "lang:xx", "answer:x:y", "do:nothing"])
async def test_during_a_talk_other_old_buttons_do_nothing(world: World, payload: str) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:nothing")
    await person.is_claimed()
    before = await person.session()
    await person.presses(payload)
    assert person.was_told("old_button")
    assert "do:person" not in payloads(person.shown)
    after = await person.session()
    assert (after.answers, after.checking) == (before.answers, before.checking)


async def test_a_typed_no_shares_nothing(world: World) -> None:
    person = world.someone()
    await person.presses(*ANSWERS, "do:person")
    await person.says("no")
    assert person.was_told("handoff_meanwhile")
    assert (await case_of(person)).consent == "nothing"


async def test_a_typed_yes_to_three_choices_is_asked_again(world: World) -> None:
    person = world.someone()
    await person.presses(*ANSWERS, "do:person")
    await person.says("yes")
    assert person.was_asked("consent")
    assert "consent" not in (await person.session()).answers


async def test_a_yes_long_after_the_question_does_not_answer_it(world: World) -> None:
    """It may be meant for what was told meanwhile: that the line closes, that somebody is away."""
    person = world.someone()
    await person.presses("lang:en", "do:start_check", "answer:safe_now:safe")
    assert person.was_asked("hurt_now")
    await person.says("yes", after=BREAK + 1)
    assert "hurt_now" not in (await person.session()).answers
    assert person.was_asked("hurt_now")
    await person.says("yes")
    assert (await person.session()).answers["hurt_now"] == "yes"


async def test_a_yes_after_a_talk_answers_nothing_from_before_it(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:all", "do:start_check")
    await person.presses("answer:safe_now:safe")
    talk = await person.is_claimed()
    await person.says("I am here")
    await world.queue.end(talk.id, "bea", "safe")
    await person.says("yes")
    assert "hurt_now" not in (await person.session()).answers
