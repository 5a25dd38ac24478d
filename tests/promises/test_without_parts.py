"""P5 and P6: parts are away, slow, wrong, full or out of time; the person gets the right card.

And what was accepted is there afterwards. The danger card is tried in every language.
"""

import asyncio
import html
import itertools
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.errors import QueueUnavailable
from bot.inbox import LEASE_MS
from bot.keys import SHARDS, Keys
from bot.messages import Channel, Kind, Reply
from tests.botapi import BotApi, Chat
from tests.core.engine_server import EngineServer
from tests.core.world import DANGER, LANGUAGES, Someone, World, text_of
from tests.promises.conftest import Promise
from tests.promises.place import Place, Proxy, Step, _read_once, place, until
from tests.redis_server import RedisServer
from tests.webchat.visitors import Page, Visitor

__all__ = ["_read_once"]

DAY = 86_400


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A Redis that this test may take away."""
    with RedisServer() as running:
        yield running


# -- the engine ---------------------------------------------------------------------------------


TROUBLES: dict[str, tuple[int, bytes] | None] = {
    "down": None,
    "slow (3 s)": None,
    "500": (500, b"{}"),
    "garbage": (200, b"\xff\xfe<html>"),
    "200 with nothing": (200, b""),
    "200 with an empty object": (200, b"{}"),
    "200 with no answer": (200, b'{"keys": [], "intent": null, "slots": {}}'),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_engine(server: RedisServer, promise: Promise, trouble: str) -> None:
    failures: list[str] = []
    tries = 0
    async with (
        Redis.from_url(server.url) as redis,
        EngineServer().serving() as engine,
    ):
        engine.nonsense = TROUBLES[trouble]
        url = "http://127.0.0.1:9" if trouble == "down" else engine.url
        world = World(redis, Keys(f"engine-{trouble.replace(' ', '-')}:"), url)
        if trouble.startswith("slow"):
            engine.answers.clear()
        people = [
            world.someone(f"{language} {channel}", channel)
            for language in LANGUAGES
            for channel in Channel
        ]

        async def act(kind: Kind, **fields: str) -> None:
            """Everybody does the same thing, in their language."""
            world.clock.forward(10)
            for person, (language, _) in zip(
                people, itertools.product(LANGUAGES, Channel), strict=True
            ):
                mine = {
                    name: value.get(language, "") if isinstance(value, dict) else value
                    for name, value in fields.items()
                }
                mine = {name: value.replace("LANG", language) for name, value in mine.items()}
                await world.accept(person.inbound(kind, **mine))
            if trouble.startswith("slow"):
                await asyncio.sleep(3)
                engine.answers.set()
                await world.all_done()
                engine.answers.clear()
            await world.all_done()

        def check(key: str) -> None:
            nonlocal tries
            for person, (language, _) in zip(
                people, itertools.product(LANGUAGES, Channel), strict=True
            ):
                tries += 1
                if text_of(key, language) not in person.read_words():
                    failures.append(f"{person.name}: {key}")

        async def look() -> None:
            for person in people:
                await person.answers()

        async with world.working():
            # The very first words are a cry for help.
            await act(Kind.TEXT, text=DANGER)  # type: ignore[arg-type]
            await look()
            check("report_danger")
            await act(Kind.BUTTON, button="lang:LANG")
            await act(Kind.BUTTON, button="do:start_check")
            await look()
            await act(Kind.BUTTON, button="answer:safe_now:danger")
            await look()
            check("report_danger")
            await act(Kind.TEXT, text="qwrtz pfgh 4711")
            await look()
            for person in people:
                tries += 1
                if not person.shown:
                    failures.append(f"{person.name}: silence")
            await act(Kind.TEXT, text=DANGER)  # type: ignore[arg-type]
            await look()
            check("report_danger")
            # What was accepted is there.
            for person in people:
                tries += 1
                session = await person.session()
                if session.answers != {"safe_now": "danger"} or not session.language:
                    failures.append(f"{person.name}: the answer is gone")
            tries += 1
            failures += await world.dead_letters()
        await world.engine.close()
    promise("P5", f"engine {trouble}: card, answer", tries, len(failures), " ".join(failures[:3]))


# -- Redis, at every step -----------------------------------------------------------------------


async def test_redis_cut_at_every_step_of_a_web_turn(
    server: RedisServer, promise: Promise, full: bool, seed: int
) -> None:
    await _at_every_step(server, await _steps(server, None), promise, full, seed, "web", _web_turn)


async def test_redis_cut_at_every_step_of_a_telegram_turn(
    server: RedisServer, promise: Promise, full: bool, seed: int
) -> None:
    async with BotApi().serving() as api:
        steps = await _steps(server, api)
    await _at_every_step(server, steps, promise, full, seed, "telegram", _telegram_turn)


async def _steps(server: RedisServer, api: BotApi | None) -> list[Step]:
    async with place(server.url, server.url, api=api) as made:
        return made.steps


async def _at_every_step(
    server: RedisServer,
    steps: list[Step],
    promise: Promise,
    full: bool,
    seed: int,
    door: str,
    turn: Any,
) -> None:
    languages = list(LANGUAGES)
    random.Random(seed).shuffle(languages)
    if full:
        tries = [(number, code) for number in range(len(steps)) for code in languages]
    else:
        rounds = max(len(languages), len(steps))
        tries = [
            (number % len(steps), languages[number % len(languages)]) for number in range(rounds)
        ]
    failures: list[str] = []
    few = asyncio.Semaphore(6)

    async def one(number: int, language: str) -> None:
        async with few:
            found = await turn(server, number, language)
        if found:
            step = steps[number]
            failures.append(f"{step.name}/{step.when} {language}: {found}")

    await asyncio.gather(*(one(number, language) for number, language in tries))
    what = f"{door}: Redis cut at each of {len(steps)} steps"
    print(*failures, sep="\n")
    promise("P5", what, len(tries), len(failures), f"seed {seed} {' '.join(failures[:2])}")


async def _web_turn(server: RedisServer, number: int, language: str) -> str:
    """One turn on the web with a cut in it; what went wrong, or ""."""
    card = text_of("report_danger", language)
    async with (
        Proxy(server.url) as proxy,
        place(server.url, proxy.url) as here,
        Visitor(here.web, {"accept_language": "en"}) as visitor,
    ):
        await visitor.look()
        await _sends(visitor, "payload", f"lang:{language}")
        person = here.person(Channel.WEBCHAT, visitor.cookies["session"])
        if not await until(lambda: _shown(here, person, 1), "a first answer"):
            return "no first answer"
        await visitor.look()
        proxy.cut(here.steps[number])
        await _sends(visitor, "text", DANGER[language])
        # Not kept: sent again from the same page. Kept, but no page yet: looked at again.
        for tried in range(50):
            assert visitor.last is not None
            if visitor.last.status_code != 503:
                break
            if not _on_page(visitor.page, card) and tried == 0:
                return "no card on the page while Redis is away"
            await asyncio.sleep(0.1)
            if visitor.last.request.method == "POST":
                await _sends(visitor, "text", DANGER[language])
            else:
                await visitor.look()
        if not await until(lambda: _is_shown(here, person, card), "the card"):
            return "no card"
        if not await until(lambda: _nothing(here.waiting), "all is dealt with"):
            return "an entry is stuck"
        await asyncio.sleep(0.05)
        replies = await here.screen(person)
        own = [reply.text for reply in replies if reply.speaker == "person"]
        if own.count(DANGER[language]) != 1:
            return f"{own.count(DANGER[language])} times on the screen"
        page = await visitor.look()
        if not _on_page(page, card):
            return "not on the page afterwards"
        name = visitor.cookies["session"]
        if "danger_words" not in (await here.session(Channel.WEBCHAT, name)).signals:
            return "forgotten"
        # A lease or a look for strays comes by itself, all others must have been cut.
        return "" if proxy.cuts else await _cut_late(proxy)


async def _telegram_turn(server: RedisServer, number: int, language: str) -> str:
    card = text_of("report_danger", language)
    async with (
        BotApi().serving() as api,
        Proxy(server.url) as proxy,
        place(server.url, proxy.url, api=api) as here,
    ):
        ana = api.world.person(language="en")
        ana.forges(f"lang:{language}")
        if not await until(lambda: ana.answers() and not api.world.pending, "a first answer"):
            return "no first answer"
        await until(lambda: _nothing(here.undelivered), "delivered")
        proxy.cut(here.steps[number])
        ana.says(DANGER[language])
        if not await until(lambda: card in "\n".join(ana.answers()), "the card"):
            return "no card"
        if not await until(lambda: not api.world.pending, "confirmed"):
            return "never confirmed"
        for left in (here.waiting, here.undelivered):
            if not await until(lambda left=left: _nothing(left), "all is done"):
                return f"{left.__name__} is stuck"
        if "danger_words" not in (await here.session(Channel.TELEGRAM, str(ana.id))).signals:
            return "forgotten"
        if (shown := ana.answers().count(card)) > 3:
            return f"shown {shown} times"
        return "" if proxy.cuts else await _cut_late(proxy)


# -- Redis away, full, or its disk ----------------------------------------------------------------


async def _everybody_writes(here: Place, api: BotApi) -> tuple[dict[str, Visitor], dict[str, Chat]]:
    """Somebody in every language cries for help at both doors."""
    visitors = {code: Visitor(here.web, {"accept_language": "en"}) for code in LANGUAGES}
    chats = {code: api.world.person(language="en") for code in LANGUAGES}
    for code, visitor in visitors.items():
        await visitor.look()
        await _sends(visitor, "text", DANGER[code])
    for code, chat in chats.items():
        chat.says(DANGER[code])
    return visitors, chats


async def _trouble_with_redis(
    server: RedisServer, mode: str, begin: Callable[[], object], end: Callable[[], object]
) -> tuple[int, list[str]]:
    """Redis is of no use for a while, at both doors; (tries, what went wrong)."""
    failures: list[str] = []
    async with (
        BotApi().serving() as api,
        Proxy(server.url) as proxy,
        place(server.url, proxy.url, api=api, mode=mode) as here,
    ):
        asked = "getUpdates" if mode == "polling" else "setWebhook"
        await until(lambda: api.called(asked), "the door is open")
        before = World(here.redis, here.keys).someone("accepted before")
        await _nobody_works(here)
        await here.door.inbox.accept(before.inbound(text=DANGER["fr"]), "early")
        if await here.waiting() != 1:
            failures.append("what was accepted before does not wait")
        await _maybe(begin())
        visitors, chats = await _everybody_writes(here, api)
        for code, visitor in visitors.items():
            assert visitor.last is not None
            if visitor.last.status_code != 503:
                failures.append(f"web {code}: {visitor.last.status_code}")
            if not _on_page(visitor.page, text_of("report_danger", code)):
                failures.append(f"web {code}: no card")
        for code, chat in chats.items():
            card = text_of("report_danger", code)
            if not await until(lambda chat=chat, card=card: card in chat.answers(), code):
                failures.append(f"{mode} {code}: no card")
        if len(api.world.pending) != len(LANGUAGES):
            failures.append(f"{mode}: confirmed what is not stored")
        if mode == "webhook" and {status for _, status in api.pushed} != {503}:
            failures.append(f"webhook answered {sorted(set(api.pushed))}")
        await _maybe(end())
        for code, visitor in visitors.items():
            page = await _sends(visitor, "text", DANGER[code])
            for _ in range(100):
                if visitor.last is not None and visitor.last.status_code == 200:
                    break
                await asyncio.sleep(0.1)
                page = await _sends(visitor, "text", DANGER[code])
            person = here.person(Channel.WEBCHAT, visitor.cookies["session"])
            card = text_of("report_danger", code)
            shown = await until(
                lambda person=person, card=card: _is_shown(here, person, card), f"web {code}"
            )
            own = [reply for reply in await here.screen(person) if reply.speaker == "person"]
            if not shown or len(own) != 1:
                failures.append(f"web {code}: {len(own)} kept afterwards")
            del page
            await visitor.__aexit__(None, None, None)
        if not await until(lambda: not api.world.pending, "confirmed", 40):
            failures.append(f"{len(api.world.pending)} never confirmed")
        for left in (here.waiting, here.undelivered):
            if not await until(lambda left=left: _nothing(left), "all is done", 40):
                failures.append(f"{left.__name__} is stuck")
        for code, chat in chats.items():
            session = await here.session(Channel.TELEGRAM, str(chat.id))
            if "danger_words" not in session.signals:
                failures.append(f"{mode} {code}: forgotten")
        if not any(text_of("report_danger", "fr") in reply.text for reply in await before.reads()):
            failures.append("what was accepted before is gone")
    return len(LANGUAGES) * 2, failures


async def _nobody_works(here: Place) -> None:
    """As when a worker has died: for some seconds its shards are nobody else's."""
    for shard in range(SHARDS):
        await here.redis.set(here.keys.shard(shard), "a dead worker", px=2 * LEASE_MS)


