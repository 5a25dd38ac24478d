"""P6: hostile messages through both doors' parsers and the core: no crash, no silence, no leak.

The parsers are the real ones: what Telegram might deliver goes through `Intake`, forms and JSON
through the web application; what they make of it then takes a whole turn at the table of
tests/fuzz, where two people with a canary each would show a mix-up.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from telegram import Bot, User

from bot.channels.telegram_intake import Intake
from bot.channels.webchat import create_app
from bot.inbox import Inbox
from bot.messages import Channel, Inbound, Kind
from tests.core.world import DANGER, LEAVE, SELF_HARM
from tests.fuzz.messages import BUTTONS, HINTS, STALE, TEXTS
from tests.fuzz.table import CANARIES, Table
from tests.promises.conftest import Promise
from tests.redis_server import RedisServer

FULL, SHORT = 100_000, 5_000
#: After so many messages the two people are new ones.
A_TALK = 25
#: The longest text made here; a few of the hand-picked ones are longer.
LONGEST = 6_000
PAUSES = (0.0, 0.1, 10.0, 10.0, 700.0, 90_000.0, -90_000.0)
#: What the web door may answer; anything else is a crash or a silence.
WEB_STATUS = {200, 202, 303, 400, 403, 413, 429, 503}

_LETTERS = (
    "abcxyz ABC 0129 \n\t'\"<>&{}[]()%$#@!?;:/\\|`~^*_=+-",
    "éüñçøß ığł", "привет мой", "مرحبا أنا ﷺ", "ਮੈਂ ਕੀ",
    "我怕你好", "한국어", "ภาษาไทย", "தமிழ்", "አማርኛ",
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2066\u2069\ufeff", "\u0301\u0327\u20dd\ufe0f",
    "🙂👍🏽🆘🇨🇦👨‍👩‍👧", "\x00\x01\x07\x1b\x7f\x85", "\ud800\udbff\udc00\udfff",
    "\U0010ffff\U000e0041",
)  # fmt: skip
_WORDS = [*DANGER.values(), *SELF_HARM.values(), "yes", "no", "help", "call", "police", "passport",
          "he took my papers", "/start", "/intent{}", "9-1-1", "what can I do"]  # fmt: skip


class Mischief:
    """Makes hostile things, always the same ones from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self) -> str:
        """A text somebody might send."""
        roll = self.random.random()
        if roll < 0.25:
            return self.random.choice(TEXTS)[:LONGEST]
        if roll < 0.45:
            return self._changed(self.random.choice(TEXTS)[:200])
        if roll < 0.65:
            count = self.random.randrange(1, 6)
            return self._changed(" ".join(self.random.choice(_WORDS) for _ in range(count)))
        if roll < 0.67:
            return self.random.choice(list(LEAVE.values()))
        size = int(self.random.expovariate(1 / 40)) + (self.random.random() < 0.02) * 3_000
        alphabet = "".join(self.random.sample(_LETTERS, self.random.randrange(1, 4)))
        return "".join(self.random.choice(alphabet) for _ in range(size))[:LONGEST]

    def payload(self) -> str:
        """The payload of a button, offered, stale or forged."""
        roll = self.random.random()
        if roll < 0.5:
            return self.random.choice(STALE)
        if roll < 0.8:
            return self.random.choice(BUTTONS)[:2_000]
        return self._changed(self.random.choice(STALE))

    def hint(self) -> str:
        return self.random.choice(HINTS)

    def _changed(self, text: str) -> str:
        """The text with a few letters put in, taken out, doubled or turned round."""
        letters = list(text)
        for _ in range(self.random.randrange(3)):
            at = self.random.randrange(len(letters) + 1)
            act = self.random.randrange(4)
            if act == 0:
                letters.insert(at, self.random.choice(self.random.choice(_LETTERS)))
            elif act == 1:
                del letters[at : at + 3]
            elif act == 2:
                letters[at:at] = letters[at : at + 5] * self.random.randrange(1, 20)
            else:
                letters[at : at + 4] = reversed(letters[at : at + 4])
        return "".join(letters)

    def junk(self, depth: int = 0) -> Any:
        """Any JSON value where another was expected."""
        simple: list[Callable[[], Any]] = [
            lambda: None, lambda: self.random.choice([True, False]), self.text,
            lambda: self.random.choice([0, -1, 1, 2**31, 2**63, 2**70, -(2**63), 1.5, 1e308]),
            lambda: self.hint(),
        ]  # fmt: skip
        if depth < 3:
            simple += [
                lambda: [self.junk(depth + 1) for _ in range(self.random.randrange(3))],
                lambda: {self.text()[:20]: self.junk(depth + 1)
                         for _ in range(self.random.randrange(3))},
            ]  # fmt: skip
        return self.random.choice(simple)()

    def spoiled(self, value: Any, chance: float) -> Any:
        """The same structure with parts missing, doubled in depth or replaced by junk."""
        if self.random.random() < chance:
            return self.junk()
        if isinstance(value, dict):
            return {
                key: self.spoiled(part, chance)
                for key, part in value.items()
                if self.random.random() > chance
            }
        if isinstance(value, list):
            return [self.spoiled(part, chance) for part in value]
        return value


