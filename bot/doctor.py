"""`python -m bot doctor`: says what is well and what is not, for a person or for cron.

Asked is what matters to whoever writes: is everybody answered, called for and erased in time.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from redis.exceptions import RedisError

from bot.app import App, build
from bot.directory import load_directory
from bot.errors import SettingsError
from bot.handoff.service import Mode, Standing
from bot.keys import SHARDS
from bot.operator_commands import in_words, letters_of, running
from bot.parts import forgetful
from bot.paths import ROOT
from bot.settings import PREFIX, Settings

#: Entries of the directory not checked for so long are pointed out.
RECHECK: Final = timedelta(days=90)
#: A message that waits longer than this for a worker waits too long, seconds.
LATE: Final = 60

#: Prints one line: whether it is well, what, and what to do if not.
Line = Callable[[bool, str, str], None]


async def doctor(settings: Settings) -> int:
    """Says what is well and what is not; exit code 1 when something needs somebody."""
    well = True

    def line(good: bool, what: str, hint: str) -> None:
        nonlocal well
        well = well and good
        print(f"{'ok  ' if good else 'BAD '} {what}{'' if good or not hint else ': ' + hint}")

    line(True, "settings are valid", "")
    _files(line)
    try:
        async with build(running(settings)) as app:
            await _service(app, line)
    except SettingsError as error:
        line(False, "redis", str(error))
    return 0 if well else 1


def _files(line: Line) -> None:
    from bot.conversation.render import Words
    from bot.safety.lexicon import Lexicon

    words = Words.load()
    Lexicon.load()
    entries = load_directory(ROOT / "directory")
    line(True, f"languages offered: {' '.join(words.codes())}; help lines: {len(entries)}", "")
    unread = [code for code in words.codes() if words.language(code).reviewed_by is None]
    print(f"note  not reviewed by a native speaker yet: {' '.join(unread) or 'none'}")
    today = datetime.now(UTC).date()
    old = [entry.id for entry in entries if today - entry.verified_on > RECHECK]
    line(not old, "help lines checked within 90 days", f"check again: {' '.join(old)}")
    print("note  numbers came from archived public pages; nobody has phoned them yet")


def _opening(standing: Standing, now: float) -> str:
    closed = standing.closed(now)
    by_hand = " by hand" if standing.mode is not Mode.AUTO else ""
    if not by_hand and standing.hours is None:
        return "no opening hours are set"
    change = standing.opens(now) if closed else standing.closes(now)
    until = f" until {change.local:%Y-%m-%d %H:%M} {change.zone}" if change else ""
    return f"the service is {'closed' if closed else 'open'}{by_hand}{until}"


async def _service(app: App, line: Line) -> None:
    try:
        await app.redis.ping()
        line(True, "redis answers", "")
        why = await forgetful(app.redis)
        line(not why, "redis keeps what it has accepted", why)
        await _parts(app, line)
        counts = in_words(await letters_of(app).counts())
        line(not counts, "nothing was given up on", f"{counts}; see python -m bot dead-letters")
        waiting = await app.redis.zcard(app.keys.queue())
        print(f"note  people waiting: {waiting}")
        print(f"note  counsellors on shift: {await app.queue.counsellors_on_shift()}")
        print(f"note  {_opening(await app.queue.service.read(), time.time())}")
    except (RedisError, OSError) as error:
        line(False, "redis answers", type(error).__name__)
    line(await app.services.engine.ready(), "engine answers", f"see {PREFIX}ENGINE_URL and its log")


async def _parts(app: App, line: Line) -> None:
    redis, keys = app.redis, app.keys
    held = await redis.exists(*(keys.shard(shard) for shard in range(SHARDS)))
    line(held == SHARDS, "a worker answers everybody", f"{held} of {SHARDS} shards; see its log")
    oldest = time.time()
    for shard in range(SHARDS):
        first: Any = await redis.xrange(keys.inbox(shard), count=1)
        oldest = min([oldest, *(int(name.split(b"-")[0]) / 1000 for name, _ in first)])
    waits = time.time() - oldest
    line(waits < LATE, "no message waits for an answer", f"one since {waits:.0f} s; see the worker")
    janitor = bool(await redis.exists(keys.janitor()))
    line(janitor, "the janitor makes its rounds", "nobody is erased or called for; see its log")
    # In containers only the door has the token; where it polled within a day, it is in use.
    if app.settings.telegram_token or await redis.exists(keys.offset()):
        polls = bool(await redis.exists(keys.poller()))
        line(polls, "the Telegram door is open", "nobody there is heard; see its log")
