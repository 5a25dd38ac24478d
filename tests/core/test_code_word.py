"""The secret word: it locks after a break, opens again, and the second one calls for help."""

import pytest

from bot.conversation.session import BREAK, GRACE, QUIET
from bot.messages import Channel, Kind
from bot.safety.levels import Level
from tests.core.engine_server import EngineServer
from tests.core.test_janitor import a_round
from tests.core.world import OFFERED_A_WORD, Someone, World, text_of


async def with_words(person: Someone, duress: str = "") -> Someone:
    """Someone in the middle of the check who has set a word, and perhaps a second."""
    await person.presses("lang:en", "do:start_check", "answer:safe_now:safe")
    await person.presses("answer:phone_seen:unsure", "answer:safe_contact:any")
    assert person.was_asked("code_word")
    await person.says("Marigold")
    assert person.was_asked("duress_word")
    await (person.says(duress) if duress else person.presses("do:no_thanks"))
    assert person.was_asked("hurt_now")
    return person


def wiped(person: Someone) -> list[str]:
    """What is shown after everything before it was taken away; fails when nothing was."""
    assert [(reply.erase, reply.text) for reply in person.shown[:1]] == [(True, "")]
    return [reply.text for reply in person.shown[1:]]


async def test_after_a_break_nothing_is_shown_before_the_word(world: World) -> None:
    person = await with_words(world.someone())
    await person.says("hello", after=601)
    assert wiped(person) == [text_of("code_word_please")]
    for payload in ("do:resume_check", "answer:hurt_now:yes", "lang:fr", "show:ask_rights"):
        await person.presses(payload)
        assert [reply.text for reply in person.shown] == [text_of("code_word_please")]
    await person.sends(Kind.PHOTO)
    assert person.was_told("media")
    assert not person.was_asked("hurt_now")


async def test_a_short_pause_does_not_lock(world: World) -> None:
    person = await with_words(world.someone())
    await person.presses("answer:hurt_now:no", after=599)
    assert person.was_asked("minor")


@pytest.mark.parametrize("typed", ["Marigold", "marigold", " MARIGOLD! ", "márigold"])
async def test_the_word_opens_the_chat_however_it_is_typed(world: World, typed: str) -> None:
    person = await with_words(world.someone())
    await person.says(typed, after=3600)
    assert person.was_told("welcome_back")
    await person.presses("do:resume_check")
    assert person.was_asked("hurt_now")


async def test_a_wrong_word_opens_nothing_and_is_not_counted(world: World) -> None:
    person = await with_words(world.someone())
    await person.says("open", after=3600)
    for wrong in ("tulip", "marigolds"):
        await person.says(wrong)
        assert [reply.text for reply in person.shown] == [text_of("code_word_please")]
    await person.says("marigold")
    assert person.was_told("welcome_back")


async def test_the_duress_word_looks_the_same_and_raises_to_red(world: World) -> None:
    person = await with_words(world.someone(), duress="Daffodil")
    other = world.someone("other")
    for waits in (other, person):
        await waits.presses("do:person", "answer:consent:urgency")
    forced = await person.says("daffodil", after=3600)
    found = await person.handoff()
    assert found is not None
    assert found.level is Level.RED
    assert "duress_word" in found.rules
    assert (await world.queue.waiting())[0].person == person.id
    free = await with_words(world.someone("free"), duress="Daffodil")
    await free.presses("do:person", "answer:consent:urgency")
    opened = await free.says("marigold", after=3600)
    assert forced == opened, "nobody can see which of the two words it was"


async def test_the_duress_word_brings_a_person_even_when_none_was_asked_for(
    world: World,
) -> None:
    """The question promises it: "a counsellor will know that you need help at once"."""
    person = await with_words(world.someone(), duress="Daffodil")
    await person.says("daffodil", after=3600)
    found = await person.handoff()
    assert found is not None
    assert found.level is Level.RED
    assert found.rules == ("duress_word",)