async def _maybe(act: object) -> None:
    if isinstance(act, Awaitable):
        await act


modes = pytest.mark.parametrize("mode", ["polling", "webhook"])


@modes
async def test_redis_away(own_server: RedisServer, promise: Promise, mode: str) -> None:
    tries, wrong = await _trouble_with_redis(own_server, mode, own_server.stop, own_server.start)
    promise("P5", f"Redis away, web and {mode}", tries, len(wrong), "; ".join(wrong[:3]))


@modes
async def test_redis_out_of_memory(own_server: RedisServer, promise: Promise, mode: str) -> None:
    async def limit(size: int) -> None:
        async with Redis.from_url(own_server.url) as redis:
            await redis.config_set("maxmemory", size)

    tries, wrong = await _trouble_with_redis(own_server, mode, lambda: limit(1), lambda: limit(0))
    promise("P5", f"Redis out of memory, web and {mode}", tries, len(wrong), "; ".join(wrong[:3]))


@pytest.mark.parametrize("fsync", ["everysec", "always"])
async def test_disk_full(promise: Promise, fsync: str) -> None:
    """With "always" Redis ends rather than forget; with the other it refuses."""
    with RedisServer(appendfsync=fsync) as server:

        async def full() -> None:
            server.fill_disk()
            async with Redis.from_url(server.url) as redis:
                for _ in range(100):  # until it has noticed
                    try:
                        await redis.set("filler", "x")
                    except RedisError:
                        break
                    await asyncio.sleep(0.1)
                else:
                    raise AssertionError("the disk is not full")

        def space_again() -> None:
            if server.ended():
                server.start()
            else:
                server.fill_disk(full=False)

        tries, wrong = await _trouble_with_redis(server, "polling", full, space_again)
    promise("P5", f"disk full, appendfsync {fsync}", tries, len(wrong), "; ".join(wrong[:3]))


