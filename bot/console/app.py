"""Builds the console: routes, gate, templates. Served by `python -m bot console`."""

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import cast

from argon2 import PasswordHasher
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from bot.console import (
    acts,
    api,
    board,
    cards,
    counting,
    doorway,
    holds,
    hours,
    media,
    organisation,
    pages,
    passing,
    plan,
    quiet,
    raising,
    steps,
)
from bot.console.accounts import Accounts
from bot.console.alerts import Alerts
from bot.console.answers import Refused, refuse
from bot.console.audit import Audit
from bot.console.context import Console, Practice
from bot.console.courier import Courier
from bot.console.devices import Devices
from bot.console.events import Hub
from bot.console.gate import Gate
from bot.console.live import Drawing
from bot.console.logins import Logins
from bot.console.oidc import Provider
from bot.console.planned import Plan
from bot.console.second_step import SecondStep
from bot.console.strings import HERE, Phrases, Strings
from bot.console.tokens import Tokens
from bot.conversation.render import Words
from bot.directory import Entry, load_directory
from bot.errors import QueueUnavailable, Sealed
from bot.handoff.counts import Counts
from bot.handoff.queue import Queue
from bot.keys import Keys
from bot.paths import ROOT
from bot.settings import Address, OpenId, Settings
from bot.vault import Vault

Handler = Callable[[Request], Awaitable[Response]]

#: Path, handler of GET, handler of POST. What each asks of the caller is in permissions.TABLE.
ROUTES: tuple[tuple[str, Handler | None, Handler | None], ...] = (
    ("/healthz", doorway.health, None),
    ("/login", doorway.show_login, doorway.login),
    ("/language", None, doorway.language),
    ("/login/oidc", organisation.begin, None),
    ("/login/oidc/callback", organisation.callback, None),
    ("/login/oidc/finish", organisation.finish, None),
    ("/login/code", steps.show_code, steps.code),
    ("/logout", None, doorway.logout),
    ("/password", doorway.show_password, doorway.password),
    ("/second-step", steps.show_second_step, steps.second_step),
    ("/", pages.home, None),
    ("/desk", pages.desk, None),
    ("/desk/live", pages.desk_live, None),
    ("/desk/mine", pages.desk_mine, None),
    ("/desk/next", None, pages.take_next),
    ("/desk/shift", None, pages.shift),
    ("/handoffs/{id}", pages.conversation, None),
    ("/handoffs/{id}/card", pages.card, None),
    ("/handoffs/{id}/lines", pages.lines, None),
    ("/handoffs/{id}/live", pages.conversation_live, None),
    ("/handoffs/{id}/media/{line}", media.show, None),
    ("/handoffs/{id}/media/{line}/page", media.show_page, None),
    ("/handoffs/{id}/claim", None, pages.claim),
    ("/handoffs/{id}/say", None, pages.say),
    ("/handoffs/{id}/cards", None, cards.send),
    ("/handoffs/{id}/note", None, cards.note),
    ("/handoffs/{id}/keep-open", None, quiet.keep_open),
    ("/handoffs/{id}/release", None, pages.release),
    ("/handoffs/{id}/end", None, pages.end),
    ("/handoffs/{id}/colleagues", passing.show_colleagues, None),
    ("/handoffs/{id}/transfer", None, passing.transfer),
    ("/handoffs/{id}/accept", None, passing.accept),
    ("/handoffs/{id}/refuse", None, passing.refuse),
    ("/handoffs/{id}/reassign", board.move, board.reassign),
    ("/handoffs/{id}/raise", None, raising.to_red),
    ("/handoffs/{id}/flag", None, holds.flag),
    ("/handoffs/{id}/hold", None, holds.hold),
    ("/handoffs/{id}/lift", None, holds.lift),
    ("/board", board.show, None),
    ("/board/live", board.live, None),
    ("/board/closed", board.closed, None),
    ("/board/surge", None, board.surge),
    ("/hours", hours.show, hours.change),
    ("/opening", None, hours.opening),
    ("/plan", plan.show, plan.change),
    ("/api/hours", hours.api_show, hours.api_change),
    ("/api/opening", None, hours.api_opening),
    ("/api/plan", plan.api_show, plan.api_change),
    ("/api/board", board.api_board, None),
    ("/api/closed", board.api_closed, None),
    ("/api/surge", None, board.api_surge),
    ("/counts", counting.show, None),
    ("/counts.csv", counting.download, None),
    ("/api/counts", counting.api_counts, None),
    ("/api/queue", counting.api_queue, None),
    ("/api/desk", api.desk, None),
    ("/api/events", api.events, None),
    ("/api/heartbeat", None, api.heartbeat),
    ("/api/shift", None, api.shift),
    ("/api/next", None, api.take_next),
    ("/api/phrases/{language}", api.phrases, None),
    ("/api/handoffs/{id}", api.handoff, None),
    ("/api/handoffs/{id}/media/{line}", media.api_open, None),
    ("/api/handoffs/{id}/claim", None, api.claim),
    ("/api/handoffs/{id}/say", None, api.say),
    ("/api/handoffs/{id}/cards", None, cards.api_send),
    ("/api/handoffs/{id}/help-lines", cards.api_lines, None),
    ("/api/handoffs/{id}/note", None, cards.api_note),
    ("/api/handoffs/{id}/keep-open", None, quiet.api_keep_open),
    ("/api/handoffs/{id}/release", None, api.release),
    ("/api/handoffs/{id}/end", None, api.end),
    ("/api/handoffs/{id}/transfer", None, passing.api_transfer),
    ("/api/handoffs/{id}/accept", None, passing.api_accept),
    ("/api/handoffs/{id}/refuse", None, passing.api_refuse),
    ("/api/handoffs/{id}/reassign", None, board.api_reassign),
    ("/api/handoffs/{id}/raise", None, raising.api_to_red),
    ("/api/handoffs/{id}/flag", None, holds.api_flag),
    ("/api/handoffs/{id}/hold", None, holds.api_hold),
    ("/api/handoffs/{id}/lift", None, holds.api_lift),
)


