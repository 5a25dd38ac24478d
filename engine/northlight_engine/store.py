"""The engine's memory of a conversation in Redis: sealed, small, without a word of what was said.

Rasa replays all events of a conversation several times a turn, so its own stores grow slower with
every message. Here a turn ends with a snapshot (the answers given and the question that is open),
and the next turn starts from it: the cost stays the same at turn 1,000, and nothing else is kept.
This is sound because every rule in stories/ looks at one turn and the form alone.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SessionStarted, SlotSet
from rasa.shared.core.trackers import DialogueStateTracker
from redis.asyncio import Redis

from northlight_engine.settings import read_settings

TTL_SECONDS = 48 * 3600
#: A stuck Redis must not hold a person's answer; the bot waits two seconds in all.
TIMEOUT_SECONDS = 1.0
_NONCE_BYTES = 12

logger = logging.getLogger(__name__)

#: When the bot gives this turn up, seconds since the epoch. Rasa hands nothing through to `save`.
DEADLINE: ContextVar[float] = ContextVar("deadline", default=math.inf)

#: What is kept: {"slots": {name: value}, "loop": name of the active form or None}
Snapshot = dict[str, Any]


class TooLateError(Exception):
    """Raised when nobody waits for a turn any more."""


def check_time(deadline: float) -> None:
    """Raise TooLateError after it: the person was answered otherwise, and may have left."""
    if time.time() > deadline:
        raise TooLateError


class SealedTrackerStore(TrackerStore):
    """Keeps one AES-GCM sealed snapshot per conversation under `<prefix>engine:<sender>`.

    It must be the only writer: a save replaces what was there.
    """

    def __init__(
        self,
        domain: Domain | None,
        event_broker: EventBroker | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(domain, event_broker)
        settings = read_settings(os.environ)
        self._cipher = AESGCM(settings.key)
        self._prefix = f"{settings.key_prefix}engine:"
        self._redis: Redis[bytes] = Redis.from_url(
            settings.redis_url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Write the snapshot and start its 48 hours anew.

        Raise TooLateError after DEADLINE: written behind a Leave, it would be left for 48 hours.
        """
        if not tracker.events:
            return  # Rasa saves a conversation once before its first turn
        check_time(DEADLINE.get())
        name = self._name(tracker.sender_id)
        plain = json.dumps(_snapshot(tracker)).encode()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, plain, name.encode())
        await self._redis.set(name, sealed, ex=TTL_SECONDS)

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Return a conversation that stands where its snapshot was taken, or None."""
        snapshot = await self.snapshot(sender_id)
        if snapshot is None:
            return None
        # A snapshot may be older than the domain: what the domain no longer knows is left out.
        known = {slot.name for slot in self.domain.slots}
        events = [event for event in _events(snapshot) if _is_known(event, known, self.domain)]
        return DialogueStateTracker.from_events(
            sender_id, events, slots=self.domain.slots, domain=self.domain
        )

    async def snapshot(self, sender_id: str) -> Snapshot | None:
        """Return the stored snapshot, or None when there is none that this key can open."""
        name = self._name(sender_id)
        sealed = await self._redis.get(name)
        if sealed is None:
            return None
        try:
            plain = self._cipher.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode()
            )
        except (InvalidTag, ValueError):
            # A lost key must not lock the person out: the conversation starts anew.
            logger.error("engine.snapshot_unreadable: starting the conversation anew")
            return None
        snapshot: Snapshot = json.loads(plain)
        return snapshot

    async def ping(self) -> None:
        """Raise when Redis does not answer."""
        await self._redis.ping()

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._redis.close(close_connection_pool=True)

    async def keys(self) -> Iterable[str]:
        """Return nothing: conversations are reached by their sender only."""
        return []

    def _name(self, sender_id: str) -> str:
        return self._prefix + sender_id


def _snapshot(tracker: DialogueStateTracker) -> Snapshot:
    values = tracker.current_slot_values()
    return {
        "slots": {name: value for name, value in values.items() if value is not None},
        "loop": tracker.active_loop_name,
    }


def _events(snapshot: Snapshot) -> list[Event]:
    """Return the shortest history that leads to the snapshot and waits for the person."""
    loop = snapshot["loop"]
    entered = [ActionExecuted(loop), ActiveLoop(loop)] if loop else []
    return [
        ActionExecuted(ACTION_SESSION_START_NAME),
        SessionStarted(),
        ActionExecuted(ACTION_LISTEN_NAME),
        *entered,
        *(SlotSet(name, value) for name, value in snapshot["slots"].items()),
        ActionExecuted(ACTION_LISTEN_NAME),
    ]


def _is_known(event: Event, slots: set[str], domain: Domain) -> bool:
    if isinstance(event, SlotSet):
        return event.key in slots
    if isinstance(event, ActiveLoop):
        return event.name in domain.form_names
    return True