@modes
async def test_a_flood_that_fills_redis_is_over_by_itself(
    own_server: RedisServer, promise: Promise, mode: str
) -> None:
    """Near its limit nothing new is accepted; all else goes on, and Leave is what makes room."""
    failures: list[str] = []
    async with (
        BotApi().serving() as api,
        place(own_server.url, own_server.url, api=api, mode=mode) as here,
        Visitor(here.web, {"accept_language": "en"}) as visitor,
        Visitor(here.web, {"accept_language": "en"}) as leaver,
    ):
        await until(lambda: api.called("getUpdates" if mode == "polling" else "setWebhook"), "open")
        await leaver.look()
        await _sends(leaver, "text", "hello")
        gone = here.person(Channel.WEBCHAT, leaver.cookies["session"])
        await until(lambda: _nothing(here.waiting), "the first is dealt with")
        used = (await here.redis.info("memory"))["used_memory"]
        await here.redis.config_set("maxmemory", used + 4_000_000)
        flood = World(here.redis, here.keys, retention=DAY)
        crowd = [flood.someone(f"flood {number}") for number in range(5_000)]
        accepted = await _fill(here, crowd)
        assert accepted < len(crowd), "the flood was too small"
        # At both doors the right card, and nothing confirmed that is not stored.
        await visitor.look()
        for _ in range(10):  # a little room comes back by itself: buffers of connections at rest
            page = await _sends(visitor, "text", DANGER["en"])
            if visitor.last is not None and visitor.last.status_code == 503:
                break
            accepted += await _fill(here, crowd[accepted:])
        else:
            failures.append("web: not refused")
        if not _on_page(page, text_of("report_danger")):
            failures.append("web: no card")
        chat = api.world.person(language="en")
        chat.says(DANGER["en"])
        if not await until(lambda: text_of("report_danger") in chat.answers(), "card"):
            failures.append(f"{mode}: no card")
        # Who leaves is taken in, and everything accepted is answered, while it is full.
        await leaver.leave()
        if not await until(lambda: _nothing(here.waiting), "answered", 60):
            failures.append("what was accepted waits")
        silent = [one for one in crowd[:accepted] if not await here.screen(one.id)]
        if silent:
            failures.append(f"{len(silent)} of the flood were not answered")
        if await here.redis.exists(here.keys.session(gone), here.keys.datakey(gone)):
            failures.append("left, and still there")
        # They leave, and there is room: nobody had to do anything.
        for one in crowd[:accepted]:
            await here.door.inbox.accept(one.inbound(text="/exit"), f"exit {one.id}")
        if not await until(lambda: not api.world.pending, "confirmed", 60):
            failures.append(f"{mode}: never confirmed")
        for left in (here.waiting, here.undelivered):
            if not await until(lambda left=left: _nothing(left), "all is done", 60):
                failures.append(f"{left.__name__} is stuck")
        page = await _sends(visitor, "text", DANGER["en"])
        if visitor.last is None or visitor.last.status_code != 200:
            failures.append("web: still refused")
    tries = accepted + 8
    promise("P5", f"a flood fills Redis, web and {mode}", tries, len(failures),
            "; ".join([*failures[:3], f"{accepted} accepted"]))  # fmt: skip


