"""P9: after Leave nothing is left of a person that we control: no key, no file, no log.

The proof itself is the command `python -m bot prove-clean`: a whole service beside this one, real
processes, both doors. Here it runs in every language, and what it stands on is tried: that its
search finds what is hidden, and that the janitor lets Redis rewrite its file after an erasing.
"""

import asyncio
import base64
import copy
import os
import random
import re
import secrets
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from bot.conversation.core import GRACE, QUIET, open_turn, take_turn
from bot.conversation.memory import CALM, REWRITE_ANYWAY, REWRITE_EVERY
from bot.data_file import read_mapping
from bot.handlers.turn import Turn
from bot.keys import DAY, Keys
from bot.messages import Channel
from bot.outbox import FAREWELL
from bot.paths import ROOT
from bot.proof.canaries import Canaries
from bot.proof.search import search
from tests.core.world import LANGUAGES, LEAVE, OFFERED_A_WORD, Someone, World
from tests.promises.conftest import Promise
from tests.redis_server import RedisServer

#: The same person in the states that leave different things behind.
STATES: dict[str, tuple[str, ...]] = {
    "just come": (),
    "in the check": ("lang:en", "do:start_check", "answer:safe_now:watched"),
    "with secret words": OFFERED_A_WORD,
    "locked": OFFERED_A_WORD,
    "in line": ("lang:en", "do:person", "answer:consent:all"),
    "in a talk": ("lang:en", "do:person", "answer:consent:all"),
    "passed on": ("lang:en", "do:person", "answer:consent:all"),
    "flagged in a talk": ("lang:en", "do:person", "answer:consent:all"),
    "on hold": ("lang:en", "do:person", "answer:consent:all"),
    "after a talk": ("lang:en", "do:person", "answer:consent:all"),
}


async def test_the_proof_in_every_language_through_both_doors(promise: Promise) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "prove-clean", "--languages", "all",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
    )  # fmt: skip
    said = (await process.communicate())[0].decode()
    print(said)
    people = re.search(r"(\d+) people, (\d+) languages", said)
    assert people, said
    assert int(people[2]) == len(LANGUAGES) == 26
    note = "real processes" + (", engine" if "with the engine" in said else ", no engine here")
    promise("P9", f"left in {people[2]} languages, both doors: canaries anywhere",
            int(people[1]), int(process.returncode != 0), note)  # fmt: skip


@pytest.mark.parametrize("channel", list(Channel))
async def test_leaving_in_every_state_leaves_only_what_names_nobody(
    channel: Channel, seed: int, promise: Promise
) -> None:
    """In every state and with the leave word of every language, on one Redis and worker."""
    rng, tries, left = random.Random(seed), 0, 0
    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis:
            world = World(redis, Keys(f"t{secrets.token_hex(6)}:"))
            await world.on_shift("bea", capacity=99)
            async with world.working():
                for state, steps in STATES.items():
                    for language in rng.sample(LANGUAGES, 6) if state != "just come" else LANGUAGES:
                        person = world.someone(f"{state} {language} CANARY", channel)
                        await _brought(person, state, steps)
                        await person.says(LEAVE[language])
                        tries += 1
                        left += await _left_behind(person)
            await world.engine.close()
    promise("P9", f"{channel}: keys left in {len(STATES)} states", tries, left, f"seed {seed}")


