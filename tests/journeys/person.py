"""A person, at either door: the journeys are written once and walked through both."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Protocol

import httpx

from tests.journeys.stack import Stack
from tests.waiting import wait_until


@dataclass(frozen=True)
class Seen:
    """One message on the person's screen."""

    id: str
    by_person: bool
    text: str
    payloads: tuple[str, ...] = ()
    flags: dict[str, Any] = field(default_factory=dict)


class Person(Protocol):
    """What somebody can do at a door."""

    def says(self, text: str) -> list[Seen]:
        """Types a message; returns what came in answer."""

    def presses(self, payload: str) -> list[Seen]:
        """Presses the newest button with that payload; returns what came in answer."""

    def screen(self) -> list[Seen]:
        """Everything visible now."""

    def hears(self, part: str) -> str:
        """Waits for a message with these words that was not asked for."""


class _Base:
    def says(self, text: str) -> list[Seen]:
        return self._after(lambda: self._say(text))

    def presses(self, payload: str) -> list[Seen]:
        return self._after(lambda: self._press(payload))

    def close(self) -> None:
        """Ends what the driver holds open."""

    def hears(self, part: str) -> str:
        def found() -> str:
            return next((s.text for s in self.screen() if not s.by_person and part in s.text), "")

        return str(wait_until(found, f"a message with {part!r}"))

    def _after(self, act: Any) -> list[Seen]:
        before = {seen.id for seen in self.screen()}
        act()
        return self._answer(before)

    def _answer(self, before: set[str]) -> list[Seen]:
        """Waits for the end of the answer: the message that carries the footer."""

        def fresh() -> list[Seen]:
            new = [s for s in self.screen() if s.id not in before and not s.by_person]
            return new if new and "do:leave" in new[-1].payloads else []

        return list(wait_until(fresh, "an answer"))

    def screen(self) -> list[Seen]:
        raise NotImplementedError

    def _say(self, text: str) -> None:
        raise NotImplementedError

    def _press(self, payload: str) -> None:
        raise NotImplementedError


class TelegramPerson(_Base):
    """Somebody with Telegram on their phone."""

    door = "telegram"

    def __init__(self, stack: Stack, language: str = "en") -> None:
        self._url = f"{stack.botapi}/control"
        self._chat = self._post("person", language=language)

    def screen(self) -> list[Seen]:
        return [
            Seen(
                str(message["id"]),
                not message["by_bot"],
                message["text"],
                tuple(b.get("callback_data", "") for row in message["buttons"] for b in row),
                message["flags"],
            )
            for message in self._post("see", chat=self._chat)
        ]

    def sends(self, kind: str) -> list[Seen]:
        """Sends a voice message, a photo..."""
        return self._after(lambda: self._post("do", chat=self._chat, act="sends", kind=kind))

    def leaves(self) -> list[Seen]:
        """Presses Leave; returns what is left on the screen."""
        self._press("do:leave")
        return self.is_clean()

    def is_clean(self) -> list[Seen]:
        """Waits until the chat is emptied but for one neutral line."""

        def clean() -> list[Seen] | None:
            left = self.screen()
            if len(left) > 1 or any(s.by_person for s in left):
                return None
            return left or [Seen("", False, "")]

        return list(wait_until(clean, "a clean chat"))

    def _say(self, text: str) -> None:
        self._post("do", chat=self._chat, act="says", text=text)

    def _press(self, payload: str) -> None:
        offered = any(payload in seen.payloads for seen in self.screen())
        if offered:
            self._post("do", chat=self._chat, act="presses", button=payload)
        else:
            self._post("do", chat=self._chat, act="forges", payload=payload)

    def _post(self, control: str, /, **body: Any) -> Any:
        answer = httpx.post(f"{self._url}/{control}", json=body, timeout=30).json()
        assert answer["ok"], answer
        return answer["result"]


class WebPerson(_Base):
    """Somebody at the web page, in a browser without JavaScript."""

    door = "web"

    def __init__(self, stack: Stack, language: str = "en") -> None:
        self._client = httpx.Client(
            base_url=stack.web,
            headers={"Accept-Language": language, "Origin": stack.web},
            timeout=20,
            follow_redirects=False,
        )
        self._page = self._get()

    def screen(self) -> list[Seen]:
        self._page = self._get()
        return [seen for seen in self._page.seen if seen.id]

    def leaves(self) -> list[Seen]:
        """Presses the quick exit; returns what the page shows afterwards."""
        answer = self._client.post("/leave")
        assert answer.status_code == 303
        assert "weather" in answer.headers["location"]
        return self.is_clean()

    def close(self) -> None:
        self._client.close()

    def is_clean(self) -> list[Seen]:
        """Waits until the page shows no conversation any more."""
        wait_until(lambda: not self.screen(), "an empty page")
        return []

    def _say(self, text: str) -> None:
        self._send("/message", text=text)

    def _press(self, payload: str) -> None:
        self._send("/choice", payload=payload)

    def _send(self, path: str, **fields: str) -> None:
        answer = self._client.post(
            path, data={**fields, "id": self._page.form_id, "language": self._page.language}
        )
        assert answer.status_code in (200, 303), answer.status_code
        self._page = self._get()

    def _get(self) -> "_Page":
        answer = self._client.get("/")
        if answer.status_code == 303:  # erased: the page takes its visitor to the weather
            assert "weather" in answer.headers["location"]
            return _Page("")
        assert answer.status_code == 200
        return _Page(answer.text)


class _Page(HTMLParser):
    """Reads what a person would see off the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[Seen] = []
        self.form_id = ""
        self.language = (re.search(r'<html lang="([^"]+)"', html) or ["", "en"])[1]
        self._open: dict[str, Any] | None = None
        self._in_text = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        classes = have.get("class", "").split()
        if tag == "li" and "message" in classes:
            self._open = {"id": have.get("data-id", ""), "by": "person" in classes, "text": "",
                          "payloads": []}  # fmt: skip
        elif self._open is not None and tag == "div" and "text" in classes:
            self._in_text = True
        elif tag == "br" and self._in_text and self._open is not None:
            self._open["text"] += "\n"
        elif self._open is not None and tag == "button" and have.get("name") == "payload":
            self._open["payloads"].append(have["value"])
        elif tag == "input" and have.get("name") == "id" and self._open is None:
            self.form_id = have["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "div":
            self._in_text = False
        elif tag == "p" and self._in_text and self._open is not None:
            self._open["text"] += "\n\n"
        elif tag == "li" and self._open is not None:
            made = self._open
            self.seen.append(
                Seen(made["id"], made["by"], made["text"].strip(), tuple(made["payloads"]))
            )
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._in_text and self._open is not None:
            self._open["text"] += data
