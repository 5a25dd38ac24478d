"""P4 against a model: whatever happens to a handoff, in whatever order, alone or two at once.

Hypothesis plays persons, counsellors and the janitor on a real Redis. After every act the queue
must look as the model says (handoff_model.py); of two acts side by side, command by command in an
order that is drawn too, what comes out must be what one after the other could have given.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

import bot.handoff.queue
from bot.errors import AlreadyClaimed, NotOnShift, SessionEnded
from bot.handoff.lapses import ENDING
from bot.handoff.record import Case, Handoff, State
from bot.keys import KEEP, Keys
from bot.safety.levels import Level
from tests.handoff.desk import Desk, words
from tests.promises.conftest import Promise
from tests.promises.handoff_model import WITH, Act, Model, Person, outcomes
from tests.promises.stepped import SteppedRedis, side_by_side
from tests.redis_server import RedisServer

PEOPLE = ("p0", "p1", "p2", "p3", "p4")
DESK = {"ana": 1, "ben": 2, "cleo": 1}
LANGUAGES = ("en", "fr")
#: What a person does themselves: never twice at once, a worker takes them in order.
OWN = ("ask", "lift", "leave", "silence", "cancel")

people = st.sampled_from(PEOPLE)
counsellors = st.sampled_from(tuple(DESK))
levels = st.sampled_from([1, 2, 2, 3, 4])
spoken = st.sampled_from([("en",), ("fr",), LANGUAGES])
acts = st.one_of(
    st.tuples(st.just("ask"), people, levels, st.sampled_from(LANGUAGES)),
    st.tuples(st.just("lift"), people, levels),
    st.tuples(st.just("leave"), people),
    st.tuples(st.sampled_from(["cancel", "silence"]), people),
    st.tuples(st.just("claim"), people, counsellors),
    st.tuples(st.just("take_next"), counsellors, spoken),
    st.tuples(st.just("take_next"), counsellors, spoken),
    st.tuples(st.just("say"), people, counsellors),
    st.tuples(st.just("release"), people, counsellors),
    st.tuples(st.just("to_queue"), people, counsellors),
    st.tuples(st.just("offer"), people, counsellors, counsellors),
    st.tuples(st.just("give"), people, counsellors),
    st.tuples(st.just("accept"), people, counsellors),
    st.tuples(st.just("decline"), people, counsellors),
    st.tuples(st.just("end"), people, counsellors, st.sampled_from(["", "helped"])),
    st.tuples(st.just("hold"), people, st.sampled_from([1, 24])),
    st.tuples(st.just("unhold"), people),
    st.tuples(st.just("beat"), counsellors),
    st.tuples(st.just("shift"), counsellors, st.booleans()),
    st.tuples(st.just("lapse")),
)  # fmt: skip

#: Whose next command goes first, of two acts at once.
schedules = st.lists(st.integers(0, 1), min_size=12, max_size=24)
#: What must have come of the acts, or the run has not tried what it says.
MUST_HAPPEN = (
    "ask ok", "lift ok", "leave ok", "cancel ok", "silence ok", "expire ok",
    "claim ok", "claim taken", "claim off", "claim full", "claim gone", "take_next somebody",
    "take_next none", "take_next full", "take_next off",
    "say ok", "say gone", "release ok", "release gone", "offer ok", "offer full", "offer off",
    "give ok", "give gone", "give full", "hold ok", "hold gone", "unhold ok", "seen aside",
    "accept ok", "accept gone", "decline ok", "end ok", "end gone", "told away", "told cancelled",
)  # fmt: skip


def told_names() -> dict[str, str]:
    """The text of every message nobody wrote by hand -> what the model calls it."""
    names = {}
    for code in LANGUAGES:
        both = ", ".join(dict(words().languages())[one] for one in LANGUAGES)
        for who in DESK:
            here = words().reply("counsellor_here", code, name=who.title(), languages=both)
            now = words().reply("counsellor_now", code, name=who.title())
            names[here.text] = names[now.text] = f"here {who}"
        names[words().reply("counsellor_away", code).text] = "away"
        names[words().reply("handoff_unknown", code).text] = "away"  # the same, on hold
        names[words().reply("handoff_cancelled", code).text] = "cancelled"
        for hours in (24, 0):  # 0: it ended by itself
            names[words().reply("counsellor_ended", code, hours=hours).text] = "ended"
    return names


class Handoffs(RuleBasedStateMachine):
    """One shift at the desk."""

    url: ClassVar[str]
    counts: ClassVar[Counter[str]]
    tellings: ClassVar[dict[str, str]]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.runner.run(self._open())
        self.counts["runs"] += 1

    async def _open(self) -> None:
        self.redis = SteppedRedis.from_url(self.url)
        self.desk = Desk(self.redis, Keys("t:"))
        self.desk.clock.now = 1_760_000_000.0
        self.model = Model({name: Person() for name in PEOPLE}, DESK, self.desk.clock.now)
        self.ids: dict[int, str] = {}  # number of a request -> its handoff
        self.numbers = 0
        for script in (*self.desk.queue._scripts.values(), self.desk.queue.presence._stale):
            await self.redis.script_load(script.script)  # or the first call takes more commands
        self.read_to = dict.fromkeys(PEOPLE, "-")
        self.told: dict[str, tuple[str, ...]] = dict.fromkeys(PEOPLE, ())
        for login, capacity in DESK.items():
            account = {"alias": login.title(), "languages": "en fr", "capacity": capacity}
            await self.redis.hset(self.desk.keys.counsellor(login), mapping=account)

    def teardown(self) -> None:
        self.runner.run(self._close())
        self.runner.close()

    async def _close(self) -> None:
        await self._every_key_ends_by_itself()
        await self.redis.flushdb()
        await self.redis.aclose()

    # -- what may happen -------------------------------------------------------------------------
    @initialize(asked=st.lists(st.tuples(people, levels), min_size=2, max_size=4))
    def begin(self, asked: list[tuple[str, int]]) -> None:
        for login in DESK:
            self._do([("shift", login, True)], [])
        for name, level in asked:
            self._do([("ask", name, level, "en")], [])

    @rule(act=acts)
    def alone(self, act: Act) -> None:
        self._do([act], [])

    @rule(data=st.data())
    @precondition(lambda self: self._held())
    def the_holder_acts(self, data: st.DataObject) -> None:
        """Most random counsellors hold nobody: this one does."""
        self._do([data.draw(self._of_a_holder(), label="act")], [])

    @rule(data=st.data())
    @precondition(lambda self: self._offered())
    def an_offer_is_answered(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self._offered()), label="whose")
        one = self.model.people[name]
        yes = "claim" if one.state is State.WAITING else "accept"
        answers = [(act, name, one.offered_to) for act in (yes, "decline")]
        self._do([data.draw(st.sampled_from(answers), label="act")], [])

    @rule(data=st.data())
    @precondition(lambda self: self._to_somebody_full())
    def a_colleague_without_room_is_asked(self, data: st.DataObject) -> None:
        self._do([data.draw(st.sampled_from(self._to_somebody_full()), label="act")], [])

    @rule(name=people, really=st.sampled_from([False, False, True]))
    def nobody_writes_for_two_days(self, name: str, really: bool) -> None:
        self._do([("expire", name) if really else ("lapse",)], [])

    @rule(data=st.data())
    @precondition(lambda self: len(self.model.seen) < len(DESK))
    def somebody_comes(self, data: st.DataObject) -> None:
        absent = sorted(set(DESK) - set(self.model.seen))
        self._do([("shift", data.draw(st.sampled_from(absent), label="who"), True)], [])

    @rule(data=st.data(), turns=schedules)
    def two_at_once(self, data: st.DataObject, turns: list[int]) -> None:
        some = st.one_of(acts, self._of_a_holder()) if self._held() else acts
        self._pair(data.draw(some, label="first"), data.draw(some, label="second"), turns)

    @rule(data=st.data(), turns=schedules, late=st.booleans())
    @precondition(lambda self: self._held())
    def two_about_one_claim(self, data: st.DataObject, turns: list[int], late: bool) -> None:
        """The holder, their page, a colleague and the janitor all want the same person."""
        name = data.draw(st.sampled_from(self._held()), label="whose")
        one = self.model.people[name]
        colleague = one.offered_to or data.draw(counsellors, label="colleague")
        if late:
            self._forward(31)
            self._janitor_was_here()
            for login in sorted(set(self.model.seen) - {one.holder}):
                self._do([("beat", login)], [])
        chosen = st.sampled_from([
            ("lapse",), ("lapse",), ("beat", one.holder), ("beat", one.holder),
            ("accept", name, colleague), ("accept", name, colleague), ("decline", name, colleague),
            ("offer", name, one.holder, colleague), ("release", name, one.holder),
            ("end", name, one.holder, ""), ("end", name, one.holder, "helped"),
            ("say", name, one.holder), ("lift", name, 1), ("leave", name),
            ("claim", name, colleague), ("shift", colleague, False),
            ("hold", name, 1), ("unhold", name), ("cancel", name),
        ])  # fmt: skip
        self._pair(data.draw(chosen, label="first"), data.draw(chosen, label="second"), turns)

    @rule(data=st.data(), turns=schedules)
    @precondition(lambda self: self.model.line())
    def two_about_the_line(self, data: st.DataObject, turns: list[int]) -> None:
        """Counsellors who take at once, while people come, go, and rise."""
        line = self.model.line()
        first, last = line[0], line[-1]
        chosen = st.one_of(
            st.tuples(st.just("take_next"), counsellors, spoken),
            st.tuples(st.just("take_next"), counsellors, spoken),
            st.tuples(st.just("claim"), st.just(first), counsellors),
            st.tuples(st.just("give"), st.just(first), counsellors),
            st.tuples(st.just("decline"), st.just(first), counsellors),
            st.tuples(st.just("leave"), st.just(first)),
            st.tuples(st.just("hold"), st.just(first), st.just(1)),
            st.tuples(st.just("lift"), st.just(last), levels),
            st.just(("lapse",)),
            st.tuples(st.just("cancel"), st.just(last)),
        )
        self._pair(data.draw(chosen, label="first"), data.draw(chosen, label="second"), turns)

    @rule(
        seconds=st.sampled_from([5, 20, 31, 31, 120, 215, 1_801]),
        silent=st.one_of(st.just(()), st.just(()), st.tuples(counsellors), st.just(tuple(DESK))),
        gap=st.sampled_from([False, False, True]),
    )
    def time_passes(self, seconds: int, silent: tuple[str, ...], gap: bool) -> None:
        """Most pages go on showing that they are alive; some fall silent; in a gap all."""
        self._forward(seconds)
        if not gap:
            self._janitor_was_here()
        for login in DESK:
            if login not in silent:
                self._do([("beat", login)], [])

    def _held(self) -> list[str]:
        return [name for name, one in self.model.people.items() if one.state in WITH]

    def _to_somebody_full(self) -> list[Act]:
        """Offers to whoever is off or holds as many as they can, and what they try themselves."""
        full = [who for who in DESK if self.model.no_room(who)]
        wait = [(name, who) for name in self.model.line() for who in full]
        gives: list[Act] = [(act, *one) for one in wait for act in ("give", "claim")]
        held = {name: self.model.people[name].holder for name in self._held()}
        return gives + [
            ("offer", name, holder, who)
            for name, holder in held.items() for who in full if who != holder
        ]  # fmt: skip

    def _offered(self) -> list[str]:
        return [name for name, one in self.model.people.items() if one.offered_to]

    def _pair(self, first: Act, second: Act, turns: list[int]) -> None:
        if first[0] in OWN and second[0] in OWN and first[1] == second[1]:
            second = ("lapse",)
        if first[0] == second[0] == "ask":
            second = ("lapse",)  # who asks in the same millisecond stands in any order
        if first[0] == second[0] == "lapse":
            second = ("beat", "ana")
        self._do([first, second], turns)

    def _of_a_holder(self) -> st.SearchStrategy[Act]:
        chosen: list[Act] = []
        for name in self._held():
            holder = self.model.people[name].holder
            chosen += [
                ("say", name, holder), ("release", name, holder), ("to_queue", name, holder),
                ("end", name, holder, "helped"), ("end", name, holder, ""), ("beat", holder),
                *(("offer", name, holder, colleague) for colleague in DESK if colleague != holder),
            ]  # fmt: skip
        return st.sampled_from(chosen)

    # -- doing it and comparing --------------------------------------------------------------------
    def _forward(self, seconds: int) -> None:
        self.desk.clock.forward(seconds)
        self.model.now = self.desk.clock.now

    def _janitor_was_here(self) -> None:
        """A moment ago: whoever is late now has fallen silent."""
        self.model.round = self.model.now
        self.runner.run(self.redis.set(self.desk.keys.round(), self.model.now, ex=KEEP))

    def _do(self, chosen: list[Act], turns: list[int]) -> None:
        self._forward(1)
        self.counts["steps"] += 1
        self.counts["two at once"] += len(chosen) > 1
        self.runner.run(self._compare(chosen, turns))

    async def _compare(self, chosen: list[Act], turns: list[int]) -> None:
        numbered, real = [], []
        wrap_ups = {name for name, *_ in self.model.old.values()}
        for act in chosen:
            if act[0] == "ask":
                self.numbers += 1
                act = (*act, self.numbers)
            elif act[0] in ("cancel", "expire") and act[1] in wrap_ups:
                act = ("leave", act[1])  # else that earlier talk would be their last one
            elif act[0] == "to_queue":
                act = ("release", *act[1:], "note")
            real.append(self._really(act))
            numbered.append(act[:3] if act[0] == "release" else act)
        if len(real) == 1:
            results = await asyncio.gather(*real, return_exceptions=True)
        else:
            results = await side_by_side(real, turns)
        out = tuple(self._named(act, one) for act, one in zip(numbered, results, strict=True))
        seen = await self._look()
        possible = []
        for expected, after in outcomes(self.model, numbered):
            if expected == out and after.key() == seen:
                self._count(numbered, out, after)
                self.model = after
                return
            possible.append((expected, after.key()))
        raise AssertionError(f"{numbered}: {out}\n{seen}\nis none of\n{possible[:4]}")

    def _count(self, numbered: list[Act], out: tuple[object, ...], after: Model) -> None:
        for act, one in zip(numbered, out, strict=True):
            self.counts[f"{act[0]} {'somebody' if one in PEOPLE else one}"] += 1
        for name in PEOPLE:
            new = after.people[name].told[len(self.model.people[name].told) :]
            for what in ("away", "cancelled"):
                self.counts[f"told {what}"] += new.count(what)
        self.counts["seen aside"] += any(one.aside for one in after.people.values())

    async def _really(self, act: Act) -> Any:
        """The act on the real queue."""
        queue, (what, *given) = self.desk.queue, act
        if what in ("take_next", "beat", "shift", "lapse"):
            match what:
                case "take_next":
                    return await queue.take_next(*given)
                case "beat":
                    return await queue.heartbeat(*given)
                case "shift":
                    presence = queue.presence
                    return await (presence.start if given[1] else presence.stop)(given[0])
            return await queue.lapses.run(self.desk.clock())
        to = self.desk.person(given[0])
        handoff = self.ids.get(self.model.people[given[0]].number, "nothing")
        match what:
            case "ask":
                return await queue.request(
                    to, level=Level(given[1]), rules=["asked_for_person"], language=given[2],
                    romanised=False, case=Case(consent="all"),
                )  # fmt: skip
            case "lift":
                return await queue.raise_level(to.person, Level(given[1]), ["danger_words"])
            case "leave":
                return await queue.abandon(to.person)
            case "cancel":
                return await queue.abandon(to.person, what="open")
            case "silence":
                return await queue.abandon(to.person, what="silence")
            case "expire":
                if self.model.people[given[0]].state in (State.WAITING, *WITH):
                    await self.redis.expire(self.desk.keys.handoff(handoff), ENDING - 1)
                return await queue.lapses.run(self.desk.clock())
            case "claim":
                return await queue.claim(handoff, given[1])
            case "say":
                return await queue.say(handoff, given[1], "words")
            case "release":
                if len(given) > 2:
                    return await queue.transfers.to_queue(handoff, given[1], "note")
                return await queue.release(handoff, given[1])
            case "offer":
                return await queue.transfers.offer(handoff, given[1], given[2], "note")
            case "give":
                return await queue.transfers.offer(handoff, "", given[1], "")
            case "accept":
                return await queue.transfers.accept(handoff, given[1])
            case "decline":
                return await queue.transfers.decline(handoff, given[1])
            case "end":
                return await queue.end(handoff, given[1], given[2])
            case "hold":
                return await queue.holds.hold(handoff, "test", given[1])
            case "unhold":
                return await queue.holds.lift(handoff, "")
        raise AssertionError(what)

    def _named(self, act: Act, result: Any) -> object:
        """An outcome as the model says it."""
        match result:
            case SessionEnded():
                return "gone"
            case AlreadyClaimed():
                return "taken"
            case NotOnShift():
                return result.why
            case BaseException():
                raise result
        if act[0] == "take_next":
            if result is None:
                return "none"
            return next(name for name in PEOPLE if self.desk.person(name).person == result.person)
        if act[0] == "ask" and isinstance(result, Handoff) and result.id not in self.ids.values():
            self.ids[act[-1]] = result.id
        return "ok"

    async def _look(self) -> object:
        """The real queue, said as the model says it (Model.key)."""
        keys, named = self.desk.keys, {one: number for number, one in self.ids.items()}
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.zrange(keys.queue(), 0, -1)
            pipe.zrange(keys.leases(), 0, -1, withscores=True)
            pipe.hgetall(keys.shift())
            pipe.zrange(keys.flagged(), 0, -1)
            for name in PEOPLE:
                to = self.desk.person(name)
                pipe.get(keys.handoff_of(to.person))
                pipe.xrange(self.desk.outbox.stream(to), min=self.read_to[name])
            line, leases, shift, held, *rest = await pipe.execute()
        flagged = {one.decode() for one in held}
        lease_of = {one.decode(): until for one, until in leases}
        waiting = [one.decode() for one in line]
        lists = [(rest[2 * at] or b"").decode().split() for at in range(len(PEOPLE))]
        open_ids = [ids[-1] if ids else "" for ids in lists]
        every = list(dict.fromkeys([*filter(None, open_ids), *waiting, *lease_of]))
        async with self.redis.pipeline(transaction=True) as pipe:
            for one in every:
                pipe.hgetall(keys.handoff(one))
            rows = dict(zip(every, await pipe.execute() if every else [], strict=True))
        visible, owned, places = [], set(), {}
        for at, name in enumerate(PEOPLE):
            self._note_told(name, rest[2 * at + 1])
            one = open_ids[at]
            person = self._person(rows.get(one, {}), named.get(one, -1), lease_of.get(one, 0.0))
            person.told = self.told[name]
            person.aside = person.state is State.WAITING and one in flagged and one not in waiting
            if person.state is not State.CLOSED:
                owned.add(one)
                places[one] = name
            visible.append((name, person))
            stands = one in waiting or person.aside
            assert stands is (person.state is State.WAITING), f"{name} lost from line"
            leased = person.state in (*WITH, State.WRAP_UP)
            assert (one in lease_of) is leased, f"{name}: lease and state do not fit"
        old = {}
        for one in set(lease_of) - owned:
            row = rows[one]
            assert row[b"state"] == b"wrap_up", "somebody is held and cannot be reached"
            whose = row[b"person"].decode()
            name = next(name for name in PEOPLE if self.desk.person(name).person == whose)
            old[named[one]] = (name, row[b"claimed_by"].decode(), lease_of[one])
        seen = {login.decode(): float(when) for login, when in shift.items()}
        real = Model(dict(visible), DESK, self.model.now, seen, old)
        key: Any = real.key()
        return (tuple(places.get(one, "?") for one in waiting), *key[1:])

    def _note_told(self, name: str, rows: Any) -> None:
        for entry, fields in rows:
            _, reply = self.desk.outbox.read(
                self.desk.outbox.stream(self.desk.person(name)), fields
            )
            if reply.speaker != "counsellor":
                self.told[name] += (self.tellings[reply.text],)
            self.read_to[name] = f"({entry.decode()}"

    @staticmethod
    def _person(row: dict[bytes, bytes], number: int, lease: float) -> Person:
        if not row or row[b"state"] == b"closed":
            return Person()
        text = {key.decode(): value.decode("latin-1") for key, value in row.items()}
        return Person(
            number, State(text["state"]), int(text["level"]), int(text["rank"]),
            float(text["asked_at"]), text["front"] == "1", text["language"],
            text.get("claimed_by", ""), lease, text.get("offered_to", ""),
            text.get("left_by", ""), float(text.get("left_at", 0)),
            hold=float((text.get("flagged") or "test 0").split()[1]),
        )  # fmt: skip

    async def _every_key_ends_by_itself(self) -> None:
        for name in await self.desk.names():
            if not name.startswith(("console:", "waits", "counts:")):
                left = await self.redis.ttl(self.desk.keys.prefix + name)
                assert 0 < left <= KEEP, f"{name.partition(':')[0]} ends in {left} s"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.mark.parametrize("steps", [40])
def test_a_handoff_is_never_lost_never_held_by_two_and_keeps_its_place(
    server: RedisServer,
    promise: Promise,
    full: bool,
    seed: int,
    steps: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = itertools.count(1)  # the queue's order of equals is that of their ids
    monkeypatch.setattr(bot.handoff.queue.secrets, "token_hex", lambda size: f"{next(made):020x}")
    Handoffs.url, Handoffs.tellings = server.url, told_names()
    Handoffs.counts = Counter()
    machine = seeded(seed)(Handoffs)
    runs = 5_000 if full else 200
    given = settings(
        max_examples=runs, stateful_step_count=steps, deadline=None, database=None,
        print_blob=False, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )  # fmt: skip
    run_machine(machine, settings=given)
    counts = Handoffs.counts
    print(sorted(counts.items()))
    rare = {what: counts[what] for what in MUST_HAPPEN if counts[what] < 5}
    assert not rare, f"hardly tried: {rare}"
    promise(
        number="P4",
        what="handoff queue against a model: acts, alone or two at once",
        tries=counts["steps"],
        failures=0,
        note=f"{counts['runs']} runs, {counts['two at once']} interleavings, seed {seed}",
    )
