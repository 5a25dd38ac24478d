"""One person's way through the containers, as a browser without scripts goes it."""

import re
import sys
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.conversation.render import Words  # noqa: E402

ANSWER_WITHIN = 30.0


class Visitor:
    """A browser that keeps cookies, also those meant for TLS (a web server would add it)."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=address, trust_env=False, timeout=20)
        self._cookies: dict[str, str] = {}
        self._origin = address
        self.html = ""

    def _request(self, method: str, path: str, fields: dict[str, str] | None = None) -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Cookie": cookies, "Origin": self._origin}
        files = {name: (None, value) for name, value in fields.items()} if fields else None
        answer = self._client.request(method, path, headers=headers, files=files)
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name.strip()] = value
        if answer.status_code == 303:
            return self._request("GET", answer.headers["location"])
        if answer.status_code != 200:
            sys.exit(f"{method} {path}: {answer.status_code}")
        self.html = answer.text
        return None

    def look(self) -> None:
        """Opens the page."""
        self._request("GET", "/")

    def write(self, text: str) -> None:
        """Types and sends."""
        composer = self.html.partition('id="composer"')[2]
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', composer))
        self._request("POST", "/message", {**hidden, "text": text})

    def press(self, *parts: str) -> None:
        """Presses the last button whose payload holds all `parts`."""
        payloads = re.findall(r'<button name="payload" value="([^"]*)"', self.html)
        found = [payload for payload in payloads if all(part in payload for part in parts)]
        if not found:
            sys.exit(f"no button {parts} among {payloads}")
        form = self.html[: self.html.rindex(f'value="{found[-1]}"')].rpartition("<form")[2]
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        self._request("POST", "/choice", {**hidden, "payload": unescape(found[-1])})

    def wait_for(self, text: str) -> None:
        """Looks again until the page says `text`."""
        deadline = time.monotonic() + ANSWER_WITHIN
        while text not in unescape(self.html):
            if time.monotonic() > deadline:
                shown = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", self.html))
                sys.exit(f"the page never said {text!r}; it says: {shown[:1500]}")
            time.sleep(0.5)
            self.look()


def journey(web: str, console: str, doctor: Callable[[], str]) -> None:
    """Asks about rights, asks for a person, consents, waits in line; exits when a step fails."""
    says = Words.load().language("en").sections["responses"]

    def first_line(key: str) -> str:
        return re.split(r"[\n{]", says[key])[0].strip()

    if httpx.get(f"{console}/healthz", trust_env=False).status_code != 200:
        sys.exit("the console does not answer")
    person = Visitor(web)
    person.look()
    person.write("what are my rights at work")
    person.wait_for(first_line("ask_rights"))  # the engine understood: not the menu without it
    person.press("do:person")
    person.wait_for(first_line("handoff_nobody"))
    person.wait_for(first_line("ask_consent"))
    person.press("consent", "urgency")
    person.wait_for(first_line("handoff_meanwhile"))
    told = doctor()
    # How long ago the help lines were checked is for a person to mend, no fault of the service.
    bad = [line for line in told.splitlines() if "BAD" in line and "help lines checked" not in line]
    if "people waiting: 1" not in told or bad:
        sys.exit(f"the service says:\n{told}")
    print("journey: a question answered by the engine, one person waits in line")
