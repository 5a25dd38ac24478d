"""`python -m bot prove-clean`: shows that after Leave nothing of a person is left.

A whole service is started beside the real one, in a folder of its own, with its own Redis, at the
most talkative level of logging. At both doors people fill every field with canaries, talk to a
counsellor, are passed on and leave, in every language. Then Redis saves and rewrites its file, and
everything that was kept is searched: keys, values, files, logs. The exit code is 1 when anything is
found.
"""

import asyncio
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis

from bot.console.accounts import Accounts
from bot.conversation.render import Words
from bot.embedded import open_vault
from bot.keys import Keys
from bot.paths import ROOT
from bot.proof.canaries import Canaries
from bot.proof.people import (
    Counsellor,
    NotProven,
    OnTelegram,
    OnTheWeb,
    Somebody,
    until,
)
from bot.proof.search import PLACES, Searched, search
from bot.proof.telegram import PretendedTelegram
from bot.settings import PREFIX, Settings

#: How the counsellor of the proof gets into the console of the proof.
LOGIN: Final = "proof"
#: Other ways of leaving than the word of a language, tried once each.
_OTHER_WAYS: Final = (
    (OnTelegram, "do:leave"),
    (OnTelegram, "blocked"),
    (OnTelegram, "/exit"),
    (OnTheWeb, "do:leave"),
    (OnTheWeb, "quick exit"),
    (OnTheWeb, "/exit"),
)
#: How many are in conversation at once.
_AT_ONCE: Final = 12


@dataclass
class Proof:
    """What was searched when, and what it showed."""

    people: int
    languages: int
    engine: bool
    talking: dict[str, Searched]
    control: dict[str, Searched]
    content: dict[str, Searched]
    names: dict[str, Searched]

    @property
    def clean(self) -> bool:
        """Nothing was found, and what was planted to be found was."""
        nothing = not any(
            place.found for when in (self.talking, self.content, self.names)
            for place in when.values()
        )  # fmt: skip
        planted = ("names of keys", "values of keys", "append-only file", "logs", "other files")
        return nothing and all(self.control[place].found for place in planted)


