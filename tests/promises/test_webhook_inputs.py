"""P6: hostile calls to the Telegram webhook: no crash, no 5xx, nothing of a stranger, no mix-up.

What only Telegram can send (the secret is right) is hostile too here: damaged updates, other types
in every field, brackets without end. After each lot a person's plain message must still get in.
"""

import json
from collections import Counter

import pytest

from bot.channels.telegram_webhook import MAX_BODY, endpoint
from bot.messages import Channel
from tests.fuzz.table import CANARIES, Table
from tests.promises.conftest import Promise
from tests.promises.hostile import NESTED
from tests.promises.place import SECRET
from tests.promises.test_hostile_core import Doors, Mischief, table, update
from tests.promises.wire import hit

__all__ = ["table"]

FULL, SHORT = 100_000, 6_000
#: So many hostile calls, then one plain message.
A_LOT = 20
ALLOWED = {200, 307, 400, 403, 404, 405, 413}
_HEADER = "x-telegram-bot-api-secret-token"


def body(mischief: Mischief, number: int, chat: int, canary: str) -> bytes:
    """The body of one call: an update as Telegram writes them, damaged in some way."""
    choose = mischief.random
    roll = choose.random()
    if roll < 0.04:
        return choose.choice(NESTED).encode("utf-8", "surrogatepass")
    if roll < 0.05:
        return b"[" * choose.choice((1_000, 100_000, MAX_BODY - 1, MAX_BODY + 1))
    made, _ = update(mischief, number, chat, canary)
    if choose.random() < 0.1:
        made["update_id"] = mischief.junk()
    elif choose.random() < 0.1:
        made = mischief.spoiled({**made, "update_id": number}, 0.05)
    raw = json.dumps(made, ensure_ascii=choose.random() < 0.7).encode("utf-8", "surrogatepass")
    if roll < 0.15:
        at = choose.randrange(len(raw) + 1)
        raw = raw[:at] + choose.randbytes(choose.randrange(4)) + raw[at + choose.randrange(9) :]
    return raw


async def play(table: Table, mischief: Mischief, size: int) -> tuple[Counter[int], list[str]]:
    doors, names = Doors(table), list(CANARIES)
    app = endpoint("https://chat.test/hook", SECRET, doors.intake)
    answered: Counter[int] = Counter()
    failures: list[str] = []
    choose = mischief.random
    for number in range(1, size + 1):
        doors.caught.clear()
        name = choose.choice(names)
        other = CANARIES[next(known for known in names if known != name)]
        chat = 1000 + names.index(name)
        plain = number % A_LOT == 0
        headers, method, target = [(_HEADER, SECRET)], "POST", "/hook"
        sent = body(mischief, number, chat, CANARIES[name])
        if plain:
            person = {"id": chat, "is_bot": False, "first_name": "x"}
            sent = json.dumps({"update_id": number, "message": {
                "message_id": number, "date": 1, "chat": {"id": chat, "type": "private"},
                "from": person, "text": f"hello {number}"}}).encode()  # fmt: skip
        elif choose.random() < 0.25:
            wrong = choose.choice(["", "x", SECRET[:-1], f"{SECRET}x", "\xff\xfe", "a" * 9_000])
            headers = choose.choice([[], [(_HEADER, wrong)]])
        elif choose.random() < 0.1:
            method, target = choose.choice(["GET", "PUT", "HEAD", "OPTIONS"]), "/hook"
        elif choose.random() < 0.1:
            target = choose.choice(["/", "/hook/", "/hook%00", "//hook", "/hook/..", "/HOOK"])
        answer = await hit(app, method, target, headers, sent)
        answered[answer.status] += 1
        found = [answer.fault] if answer.fault else []
        if answer.status not in ALLOWED:
            found.append(f"status {answer.status}")
        if answer.status != 200 and doors.caught:
            found.append("refused, and taken in")
        if plain and [one.text for one in doors.caught] != [f"hello {number}"]:
            found.append("a plain message did not get in")
        mine = table.world.vault.person(Channel.TELEGRAM, str(chat))
        for one in doors.caught:
            if other in one.text:
                found.append("somebody else's words")
            if plain and one.person != mine:
                found.append("taken for somebody else")
        failures += [f"{number} {what}: {sent[:200]!r}" for what in found]
    await doors.web.aclose()
    return answered, failures


@pytest.mark.timeout(7200)
def test_hostile_calls_of_the_webhook(
    table: Table, promise: Promise, full: bool, seed: int
) -> None:
    size = FULL if full else SHORT
    answered, failures = table._runner.run(play(table, Mischief(seed), size))
    print(*failures[:10], sep="\n")
    spread = ", ".join(f"{many} x {status}" for status, many in sorted(answered.items()))
    promise("P6", "hostile calls of the Telegram webhook", size, len(failures),
            f"seed {seed}; {spread}")  # fmt: skip
