"""A photo, a voice, a place: in a talk the counsellor sees that it came; else it is gone."""

import pytest

from bot.messages import Kind, Media
from tests.core.engine_server import EngineServer
from tests.core.test_leaving import nothing_is_left_of
from tests.core.world import DANGER, OFFERED_A_WORD, Someone, World, text_of

PHOTO = Media(Kind.PHOTO, "CANARY-file", 240_000)
PLACE = Media(Kind.LOCATION, place=(43.651234, -79.347012))


async def talking(world: World) -> tuple[Someone, str]:
    person = world.someone()
    await person.presses("lang:en", "do:person", "answer:consent:all")
    return person, (await person.is_claimed()).id


@pytest.mark.parametrize("media", [PHOTO, Media(Kind.VOICE, "CANARY-file"), PLACE])
async def test_in_a_talk_it_reaches_the_counsellor_sealed_and_goes_with_leave(
    world: World, media: Media
) -> None:
    person, talk = await talking(world)
    await person.sends(media.kind, media=media, text="this is where I sleep")
    assert [reply.text for reply in person.shown] == [text_of("media_came")]
    found = await world.queue.get(talk)
    assert found is not None
    lines = await world.queue.transcript.read(found)
    assert [(line.text, line.media) for line in lines] == [("this is where I sleep", media)]
    kept = await world.dump()
    assert b"CANARY" not in kept
    assert b"43.65" not in kept
    await person.says("exit")
    assert await nothing_is_left_of(person)
    assert await world.redis.exists(world.keys.transcript(talk)) == 0


async def test_before_a_counsellor_is_there_nothing_of_it_is_kept(world: World) -> None:
    person = world.someone()
    for presses in (["lang:en"], ["do:person", "answer:consent:all"]):
        await person.presses(*presses)
        await person.sends(Kind.PHOTO, media=PHOTO)
        assert person.was_told("media")
        await person.sends(Kind.LOCATION, media=PLACE)
        assert person.was_told("contact_or_place")
    claimed = await person.is_claimed()
    found = await world.queue.get(claimed.id)
    assert found is not None
    assert await world.queue.transcript.read(found) == []


@pytest.mark.parametrize(
    ("kind", "key"),
    [(Kind.PHOTO, "media"), (Kind.STICKER, "media"), (Kind.CONTACT, "contact_or_place")],
)
async def test_what_cannot_be_opened_is_said_to_be_so_to_both(
    world: World, kind: Kind, key: str
) -> None:
    person, talk = await talking(world)
    await person.sends(kind)
    assert [reply.text for reply in person.shown] == [text_of(key)]
    found = await world.queue.get(talk)
    assert found is not None
    [line] = await world.queue.transcript.read(found)
    assert line.media == Media(kind)
    assert not line.media.can_be_opened


async def test_words_of_danger_under_a_photo_are_heard(world: World) -> None:
    person, talk = await talking(world)
    await person.sends(Kind.PHOTO, media=PHOTO, text=DANGER["en"])
    assert person.was_told("danger_seen")
    found = await world.queue.get(talk)
    assert found is not None
    assert "danger_words" in found.flags


@pytest.mark.parametrize("kind", [Kind.PHOTO, Kind.VOICE])
async def test_words_under_a_picture_are_answered(
    spoken_world: World, engine: EngineServer, kind: Kind
) -> None:
    engine.means["can he keep this from me"] = (["ask_rights"], None)
    person = spoken_world.someone()
    await person.presses("lang:en")
    await person.sends(kind, text="can he keep this from me")
    assert [reply.text for reply in person.shown] == [text_of("media"), text_of("ask_rights")]


async def test_words_under_a_picture_open_no_locked_chat(world: World) -> None:
    person = world.someone()
    await person.presses(*OFFERED_A_WORD)
    await person.says("marigold")
    await person.presses("do:no_thanks")
    await person.sends(Kind.PHOTO, text="what is this", after=3600)
    assert person.shown[-1].text == text_of("code_word_please")
