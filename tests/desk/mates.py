"""Who is there in the night of test_shift.py: counsellors with laptops, people at both doors."""

import asyncio
import os
import re
import signal
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import redis
from playwright.sync_api import Browser, Error, Page, expect

from tests.journeys import script
from tests.journeys.conftest import AnyPerson
from tests.journeys.counsellor import WAIT, Counsellor
from tests.journeys.person import Seen, TelegramPerson, WebPerson, _Base
from tests.journeys.stack import Stack, handoffs
from tests.waiting import wait_until

PASSWORD: Final = "a long calm sentence"
NEUTRAL: Final = "https://weather.gc.ca/"
#: What the person is told about who is there, and a short name for it.
TOLD: Final = {
    "here": "counsellor_here",
    "now": "counsellor_now",
    "away": "counsellor_away",
    "ended": "counsellor_ended",
    "late": "handoff_late",
    "cancelled": "handoff_cancelled",
}


def _is(text: str, key: str, language: str) -> "re.Match[str] | None":
    """Whether a message is exactly these words; each of their places may hold anything."""
    parts = re.split(r"\{(\w+)\}", script.flat(script.WORDS.text("responses", key, language)))
    pattern = "".join(
        f"(?P<{part}>.+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts)
    )
    return re.fullmatch(pattern, script.flat(text))


class BrowserPerson(_Base):
    """Somebody at the web page on a phone with an ordinary browser."""

    door = "browser"

    def __init__(self, stack: Stack, browser: Browser, language: str = "en") -> None:
        self._context = browser.new_context(
            base_url=stack.web, locale=language, viewport={"width": 360, "height": 640}
        )
        self._context.route(
            f"{NEUTRAL}**", lambda route: route.fulfill(body="Sunny", content_type="text/html")
        )
        self.page = self._context.new_page()
        self.page.goto("/")

    def screen(self) -> list[Seen]:
        found = self.page.evaluate(
            """() => [...document.querySelectorAll("#screen .message")].map((one) => ({
              id: one.dataset.id, own: one.classList.contains("person"),
              text: one.querySelector(".text").innerText,
              payloads: [...one.querySelectorAll("button[name=payload]")].map((b) => b.value),
            }))"""
        )
        return [Seen(one["id"], one["own"], one["text"], tuple(one["payloads"])) for one in found]

    def leaves(self) -> list[Seen]:
        """Presses the quick exit."""
        self.page.locator("button.leave").click()
        return self.is_clean()

    def is_clean(self) -> list[Seen]:
        """Waits until the browser is at the weather."""
        self.page.wait_for_url(NEUTRAL, timeout=WAIT)
        return []

    def close(self) -> None:
        self._context.close()

    def _say(self, text: str) -> None:
        self.page.locator("#text").fill(text)
        self.page.locator("button.send").click()
        expect(self.page.locator("#text")).to_have_value("", timeout=WAIT)

    def _press(self, payload: str) -> None:
        button = self.page.locator(f'button[value="{payload}"]').last
        button.evaluate("b => b.closest('details')?.setAttribute('open', '')")
        button.click()


class Guest:
    """One of the people of the night: what they were told, and how it ended for them."""

    def __init__(self, person: AnyPerson | BrowserPerson, language: str, handoff: str) -> None:
        self.person, self.language, self.id = person, language, handoff
        self.end = ""

    def told(self) -> list[str]:
        """What they were told about who is there, in order: ["here Sam", "away", ...]."""
        found = []
        for seen in self.person.screen():
            for name, key in TOLD.items():
                if not seen.by_person and (match := _is(seen.text, key, self.language)):
                    found.append(f"{name} {match['name']}" if name in ("here", "now") else name)
        return found

    def heard(self, key: str) -> int:
        """How often they were told these words."""
        said = [seen.text for seen in self.person.screen() if not seen.by_person]
        return sum(_is(text, key, self.language) is not None for text in said)

    def is_told(self, *expected: str) -> None:
        """Waits until they were told exactly this, nothing more or less."""
        wait_until(lambda: self.told()[len(expected) - 1 :], f"the last of {expected}")
        assert self.told() == list(expected)

    def says(self, text: str) -> None:
        """Writes to whoever is there."""
        self.person._say(text)

    def hears(self, text: str) -> None:
        """Waits until these words came, and came once."""
        self.person.hears(text)
        assert sum(text in seen.text for seen in self.person.screen()) == 1

    def ended(self, how: str, *told: str) -> None:
        """It is over for them, after they were told this; once only."""
        assert self.end == "", self.end
        if told:
            self.is_told(*told)
        self.end = how


