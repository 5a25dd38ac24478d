"""P10, P6: hostile requests to every HTTP surface of console and web chat, and the API's contract.

No crash, no 5xx, no header missing, and nobody is shown what was said to or by somebody else.
"""

import asyncio
import itertools
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from redis.asyncio import Redis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bot.channels.webchat import create_app, door, leaving
from bot.console.app import ROUTES
from bot.console.strings import HERE
from bot.conversation.emergency import Emergency
from bot.data_file import read_mapping
from bot.inbox import Inbox
from bot.messages import Reply
from bot.safety.lexicon import Lexicon
from tests.core.world import all_claimed
from tests.handoff.conftest import redis_server
from tests.promises import house as people
from tests.promises.conftest import Promise
from tests.promises.hostile import Hostile, Maker
from tests.promises.wire import Answer, hit
from tests.redis_server import RedisServer

__all__ = ["redis_server"]

#: What each of them has said; the second half of the name is who may be shown it.
SAID = {name: f"canary-{name}-77e1" for name in ("ana", "ben", "queue", "vera", "walt")}
MAY_SEE = {
    "ana": {"ana"}, "ben": {"ben"}, "sam": {"ana", "ben", "queue"}, "vera": {"vera"},
    "walt": {"walt"},
}  # fmt: skip
IN_A_ROW = 10
ALWAYS = ("content-security-policy", "x-content-type-options", "x-frame-options", "cache-control")


