"""The one settings object, read once from the environment at start and checked with clear words."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from bot.errors import SettingsError
from bot.keys import RETENTION
from bot.vault import Ring

PREFIX = "NORTHLIGHT_"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def family(self) -> socket.AddressFamily:
        """What a socket that listens there is made with."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    def listen(self) -> socket.socket:
        """A socket that listens there. Raises OSError."""
        return socket.create_server((self.host, self.port), family=self.family)

    @property
    def url(self) -> str:
        """Where others ask it: on this machine, when it listens for all."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


@dataclass(frozen=True)
class OpenId:
    """The organisation's OpenID Connect provider, and what it knows this console by."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """Everything that can be set; docs/operations.md has the same table (a test compares them)."""

    telegram_token: str = field(default="", repr=False)
    telegram_base_url: str = "https://api.telegram.org/bot"
    telegram_file_base_url: str = "https://api.telegram.org/file/bot"
    telegram_mode: str = "polling"
    telegram_webhook_listen: Address = Address("127.0.0.1", 8070)
    telegram_webhook_url: str = ""
    telegram_webhook_secret: str = field(default="", repr=False)
    media_address: Address = Address("127.0.0.1", 8071)
    redis_url: str = field(default="", repr=False)
    engine_url: str = ""
    engine_redis_url: str = field(default="", repr=False)
    web_listen: Address = Address("127.0.0.1", 8080)
    console_listen: Address = Address("127.0.0.1", 8090)
    practice_listen: Address = Address("127.0.0.1", 8091)
    state_dir: Path = Path(".state")
    master_key: bytes = field(default=b"", repr=False)
    master_key_file: str = ""
    retention: str = "24h"
    behind_tls: bool = False
    console_second_step: str = "public"
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    paging_url: str = ""
    paging_secret: str = field(default="", repr=False)
    log_level: str = "INFO"

    @property
    def second_step(self) -> bool:
        """Whether every counsellor needs a code from a phone: always where others can reach us."""
        return self.behind_tls or self.console_second_step == "always"

    @property
    def open_id(self) -> OpenId | None:
        """The organisation's provider, when there is one."""
        if not self.oidc_issuer:
            return None
        return OpenId(self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret)

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """The settings from `environ`. Raises SettingsError naming the first wrong setting."""
        known = {f"{PREFIX}{name.upper()}" for name in cls.__dataclass_fields__}
        given = {name: value.strip() for name, value in environ.items() if name in known}

        def read(name: str, convert: Callable[[str], _T], default: _T) -> _T:
            value = given.get(PREFIX + name, "")
            if not value:
                return default
            try:
                return convert(value)
            except ValueError as error:
                raise SettingsError(f"{PREFIX}{name}: {error}") from None

        settings = cls(
            telegram_token=read("TELEGRAM_TOKEN", str, ""),
            telegram_base_url=read("TELEGRAM_BASE_URL", _url, cls.telegram_base_url),
            telegram_file_base_url=read("TELEGRAM_FILE_BASE_URL", _url, cls.telegram_file_base_url),
            telegram_mode=read("TELEGRAM_MODE", _one_of("polling", "webhook"), "polling"),
            telegram_webhook_listen=read(
                "TELEGRAM_WEBHOOK_LISTEN", _address, cls.telegram_webhook_listen
            ),
            telegram_webhook_url=read("TELEGRAM_WEBHOOK_URL", _url, ""),
            telegram_webhook_secret=read("TELEGRAM_WEBHOOK_SECRET", _secret, ""),
            media_address=read("MEDIA_ADDRESS", _address, cls.media_address),
            redis_url=read("REDIS_URL", _redis_url, ""),
            engine_url=read("ENGINE_URL", _url, ""),
            engine_redis_url=read("ENGINE_REDIS_URL", _redis_url, ""),
            web_listen=read("WEB_LISTEN", _address, cls.web_listen),
            console_listen=read("CONSOLE_LISTEN", _address, cls.console_listen),
            practice_listen=read("PRACTICE_LISTEN", _address, cls.practice_listen),
            state_dir=read("STATE_DIR", Path, cls.state_dir),
            master_key=_master_key(given),
            master_key_file=read("MASTER_KEY_FILE", str, ""),
            retention=read("RETENTION", _retention, cls.retention),
            console_second_step=read(
                "CONSOLE_SECOND_STEP", _one_of("public", "always"), cls.console_second_step
            ),
            behind_tls=read("BEHIND_TLS", _one_of("0", "1"), "0") == "1",
            oidc_issuer=read("OIDC_ISSUER", _issuer, ""),
            oidc_client_id=read("OIDC_CLIENT_ID", str, ""),
            oidc_client_secret=read("OIDC_CLIENT_SECRET", str, ""),
            paging_url=read("PAGING_URL", safe_url, ""),
            paging_secret=read("PAGING_SECRET", _secret, ""),
            log_level=read("LOG_LEVEL", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
        )
        settings._check_together()
        return settings

    def _check_together(self) -> None:
        doors = ("web_listen", "console_listen", "practice_listen", "telegram_webhook_listen")
        for name in doors:
            address: Address = getattr(self, name)
            if not self.behind_tls and not address.loopback:
                raise SettingsError(
                    f"{PREFIX}{name.upper()}: other machines could reach {address.host}, and read "
                    f"what is written and every password on its way: put a web server with TLS in "
                    f"front and set {PREFIX}BEHIND_TLS=1, or listen on 127.0.0.1"
                )
        if self.telegram_mode == "webhook" and self.telegram_token:
            if not self.telegram_webhook_url:
                raise SettingsError(f"{PREFIX}TELEGRAM_WEBHOOK_URL: needed in webhook mode")
            if not self.telegram_webhook_secret:
                raise SettingsError(f"{PREFIX}TELEGRAM_WEBHOOK_SECRET: needed in webhook mode")
        oidc = {
            "OIDC_ISSUER": self.oidc_issuer,
            "OIDC_CLIENT_ID": self.oidc_client_id,
            "OIDC_CLIENT_SECRET": self.oidc_client_secret,
        }
        if any(oidc.values()) and not all(oidc.values()):
            missing = next(name for name, value in oidc.items() if not value)
            raise SettingsError(f"{PREFIX}{missing}: OpenID Connect needs all three, or none")
        if bool(self.paging_url) != bool(self.paging_secret):
            missing = "PAGING_SECRET" if self.paging_url else "PAGING_URL"
            raise SettingsError(f"{PREFIX}{missing}: paging needs both, or neither")
        if self.engine_redis_url and not self.redis_url:
            raise SettingsError(
                f"{PREFIX}ENGINE_REDIS_URL: only with {PREFIX}REDIS_URL; in its own Redis `up` "
                "makes the engine's user itself"
            )
        if self.redis_url and not self.master_key:
            raise SettingsError(
                f"{PREFIX}MASTER_KEY or {PREFIX}MASTER_KEY_FILE: needed with {PREFIX}REDIS_URL, "
                "so that every process seals with the same key"
            )


def _one_of(*values: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        folded = value.lower() if value.lower() in values else value.upper()
        if folded not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return folded

    return check


def _retention(value: str) -> str:
    if value.lower() not in RETENTION:
        raise ValueError("must be 0, 24h or 7d")
    return value.lower()


def _address(value: str) -> Address:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("must be host:port, for example 127.0.0.1:8080")
    return Address(host.strip("[]"), int(port))


def _url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value


def safe_url(value: str) -> str:
    """An address to which a secret may be sent. Raises ValueError."""
    parts = urlsplit(_url(value))
    host, _ = parts.hostname or "", parts.port  # raises for a port that is none
    if not host:
        raise ValueError("must name a host")
    if value.startswith("http://") and not Address(host, 80).loopback:
        raise ValueError("must start with https:// unless it is on this machine")
    return value


def _issuer(value: str) -> str:
    parts = urlsplit(safe_url(value))
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must be the issuer exactly as the provider names itself")
    return value


def _redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://")
    for name in ("protocol", "legacy_responses", "decode_responses"):
        if name in parse_qs(value.partition("?")[2]):
            raise ValueError(f"must not set {name}: answers would come in another shape")
    return value


def _secret(value: str) -> str:
    allowed = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
    if not 16 <= len(value) <= 256 or not set(value) <= allowed:
        raise ValueError("must be 16 to 256 characters of A-Z a-z 0-9 _ -")
    return value


def _master_key(given: Mapping[str, str]) -> bytes:
    text, path = given.get(f"{PREFIX}MASTER_KEY", ""), given.get(f"{PREFIX}MASTER_KEY_FILE", "")
    if text and path:
        raise SettingsError(f"{PREFIX}MASTER_KEY and {PREFIX}MASTER_KEY_FILE: set only one")
    name = f"{PREFIX}MASTER_KEY"
    if path:
        name = f"{PREFIX}MASTER_KEY_FILE"
        try:
            text = Path(path).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise SettingsError(f"{name}: cannot be read") from None
    if not text and not path:
        return b""
    try:
        ring = Ring.parse(text)
        if not path and ring != Ring(ring.masters[-1:]):
            raise ValueError("several keys belong in a file")
    except ValueError:
        raise SettingsError(f"{name}: must hold 64 hexadecimal digits (32 bytes)") from None
    return ring.masters[-1]
