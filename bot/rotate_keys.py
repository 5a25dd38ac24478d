"""`python -m bot rotate-keys`: a new master key, without a stop and without losing anybody's words.

    rotate-keys            a new key is added to the key file; every process follows the file and
                           seals with it; what lives long is wrapped again under it
    rotate-keys --finish   when nothing needs the older key any more (48 hours at most), it goes

Nothing is wrapped again before the running service has shown that it seals with the newest key of
this very file: under a key that only a copy of the file holds, it could open nobody's words again.

What people wrote is sealed with data keys that never change; only their wrapping does. Names of
people (pseudonyms) and the engine's own secrets stay, or conversations could not be found again.
"""

import asyncio
import contextlib
import os
import secrets
import stat
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from io import RawIOBase
from pathlib import Path
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.embedded import master_key_file, open_vault, running_url
from bot.errors import Sealed, SettingsError
from bot.keys import Keys
from bot.settings import PREFIX, Settings
from bot.vault import Ring, Vault

#: How long the running service may take to follow the file, seconds.
PATIENCE: Final = 30.0
#: For so long no mark of another key may come back, seconds: two rounds of a janitor on another
#: machine, which may have a copy of its own.
STEADY: Final = 5.0

# KEYS: key. ARGV: field of a hash or "", what was read, what it becomes. Only if nobody was faster.
_SWAP: Final = """
if ARGV[1] == '' then
  if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
  redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
else
  if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
return 1
"""


class Rewrapping:
    """Everything in Redis that a master key seals, found and put under the newest one."""

    def __init__(self, redis: Redis, keys: Keys, vault: Vault) -> None:
        self._redis, self._keys, self._vault = redis, keys, vault
        self._swap = redis.register_script(_SWAP)

    async def rewrap(self) -> Counter[str]:
        """Puts data keys and addresses under the newest key; returns how many of each."""
        done: Counter[str] = Counter()
        async for name, field, context, sealed in self._long_lived():
            renew = self._vault.renew_transit if field else self._vault.renew_data_key
            try:
                fresh = renew(sealed, context)
            except Sealed:
                continue  # no key of ours opens it: it is lost, with or without the older key
            if fresh is not sealed:
                done[_kind(self._keys, name)] += int(
                    await self._swap(keys=[name], args=[field, sealed, fresh])
                )
        return done

    async def still_older(self) -> Counter[str]:
        """What is still sealed under an older key, by kind."""
        older: Counter[str] = Counter()
        async for name, field, context, sealed in self._long_lived():
            renew = self._vault.renew_transit if field else self._vault.renew_data_key
            older[_kind(self._keys, name)] += _is_older(renew, sealed, context)
        for start in (self._keys.inbox(0)[:-1], self._keys.outbox(""), self._keys.screen("")):
            async for raw in self._redis.scan_iter(match=f"{start}*", count=500):
                name = raw.decode()
                rows: Any = await self._redis.xrange(name)
                for _, fields in rows:
                    sealed = fields.get(b"e", b"")
                    older[_kind(self._keys, name)] += _is_older(
                        self._vault.renew_transit, sealed, name
                    )
        letters: Any = await self._redis.xrange(self._keys.dead())
        for _, fields in letters:
            sealed, stream = fields.get(b"e", b""), fields.get(b"stream", b"").decode()
            older["dead"] += _is_older(lambda one, _: self._vault.renew_letter(one), sealed, "")
            older["dead"] += _is_older(self._vault.renew_transit, sealed, stream)
        return +older

    async def _long_lived(self) -> AsyncIterator[tuple[str, str, str, bytes]]:
        """(key, field of a hash or "", context, sealed) of what may live long.

        Data keys of conversations, the addresses of handoffs, counsellors' second steps.
        """
        prefix = self._keys.datakey("")
        async for raw in self._redis.scan_iter(match=f"{prefix}*", count=500):
            name = raw.decode()
            datakey: Any = await self._redis.get(name)
            if datakey:
                yield name, "", name.removeprefix(prefix), datakey
        async for raw in self._redis.scan_iter(match=f"{self._keys.handoff('')}*", count=500):
            name = raw.decode()
            found: Any = await self._redis.hmget(name, ["person", "address"])
            if all(found):
                yield name, "address", self._keys.handoff_of(found[0].decode()), found[1]
        async for raw in self._redis.scan_iter(match=f"{self._keys.counsellor('')}*", count=500):
            name = raw.decode()
            totp: Any = await self._redis.hget(name, "totp")
            if totp:  # bot/console/second_step.py
                yield name, "totp", f"{name} totp", totp


def add_key(path: Path) -> None:
    """Adds a new master key to the file. Raises SettingsError when it cannot be written.

    It is appended: no process that reads the file meanwhile can take a wrong key from it.
    """
    text = path.read_text("ascii")
    line = ("" if text.endswith("\n") else "\n") + secrets.token_hex(32) + "\n"
    with _writing(path) as file:
        file.seek(0, os.SEEK_END)
        file.write(line.encode())