def update(mischief: Mischief, number: int, chat: int, canary: str) -> tuple[dict[str, Any], bool]:
    """One update as Telegram sends them, often a damaged one; whether it must be answered."""
    choose = mischief.random
    text = mischief.text()
    if choose.random() < 0.5:
        text += f" {canary}"
    person = {"id": chat, "is_bot": False, "first_name": text[:30], "language_code":
              mischief.hint()}  # fmt: skip
    room = {"id": chat, "type": "private"}
    if choose.random() < 0.03:
        room = {"id": -chat, "type": choose.choice(["group", "supergroup", "channel", "x"])}
    message: dict[str, Any] = {
        "message_id": choose.randrange(1, 2**31), "date": choose.choice([0, 1, 1_800_000_000]),
        "chat": room, "from": person,
    }  # fmt: skip
    shape = choose.random()
    file = {"file_id": text[:40], "file_unique_id": "u", "file_size": 1}
    if shape < 0.5:
        message["text"] = text
    elif shape < 0.6:
        kind = choose.choice(["voice", "photo", "sticker", "contact", "location", "dice", "poll",
                              "web_app_data", "story", "new_chat_members", "odd"])  # fmt: skip
        body: Any = {**file, "duration": 1, "width": 1, "height": 1, "phone_number": "+1",
                     "first_name": text[:9], "latitude": 91.0, "longitude": -999.0, "emoji": "🎲",
                     "value": 3, "type": "regular", "is_animated": 0, "is_video": 0}  # fmt: skip
        message[kind] = [body] if kind in ("photo", "new_chat_members") else body
        if choose.random() < 0.5:
            message["caption"] = text
    made: dict[str, Any] = {"message": message}
    if 0.6 <= shape < 0.9:
        query = {"id": str(number), "from": person, "chat_instance": "1", "data":
                 mischief.payload(), "message": {**message, "date": 0}}  # fmt: skip
        made = {"callback_query": query}
    elif shape >= 0.95:
        made = {"edited_message": {**message, "text": text, "edit_date": 1_800_000_000}}
    elif shape >= 0.9:
        member = {"user": {"id": 1, "is_bot": True, "first_name": "b"}, "status": choose.choice(
            ["member", "left", "restricted", "nonsense"])}  # fmt: skip
        made = {"my_chat_member": {"chat": room, "from": person, "date": 1, "old_chat_member":
                                   member, "new_chat_member": member}}  # fmt: skip
    harm = choose.choice([0.0, 0.0, 0.0, 0.02, 0.2])
    honest = room["id"] == chat and not harm and bool(
        (text and (shape < 0.5 or shape >= 0.95)) or made.get("callback_query", {}).get("data")
    )  # fmt: skip
    spoiled = mischief.spoiled(made, harm) if harm else made
    if not isinstance(spoiled, dict):
        spoiled = {"message": spoiled}
    return {**spoiled, "update_id": number}, honest


def form(mischief: Mischief, canary: str) -> tuple[str, dict[str, str], bytes, bool]:
    """Path, headers and body of one POST, often a broken one; whether it is an honest one."""
    choose = mischief.random
    typed = choose.random() < 0.6
    text = mischief.text() if typed else mischief.payload()
    if typed and choose.random() < 0.5:
        text += f" {canary}"
    fields = {
        "text" if typed else "payload": text.encode("utf-8", "surrogatepass"),
        "id": secrets_like(choose).encode(),
        "language": mischief.hint().encode("utf-8", "surrogatepass"),
        "after": choose.choice([b"0-0", b"", b"9" * 30, b"x"]),
    }
    headers = {"accept": choose.choice(["text/html", "application/json", "*/*", ""])}
    honest = choose.random() < 0.8
    if not honest:
        for name in ("sec-fetch-site", "origin", "accept-language", "x-forwarded-for"):
            if choose.random() < 0.4:
                headers[name] = choose.choice(["same-origin", "null", "x", ",;q=,", "en;q=nan"])
        if choose.random() < 0.3:
            del fields[choose.choice(list(fields))]
        if choose.random() < 0.2:
            fields.update({f"more{number}": b"x" for number in range(20)})
    if choose.random() < 0.5:
        mark = "b" + secrets_like(choose)
        headers["content-type"] = f"multipart/form-data; boundary={mark}"
        body = b"".join(
            f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
            + value + b"\r\n"
            for name, value in fields.items()
        ) + f"--{mark}--\r\n".encode()  # fmt: skip
    else:
        headers["content-type"] = "application/x-www-form-urlencoded"
        body = "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items()).encode()
    if not honest:
        harm = choose.randrange(5)
        if harm == 0:
            body = body[: choose.randrange(len(body) + 1)]
        elif harm == 1:
            body = bytes(choose.randrange(256) for _ in range(choose.randrange(200)))
        elif harm == 2:
            headers["content-type"] = choose.choice(
                ["", "text/plain", "application/json", "multipart/form-data", "x" * 500]
            )
        elif harm == 3:
            body *= choose.randrange(1, 40)
    return "/message" if typed else "/choice", headers, body, honest


