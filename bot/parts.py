"""The parts of the service on one machine: how each is started, what it is given, when it is ready.

Each gets only the secrets it needs (the engine: none but its own).
"""

import os
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import httpx
import redis.asyncio

from bot.embedded import master_key_file
from bot.errors import SettingsError
from bot.keys import SHARDS, Keys
from bot.paths import ROOT
from bot.settings import PREFIX, Address, Settings
from bot.vault import Vault

#: Where the state directory tells the engine's address.
ENGINE_ADDRESS: Final = "engine.url"

#: What the engine and nothing else may be given of our environment: it holds no secret of ours.
_ENGINE_KEEPS: Final = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "VIRTUAL_ENV_DISABLE_PROMPT",
    "NORTHLIGHT_ENGINE_LOG",
)
#: What one part alone is given.
_OWN: Final = {
    "engine": ("ENGINE_REDIS_URL",),
    "telegram": ("TELEGRAM_TOKEN", "TELEGRAM_WEBHOOK_SECRET"),
    "janitor": ("PAGING_URL", "PAGING_SECRET"),
    "console": ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"),
}


@dataclass(frozen=True)
class Part:
    """One process of the service; `ready` tells whether it does its work yet."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]]
    #: Parts with a higher number are started later and stopped earlier.
    order: int
    #: Files it is given open.
    files: tuple[int, ...] = ()
    #: Whether people are served without it, so that nothing waits for it in vain.
    spared: bool = False


def parts_of(settings: Settings, vault: Vault, redis_url: str, engine_redis_url: str) -> list[Part]:
    """What there is to run but the practice desk, in the order of starting.

    `engine_redis_url`: the same Redis for a user who reaches the engine's keys only. Ports that
    nobody set are chosen here, and the engine's address is written down. Raises SettingsError.
    """
    environ = dict(os.environ)
    environ[f"{PREFIX}REDIS_URL"] = redis_url
    environ[f"{PREFIX}STATE_DIR"] = str(settings.state_dir.resolve())
    if not settings.master_key:
        path = master_key_file(settings.state_dir)
        environ[f"{PREFIX}MASTER_KEY_FILE"] = str(path.resolve())
    parts: list[Part] = []
    if not settings.engine_url:
        if engine_redis_url in ("", redis_url):
            raise SettingsError(
                f"{PREFIX}ENGINE_REDIS_URL: needed with {PREFIX}REDIS_URL: the same Redis, with a "
                "user who reaches the engine's keys only (docs/operations.md)"
            )
        engine = engine_part(vault, engine_redis_url)
        environ[f"{PREFIX}ENGINE_URL"] = f"http://{engine.environ[f'{PREFIX}ENGINE_LISTEN']}"
        # For `doctor`, typed while the service runs.
        (settings.state_dir / ENGINE_ADDRESS).write_text(environ[f"{PREFIX}ENGINE_URL"])
        parts.append(engine)
    if settings.telegram_token:  # where it hands the console what people sent
        environ[f"{PREFIX}MEDIA_ADDRESS"] = f"127.0.0.1:{_free_port()}"

    def given(part: str) -> dict[str, str]:
        others = {PREFIX + one for name, own in _OWN.items() if name != part for one in own}
        return {name: value for name, value in environ.items() if name not in others}

    web, console = settings.web_listen.url, settings.console_listen.url
    parts += [
        _bot("worker", given("worker"), lambda: _shards_held(redis_url), 2),
        _bot("janitor", given("janitor"), _nothing_to_wait_for, 3),
        _bot("web", given("web"), lambda: answers(f"{web}/healthz"), 3),
        _bot("console", given("console"), lambda: answers(f"{console}/healthz"), 3),
    ]
    if settings.telegram_token:
        parts.append(_bot("telegram", given("telegram"), _nothing_to_wait_for, 3))
    return parts


def _bot(
    name: str, environ: Mapping[str, str], ready: Callable[[], Awaitable[bool]], order: int
) -> Part:
    return Part(name, (sys.executable, "-m", "bot", name), environ, ready, order)


def practice_part(parts: list[Part], listen: Address, door: int) -> Part:
    """The practice desk, behind a socket that listens already.

    Given what the worker is: without the console's own secret, which practice has no use for.
    """
    worker = next(part for part in parts if part.name == "worker")
    health = f"{listen.url}/healthz"
    command = (*worker.command[:-1], "practice", "--door", str(door))
    return Part("practice", command, worker.environ, lambda: answers(health), 4, (door,))


def engine_part(vault: Vault, redis_url: str) -> Part:
    """The engine, on an address that is free now."""
    python = ROOT / "engine" / ".venv" / "bin" / "python"
    listen = f"127.0.0.1:{_free_port()}"
    environ = {name: os.environ[name] for name in _ENGINE_KEEPS if name in os.environ} | {
        "NORTHLIGHT_ENGINE_TOKEN": vault.engine_token,
        "NORTHLIGHT_ENGINE_KEY": vault.engine_key,
        "NORTHLIGHT_ENGINE_REDIS_URL": redis_url,
        "NORTHLIGHT_ENGINE_LISTEN": listen,
        "NORTHLIGHT_KEY_PREFIX": Keys().prefix,
        "OMP_NUM_THREADS": "1",
        "RASA_TELEMETRY_ENABLED": "false",
        "PYTHONPATH": str(ROOT / "engine"),
    }
    health = f"http://{listen}/webhooks/northlight/health"
    command = (str(python), "-m", "northlight_engine", "run")
    ready = partial(answers, health, vault.engine_token)
    return Part("engine", command, environ, ready, 1, spared=True)


async def answers(url: str, token: str = "") -> bool:
    """Whether a GET of `url` is answered with 200."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
            return (await client.get(url, headers=headers)).status_code == 200
    except httpx.HTTPError:
        return False


async def _shards_held(redis_url: str) -> bool:
    """Whether every inbox shard has an owner, that is, whether somebody answers everyone."""
    keys = [Keys().shard(shard) for shard in range(SHARDS)]
    try:
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            return bool(await client.exists(*keys) == SHARDS)
    except redis.RedisError:
        return False


async def forgetful(client: "redis.asyncio.Redis") -> str:
    """Why this Redis may lose what it has accepted, in words; "" when it keeps it.

    Raises RedisError, OSError. (How often it writes to the disk, `appendfsync`, is not told us.)
    """
    told = await client.info()
    if not told.get("aof_enabled"):
        return "this Redis keeps no append-only file: set appendonly yes and appendfsync always"
    if told.get("maxmemory_policy") != "noeviction":
        return "this Redis throws away what it has accepted: set maxmemory-policy noeviction"
    return ""


async def _nothing_to_wait_for() -> bool:
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refuse_taken(name: str, address: Address) -> None:
    """Raises SettingsError when one cannot listen there; `name` is the setting's."""
    with socket.socket(address.family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            raise SettingsError(
                f"{PREFIX}{name}: cannot listen on {address.host}:{address.port} "
                f"({error.strerror}); choose another address"
            ) from None
