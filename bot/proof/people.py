"""People of `prove-clean`: each fills every field with canaries, has a talk, and leaves."""

import abc
import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from redis.asyncio import Redis

from bot.data_file import read_mapping
from bot.errors import NorthlightError
from bot.keys import Keys
from bot.messages import Channel
from bot.paths import ROOT
from bot.proof.canaries import Canaries
from bot.proof.telegram import PretendedTelegram
from bot.vault import Vault

#: How long anything may take, seconds: everybody writes at once, on a machine that may be small.
PATIENCE = 90.0
#: Every question on the way that leads to the secret words and to a counsellor.
_ANSWERS = ("lang:{language}", "do:start_check", "answer:safe_now:watched",
            "answer:phone_seen:unsure", "answer:safe_contact:any")  # fmt: skip
#: A connection is not used again after so long: the server may just be closing it.
_SHORT = httpx.Limits(keepalive_expiry=1)


class NotProven(NorthlightError):
    """Raised when the proof itself went wrong; the text says at which step."""


async def until(true: Callable[[], Any], what: str) -> Any:
    """Waits until something is so and returns it. Raises NotProven."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = true()
                if asyncio.iscoroutine(found):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise NotProven(f"it never came to this: {what}") from None


class Somebody(abc.ABC):
    """A person at one door, writing in one language."""

    channel: Channel

    def __init__(
        self, number: int, language: str, leaves_by: str, canaries: Canaries, redis: Redis,
        vault: Vault,
    ) -> None:  # fmt: skip
        self.language, self.leaves_by = language, leaves_by
        self.name = f"{self.channel} {language} {leaves_by}"
        self._number, self._canaries = number, canaries
        self._redis, self._keys, self._vault = redis, Keys(), vault
        self.id = ""
        #: What was said to and by the counsellor.
        self.told, self.heard = canaries.word(), canaries.word()

    @abc.abstractmethod
    async def opens(self) -> None:
        """Comes to the door."""

    @abc.abstractmethod
    async def sends(self, what: str, *, typed: bool = False) -> None:
        """Types or presses one thing."""

    @abc.abstractmethod
    async def shows(self) -> int:
        """A number that grows with every answer."""

    @abc.abstractmethod
    async def sees(self, text: str) -> bool:
        """Whether a text stands on the screen."""

    async def shares(self) -> int:
        """Sends in a talk what can be opened there; returns how many things."""
        return 0

    @abc.abstractmethod
    async def leaves(self) -> None:
        """Leaves in this person's way, and waits until the door has shown it."""

    async def _known(self, platform_id: str) -> None:
        self.id = self._vault.person(self.channel, platform_id)
        self._canaries.names |= {self.id}

    async def answered(self, act: Awaitable[None]) -> None:
        """Does something and waits for the answer."""
        before = await self.shows()
        await act

        async def more() -> bool:
            return await self.shows() > before

        await until(more, f"an answer ({self.name})")

    async def converses(self) -> None:
        """Everything up to the place in line."""
        await self.opens()
        word = self._canaries.word
        for step in _ANSWERS:
            await self.answered(self.sends(step.format(language=self.language)))
        for _ in range(2):  # the secret words
            await self.answered(self.sends(word(), typed=True))
        await self.answered(self.sends("region:ON"))
        await self.answered(self.sends(f"my name is {word()}, {self._canaries.number()}",
                                       typed=True))  # fmt: skip
        await self.answered(self.sends("do:person"))
        await self.answered(self.sends("answer:consent:all"))

    async def handoff(self) -> str:
        """The id of the handoff, once all that was agreed to is in it."""

        async def ready() -> str:
            found: Any = await self._redis.get(self._keys.handoff_of(self.id))
            name = found.decode().split()[-1] if found else ""
            given = await self._redis.hget(self._keys.handoff(name), "consent")
            return name if given == b"all" else ""

        return str(await until(ready, f"a place in line ({self.name})"))

    def leave_word(self) -> str:
        """A word of this language's own list, and not its first where it has several."""
        entries = read_mapping(ROOT / "lexicon" / f"{self.language}.yml")["leave"]
        return str(entries[self._number % len(entries)])