def create_app(
    *,
    redis: Redis,
    keys: Keys,
    vault: Vault,
    queue: Queue,
    words: Words,
    clock: Callable[[], float],
    secure: bool,
    second_step: bool = False,
    hasher: PasswordHasher | None = None,
    practice: Practice | None = None,
    open_id: OpenId | None = None,
    media_address: Address = Settings.media_address,
) -> Starlette:
    """The console as an ASGI application.

    `secure` False only on a loopback address: cookies then also travel without TLS.
    `second_step`: every account must set up a code from a phone, else it may. `practice` makes it
    a practice desk: marked as one on every page, and in the audit. `open_id`: the organisation's
    provider, at which counsellors may sign in too. `media_address`: where the Telegram door
    hands over what people sent.
    """
    accounts = Accounts(redis, keys, hasher)
    console = Console(
        redis=redis,
        queue=queue,
        plan=Plan(redis, keys),
        counts=Counts(redis, keys, clock, [code for code, _ in words.languages()], acts.OUTCOMES),
        words=words,
        accounts=accounts,
        logins=Logins(redis, keys, vault, accounts, clock),
        codes=SecondStep(redis, keys, vault, clock),
        devices=Devices(vault),
        courier=Courier(vault, media_address, clock),
        tokens=Tokens(redis, keys, vault, clock),
        audit=Audit(redis, keys, vault, clock, "practice:" if practice else ""),
        hub=Hub(redis, keys, Drawing(lambda: console, Alerts(queue).look)),
        strings=Strings(),
        phrases=Phrases(),
        directory=_directory(),
        pages=Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        ),
        clock=clock,
        secure=secure,
        second_step=second_step,
        practice=practice,
        provider=Provider(open_id, vault, clock) if open_id else None,
    )
    console.pages.globals["organisation"] = open_id is not None
    console.pages.globals["practice"] = practice is not None

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with console.hub.running():
            yield

    app = Starlette(
        routes=[
            Mount("/static", StaticFiles(directory=HERE / "static"), name="static"),
            *(route for path, get, post in ROUTES for route in _routes(path, get, post)),
        ],
        middleware=[Middleware(Gate)],
        exception_handlers={
            Refused: _refused,
            RedisError: _unavailable,
            QueueUnavailable: _unavailable,
            Sealed: _unavailable,
            404: _not_found,
            405: _not_found,
        },
        lifespan=lifespan,
    )
    app.state.console = console
    return app


@functools.cache  # the files do not change while the console runs
def _directory() -> tuple[Entry, ...]:
    return load_directory(ROOT / "directory")


def _routes(path: str, get: Handler | None, post: Handler | None) -> list[Route]:
    made = [Route(path, get, methods=["GET"])] if get else []
    return [*made, Route(path, post, methods=["POST"])] if post else made


async def _refused(request: Request, error: Exception) -> Response:
    refused = cast(Refused, error)
    return refuse(request, refused.code, **refused.more)


async def _unavailable(request: Request, error: Exception) -> Response:
    return refuse(request, "unavailable")


async def _not_found(request: Request, error: Exception) -> Response:
    return refuse(request, "not_found")