async def test_nobody_who_looks_on_can_tell_that_it_was_the_duress_word(world: World) -> None:
    forced = await with_words(world.someone("forced"), duress="Daffodil")
    free = await with_words(world.someone("free"), duress="Daffodil")
    assert await forced.says("daffodil", after=3600) == await free.says("marigold", after=0)
    for payload in ("do:topics", "do:resume_check", "answer:hurt_now:no", "do:numbers"):
        assert await forced.presses(payload, after=1) == await free.presses(payload, after=1)


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("in_line", [False, True])
async def test_the_second_word_calls_for_help_in_a_chat_that_is_not_locked_too(
    world: World, channel: Channel, in_line: bool
) -> None:
    """Whoever is forced is forced at any time; the two words look the same then as well."""
    seen = []
    for name, typed in (("forced", "daffodil"), ("free", "marigold")):
        person = await with_words(world.someone(name, channel), duress="Daffodil")
        if in_line:
            await person.presses("do:person", "answer:consent:urgency")
        seen.append(await person.says(typed))
        assert wiped(person) == [text_of("welcome_back")]
        assert not any(typed in reply.text.lower() for reply in await person.screen())
        found = await person.handoff()
        called = found is not None and found.level is Level.RED and "duress_word" in found.rules
        assert called == (name == "forced")
    assert seen[0] == seen[1]


async def test_the_same_word_twice_is_not_taken(world: World) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says("marigold")
    await person.says("MARIGOLD")
    assert person.was_asked("duress_word")
    assert not (await person.session()).duress_mark


@pytest.mark.parametrize("typed", ["no", "skip", "No, ", "non"])
async def test_saying_no_sets_no_word(world: World, typed: str) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says(typed)
    assert not (await person.session()).code_mark
    assert person.was_asked("safe_now")


@pytest.mark.parametrize("typed", ["", "   ", "🙂", "!!!"])
async def test_no_letters_are_no_word(world: World, typed: str) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says(typed)
    assert person.shown
    assert not (await person.session()).code_mark


async def test_who_cannot_be_watched_is_not_asked_for_a_word(world: World) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:start_check", "answer:safe_now:safe")
    await person.presses("answer:phone_seen:no", "answer:safe_contact:any")
    assert person.was_asked("hurt_now")


async def test_a_locked_chat_shows_9_1_1_and_numbers_but_not_where_it_stopped(
    world: World,
) -> None:
    person = await with_words(world.someone())
    await person.presses("do:emergency", after=3600)
    assert wiped(person) == [text_of("card_911")]
    await person.presses("do:numbers")
    assert "1-800-222-TIPS (8477)" in person.read_words()
    assert not person.was_asked("hurt_now")


async def test_the_words_themselves_are_kept_nowhere_and_shown_nowhere(world: World) -> None:
    person = await with_words(world.someone(), duress="Daffodil")
    await person.says("Daffodil", after=3600)
    shown = " ".join(reply.text for reply in await person.screen()).lower()
    assert "marigold" not in shown
    assert "daffodil" not in shown
    assert b"marigold" not in (await person.session()).to_json().lower()


async def test_the_offer_comes_once(world: World) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD, "do:no_thanks", "answer:safe_contact:evening")
    assert not person.was_asked("code_word")


async def test_a_locked_page_forgets_what_it_showed(world: World) -> None:
    person = await with_words(world.someone())
    await person.says("hello", after=3600)
    person.shown = await person.screen()
    assert wiped(person) == [text_of("code_word_please")]


async def test_a_cry_for_help_after_a_break_does_not_open_the_chat(world: World) -> None:
    person = await with_words(world.someone())
    await person.says("he is going to kill me", after=3600)
    assert person.was_told("report_danger")
    await person.presses("do:resume_check")
    assert [reply.text for reply in person.shown] == [text_of("code_word_please")]


@pytest.mark.parametrize("payload", ["do:emergency", "do:numbers", "do:person"])
async def test_help_is_never_locked(world: World, payload: str) -> None:
    person = await with_words(world.someone())
    await person.presses(payload, after=3600)
    assert not person.was_told("code_word_please")


@pytest.mark.parametrize("typed", ["my boss has all of our passports", "he took it, what can I do"])
async def test_a_sentence_is_heard_and_never_taken_as_the_word(world: World, typed: str) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says(typed)
    assert person.was_told("engine_away")
    assert not (await person.session()).code_mark


@pytest.mark.parametrize(
    "typed", ["我把整瓶安眠药都吞了", "老板把我关起来了", "โดนบังคับให้นอนกับแขก", "หัวหน้ายึดพาสปอร์ต"]
)
async def test_a_sentence_without_spaces_is_none_either(world: World, typed: str) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says(typed)
    assert not (await person.session()).code_mark


@pytest.mark.parametrize("typed", ["金盏花", "ดอกไม้"])
async def test_a_word_of_a_script_without_spaces_is_one(world: World, typed: str) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says(typed)
    assert person.was_asked("duress_word")