class OnTelegram(Somebody):
    """Somebody with Telegram: their name, numbers and files are canaries too."""

    channel = Channel.TELEGRAM

    def __init__(self, telegram: PretendedTelegram, *rest: Any) -> None:
        super().__init__(*rest)
        word = self._canaries.word
        self._telegram = telegram
        self._chat = self._canaries.number()
        self._user = {
            "id": self._chat, "is_bot": False, "first_name": word(),
            "last_name": word(), "username": word(), "language_code": self.language.split("-")[0],
        }  # fmt: skip

    async def opens(self) -> None:
        await self._known(str(self._chat))
        word, number = self._canaries.word, self._canaries.number
        await self.answered(self.sends(f"/start {word()}", typed=True))
        contact = {"phone_number": str(number()), "first_name": word(), "user_id": number()}
        file = {"file_id": word(), "file_unique_id": word()}
        for kind, fields in (
            ("message", {"contact": contact}),
            ("message", {"voice": {**file, "duration": 2}, "caption": word()}),
            ("message", {"photo": [{**file, "width": 9, "height": 9}], "caption": word()}),
            ("message", self._place()),
            ("edited_message", {"text": word(), "edit_date": int(time.time())}),
        ):
            await self.answered(self._does(kind, **fields))

    def _place(self) -> dict[str, Any]:
        numbers = (self._canaries.number() for _ in range(2))
        latitude, longitude = (float(f"45.{number}") for number in numbers)
        return {"location": {"latitude": latitude, "longitude": longitude}}

    async def shares(self) -> int:
        name = self._canaries.word()
        self._telegram.files[name] = b"\xff\xd8\xff" + self._canaries.word().encode()
        photo = [{"file_id": name, "file_unique_id": name, "width": 9, "height": 9}]
        await self.answered(self._does("message", photo=photo, caption=self._canaries.word()))
        await self.answered(self._does("message", **self._place()))
        return 2

    async def _does(self, kind: str, **fields: Any) -> None:
        self._telegram.sends(self._user, kind, **fields)

    async def sends(self, what: str, *, typed: bool = False) -> None:
        if typed:
            await self._does("message", text=what)
        else:
            await self._does("callback_query", data=what)

    async def shows(self) -> int:
        return self._telegram.count(self._chat)

    async def sees(self, text: str) -> bool:
        return any(text in shown for shown in self._telegram.visible(self._chat))

    async def leaves(self) -> None:
        if self.leaves_by == "blocked":
            await self._does("my_chat_member")
            return
        word = self.leave_word() if self.leaves_by == "word" else self.leaves_by
        await self.sends(word, typed=not word.startswith("do:"))

        def clean() -> bool:  # one neutral line at most
            return len(self._telegram.visible(self._chat)) <= 1

        await until(clean, f"an emptied chat ({self.name})")


class OnTheWeb(Somebody):
    """Somebody at the web page; everything a browser tells is a canary too."""

    channel = Channel.WEBCHAT

    def __init__(self, url: str, *rest: Any) -> None:
        super().__init__(*rest)
        self._http = httpx.AsyncClient(
            base_url=url, timeout=PATIENCE, trust_env=False, limits=_SHORT,
            headers={
                "Accept-Language": self.language,
                "User-Agent": f"Mozilla {self._canaries.word()}",
                "Referer": f"https://{self._canaries.word()}.example/",
                "X-Forwarded-For": self._canaries.address,
                "Forwarded": f"for={self._canaries.address}",
            },
        )  # fmt: skip

    async def opens(self) -> None:
        await self._http.get(f"/?try={self._canaries.word()}")
        token = self._http.cookies["visit"]
        self._canaries.names.add(token.partition(".")[0])
        await self._known(token)

    async def sends(self, what: str, *, typed: bool = False) -> None:
        form = {"id": secrets.token_hex(8), "language": self.language,
                "text" if typed else "payload": what}  # fmt: skip

        async def taken() -> bool:
            answer = await self._http.post("/message" if typed else "/choice", data=form)
            return answer.status_code == 303

        await until(taken, f"the web door takes it ({self.name})")

    async def shows(self) -> int:
        last: Any = await self._redis.xrevrange(self._keys.screen(self.id), count=1)
        if not last:
            return 0
        moment, _, number = last[0][0].decode().partition("-")
        return int(moment) * 1_000 + int(number)

    async def sees(self, text: str) -> bool:
        return text in (await self._http.get("/")).text

    async def leaves(self) -> None:
        try:
            if self.leaves_by == "quick exit":
                await self._http.post("/leave")
                return
            word = self.leave_word() if self.leaves_by == "word" else self.leaves_by
            await self.sends(word, typed=not word.startswith("do:"))

            async def away() -> bool:  # the page has taken, or takes, its visitor elsewhere
                gone = "session" not in self._http.cookies
                return gone or (await self._http.get("/")).status_code == 303

            await until(away, f"an empty page ({self.name})")
        finally:
            await self._http.aclose()