def retire_older(path: Path) -> None:
    """Leaves only the newest key in the file. Raises SettingsError.

    The file is written over, not replaced: a container holds on to the file it was given, and would
    never see another of the same name. Should this be cut short, `.new` beside it has all of it.
    """
    text = Ring.parse(path.read_text("ascii")).newest_only().to_text().encode()
    whole = path.with_name(path.name + ".new")
    with _writing(path) as file:
        whole.touch(mode=0o600)
        with _writing(whole) as copy:
            copy.write(text)
            copy.truncate()
        file.write(text)
        file.truncate()
    whole.unlink()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[RawIOBase]:
    """The file, to be written over; on the disk at the end. Raises SettingsError."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | stat.S_IWUSR)
        try:
            with path.open("r+b", buffering=0) as file:
                yield file
                os.fsync(file.fileno())
        finally:
            path.chmod(mode)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from None


def rotate(settings: Settings, *, finish: bool, checked: bool = False) -> int:
    """The command; returns the exit code (1: not finished yet)."""
    path = _key_file(settings)
    several = len(Ring.parse(path.read_text("ascii")).masters) > 1
    if finish and not several:
        print("There is one key only: nothing to finish.")
        return 0
    if finish and checked:
        return _retire(path)
    redis_url = settings.redis_url or running_url(settings.state_dir)
    if redis_url is None:
        if not several:
            _add(path)
        print("No Redis can be reached from here: run this once more where it can be.")
        return 1
    settings = replace(settings, redis_url=redis_url)
    try:
        return asyncio.run(_finish(settings, path) if finish else _change(settings, path, several))
    except (RedisError, OSError) as error:
        print(f"Redis does not answer ({type(error).__name__}): run this once more.")
        return 1


def _add(path: Path) -> None:
    add_key(path)
    print(f"{path}: a new key was added; keep a copy of the file where the old copy is.")


async def _change(settings: Settings, path: Path, several: bool) -> int:
    async with Redis.from_url(settings.redis_url) as redis:
        vault = open_vault(settings)
        if not several:
            marks = await _marks(redis)
            if marks and vault.newest_mark() not in marks:
                print(f"The running service does not use this file ({path}): nothing was changed.")
                print("Run this with the settings of the service.")
                return 1
            _add(path)
        if not await _followed(redis, vault, path):
            return 1
        done = await Rewrapping(redis, Keys(), vault).rewrap()
    print(f"Wrapped again under the newest key: {_in_words(done)}.")
    print("The older key is still needed for what is on its way, 48 hours at most.")
    print("Then: python -m bot rotate-keys --finish")
    return 0


async def _finish(settings: Settings, path: Path) -> int:
    async with Redis.from_url(settings.redis_url) as redis:
        vault = open_vault(settings)
        if not await _followed(redis, vault, path):
            return 1
        rewrapping = Rewrapping(redis, Keys(), vault)
        await rewrapping.rewrap()
        older = await rewrapping.still_older()
    if older:
        print(f"Still sealed with the older key: {_in_words(older)}. Try again later.")
        return 1
    print("Nothing needs the older key any more.")
    if not os.access(path.parent, os.W_OK):
        print(
            f"{path} cannot be changed from here: where it can, run rotate-keys --finish --checked"
        )
        return 0
    return _retire(path)


async def _followed(redis: Redis, vault: Vault, path: Path) -> bool:
    """Whether the running service seals with the newest key of the file; says so if not."""
    if not await _marks(redis):
        print("No janitor makes its rounds, so nothing was wrapped again: start the service, and")
        print("run this once more. It has to show first that it follows this file.")
        return False
    waited = steady = 0.0
    while waited <= PATIENCE:
        marks, newest = await _marks(redis), vault.newest_mark()
        if marks == {newest}:
            if steady >= STEADY:
                return True
            steady += 0.5
        else:
            steady = 0.0
            if newest in marks:  # the others may be of before: whoever still seals so comes back
                await redis.srem(Keys().janitor(), *(marks - {newest}))
        await asyncio.sleep(0.5)
        waited += 0.5
    print(f"The running service does not follow {path}: nothing was wrapped again.")
    print(f"Look which file the service's {PREFIX}MASTER_KEY_FILE names, and whether every machine")
    print("has the same file; then run this once more.")
    return False


async def _marks(redis: Redis) -> set[str]:
    """The marks of the keys with which janitors have made their rounds; empty when none runs."""
    found: Any = await redis.smembers(Keys().janitor())
    return {mark.decode() for mark in found}


def _retire(path: Path) -> int:
    retire_older(path)
    print(f"{path}: the older key is gone. Destroy every copy of it.")
    return 0


def _key_file(settings: Settings) -> Path:
    if settings.master_key_file:
        return Path(settings.master_key_file)
    if settings.master_key:
        raise SettingsError(
            f"{PREFIX}MASTER_KEY: put the key into a file and name it with "
            f"{PREFIX}MASTER_KEY_FILE; a process cannot be told of a new key otherwise"
        )
    return master_key_file(settings.state_dir)


def _is_older(renew: Callable[[bytes, str], bytes], sealed: bytes, context: str) -> bool:
    try:
        return renew(sealed, context) is not sealed
    except Sealed:
        return False  # nobody can read it, the older key does not help


def _kind(keys: Keys, name: str) -> str:
    return name.removeprefix(keys.prefix).partition(":")[0]


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "nothing"