async def test_a_cry_of_one_word_is_heard_and_never_taken_as_the_word(
    spoken_world: World, engine: EngineServer
) -> None:
    person = spoken_world.someone()
    await person.presses(*OFFERED_A_WORD)
    engine.means["jaasolhallae"] = (["report_self_harm"], None)
    await person.says("jaasolhallae")
    assert person.was_told("report_self_harm")
    assert not (await person.session()).code_mark


@pytest.mark.parametrize("between", ["a night", "a screen", "a talk"])
async def test_what_is_said_later_is_no_word(world: World, between: str) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    if between == "a screen":
        await person.presses("do:topics")
    elif between == "a talk":
        await person.presses("do:emergency", "do:person", "answer:consent:all")
        await person.presses(*OFFERED_A_WORD[1:])
        talk = await person.is_claimed()
        await person.says("salam")
        await world.queue.end(talk.id, "bea", "safe")
    await person.says("hello", after=9 * 3600 if between == "a night" else 1)
    assert not (await person.session()).code_mark


async def test_the_second_word_is_not_taken_after_a_break_either(world: World) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says("marigold")
    await person.says("marigold", after=BREAK + 1)
    await person.says("salam")
    assert not (await person.session()).duress_mark


async def test_in_a_locked_chat_danger_is_heard_by_the_engine_too(
    spoken_world: World, engine: EngineServer
) -> None:
    person = await with_words(spoken_world.someone())
    engine.means["there is so much blood"] = (["report_danger"], None)
    await person.says("there is so much blood", after=3600)
    assert person.was_told("report_danger")
    await person.says("tulip")
    assert [reply.text for reply in person.shown] == [text_of("code_word_please")]


async def test_in_a_locked_chat_nobody_learns_that_a_counsellor_came(world: World) -> None:
    """Who writes may be somebody else: they are asked for the word, and the counsellor sees it."""
    person = await with_words(world.someone())
    await person.presses("do:person", "answer:consent:all")
    await a_round(world, person, BREAK + 1)
    await person.is_claimed()
    for asked in ("/start", "/help"):
        await person.says(asked)
        assert [reply.text for reply in person.shown] == [text_of("code_word_please")]
    await person.presses("do:person")
    assert [reply.text for reply in person.shown] == [text_of("code_word_please")]
    await person.says("who is there")
    assert person.was_told("code_word_please")
    found = await person.handoff()
    assert found is not None
    assert found.word_check == "asked"
    await person.says("hello?")
    assert not person.was_told("code_word_please"), "asked once"
    await person.says("marigold")
    await person.says("/start")
    assert person.was_told("counsellor_now", name="Bea")


async def test_a_clock_that_was_set_back_locks_too(world: World) -> None:
    person = await with_words(world.someone())
    await person.says("hello", after=-3600)
    assert wiped(person) == [text_of("code_word_please")]


async def _asked_in_a_talk(world: World, name: str) -> tuple[Someone, str]:
    """Somebody with two words, whom a counsellor has just asked for the word."""
    person = await with_words(world.someone(name), duress="Daffodil")
    await person.presses("do:person")
    talk = await person.is_claimed(name)
    await world.queue.send_card(
        talk.id, name, world.words.reply("code_word_please", "en"), word=True
    )
    assert (await person.reads())[-1].text == text_of("code_word_please")
    return person, talk.id


async def test_a_counsellor_sees_which_word_it_was_and_the_person_sees_nothing(
    world: World,
) -> None:
    seen = {}
    for name, typed in (("right", " MARIGOLD"), ("wrong", "tulip"), ("forced", "daffodil")):
        person, talk = await _asked_in_a_talk(world, name)
        await person.says(typed)
        seen[name] = await person.reads()
        found = await world.queue.get(talk)
        assert found is not None
        lines = [line.text for line in await world.queue.transcript.read(found)]
        outcome = {"right": "match", "wrong": "no_match", "forced": "duress"}[name]
        assert found.word_check == outcome
        # A word goes into no transcript; what is none may be a message, and is heard.
        assert lines[1:] == (["tulip"] if name == "wrong" else [])
        assert (found.level is Level.RED) == ("duress_word" in found.flags) == (name == "forced")
        assert not person.shown
    assert seen["right"] == seen["wrong"] == seen["forced"] == []