def secrets_like(choose: random.Random) -> str:
    return f"{choose.getrandbits(96):024x}"


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    with RedisServer() as server, Table(server.url) as made:
        yield made


class Doors:
    """Both doors on the table's own Redis; what they accept is caught instead of stored."""

    def __init__(self, table: Table) -> None:
        world, self.table = table.world, table
        self.caught: list[Inbound] = []
        caught = self.caught

        class Catching(Inbox):
            async def accept(self, inbound: Inbound, update: str) -> bool:
                # As it is stored and read again.
                caught.append(Inbound.from_json(inbound.to_json()))
                assert update
                return True

        inbox = Catching(world.redis, world.keys, world.vault)
        self.vault = world.vault
        self.bot = Bot("4242:token")
        self.bot._bot_user = User(4242, "helper", True)
        self.intake = Intake(
            self.bot, world.redis, world.keys, world.vault, inbox, world.words,
            world.emergency.answer, world.clock,
        )  # fmt: skip
        self.intake._run = lambda errand: errand.close()  # type: ignore[method-assign]
        app = create_app(
            redis=world.redis, keys=world.keys, vault=world.vault, inbox=inbox,
            outbox=world.outbox, words=world.words, emergency=world.emergency, clock=world.clock,
            secure=False,
        )  # fmt: skip
        self.tokens = {name: world.vault.visitor_token() for name in CANARIES}
        self.web = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://chat.test"
        )

    async def post(self, name: str, path: str, headers: dict[str, str], body: bytes) -> Any:
        cookie = {"cookie": f"session={self.tokens[name]}"}
        return await self.web.post(path, content=body, headers={**headers, **cookie})


def test_hostile_messages_through_doors_and_core(
    table: Table, promise: Promise, full: bool, seed: int
) -> None:
    mischief, size = Mischief(seed), FULL if full else SHORT
    doors = Doors(table)
    run = table._runner.run
    failures: list[str] = []
    figures: Counter[str] = Counter()
    names = list(CANARIES)
    for number in range(size):
        name = mischief.random.choice(names)
        other = CANARIES[next(known for known in names if known != name)]
        if number % A_TALK == 0:
            table.clear()
            if mischief.random.random() < 0.5:
                for payload in ("lang:en", "do:person", "answer:consent:all"):
                    table.turn(name, Channel.TELEGRAM, Kind.BUTTON, button=payload)
            if mischief.random.random() < 0.5:
                table.counsellor_comes(name, Channel.TELEGRAM)
        doors.caught.clear()
        try:
            if mischief.random.random() < 0.5:
                channel = Channel.TELEGRAM
                made, honest = update(mischief, number, 1000 + names.index(name), CANARIES[name])
                run(doors.intake.take(json.loads(json.dumps(made))))  # as it travels
                figures["updates"] += 1
                assert doors.caught or not honest, "an honest update was thrown away"
            else:
                channel = Channel.WEBCHAT
                path, headers, body, honest = form(mischief, CANARIES[name])
                answer = run(doors.post(name, path, headers, body))
                figures["forms"] += 1
                assert answer.status_code in WEB_STATUS, answer.status_code
                assert answer.status_code in (303, 202) or answer.text.strip(), "silence"
                assert other not in answer.text.lower(), "somebody else's words on the page"
                assert doors.caught or answer.status_code != 202, "said to be kept, and was not"
                assert answer.status_code != 400 or not honest or path == "/choice"
            for inbound in doors.caught:
                figures["turns"] += 1
                table.turn(
                    name, channel, inbound.kind, text=inbound.text, button=inbound.button,
                    hint=inbound.hint, message_id=inbound.message_id,
                    after=mischief.random.choice(PAUSES),
                )  # fmt: skip
        except Exception as error:
            where = f"{number} {type(error).__name__}: {str(error)[:80]!r}"
            failures.append(where)
            print(where)
    run(doors.web.aclose())
    said = ", ".join(f"{many} {what}" for what, many in sorted(figures.items()))
    promise(
        "P6", "hostile messages: doors, core", size, len(failures),
        f"seed {seed}; {said}{'; ' if failures else ''}{'; '.join(failures[:2])}",
    )  # fmt: skip