async def _fill(here: Place, crowd: list[Someone]) -> int:
    """Everybody says hello until nobody is let in, though nobody waits any more; how many were."""
    let_in, before = 0, -1
    while let_in < len(crowd):
        try:
            one = crowd[let_in]
            await here.door.inbox.accept(one.inbound(text="hello"), f"flood {one.id}")
            let_in += 1
        except QueueUnavailable:
            if let_in == before:
                return let_in
            before = let_in
            await until(lambda: _nothing(here.waiting), "what waits is answered", 60)
    return let_in


async def test_accepted_before_memory_ran_out_is_answered_while_it_is_out(
    own_server: RedisServer, promise: Promise
) -> None:
    """Answers make room; what is accepted must not wait for room."""
    async with (
        BotApi().serving() as api,
        place(own_server.url, own_server.url, api=api) as here,
    ):
        chats = [api.world.person() for _ in range(20)]
        for chat in chats[:10]:
            chat.forges("lang:en")
        assert await until(lambda: all(chat.answers() for chat in chats[:10]), "first answers")
        assert await until(lambda: _nothing(here.undelivered), "delivered")
        await _nobody_works(here)
        for chat in chats:
            chat.says(DANGER["en"])
        assert await until(lambda: not api.world.pending, "all are accepted")
        assert await here.waiting() == len(chats)
        await here.redis.config_set("maxmemory", 1)
        card = text_of("report_danger")
        await until(lambda: all(_had(chat, card) for chat in chats), "cards", 30)
        failures = sum(not _had(chat, card) for chat in chats)
        stuck = not await until(lambda: _nothing(here.undelivered), "the outbox is empty", 15)
        stuck = stuck or await here.waiting() > 0
    promise("P6", "answers while Redis is out of memory", len(chats), failures + stuck)