async def test_one_question_has_one_answer(world: World) -> None:
    person, talk = await _asked_in_a_talk(world, "right")
    await person.presses("do:numbers")  # is no answer
    await person.says("marigold")
    await person.says("I am fine")
    found = await world.queue.get(talk)
    assert found is not None
    assert found.word_check == "match"
    assert [line.text for line in await world.queue.transcript.read(found)][1:] == ["I am fine"]


async def test_the_next_counsellor_has_not_asked_yet(world: World) -> None:
    person, talk = await _asked_in_a_talk(world, "right")
    await world.queue.release(talk, "right")
    await person.is_claimed("other")
    await person.says("hello")
    found = await world.queue.get(talk)
    assert found is not None
    assert found.word_check == ""


async def test_the_counsellor_is_told_that_there_is_a_word_when_it_is_set_in_line(
    world: World,
) -> None:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:nothing", "do:resume_check")
    await person.presses("answer:phone_seen:yes", "answer:safe_contact:any")
    found = await person.handoff()
    assert found is not None
    assert not (await world.queue.case(found)).code_word
    await person.says("marigold")
    found = await person.handoff()
    assert found is not None
    assert (await world.queue.case(found)).code_word


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize("in_line", [False, True])
async def test_a_quiet_chat_is_locked_and_emptied_before_anybody_writes(
    world: World, channel: Channel, in_line: bool
) -> None:
    """Whoever opens the page or the phone then reads nothing of before; the place stays."""
    person = await with_words(world.someone("ana", channel))
    if in_line:
        await person.presses("do:person", "answer:consent:all")
    assert await a_round(world, person, BREAK - 1) == []
    shown = await a_round(world, person, 2)
    # A page that is open is told what to do; nobody's phone is written to unasked.
    asked = [text_of("code_word_please")] if channel is Channel.WEBCHAT else []
    assert wiped(person) == asked
    assert shown == ["", *asked]
    if channel is Channel.WEBCHAT:
        assert [reply.text for reply in await person.screen()] == shown
        left = await world.redis.ttl(world.keys.screen(person.id))
        assert left > QUIET, "the page goes on"
    assert (await person.handoff() is not None) == in_line
    await person.says("hello")
    assert [reply.text for reply in person.shown] == [text_of("code_word_please")]


async def test_a_locked_chat_is_erased_at_the_same_time_as_any_other(world: World) -> None:
    person = await with_words(world.someone())
    await a_round(world, person, BREAK + 1)
    assert await a_round(world, person, QUIET - BREAK) == [text_of("quiet_warning", minutes=5)]
    assert await a_round(world, person, GRACE + 1) == [text_of("left")]


@pytest.mark.parametrize("ending", ["daffodil", "do:no_thanks", "do:numbers"])
async def test_once_the_words_are_set_they_stand_nowhere_in_the_chat(
    world: World, ending: str
) -> None:
    person = world.someone("ana", Channel.TELEGRAM)
    await person.presses(*OFFERED_A_WORD)
    await person.says("marigold")
    assert not any(reply.erase for reply in person.shown)
    await (person.presses(ending) if ":" in ending else person.says(ending))
    assert wiped(person)


async def test_without_a_word_nothing_is_taken_away(world: World) -> None:
    person = world.someone("ana", Channel.TELEGRAM)
    await person.presses(*OFFERED_A_WORD)
    await person.presses("do:no_thanks")
    assert not any(reply.erase for reply in person.shown)


async def test_beside_a_counsellor_the_page_shows_ones_own_words_and_no_secret_one(
    world: World,
) -> None:
    person = await with_words(world.someone())
    await person.presses("do:person", "answer:consent:all")
    await person.says("hello", after=BREAK + 1)
    assert person.was_told("code_word_please")
    await person.is_claimed()
    for said in ("I am in the kitchen", "marigold", "marigold"):
        await person.says(said)
    own = [reply.text for reply in await person.screen() if reply.speaker == "person"]
    talk = await person.handoff()
    assert talk is not None
    lines = [line.text for line in await world.queue.transcript.read(talk)]
    assert own == lines[-1:] == ["I am in the kitchen"]


async def test_at_telegram_no_card_waits_until_what_stood_there_is_deleted(world: World) -> None:
    person = world.someone(channel=Channel.TELEGRAM)
    await with_words(person)
    shown = await person.says("he is going to kill me", after=BREAK + 1)
    assert [reply.erase for reply in shown] == [False]
    assert person.was_told("report_danger")