def prove_clean(languages: str) -> int:
    """The command, for "all" or codes with commas between them; returns the exit code."""
    known = Words.load().codes()
    asked = known if languages == "all" else languages.split(",")
    if unknown := set(asked) - set(known):
        print(f"northlight: no such language: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    print(f"A service of its own is started for people in {len(asked)} languages ...", flush=True)
    proof = asyncio.run(prove(list(asked)))
    print(table(proof))
    return 0 if proof.clean else 1


async def prove(languages: list[str]) -> Proof:
    """Runs the whole proof. Raises NotProven when it could not be carried through."""
    try:
        return await _prove_aside(languages)
    except* NotProven as group:
        raise NotProven(_first(group)) from None


async def _prove_aside(languages: list[str]) -> Proof:
    canaries = Canaries()
    with tempfile.TemporaryDirectory(prefix="northlight-proof-") as name:
        telegram = PretendedTelegram(f"4242:{canaries.word()}")
        telegram.start()
        try:
            async with _service(Path(name), telegram) as service:
                return await _prove(service, languages, canaries)
        finally:
            telegram.stop()


def _first(group: BaseExceptionGroup[NotProven]) -> str:
    """Why the first of several could not go on."""
    inside = group.exceptions[0]
    return _first(inside) if isinstance(inside, BaseExceptionGroup) else str(inside)


@dataclass
class _Service:
    folder: Path
    redis: Redis
    web: str
    console: str
    telegram: PretendedTelegram
    engine: bool


async def _prove(service: _Service, languages: list[str], canaries: Canaries) -> Proof:
    redis, folder = service.redis, service.folder
    # The files are read as they are, so Redis must not compress what it writes.
    await redis.config_set("rdbcompression", "no")
    people = _people(service, languages, canaries)
    counsellor = await _counsellor(service, canaries)
    await _converse(people, counsellor)
    talking = await search(redis, folder, canaries.content())
    await asyncio.gather(*(person.leaves() for person in people))
    await until(lambda: _all_gone(redis, canaries), "no key names anybody who left")
    await Accounts(redis, Keys()).remove(LOGIN)
    control = await _control(redis, folder, canaries)
    await _write_files_anew(redis)
    content = await search(redis, folder, canaries.content())
    names = await search(redis, folder, canaries.identity())
    return Proof(
        len(people), len(languages), service.engine, talking, control, content, names
    )  # fmt: skip


def _people(service: _Service, languages: list[str], canaries: Canaries) -> list[Somebody]:
    vault = open_vault(Settings(state_dir=service.folder))
    ways = [(kind, language, "word") for language in languages for kind in (OnTelegram, OnTheWeb)]
    ways += [(kind, languages[0], way) for kind, way in _OTHER_WAYS]
    people: list[Somebody] = []
    for number, (kind, language, way) in enumerate(ways):
        door: Any = service.telegram if kind is OnTelegram else service.web
        people.append(kind(door, number, language, way, canaries, service.redis, vault))
    return people


async def _counsellor(service: _Service, canaries: Canaries) -> Counsellor:
    accounts = Accounts(service.redis, Keys())
    # The name that people are told: nothing but the account itself may keep it.
    alias = secrets.token_hex(12)
    canaries.names.add(alias)
    once = await accounts.add(LOGIN, alias, ["en"], ["counsellor"], capacity=5)
    password = canaries.word()
    await accounts.change_password(LOGIN, once, password)
    return Counsellor(service.console, LOGIN, password, canaries)


async def _converse(people: list[Somebody], counsellor: Counsellor) -> None:
    """Everybody talks; two of three have a counsellor, one of three is through with it."""
    room, desk = asyncio.Semaphore(_AT_ONCE), asyncio.Semaphore(1)

    async def one(number: int, person: Somebody) -> None:
        async with room:
            await person.converses()
        if number % 3:
            async with desk:
                # The last few stay with the counsellor while they leave.
                await counsellor.talks_with(person, ends=number < len(people) - 5)

    async with counsellor.on_shift(), asyncio.TaskGroup() as group:
        for number, person in enumerate(people):
            group.create_task(one(number, person))


async def _all_gone(redis: Redis, canaries: Canaries) -> bool:
    pattern = canaries.identity()
    async for name in redis.scan_iter(count=1000):
        if pattern.search(name):
            return False
    return True


async def _control(redis: Redis, folder: Path, canaries: Canaries) -> dict[str, Searched]:
    """Plants canaries that must be found, searches, and takes them away again."""
    name, files = f"proof:{canaries.word()}", [folder / "control.txt", folder / "control.log"]
    for file in files:
        file.write_text(canaries.word())
    await redis.set(name, canaries.word())
    found = await search(redis, folder, canaries.content())
    await redis.delete(name)
    for file in files:
        file.unlink()
    return found


async def _write_files_anew(redis: Redis) -> None:
    async def written() -> bool:
        state: Any = await redis.info("persistence")
        return not (state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"])

    await until(written, "Redis is not writing")
    await redis.save()
    await redis.bgrewriteaof()
    await until(written, "Redis has rewritten its file")
    state: Any = await redis.info("persistence")
    if state["aof_last_bgrewrite_status"] != "ok":
        raise NotProven("Redis could not rewrite its file")


# -- the service of its own ---------------------------------------------------------------------
@contextlib.asynccontextmanager
async def _service(folder: Path, telegram: PretendedTelegram) -> AsyncIterator[_Service]:
    state = folder / "state"
    web, console = (f"127.0.0.1:{_free_port()}" for _ in range(2))
    engine = (ROOT / "engine/.venv/bin/python").exists() and (
        ROOT / "models/northlight.tar.gz"
    ).exists()
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH")
    environ = {name: os.environ[name] for name in keep if name in os.environ} | {
        f"{PREFIX}STATE_DIR": str(state),
        f"{PREFIX}WEB_LISTEN": web,
        f"{PREFIX}CONSOLE_LISTEN": console,
        f"{PREFIX}TELEGRAM_TOKEN": telegram.token,
        f"{PREFIX}TELEGRAM_BASE_URL": telegram.base_url,
        f"{PREFIX}TELEGRAM_FILE_BASE_URL": telegram.base_file_url,
        f"{PREFIX}LOG_LEVEL": "DEBUG",
        f"{PREFIX}ENGINE_LOG": "DEBUG",
    }
    if not engine:
        environ[f"{PREFIX}ENGINE_URL"] = "http://127.0.0.1:9"  # away: the fixed menu answers
    said = folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - our own program; it only starts here
            [sys.executable, "-m", "bot", "up"], cwd=ROOT, env=environ, stdout=output,
            stderr=output,
        )  # fmt: skip
    try:
        await until(lambda: _ready(process, said), "the service is ready")
        url = (state / "redis" / "url").read_text().strip()
        async with Redis.from_url(url) as redis:
            yield _Service(
                state, redis, f"http://{web}", f"http://{console}", telegram, engine
            )  # fmt: skip
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


def _ready(process: "subprocess.Popen[bytes]", said: Path) -> bool:
    text = said.read_text(errors="replace")
    if process.poll() is not None:
        last = text.strip().splitlines()
        raise NotProven(f"the service does not start: {last[-1] if last else 'it said nothing'}")
    return "Ctrl-C stops everything" in text


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- what it showed -----------------------------------------------------------------------------
def table(proof: Proof) -> str:
    """The table, and the verdict below it."""
    head = ("searched", "things", "bytes", "words, while they talked", "words, after Leave",
            "names, after Leave", "planted, to be found")  # fmt: skip
    rows: list[tuple[str, ...]] = [head]
    for place in PLACES:
        after = proof.content[place]
        counts = (after.things, after.size, proof.talking[place].found, after.found,
                  proof.names[place].found, proof.control[place].found)  # fmt: skip
        rows.append((place, *(f"{count:,}" for count in counts)))
    wide = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join([row[0].ljust(wide[0]), *(cell.rjust(width) for cell, width in
                        zip(row[1:], wide[1:], strict=True))]) for row in rows]  # fmt: skip
    who = f"{proof.people} people, {proof.languages} languages, both doors, "
    who += "with the engine" if proof.engine else "without the engine (it is not installed here)"
    verdict = "Clean: nothing of them is left." if proof.clean else "NOT CLEAN."
    return "\n".join([*lines, "", f"{who}. {verdict}"])