def _had(chat: Chat, text: str) -> bool:
    """Whether it was answered with this, perhaps among other words."""
    return text in "\n".join(chat.answers())


async def test_more_than_a_hundred_wait_while_redis_is_away(
    own_server: RedisServer, promise: Promise
) -> None:
    """A webhook tells each one; polling cannot see past the oldest 100 without confirming them."""
    many = 150
    async with (
        BotApi(push_again=3).serving() as api,
        place(own_server.url, own_server.url, api=api, mode="webhook") as here,
    ):
        await until(lambda: api.called("setWebhook"), "the door is open")
        own_server.stop()
        chats = [api.world.person() for _ in range(many)]
        for chat in chats:
            chat.says(DANGER["en"])
        card = text_of("report_danger")
        await until(lambda: all(card in chat.answers() for chat in chats), "a card each", 30)
        failures = sum(card not in chat.answers() for chat in chats)
        own_server.start()
        await until(lambda: not api.world.pending, "confirmed", 30)
        failures += len(api.world.pending)
        await until(lambda: _nothing(here.waiting), "dealt with", 30)
    promise("P5", f"{many} at the webhook while Redis is away", many, failures)


# -- Telegram -------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["502", "reset", "html502", "429"])
async def test_telegram_away(server: RedisServer, promise: Promise, how: str) -> None:
    """Nothing that was accepted is lost, and the card comes before what has waited longer."""
    async with (
        BotApi().serving() as api,
        place(server.url, server.url, api=api) as here,
    ):
        chats = {code: api.world.person(language="en") for code in LANGUAGES}
        for code, chat in chats.items():
            chat.forges(f"lang:{code}")
        assert await until(lambda: all(chat.answers() for chat in chats.values()), "first answers")
        await until(lambda: _nothing(here.undelivered), "delivered")
        api.fails(how, "sendMessage", times=10**6)
        for chat in chats.values():
            chat.forges("do:numbers")
        await until(lambda: len(api.called("sendMessage")) > 2 * len(chats), "tried")
        for code, chat in chats.items():
            chat.says(DANGER[code])
        cards = {text_of("report_danger", code) for code in LANGUAGES}
        await until(
            lambda: len({asked["chat_id"] for asked in api.called("sendMessage")
                         if asked["text"] in cards}) == len(chats),
            "the card of each was tried", 60,
        )  # fmt: skip
        seen = {code: len(chat.answers()) for code, chat in chats.items()}
        api.fails("502", "getUpdates", times=3)
        api.faults[:] = [fault for fault in api.faults if fault.method != "sendMessage"]
        done = await until(lambda: _nothing(here.undelivered), "delivered", 60)
        failures = [] if done else ["stuck"]
        for code, chat in chats.items():
            new = chat.answers()[seen[code] :]
            card = text_of("report_danger", code)
            if new.count(card) != 1 or len(new) < 2:
                failures.append(f"{code}: {len(new)} came, card {new.count(card)} times")
            elif new[0] != card:
                failures.append(f"{code}: the card waited")
        failures += [f"{chat.id} wrote in vain" for chat in chats.values() if not chat.answers()]
    promise("P5", f"Telegram away ({how})", len(chats), len(failures), "; ".join(failures[:3]))


