"""Commands for the people who run the line: accounts, tokens, dead letters, understand."""

import argparse
import asyncio
import sys
import time
from dataclasses import replace

from redis.exceptions import RedisError

from bot.app import App, build
from bot.dead_letters import DeadLetters
from bot.embedded import not_ours, running_url
from bot.errors import QueueUnavailable, SettingsError
from bot.parts import ENGINE_ADDRESS
from bot.settings import PREFIX, Settings
from bot.understand import understand


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Runs one operator command; returns the exit code."""
    if arguments.command == "understand":
        return understand()
    if arguments.command == "doctor":
        from bot.doctor import doctor

        return asyncio.run(doctor(settings))
    if arguments.command == "dead-letters":
        return asyncio.run(_dead_letters(arguments, settings))
    if arguments.command == "audit-log":
        return asyncio.run(_audit_log(settings))
    if arguments.command == "counts":
        return asyncio.run(_counts(arguments.month, settings))
    if arguments.command == "token":
        return asyncio.run(_token(arguments, settings))
    return asyncio.run(_counsellor(arguments, settings))


def running(settings: Settings) -> Settings:
    """The settings with the Redis and the engine that run here now, where none was named."""
    url = settings.redis_url or running_url(settings.state_dir)
    if url is None:
        raise SettingsError(
            f"{PREFIX}REDIS_URL: not set, and no service of ours runs in {settings.state_dir}"
        )
    engine = settings.state_dir / ENGINE_ADDRESS
    try:
        known = engine.read_text("ascii").strip()
    except FileNotFoundError:
        known = ""
    except PermissionError:
        raise not_ours(settings.state_dir) from None
    return replace(settings, redis_url=url, engine_url=settings.engine_url or known)


async def _counsellor(arguments: argparse.Namespace, settings: Settings) -> int:
    from bot.console.accounts import AccountError, Accounts
    from bot.console.audit import Audit
    from bot.console.second_step import SecondStep

    async with build(running(settings)) as app:
        accounts = Accounts(app.redis, app.keys)
        if arguments.act == "add":
            password = await accounts.add(
                arguments.login, arguments.alias, _parts(arguments.languages),
                _parts(arguments.roles), arguments.capacity, _identity(app, arguments.oidc),
            )  # fmt: skip
            told = "one-time password, to be changed at the first login: "
            print(told + password if password else "made; signs in with the organisation")
        elif arguments.act == "change":
            languages, roles = arguments.languages, arguments.roles
            await accounts.change(
                arguments.login,
                alias=arguments.alias,
                languages=None if languages is None else _parts(languages),
                roles=None if roles is None else _parts(roles),
                capacity=arguments.capacity,
            )
            print("changed; it holds at once, and open logins stay")
        elif arguments.act == "oidc":
            await accounts.bind(arguments.login, _identity(app, arguments.sub))
            print("tied" if arguments.sub else "tied to none", "- open logins end at once")
        elif arguments.act == "list":
            for account in await accounts.list():
                roles_text = ",".join(sorted(account.roles))
                print(
                    f"{account.login}\t{account.alias}\t{' '.join(account.languages)}"
                    f"\t{roles_text}\t{account.capacity}"
                )
        elif arguments.act == "remove":
            await accounts.remove(arguments.login)
            print("removed; open logins end at once")
        elif arguments.act == "second-step":
            if not await SecondStep(app.redis, app.keys, app.vault, time.time).remove(
                arguments.login
            ):
                raise AccountError("no such login")
            print("the second step is off; open logins end at once")
        else:
            print(f"new one-time password: {await accounts.reset_password(arguments.login)}")
        if arguments.act != "list":
            audit = Audit(app.redis, app.keys, app.vault, time.time)
            await audit.write("(command line)", f"account_{arguments.act}", arguments.login)
    return 0


def _parts(given: str) -> list[str]:
    return [part.strip() for part in given.split(",") if part.strip()]


def _identity(app: App, sub: str) -> str:
    """The mark of somebody at the organisation's provider, "" for nobody. Raises SettingsError."""
    from bot.console.oidc import Provider

    if not sub:
        return ""
    if app.settings.open_id is None:
        raise SettingsError(f"{PREFIX}OIDC_ISSUER: needed to tie an account to somebody there")
    return Provider(app.settings.open_id, app.vault, time.time).identity(sub)


async def _counts(month: str, settings: Settings) -> int:
    """Prints what is shown of a month on the console; exit code 1 when there is no such month."""
    from bot.console.acts import OUTCOMES
    from bot.console.counting import as_csv
    from bot.handoff.counts import Counts

    async with build(running(settings)) as app:
        counts = Counts(app.redis, app.keys, time.time, app.words.codes(), OUTCOMES)
        try:
            found = await counts.month(month or await counts.latest())
        except LookupError:
            print(f"northlight: months: {' '.join(await counts.months())}", file=sys.stderr)
            return 1
        print(as_csv(found), end="")
    return 0


async def _token(arguments: argparse.Namespace, settings: Settings) -> int:
    from bot.console.audit import Audit
    from bot.console.tokens import Tokens

    async with build(running(settings)) as app:
        tokens = Tokens(app.redis, app.keys, app.vault, time.time)
        if arguments.act == "list":
            for token in await tokens.list():
                print(token)
            return 0
        if arguments.act == "add":
            scopes = [scope.strip() for scope in arguments.scope.split(",")]
            print(await tokens.add(arguments.name, scopes, arguments.days))
            print("shown only now, and stored nowhere", file=sys.stderr)
        else:
            await tokens.remove(arguments.name)
            print("removed; it opens nothing from now on")
        audit = Audit(app.redis, app.keys, app.vault, time.time)
        await audit.write("(command line)", f"token_{arguments.act}", arguments.name)
    return 0


async def _audit_log(settings: Settings) -> int:
    """Prints time, login, act and handoff of every line; exit code 1 when one was changed."""
    from bot.console.audit import Audit

    lines = broken = 0
    async with build(running(settings)) as app:
        async for entry in Audit(app.redis, app.keys, app.vault, time.time).entries():
            print(entry)
            lines += 1
            if not entry.whole:
                broken += 1
                print(f"line {lines}: it, or what stood before it, was changed", file=sys.stderr)
    print(f"{lines} lines, {broken or 'none'} changed", file=sys.stderr)
    return 1 if broken else 0


def letters_of(app: App) -> DeadLetters:
    """What was given up on."""
    return DeadLetters(app.redis, app.keys, app.vault, app.inbox, app.outbox)


def in_words(counts: dict[tuple[str, str], int]) -> str:
    """How many of what, and why; "" for nothing."""
    return ", ".join(f"{many} {where} {why}" for (where, why), many in sorted(counts.items()))


async def _dead_letters(arguments: argparse.Namespace, settings: Settings) -> int:
    """Lists, hands in again or drops what was given up on; never shows what it says."""
    async with build(running(settings)) as app:
        letters = letters_of(app)
        try:
            if arguments.drop:
                print(f"dropped: {await letters.drop()}")
            elif arguments.replay:
                done = await letters.replay()
                print(
                    f"handed in again: {done.again}; erased, their person has left: {done.erased}; "
                    f"cannot be opened with this master key: {done.closed}"
                )
            else:
                print(f"dead letters: {in_words(await letters.counts()) or 'none'}")
        except (RedisError, OSError) as error:
            raise QueueUnavailable(f"redis does not answer: {type(error).__name__}") from None
    return 0