async def test_every_leave_word_typed_in_any_state_is_leave(
    promise: Promise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every word of every list goes through a turn whose acts are looked at and not done."""
    words = [word for code in LANGUAGES
             for word in read_mapping(ROOT / "lexicon" / f"{code}.yml")["leave"]]  # fmt: skip
    wrong: list[str] = []

    async def not_done(*_: object) -> None:
        """The person stays in the line or the talk for the next word."""

    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis:
            world = World(redis, Keys(f"t{secrets.token_hex(6)}:"))
            async with world.working():
                for state, steps in STATES.items():
                    person = world.someone(state)
                    await _brought(person, state, steps)
                    with monkeypatch.context() as patch:
                        patch.setattr(world.queue, "abandon", not_done)
                        wrong += [f"{state}: {word}" for word in await _not_left(person, words)]
                    await person.says("exit")
            await world.engine.close()
    print(*wrong[:20], sep="\n")
    promise("P9", "leave words of every language, typed in every state", len(words) * len(STATES),
            len(wrong), f"{len(words)} words, {len(STATES)} states")  # fmt: skip


async def _not_left(person: Someone, words: list[str]) -> list[str]:
    """Those words that, typed by this person, do not end everything."""
    use, found = person.world.use, []
    session, handoff = await person.session(), await person.handoff()
    for word in words:
        inbound, screen = open_turn(use, person.inbound(text=word))
        turn = Turn(use, inbound, copy.deepcopy(session), handoff, screen)
        await take_turn(use, turn)
        if not turn.ended or [reply.erase for reply in turn.replies] != [True]:
            found.append(word)
    return found


async def _brought(person: Someone, state: str, steps: tuple[str, ...]) -> None:
    await person.says("my name is CANARY")
    if steps:
        await person.presses(*steps)
    if state == "with secret words":
        await person.says("canarytulip")
    if state == "locked":
        await person.says("canarytulip")
        await person.presses("do:no_thanks")
        await person.says("hello", after=3600)
        assert (await person.session()).locked
    if state == "on hold":
        asked = await person.handoff()
        assert asked is not None
        await person.world.queue.holds.hold(asked.id, "abusive", 24)
    if state in ("in a talk", "flagged in a talk", "passed on", "after a talk"):
        claimed = await person.is_claimed("bea")
        await person.says("I am CANARY")
        await person.world.queue.say(claimed.id, "bea", "hello CANARY")
        if state == "flagged in a talk":
            await person.world.queue.holds.flag(claimed.id, "bea", "someone_else", 48)
        if state == "passed on":
            await person.world.queue.transfers.to_queue(claimed.id, "bea", "CANARY asks for you")
        if state == "after a talk":
            await person.world.queue.end(claimed.id, "bea", "helped")


async def _left_behind(person: Someone) -> int:
    """How many keys still name the person or hold a canary; the door's own order is taken out."""
    world = person.world
    # What the doors do: the web page clears its screen, Telegram's takes its entry and its notes.
    await world.redis.delete(world.keys.screen(person.id), world.keys.sent(person.id))
    await world.redis.xtrim(world.keys.outbox(Channel.TELEGRAM), maxlen=0, approximate=False)
    names = [name for name in await world.names() if person.id in name]
    for name in names:
        print("left:", name.partition(":")[0])
    raw = await world.dump()
    return len(names) + (b"CANARY" in raw) + (person.id.encode() in raw)


@pytest.mark.parametrize(
    "hide",
    [
        lambda text: text.encode(),
        lambda text: text.upper().encode(),
        lambda text: text.encode("utf-16-le"),
        lambda text: text.encode().hex().encode(),
        *[lambda text, n=n: base64.b64encode(b"x" * n + text.encode() + b"yz") for n in range(3)],
    ],
)
async def test_the_search_finds_what_is_hidden_in_any_place(
    own_server: Redis, tmp_path: Path, hide: Callable[[str], bytes]
) -> None:
    canaries, redis = Canaries(), own_server
    for text in (canaries.word(), str(canaries.number())):
        hidden = hide(text)
        assert canaries.content().search(hidden), hidden
        pattern = canaries.content()
        await redis.set(b"k" + hidden, b"value")
        await redis.set("string", hidden)
        await redis.hset("hash", "field", hidden)
        await redis.rpush("list", hidden)
        await redis.sadd("set", hidden)
        await redis.zadd("zset", {hidden: 1})
        await redis.xadd("stream", {"e": hidden})
        for name in ("a.aof", "b.rdb", "c.log", "deep/er/d"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"\x00" + hidden + b"\xff")
        found = await search(redis, tmp_path, pattern)
        assert {place: one.found for place, one in found.items()} == {
            "names of keys": 1, "values of keys": 6, "Redis's slow log": 0,
            "append-only file": 1, "snapshot": 1, "logs": 1, "other files": 1,
        }  # fmt: skip
        await redis.flushall()


@pytest.fixture
async def own_server() -> object:
    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis:
            yield redis


# -- the janitor and the file on the disk ----------------------------------------------------------
async def test_the_file_is_written_anew_after_an_erasing_and_not_all_the_time(
    promise: Promise,
) -> None:
    failures, tries = 0, 0
    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis:
            world = World(redis, Keys(f"t{secrets.token_hex(6)}:"))
            janitor, asked = world.janitor(), _counted(redis)

            async def rounds(seconds: float, expected: int, what: str) -> None:
                nonlocal failures, tries
                before = len(asked)
                for _ in range(int(seconds // 20) or 1):
                    world.clock.forward(min(20, seconds))
                    await janitor.round()
                tries += 1
                if len(asked) - before != expected:
                    failures += 1
                    print(f"{what}: {len(asked) - before} instead of {expected}")

            async with world.working():
                await rounds(20, 1, "the first look: somebody's time may have ended before")
                await rounds(REWRITE_EVERY * 2, 0, "nobody was erased")
                person = world.someone("ana")
                await person.presses("lang:en")
                raw = person.id.encode()
                await person.says("exit")
                await rounds(20, 1, "somebody left")
                for number in range(4):
                    other = world.someone(f"other {number}")
                    await other.presses("lang:en")
                    await other.says("exit", after=1)
                await rounds(REWRITE_EVERY - 60, 0, "four more left, soon after")
                await rounds(80, 1, "and now it is time")
                await rounds(REWRITE_EVERY * 4, 0, "all had been calm for long")
                again = world.someone("late")
                await again.presses("lang:en")
                await again.says("exit")
                await rounds(20, 1, "one more left")
                await rounds(REWRITE_EVERY + 40, 1, "once more when all is calm")
                await rounds(REWRITE_EVERY * 3, 0, "then not for long")
                await rounds(REWRITE_ANYWAY, 1, "but within the hour: what ended by its time")
            await redis.delete(world.keys.screen(person.id))
            await _written(redis)
            await redis.bgrewriteaof()
            await _written(redis)
            folder = Path(server.url.removeprefix("unix://")).parent
            found = await search(redis, folder, re.compile(raw))
            failures += found["append-only file"].found
            await world.engine.close()
    assert CALM > FAREWELL, "what a door shows for a moment must be gone when it is calm"
    promise("P9", "file rewritten after erasures, rarely", tries + 1, failures,
            f"at most every {REWRITE_EVERY} s")  # fmt: skip


async def test_several_janitors_ask_once() -> None:
    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis:
            world = World(redis, Keys(f"t{secrets.token_hex(6)}:"))
            asked = _counted(redis)
            async with world.working():
                person = world.someone("ana")
                await person.says("exit")
            await asyncio.gather(*(world.janitor().round() for _ in range(5)))
            assert len(asked) == 1
            await world.engine.close()


async def test_a_redis_that_does_not_allow_it_is_asked_again_later() -> None:
    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis:
            world = World(redis, Keys(f"t{secrets.token_hex(6)}:"))
            refused: list[int] = []

            async def refuse() -> None:
                refused.append(1)
                raise ResponseError("NOPERM")

            async with world.working():
                person = world.someone("ana")
                await person.says("exit")
                redis.bgrewriteaof = refuse  # type: ignore[method-assign,assignment]
                for _ in range(3):
                    await world.janitor().round()
                assert len(refused) == 1
                world.clock.forward(REWRITE_EVERY + CALM)
                await world.janitor().round()
                assert len(refused) == 2, "and nothing of it is forgotten"
                assert await redis.exists(world.keys.erased())
            await world.engine.close()


async def test_what_ended_by_its_own_time_goes_from_the_file_too(promise: Promise) -> None:
    """A talk that was kept for a day, on a line where nobody leaves."""
    left: list[list[bool]] = []
    with RedisServer() as server:
        async with Redis.from_url(server.url) as redis:
            world = World(redis, Keys(f"t{secrets.token_hex(6)}:"))
            person, folder = world.someone(), Path(server.url.removeprefix("unix://")).parent
            async with world.working():
                await person.presses("lang:en", "do:person", "answer:consent:all")
                claimed = await person.is_claimed()
                await person.says("my name is CANARY")
                await world.queue.end(claimed.id, "bea", "helped")
                for days, seconds in ((0, QUIET), (0, GRACE), (0, CALM), (1, 0), (1, 0)):
                    await world.later(days * DAY + seconds + REWRITE_EVERY)
                    await world.janitor().round()
                    await world.all_done()
                    await world.janitor().round()
                    await _written(redis)
                    names = world.keys.transcript(claimed.id), world.keys.datakey(person.id)
                    looked = [
                        await search(redis, folder, re.compile(one.encode())) for one in names
                    ]
                    left.append([one["append-only file"].found > 0 for one in looked])
            await world.engine.close()
    kept = [[True, True]] * 3 + [[False, True], [False, False]]
    wrong = sum(is_there != should for is_there, should in zip(left, kept, strict=True))
    promise("P9", "talks that ended by their own time, in the file", len(kept), wrong, f"{left}")


def _counted(redis: Redis) -> list[int]:
    """Counts how often Redis is asked to rewrite its file; it really does."""
    asked: list[int] = []
    real: Callable[[], Awaitable[object]] = redis.bgrewriteaof

    async def ask() -> object:
        await _written(redis)
        asked.append(1)
        return await real()

    redis.bgrewriteaof = ask  # type: ignore[method-assign,assignment]
    return asked


async def _written(redis: Redis) -> None:
    async with asyncio.timeout(20):
        while True:
            state = await redis.info("persistence")
            if not (state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"]):
                return
            await asyncio.sleep(0.02)
