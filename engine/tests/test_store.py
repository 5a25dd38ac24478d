"""What the engine keeps: a sealed snapshot without words, for 48 hours, of one size."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY, PREFIX, TOKEN, Conversation, Engine, RedisServer, StartEngine
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.tracker_store import InMemoryTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig
from test_safety_check import ANSWERS, ASIDES, LEAVING, WORDS

from northlight_engine.channel import KeyOutput
from northlight_engine.store import DEADLINE, TTL_SECONDS, SealedTrackerStore, TooLateError

SENDER = "person-of-the-store"


MakeStore = Callable[[Domain], SealedTrackerStore]


@pytest.fixture
async def make_store(env: pytest.MonkeyPatch) -> AsyncIterator[MakeStore]:
    """Opens stores under the environment of the moment and closes them at the end."""
    stores: list[SealedTrackerStore] = []

    def make(domain: Domain) -> SealedTrackerStore:
        stores.append(SealedTrackerStore(domain))
        return stores[-1]

    yield make
    for store in stores:
        await store.close()


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, redis_server: RedisServer) -> pytest.MonkeyPatch:
    monkeypatch.setenv("NORTHLIGHT_ENGINE_TOKEN", TOKEN)
    monkeypatch.setenv("NORTHLIGHT_ENGINE_KEY", KEY)
    monkeypatch.setenv("NORTHLIGHT_ENGINE_REDIS_URL", redis_server.url)
    monkeypatch.setenv("NORTHLIGHT_KEY_PREFIX", PREFIX)
    return monkeypatch


@pytest.fixture(scope="module")
def domain(project: Any) -> Domain:
    return Domain.load(str(project / "domain.yml"))


def conversation(domain: Domain, words: str = "canary words") -> DialogueStateTracker:
    events = [
        ActionExecuted("action_listen"),
        UserUttered(words, intent={"name": "start_check"}, parse_data={"text": words}),
        ActionExecuted("safety_check"),
        ActiveLoop("safety_check"),
        SlotSet("safe_now", "watched"),
        SlotSet("requested_slot", "hurt_now"),
        BotUttered(words),
        ActionExecuted("action_listen"),
    ]
    return DialogueStateTracker.from_events(SENDER, events, slots=domain.slots, domain=domain)


async def test_a_conversation_comes_back_with_its_answers_and_its_open_question(
    make_store: MakeStore, domain: Domain
) -> None:
    store = make_store(domain)
    await store.save(conversation(domain))
    found = await store.retrieve(SENDER)
    assert found is not None
    assert found.get_slot("safe_now") == "watched"
    assert found.get_slot("requested_slot") == "hurt_now"
    assert found.get_slot("minor") is None
    assert found.active_loop_name == "safety_check"
    assert found.latest_action_name == "action_listen"


async def test_saving_again_and_again_keeps_one_size_and_one_length(
    make_store: MakeStore, domain: Domain, redis_server: RedisServer
) -> None:
    store = make_store(domain)
    tracker = conversation(domain)
    await store.save(tracker)
    size = redis_server.client.strlen(f"{PREFIX}engine:{SENDER}")
    events = len((await store.retrieve(SENDER)).events)
    for _ in range(50):
        tracker = await store.retrieve(SENDER)
        tracker.update(UserUttered("words", intent={"name": "greet"}), domain)
        tracker.update(ActionExecuted("utter_greet"), domain)
        tracker.update(ActionExecuted("action_listen"), domain)
        await store.save(tracker)
    assert redis_server.client.strlen(f"{PREFIX}engine:{SENDER}") == size
    assert len((await store.retrieve(SENDER)).events) == events


async def test_redis_holds_neither_words_nor_answers_in_clear(
    make_store: MakeStore, domain: Domain, redis_server: RedisServer
) -> None:
    await make_store(domain).save(conversation(domain))
    client = redis_server.client
    everything = b"".join(key + client.get(key) for key in list(client.scan_iter()))
    for word in (b"canary", b"watched", b"safe_now", b"hurt_now", b"safety_check", b"slots"):
        assert word not in everything


async def test_not_even_the_opened_snapshot_holds_words(
    make_store: MakeStore, domain: Domain
) -> None:
    store = make_store(domain)
    await store.save(conversation(domain))
    assert await store.snapshot(SENDER) == {
        "slots": {"safe_now": "watched", "requested_slot": "hurt_now"},
        "loop": "safety_check",
    }


async def test_every_save_starts_the_48_hours_anew(
    make_store: MakeStore, domain: Domain, redis_server: RedisServer
) -> None:
    store, client = make_store(domain), redis_server.client
    name = f"{PREFIX}engine:{SENDER}"
    await store.save(conversation(domain))
    assert TTL_SECONDS - 60 < client.ttl(name) <= TTL_SECONDS
    client.expire(name, 5)
    await store.save(conversation(domain))
    assert TTL_SECONDS - 60 < client.ttl(name) <= TTL_SECONDS


async def test_a_turn_that_nobody_waits_for_any_more_keeps_nothing(
    make_store: MakeStore, domain: Domain, redis_server: RedisServer
) -> None:
    redis_server.client.delete(f"{PREFIX}engine:{SENDER}")
    store, late = make_store(domain), DEADLINE.set(time.time() - 0.1)
    try:
        with pytest.raises(TooLateError):
            await store.save(conversation(domain))
    finally:
        DEADLINE.reset(late)
    assert not redis_server.client.exists(f"{PREFIX}engine:{SENDER}")


async def test_another_key_cannot_open_it_and_the_conversation_begins_anew(
    make_store: MakeStore, env: pytest.MonkeyPatch, domain: Domain, caplog: pytest.LogCaptureFixture
) -> None:
    await make_store(domain).save(conversation(domain))
    env.setenv("NORTHLIGHT_ENGINE_KEY", "22" * 32)
    assert await make_store(domain).retrieve(SENDER) is None
    assert "engine.snapshot_unreadable" in caplog.text
    assert SENDER not in caplog.text


async def test_a_snapshot_cannot_be_moved_to_another_person(
    make_store: MakeStore, domain: Domain, redis_server: RedisServer
) -> None:
    store, client = make_store(domain), redis_server.client
    await store.save(conversation(domain))
    client.copy(f"{PREFIX}engine:{SENDER}", f"{PREFIX}engine:someone-else")
    assert await store.retrieve("someone-else") is None


@pytest.mark.parametrize("value", [b"", b"short", b"x" * 200])
async def test_a_damaged_value_begins_anew(
    make_store: MakeStore, domain: Domain, redis_server: RedisServer, value: bytes
) -> None:
    redis_server.client.set(f"{PREFIX}engine:{SENDER}", value)
    assert await make_store(domain).retrieve(SENDER) is None


async def test_answers_that_a_newer_domain_no_longer_asks_are_left_out(
    make_store: MakeStore, domain: Domain
) -> None:
    await make_store(domain).save(conversation(domain))
    found = await make_store(Domain.empty()).retrieve(SENDER)
    assert found is not None
    assert found.active_loop_name is None


async def hear(agent: Agent, walk: list[tuple[str, dict[str, str]]]) -> list[object]:
    """Press a row of buttons in Rasa itself and return all it answers."""
    heard: list[object] = []
    for intent, entities in walk:
        output = KeyOutput()
        parsed = {
            "text": "",
            "intent": {"name": intent, "confidence": 1.0},
            "entities": [{"entity": slot, "value": value} for slot, value in entities.items()],
        }
        await agent.handle_message(UserMessage(None, output, SENDER, parse_data=parsed))
        heard.append((intent, entities, output.keys, output.signal))
    return heard


@pytest.mark.parametrize("seed", range(5))
async def test_the_snapshot_answers_like_rasas_own_store_with_its_full_history(
    make_store: MakeStore, redis_server: RedisServer, domain: Domain, project: Path, seed: int
) -> None:
    rng = random.Random(seed)
    pressed = [*ASIDES, *LEAVING, *WORDS, "start_check", "resume_check", "resume_check"]
    pressed += ["pause_check", "nlu_fallback"]
    walk: list[tuple[str, dict[str, str]]] = [("start_check", {})]
    for _ in range(60):
        slot = rng.choice(list(ANSWERS))
        answer = ("answer", {slot: ANSWERS[slot]})
        walk += [answer, (rng.choice(pressed), {})] if rng.random() < 0.6 else [answer]
    redis_server.client.delete(f"{PREFIX}engine:{SENDER}")
    stores = (make_store(domain), InMemoryTrackerStore(domain))
    keys = EndpointConfig(type="northlight_engine.nlg.KeyNLG")
    model = project / "models" / "northlight.tar.gz"
    agents = [Agent.load(model, generator=keys, tracker_store=store) for store in stores]
    assert await hear(agents[0], walk) == await hear(agents[1], walk)


def test_deleting_the_one_key_forgets_the_person(engine: Engine, redis_server: RedisServer) -> None:
    person = Conversation(engine)
    client = redis_server.client
    before = set(client.scan_iter())
    person.press("start_check")
    person.press("answer", safe_now="danger")
    assert set(client.scan_iter()) - before == {f"{PREFIX}engine:{person.sender}".encode()}
    client.delete(f"{PREFIX}engine:{person.sender}")
    assert person.press("resume_check")["keys"] == ["ask_safe_now"]


def test_the_state_outlives_the_process(engine: Engine, start_engine: StartEngine) -> None:
    before = Conversation(engine)
    before.press("start_check")
    before.press("answer", safe_now="safe")
    other = start_engine()
    after = Conversation(other, before.sender)
    assert after.press("answer", hurt_now="no")["keys"] == ["ask_phone_seen"]
    other.stop()