class Counsellor:
    """Logs in to the console as a browser does, and takes people by their handoff."""

    def __init__(self, url: str, login: str, password: str, canaries: Canaries) -> None:
        self._login, self._password = login, password
        self._csrf = ""
        self._http = httpx.AsyncClient(
            base_url=url, timeout=PATIENCE, trust_env=False, limits=_SHORT,
            headers={"X-Forwarded-For": canaries.address, "User-Agent": canaries.word()},
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def on_shift(self) -> Any:
        """Logged in and on shift inside."""
        await self._look("/login")
        answer = await self._http.post(
            "/login",
            data={"csrf": self._csrf, "login": self._login, "password": self._password},
        )
        if answer.status_code != 303:
            raise NotProven(f"the console refuses the login ({answer.status_code})")
        await self._look(answer.headers["location"])
        await self._does("/api/shift", on=True)
        alive = asyncio.create_task(self._stay())
        try:
            yield self
        finally:
            alive.cancel()
            await self._http.aclose()

    async def talks_with(self, person: Somebody, *, ends: bool) -> None:
        """Claims the person, both sides say something, they are passed on, perhaps it ends."""
        path = f"/api/handoffs/{await person.handoff()}"
        await self._does(f"{path}/claim")
        await self._does(f"{path}/say", text=f"hello, {person.heard}")
        await self._does(f"{path}/note", note=f"noted: {person.heard}")
        await self._does(f"{path}/flag", reason="someone_else")

        async def heard() -> bool:
            return await person.sees(person.heard)

        await until(heard, f"the counsellor's words on the screen ({person.name})")
        await person.sends(f"i am {person.told}", typed=True)

        async def read() -> bool:
            return person.told in (await self._http.get(path)).text

        await until(read, f"the person's words in the console ({person.name})")
        if shared := await person.shares():
            await self._opens(path, shared)
        # Back to the queue with a note for whoever comes next, who is the same.
        await self._does(f"{path}/transfer", note=f"passed on: {person.heard}")
        await self._does(f"{path}/claim")
        if ends:
            await self._does(f"{path}/end")
            await self._does(f"{path}/end", outcome="helped")

    async def _opens(self, path: str, shared: int) -> None:
        """Looks at everything that came."""

        async def came() -> list[str]:
            lines = (await self._http.get(path)).json()["lines"]
            paths = [line["media"]["path"] for line in lines if line["media"]]
            return paths if len(paths) == shared else []

        for way in await until(came, "what was sent in the console"):
            answer = await self._http.get(f"/api{way}")
            if answer.status_code != 200:
                raise NotProven(f"the console answers {answer.status_code} to what was sent")

    async def _stay(self) -> None:
        while True:
            with contextlib.suppress(httpx.HTTPError, NotProven):
                await self._does("/api/heartbeat")
            await asyncio.sleep(8)

    async def _look(self, path: str) -> None:
        page = (await self._http.get(path)).text
        if found := re.search(r'<meta name="csrf" content="([^"]+)"', page):
            self._csrf = found.group(1)

    async def _does(self, path: str, **body: Any) -> None:
        answer = await self._http.post(path, json=body, headers={"X-CSRF": self._csrf})
        if answer.status_code != 200:
            raise NotProven(f"the console answers {answer.status_code} to {path.split('/')[-1]}")