# -- the clock ------------------------------------------------------------------------------------


#: What was done before -> the clock jumps -> what is done then.
BEFORE_A_JUMP = {
    "nothing": [],
    "language chosen": ["lang:LANG"],
    "in the check": ["lang:LANG", "do:start_check", "answer:safe_now:safe", "answer:hurt_now:no"],
    "waiting for a person": ["lang:LANG", "do:person", "answer:consent:all"],
}


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_clock_jumps(server: RedisServer, promise: Promise, jump: int) -> None:
    failures: list[str] = []
    tries = 0
    async with Redis.from_url(server.url) as redis:
        world = World(redis, Keys(f"clock{jump}:"))
        janitor = world.janitor()
        people = [
            (world.someone(f"{code} {state} {channel}", channel), code, state)
            for number, code in enumerate(LANGUAGES)
            for state in BEFORE_A_JUMP
            for channel in [list(Channel)[number % 2]]
        ]

        async def everybody(kind: Kind, of: Callable[[str, str], dict[str, str] | None]) -> None:
            world.clock.forward(10)
            for person, code, state in people:
                if fields := of(code, state):
                    await world.accept(person.inbound(kind, **fields))
            await world.all_done()
            await janitor.round()
            await world.all_done()

        def pressing(step: int) -> Callable[[str, str], dict[str, str] | None]:
            def of(code: str, state: str) -> dict[str, str] | None:
                done = BEFORE_A_JUMP[state]
                if step >= len(done):
                    return None
                return {"button": done[step].replace("LANG", code)}

            return of

        async with world.working():
            for step in range(max(map(len, BEFORE_A_JUMP.values()))):
                await everybody(Kind.BUTTON, pressing(step))
            in_line = await world.redis.zcard(world.keys.queue())
            for person, _, _ in people:
                await person.reads()
            world.clock.forward(jump)
            for round_ in range(2):
                await everybody(Kind.TEXT, lambda code, _: {"text": DANGER[code]})
                for person, code, state in people:
                    tries += 1
                    await person.answers()
                    if text_of("report_danger", code) not in person.read_words():
                        failures.append(f"{code} {state} {round_}: no card")
                if round_ == 0:
                    world.clock.forward(-jump)  # and back again
            world.clock.forward(-abs(jump))  # the hardest for what is to be erased in time
            for person, code, state in people:
                tries += 1
                session = await person.session()
                known = {"safe_now": "safe", "hurt_now": "no"} if state == "in the check" else {}
                if "danger_words" not in session.signals or not (
                    known.items() <= session.answers.items()
                ):
                    failures.append(f"{code} {state}: forgotten")
            if await world.redis.zcard(world.keys.queue()) != in_line:
                failures.append("somebody's place in line is gone")
            # Quiet people are asked and erased all the same, whatever the clock did.
            for _ in range(6):
                world.clock.forward(16 * 60)
                await janitor.round()
                await world.all_done()
            left = [
                f"{code} {state}: not erased after a quiet time"
                for person, code, state in people
                if state != "waiting for a person" and (await person.session()).answers
            ]
            tries += 1
            failures += left
        await world.engine.close()
    print(*failures, sep="\n")
    what = f"the clock jumps by {jump // DAY:+} day"
    promise("P5", what, tries, len(failures), "; ".join(failures[:3]))


async def _cut_late(proxy: Proxy) -> str:
    cut = await until(lambda: proxy.cuts, "the step", 8)
    return "" if cut else "the step never came"


async def _sends(visitor: Visitor, field: str, value: str) -> Page:
    path = "/message" if field == "text" else "/choice"
    return await visitor.post(path, {**visitor.page.hidden, field: value})


async def _shown(here: Place, person: str, count: int) -> bool:
    replies: list[Reply] = await here.screen(person)
    return len([reply for reply in replies if reply.speaker != "person"]) >= count


async def _is_shown(here: Place, person: str, card: str) -> bool:
    return any(card in reply.text for reply in await here.screen(person))


async def _nothing(count: Any) -> bool:
    return await count() == 0


def _on_page(page: Page, text: str) -> bool:
    """Whether a page shows a text, apart from the breaks in it and the marks for direction."""
    return _plain(text) in _plain(" ".join(page.messages))


def _plain(text: str) -> str:
    marks = "\u200e\u200f\u2066\u2067\u2068\u2069\u00a0\u2011"
    text = html.unescape(text).translate({ord(mark): None for mark in marks})
    return "".join(text.split())