class Mate(Counsellor):
    """A counsellor with a laptop, to which things happen."""

    @property
    def holds(self) -> str:
        """The handoff that is open on the screen, "" for none."""
        found = re.search("/handoffs/([0-9a-f]{20})", self.page.url)
        return found[1] if found and self.page.locator("#say").count() else ""

    def at_the_desk(self) -> None:
        """The desk is open and live."""
        self.page.goto("/desk")
        self.is_live()

    def is_live(self) -> None:
        """Waits until the page hears of every change."""
        expect(self.page.locator("#link")).to_have_text("Live", timeout=WAIT)

    def takes(self, guest: Guest) -> None:
        """Takes this one from the list."""
        self.at_the_desk()
        self.page.locator(f"[data-key=claim-{guest.id}]").click()
        self.page.wait_for_url(f"**/handoffs/{guest.id}")
        self.is_live()

    def takes_next_of(self, guests: Sequence[Guest]) -> Guest:
        """Presses the big button; who it was."""
        self.takes_next()
        self.is_live()
        return next(guest for guest in guests if guest.id == self.holds)

    def signs_in_again(self, browser: Browser, stack: Stack) -> None:
        """With another browser: nothing of the last one is left."""
        self._context = browser.new_context(base_url=stack.console, locale="en-CA")
        self._context.set_default_timeout(WAIT)
        self.page = self._context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto("/login")
        self.page.get_by_label("Login").fill(self.login)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.locator("button.main").click()
        self.page.wait_for_url(re.compile(r"/desk(\?|$)"))
        self.starts()

    def starts(self) -> None:
        """On shift (again)."""
        self.page.goto("/desk")
        self.page.locator("button.start").click()
        expect(self.page.locator("button.start")).to_have_count(0)

    def stops(self) -> None:
        """Takes nobody new."""
        self.page.goto("/desk")
        self.page.locator("form[action='/desk/shift'] button").click()
        expect(self.page.locator("button.start")).to_be_visible()

    def crashes(self) -> None:
        """The browser is gone from one moment to the next."""
        with suppress(Error):  # it does not live to answer
            self.page.goto("chrome://crash")
        self._context.close()

    def second_tab(self) -> Page:
        """The same page once more, in the same browser."""
        tab = self._context.new_page()
        tab.on("pageerror", lambda error: self.faults.append(str(error)))
        tab.goto(self.page.url)
        expect(tab.locator("#link")).to_have_text("Live", timeout=WAIT)
        return tab


class Cable:
    """The way from one laptop to the console: when it is cut, what is open breaks off."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._loop, self._whole = asyncio.new_event_loop(), True
        self._ends: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._carry, "127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Nothing comes through any more."""
        self._call(self._break())

    def mend(self) -> None:
        """The next who tries comes through."""
        self._whole = True

    def close(self) -> None:
        """At the end of the night."""
        self.cut()
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, act: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(30)

    async def _break(self) -> None:
        self._whole = False
        for end in self._ends:
            end.close()
        while self._ends:  # noqa: ASYNC110 (each leaves by itself when it is closed)
            await asyncio.sleep(0.01)

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        if not self._whole:
            back.close()
            return
        far, there = await asyncio.open_connection(*self._target)
        self._ends |= {back, there}

        async def flow(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while part := await source.read(65536):
                    sink.write(part)
                    await sink.drain()
            for end in (back, there):
                end.close()

        await asyncio.gather(flow(near, there), flow(far, back))
        self._ends -= {back, there}


@contextmanager
def asleep(laptop: Browser) -> Iterator[None]:
    """The lid is closed: every process of that browser stands still, its connections stay open."""
    session = laptop.new_browser_cdp_session()
    found: Any = session.send("SystemInfo.getProcessInfo")
    processes = [int(one["id"]) for one in found["processInfo"]]
    for process in processes:
        with suppress(ProcessLookupError):  # ended since
            os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
    session.detach()


class Night:
    """The service, and everybody who came to it."""

    def __init__(self, stack: Stack, browser: Browser) -> None:
        self.stack, self._browser = stack, browser
        self.guests: list[Guest] = []

    def arrives(self, door: str = "", language: str = "en", *, red: bool = False) -> Guest:
        """Somebody new asks for a person; `red`: and is hurt."""
        door = door or ("telegram", "web")[len(self.guests) % 2]
        person: AnyPerson | BrowserPerson
        if door == "browser":
            person = BrowserPerson(self.stack, self._browser, language)
        else:
            person = {"telegram": TelegramPerson, "web": WebPerson}[door](self.stack, language)
        before = self.ids()
        person.presses(f"lang:{language}")
        if red:
            person.presses("do:start_check")
            person.presses("answer:safe_now:safe")
            person.presses("answer:hurt_now:yes")
        person.presses("do:person")
        person.presses("answer:consent:all")
        (fresh,) = self.ids() - before
        self.guests.append(Guest(person, language, fresh))
        return self.guests[-1]

    def waiting(self) -> list[Guest]:
        """Those for whom it has not ended, as the queue has them: who is next comes first."""
        with redis.Redis.from_url(self.stack.redis.url) as client:
            order = [one.decode() for one in client.zrange("nl:queue", 0, -1)]
        by_id = {guest.id: guest for guest in self.guests}
        return [by_id[one] for one in order]

    def state(self, guest: Guest) -> tuple[str, str]:
        """(state, alias of who holds them), as stored; ("", "") when nothing is left."""
        with redis.Redis.from_url(self.stack.redis.url) as client:
            found = client.hmget(f"nl:handoff:{guest.id}", "state", "claimed_as")
        state, holder = ((one or b"").decode() for one in found)
        return state, holder

    def ids(self) -> set[str]:
        """The handoffs that are kept."""
        with redis.Redis.from_url(self.stack.redis.url) as client:
            return {name.decode().split(":")[2] for name in client.scan_iter("nl:handoff:*")}

    def counted(self, what: str) -> int:
        """The sum of everything that was counted under that name."""
        with redis.Redis.from_url(self.stack.redis.url) as client:
            found = [client.hgetall(name) for name in client.scan_iter("nl:counts:*")]
        return sum(int(count) for month in found for code, count in month.items()
                   if code.decode().startswith(f"{what}:"))  # fmt: skip

    def open(self) -> list[str]:
        """The states of whoever is not at an end yet."""
        return [one["state"] for one in handoffs(self.stack)
                if one["state"] in ("waiting", "claimed", "active")]  # fmt: skip