class Street:
    """Both applications on one Redis, with people in the middle of things; mended as it breaks."""

    def __init__(self, redis: Redis) -> None:
        self.house = people.House(redis)
        desk = self.house.desk
        inbox = Inbox(redis, desk.keys, desk.vault)
        self.chat = create_app(
            redis=redis, keys=desk.keys, vault=desk.vault, inbox=inbox, outbox=desk.outbox,
            words=desk.words, emergency=Emergency(desk.words, Lexicon.load()),
            clock=desk.clock, secure=False,
        )  # fmt: skip
        self.visitors: dict[str, str] = {}
        self.talks: dict[str, str] = {}
        self.whose: dict[str, str] = {}  # every talk there ever was -> whose words are in it
        self.tries = 0
        self.kinds: dict[tuple[str, int], int] = {}

    async def open(self) -> None:
        """Accounts, talks, visitors."""
        for login in ("ana", "ben"):
            await self.house.account(login)
        await self.house.account("sam", "supervisor")
        await self.house.account("olga", "operator")
        await self.house.account("new", ready=False)
        await self.house._half()
        await self.mend()

    async def mend(self) -> None:
        """Whoever was logged out, released or erased by a request is there again."""
        house = self.house
        for login in ("ana", "ben", "sam", "olga", "new", "half"):
            caller = house.callers.get(login)
            found = caller and await house.console.logins.find(caller.cookie)
            if not found:
                await house.log_in(login, half=login == "half")
        for login in ("ana", "ben"):
            await house.desk.queue.presence.start(login)
            talk = self.talks.get(login)
            found = await house.desk.queue.get(talk) if talk else None
            if found is None or not found.with_counsellor or found.claimed_by != login:
                for one in await all_claimed(house.desk.queue):
                    if one.claimed_by == login:
                        await house.desk.queue.end(one.id, login, "other")
                name = f"{login} {len(self.kinds)} {self.tries}"
                self.talks[login] = (await house.talk(name, login, SAID[login])).id
                self.whose[self.talks[login]] = login
        waiting = self.talks.get("queue")
        found = await house.desk.queue.get(waiting) if waiting else None
        if found is None or found.claimed_by:
            asked = await house.desk.asks(f"queue {self.tries}", safe_contact=SAID["queue"])
            self.talks["queue"] = asked.id
            self.whose[asked.id] = "queue"
        for name in ("vera", "walt"):
            token = self.visitors.setdefault(name, house.desk.vault.visitor_token())
            to = house.desk.person(token)
            if not await house.desk.redis.exists(house.desk.keys.screen(to.person)):
                reply = Reply(SAID[name], "en", speaker="person")
                await house.desk.run(house.desk.outbox.ops(to, [reply]))

    def fill_in(self, text: str, who: str) -> str:
        """`text` with the names of what exists now, seen from `who`."""
        caller = self.house.callers.get(who)
        other = {"ana": "ben", "ben": "ana"}.get(who, "ana")
        names = {
            "{mine}": self.talks.get(who, self.talks["ben"]), "{theirs}": self.talks[other],
            "{waiting}": self.talks["queue"], "{csrf}": caller.csrf if caller else "form",
            "{cookie}": self.cookies(who),
        }  # fmt: skip
        return re.sub(r"\{\w+\}", lambda found: names.get(found[0], found[0]), text)

    def cookies(self, who: str) -> str:
        caller = self.house.callers.get(who)
        login = f"; nl_console={caller.cookie}" if caller else ""
        session = f"; session={self.visitors[who]}" if who in self.visitors else ""
        return f"nl_form=form{login}{session}"

    async def send(self, request: Hostile) -> tuple[Answer, list[str]]:
        """Sends it; returns the answer and what was wrong with it."""
        self.tries += 1
        self.house.desk.clock.forward(request.pause)
        who, app = request.who, self.house.app if request.where == "console" else self.chat
        headers = [(name, self.fill_in(value, who)) for name, value in request.headers]
        # Some come with two cookies, the own one and a bad one: servers hand over both in one.
        cookies = "; ".join(value for name, value in headers if name == "cookie")
        headers = [pair for pair in headers if pair[0] != "cookie"]
        headers += [("cookie", cookies)] if cookies else []
        body = self.fill_in(request.body.decode("latin-1"), who).encode("latin-1")
        target = self.fill_in(request.target, who)
        answer = await hit(app, request.method, target, headers, body)
        kind = (request.where, answer.status // 100)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        return answer, await self.wrong(request, answer)

    async def holds(self, who: str, name: str) -> bool:
        """Whether somebody has claimed, or been handed, a talk with the words of `name`."""
        for talk in [talk for talk, said in self.whose.items() if said == name]:
            found = await self.house.desk.queue.get(talk)
            if found and found.claimed_by == who:
                return True
        return False

    async def wrong(self, request: Hostile, answer: Answer) -> list[str]:
        found = [answer.fault] if answer.fault else []
        if not 200 <= answer.status < 500:
            found.append(f"status {answer.status}")
        found += [f"no {name}" for name in ALWAYS if not answer.header(name)]
        shown = answer.text + repr(answer.headers)
        may = MAY_SEE.get(request.who, set())
        leaks = [name for name in SAID if name not in may and SAID[name] in shown]
        found += [f"leak of {name}" for name in leaks if not await self.holds(request.who, name)]
        cookies = {name: one.cookie for name, one in self.house.callers.items()} | self.visitors
        found += [f"cookie of {name}" for name, value in cookies.items()
                  if name != request.who and value in shown]  # fmt: skip
        found += [word for word in ("Traceback", "$argon2", "totp", "redis.exc") if word in shown]
        location = answer.header("location")
        if location and not re.match(r"/(?!/)|https://weather\.gc\.ca/", location):
            found.append(f"sends to {location}")
        return found


@pytest.fixture
def run() -> Iterator[Callable[..., Any]]:
    """Runs a coroutine on the one loop of this test (Hypothesis calls plain functions)."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def street(
    run: Callable[..., Any], redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Street]:
    # Waits of the page that would only make this slow: for an answer, and after Leave.
    monkeypatch.setattr(door, "PAGE_WAIT", 0.001)
    monkeypatch.setattr(door, "LEAVE_WAIT", 0.001)
    monkeypatch.setattr(leaving, "_WORKER", 0.001)

    async def opened() -> tuple[Redis, Street]:
        redis = Redis.from_url(redis_server.url)
        made = Street(redis)
        await made.open()
        return redis, made

    redis, made = run(opened())
    yield made
    run(made.house.clear())
    run(redis.aclose())


def quiet(count: int) -> Any:
    return settings(
        max_examples=count, database=None, deadline=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck), print_blob=True,
    )  # fmt: skip


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("where", ["console", "web"])
def test_hostile_requests_break_nothing_and_show_nobody_what_is_anothers(
    street: Street, run: Callable[..., Any], promise: Promise, full: bool, seed: int, where: str
) -> None:
    wanted = 100_000 if full else 1_500
    failures: list[str] = []

    async def play() -> None:
        maker = Maker(seed)
        while street.tries < wanted:
            await street.mend()
            for _ in range(IN_A_ROW):
                request = maker.request(where)
                answer, wrong = await street.send(request)
                if wrong:
                    failures.append(f"{wrong} after {street.tries}: {request}, {answer.status}")

    run(play())
    assert failures == [], "\n".join(failures[:20])
    spread = ", ".join(f"{where} {kind}xx {n}" for (where, kind), n in sorted(street.kinds.items()))
    promise("P10", f"hostile HTTP requests: {where}", street.tries, len(failures),
            f"seed {seed}; {spread}")  # fmt: skip


@pytest.mark.timeout(7200)
def test_the_api_answers_as_its_description_says(
    street: Street, run: Callable[..., Any], promise: Promise, full: bool, seed: int
) -> None:
    described = schemathesis.openapi.from_dict(read_mapping(HERE / "openapi.yml"))
    operations = [found.ok() for found in described.get_all_operations()]
    wanted, each = (100_000, 1_400) if full else (1, 8)
    tries = rounds = 0
    checks = [not_a_server_error, status_code_conformance, content_type_conformance,
              response_schema_conformance]  # fmt: skip

    async def call(case: Case, near: bool, who: str) -> httpx.Response:
        await street.mend()
        target = case.formatted_path
        if near:  # an id that exists
            target = re.sub(r"/handoffs/[^/]+", f"/handoffs/{street.talks['ana']}", target)
        query = httpx.QueryParams(case.query)
        body = b"" if case.body is NOT_SET else case.body
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        sent = httpx.Request(
            case.method, f"http://console.test{target}", params=query, content=body
        )
        caller = street.house.callers[who]
        headers = [("content-type", "application/json"), *caller.headers()]
        path = sent.url.raw_path.decode("ascii")
        answer = await hit(street.house.app, case.method, path, headers, sent.content)
        assert not answer.fault, answer.fault
        made = httpx.Response(
            answer.status, headers=answer.headers, content=answer.body, request=sent
        )
        made.elapsed = timedelta()
        return made

    while tries < wanted:  # what takes nothing, or little, has few different calls
        rounds += 1
        for operation, mode in itertools.product(operations, GenerationMode):

            @seeded(seed * 1000 + rounds)
            @quiet(each)
            @given(
                operation.as_strategy(generation_mode=mode), st.booleans(),
                st.sampled_from(["ana", "ana", "sam", "olga", "half", "new"]),
            )  # fmt: skip
            def conforms(case: Case, near: bool, who: str) -> None:
                nonlocal tries
                tries += 1
                case.validate_response(run(call(case, near, who)), checks=checks)

            try:
                conforms()
            except Unsatisfiable:  # nothing can be wrong about a call that takes nothing
                assert mode is GenerationMode.NEGATIVE
    promise("P10", "the API against its description", tries, 0,
            f"seed {seed}; {len(operations)} operations, {rounds} rounds")  # fmt: skip


def test_the_description_has_the_routes_there_are(promise: Promise) -> None:
    described = read_mapping(HERE / "openapi.yml")["paths"]
    told = {(path, method) for path, item in described.items() for method in item
            if method in ("get", "post")}  # fmt: skip
    real = {
        (path, method)
        for path, get, post in ROUTES
        for method, handler in (("get", get), ("post", post))
        if handler and (path.startswith("/api/") or path == "/healthz")
    }
    assert told == real
    promise("P10", "routes of the API described", len(real), len(told ^ real))
