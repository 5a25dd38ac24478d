"""One scripted person: writes into the inbox like a door, reads their screen like the web page."""

import asyncio
import itertools
import secrets
from collections.abc import Callable
from enum import Enum, auto

from bot.channels.webchat.screen import START, Screens
from bot.handoff.queue import Queue
from bot.handoff.record import WITH_COUNSELLOR, Handoff
from bot.inbox import Inbox
from bot.messages import Channel, Inbound, Kind, Reply
from bot.practice.scenario import PATIENCE, Scenario, Step
from bot.vault import Vault

#: One look at the screen waits so long; then it is asked whether the talk is over, seconds.
LOOK = 5.0
#: After the end a person stays so long before they erase it: the counsellor codes the outcome.
LINGER = 120.0
#: How long an answer of the assistant may take before a person goes on without it, seconds.
ANSWER = 20.0
#: The button that stands only under "the conversation has ended".
_ENDED = "do:erase_now"


class _Heard(Enum):
    LINE = auto()
    NOTHING = auto()
    ENDED = auto()
    ERASED = auto()


class Person:
    """Plays one scenario once, as somebody nobody has met before."""

    def __init__(
        self, scenario: Scenario, inbox: Inbox, screens: Screens, queue: Queue, vault: Vault,
        clock: Callable[[], float], pace: float, stopping: asyncio.Event,
    ) -> None:  # fmt: skip
        """`pace` stretches every pause of the script (1: as written, 0: none).

        Once `stopping` is set nothing more is waited for: a Redis call may swallow a cancellation.
        """
        self._scenario, self._pace, self._clock = scenario, pace, clock
        self._inbox, self._screens, self._queue = inbox, screens, queue
        self._stopping = stopping
        self.id = vault.person(Channel.WEBCHAT, f"practice {secrets.token_hex(16)}")
        #: The handoff as it was last seen, and the login of who had this person last; "": nobody.
        self.handoff: Handoff | None = None
        self.counsellor = ""
        self._after = START
        self._line_waits = False

    async def arrive(self) -> None:
        """Everything up to the place in line. Raises QueueUnavailable."""
        for step in self._scenario.arrives:
            await asyncio.sleep(step.seconds * self._pace)
            await self._do(step)
            await self._answer()
        await self._look_up()

    async def talk(self) -> None:
        """The talk, to its end: by the counsellor, by Leave, or because nobody came.

        Raises QueueUnavailable.
        """
        for step in itertools.chain(self._scenario.talk, itertools.cycle(self._scenario.more)):
            heard = await self._wait_for(step)
            if heard in (_Heard.ENDED, _Heard.ERASED):
                return
            if heard is _Heard.NOTHING and step.when == "line":
                return  # nobody came, or nobody writes any more
            if heard is _Heard.LINE and step.when == "silence":
                self._line_waits = True
                continue
            await self._look_up()
            await self._do(step)
            if step.press and await self._answer() is _Heard.ERASED:
                return  # that was Leave
        # Nothing more to say: silent until the counsellor ends it.
        while await self._hear(self._patience()) is _Heard.LINE:
            pass

    async def leave(self) -> None:
        """Erases everything, with the person's own button. Raises QueueUnavailable."""
        await self._send(Kind.BUTTON, button="do:leave_now")

    async def _wait_for(self, step: Step) -> _Heard:
        seconds = step.seconds * self._pace
        if step.when == "line":
            heard = await self._hear(self._patience())
            if heard is not _Heard.LINE:
                return heard
            # Typing; what the counsellor adds meanwhile belongs to the same answer.
            heard = await self._hear_out(seconds)
            return heard if heard in (_Heard.ENDED, _Heard.ERASED) else _Heard.LINE
        return await (self._hear_out(seconds) if step.when == "pause" else self._hear(seconds))

    async def _hear_out(self, seconds: float) -> _Heard:
        """Lets `seconds` go by, whatever is said; NOTHING unless it is over."""
        end = self._clock() + seconds
        while (left := end - self._clock()) > 0:
            heard = await self._hear(left)
            if heard in (_Heard.ENDED, _Heard.ERASED):
                return heard
        return _Heard.NOTHING

    async def _hear(self, seconds: float) -> _Heard:
        """Waits for the counsellor's next line."""
        if self._line_waits:
            self._line_waits = False
            return _Heard.LINE
        end = self._clock() + seconds
        while not self._stopping.is_set():
            left = end - self._clock()
            news = await self._screens.wait(self.id, self._after, max(0.0, min(LOOK, left)))
            heard = await self._read() if news else _Heard.NOTHING
            if heard is _Heard.NOTHING and not news:
                heard = await self._look_up()
            if heard is not _Heard.NOTHING or left <= 0:
                return heard
        return _Heard.ENDED

    async def _read(self) -> _Heard:
        """What is new on the screen; the last thing that matters counts."""
        heard = _Heard.NOTHING
        shown = await self._screens.read(self.id, self._after)
        for entry in shown:
            self._after = entry.id
            if entry.reply is None:
                continue
            if entry.erases and entry is shown[-1]:  # else only what was shown before is gone
                return _Heard.ERASED
            if entry.reply.speaker == "counsellor":
                heard = _Heard.LINE
            elif _ENDED in _payloads(entry.reply):
                heard = _Heard.ENDED
        if heard is not _Heard.NOTHING:
            await self._look_up()
        return heard

    async def _look_up(self) -> _Heard:
        """Whose the person is now; ENDED once the talk is over though nobody said so."""
        known = self.handoff.id if self.handoff else ""
        found = await self._queue.current(self.id)
        found = found or (await self._queue.get(known) if known else None)
        self.handoff = found or self.handoff
        if found and found.claimed_by:
            self.counsellor = found.claimed_by
        talked = bool(self.counsellor) or (found is not None and found.state in WITH_COUNSELLOR)
        over = known and (found is None or not found.open)
        return _Heard.ENDED if over and talked else _Heard.NOTHING

    async def _do(self, step: Step) -> None:
        if step.press:
            await self._send(Kind.BUTTON, button=step.press)
        else:
            await self._send(Kind.TEXT, text=step.say)

    async def _send(self, kind: Kind, *, text: str = "", button: str = "") -> None:
        known = self._scenario.language_known  # else no page was shown in their language
        inbound = Inbound(
            self.id, Channel.WEBCHAT, kind, self._clock(), text=text, button=button,
            hint=self._scenario.language if known else "",
        )  # fmt: skip
        await self._inbox.accept(inbound, secrets.token_hex(16))

    async def _answer(self) -> _Heard:
        """Reads what the assistant says to the last act."""
        if await self._screens.wait(self.id, self._after, ANSWER):
            return await self._read()
        return _Heard.NOTHING

    def _patience(self) -> float:
        own = self._scenario.patience
        return own * self._pace if own and not self.counsellor else PATIENCE


def _payloads(reply: Reply) -> set[str]:
    return {button.payload for row in reply.buttons for button in row}
