"""What the engine is told by its environment, read once and checked with clear messages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MIN_TOKEN_LENGTH = 16


class SettingsError(Exception):
    """Raised when the environment lacks a setting or holds one that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """Everything `run` needs; secrets never appear in the representation."""

    token: str
    key: bytes
    redis_url: str
    key_prefix: str

    def __repr__(self) -> str:
        return "Settings(...)"


def read_settings(env: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of a serving engine; SettingsError names what is wrong."""
    token = env.get("NORTHLIGHT_ENGINE_TOKEN", "")
    if len(token) < MIN_TOKEN_LENGTH:
        raise SettingsError(
            f"NORTHLIGHT_ENGINE_TOKEN must be set, at least {MIN_TOKEN_LENGTH} characters."
        )
    return Settings(
        token=token,
        key=_key(env.get("NORTHLIGHT_ENGINE_KEY", "")),
        redis_url=_redis_url(env.get("NORTHLIGHT_ENGINE_REDIS_URL", "")),
        key_prefix=env.get("NORTHLIGHT_KEY_PREFIX", "nl:"),
    )


def _key(text: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise SettingsError("NORTHLIGHT_ENGINE_KEY must be set: 64 hexadecimal digits.")
    return key


def _redis_url(text: str) -> str:
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError(
            "NORTHLIGHT_ENGINE_REDIS_URL must be set: redis://, rediss:// or unix://."
        )
    return text


def read_listen(env: Mapping[str, str] = os.environ) -> tuple[str, int]:
    """Return the address to listen on, loopback unless NORTHLIGHT_ENGINE_LISTEN says otherwise."""
    text = env.get("NORTHLIGHT_ENGINE_LISTEN", "127.0.0.1:5005")
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise SettingsError("NORTHLIGHT_ENGINE_LISTEN must be host:port, such as 127.0.0.1:5005.")
    return host.strip("[]"), int(port)


def project_root(env: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that holds config.yml, domain.yml, nlu/ and stories/."""
    told = env.get("NORTHLIGHT_PROJECT")
    return Path(told).resolve() if told else Path(__file__).resolve().parents[2]
