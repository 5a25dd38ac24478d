"""The command line, `python -m bot <command>`: every process of the service, and the operator's."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot import log
from bot.errors import NorthlightError
from bot.settings import Settings

Process = Callable[[Settings], Coroutine[Any, Any, None]]


async def _until_stopped(run: Awaitable[None], stop: Callable[[], None]) -> None:
    """Runs one process and stops it cleanly on SIGTERM or Ctrl-C."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
    await run


async def _worker(settings: Settings) -> None:
    from bot.app import build

    async with build(settings) as app:
        worker = app.worker()
        await _until_stopped(worker.run(), worker.stop)


async def _janitor(settings: Settings) -> None:
    from bot.app import build

    async with build(settings) as app:
        janitor = app.janitor()
        await _until_stopped(janitor.run(), janitor.stop)


async def _telegram(settings: Settings) -> None:
    from bot.app import build, telegram_door

    async with build(settings) as app:
        stop = asyncio.Event()
        await _until_stopped(telegram_door(app).run(stop), stop.set)


async def _web(settings: Settings) -> None:
    from bot.app import build, web_app
    from bot.serve import serve

    async with build(settings) as app:
        await serve(web_app(app), settings.web_listen)


async def _console(settings: Settings) -> None:
    from bot.app import build, console_app
    from bot.serve import serve

    async with build(settings) as app:
        await serve(console_app(app), settings.console_listen)


async def _practice(settings: Settings, door: int | None) -> None:
    from bot.app import practice_desk
    from bot.serve import serve

    async with practice_desk(settings) as desk:
        await serve(desk, settings.practice_listen, door)


_PROCESSES: dict[str, tuple[str, Process]] = {
    "telegram": ("the Telegram door", _telegram),
    "web": ("the web chat", _web),
    "console": ("the counsellors' console", _console),
    "worker": ("answers accepted messages", _worker),
    "janitor": ("erases what is over, brings back lapsed claims", _janitor),
}


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description="Northlight")
    commands = parser.add_subparsers(dest="command", required=True)
    whole = commands.add_parser("up", help="everything on this machine, Redis and engine included")
    whole.add_argument("--practice", action="store_true", help="...and the practice desk at once")
    for name, (text, _) in _PROCESSES.items():
        commands.add_parser(name, help=text)
    practice = commands.add_parser("practice", help="a desk with scripted people, to learn on")
    practice.add_argument("--door", type=int, help="a socket that listens there already")
    commands.add_parser("doctor", help="checks settings, data files and connections")
    dead = commands.add_parser("dead-letters", help="what was given up on: how many, and why")
    act = dead.add_mutually_exclusive_group()
    act.add_argument("--replay", action="store_true", help="hand everything in once more")
    act.add_argument("--drop", action="store_true", help="remove everything")
    rotate = commands.add_parser("rotate-keys", help="a new master key, while everything runs")
    rotate.add_argument("--finish", action="store_true", help="drop the older key, if not needed")
    rotate.add_argument("--checked", action="store_true", help="...as another machine has found")
    clean = commands.add_parser("prove-clean", help="shows that Leave leaves nothing behind")
    clean.add_argument("--languages", default="all", help="codes, comma between them")
    commands.add_parser("understand", help="what the assistant would make of lines on stdin")
    commands.add_parser("audit-log", help="who did what on the console; 1 if a line was changed")
    counts = commands.add_parser("counts", help="the counts of a month, as CSV")
    counts.add_argument("month", nargs="?", default="", help="2026-11; else the last that is over")
    token = commands.add_parser("token", help="tokens of programs that read figures")
    token_acts = token.add_subparsers(dest="act", required=True)
    make = token_acts.add_parser("add", help="makes a token and prints it, once")
    make.add_argument("name", help="of the program")
    make.add_argument("--scope", required=True, help="queue, counts or both, comma between them")
    make.add_argument("--days", type=int, default=365, help="how long it opens anything")
    token_acts.add_parser("list", help="all tokens: name, scopes, end, day of last use")
    token_acts.add_parser("remove", help="it opens nothing from now on").add_argument("name")
    counsellor = commands.add_parser("counsellor", help="the counsellors' accounts")
    acts = counsellor.add_subparsers(dest="act", required=True)
    add = acts.add_parser("add", help="makes an account and prints a one-time password")
    add.add_argument("login")
    add.add_argument("--alias", required=True, help="the name a person sees")
    add.add_argument("--languages", default="en", help="codes, comma between them")
    add.add_argument("--roles", default="counsellor", help="counsellor, supervisor, operator")
    add.add_argument("--capacity", type=int, default=1, help="how many people at once, 1 to 5")
    number = "who they are at the organisation's provider: the number a refused sign-in shows"
    add.add_argument("--oidc", default="", metavar="SUB", help=f"no password; {number}")
    change = acts.add_parser("change", help="changes what is given of an account, at once")
    change.add_argument("login")
    for name in ("--alias", "--languages", "--roles"):
        change.add_argument(name, help="as for add")
    change.add_argument("--capacity", type=int, help="as for add")
    tie = acts.add_parser("oidc", help="ties an account to the organisation's provider")
    tie.add_argument("login")
    tie.add_argument("sub", nargs="?", default="", help=f"{number}; left out: to nobody")
    acts.add_parser("list", help="all accounts")
    for name, text in (
        ("remove", "deletes an account"),
        ("password", "a new one-time password"),
        ("second-step", "takes the second step off: a lost phone"),
    ):
        acts.add_parser(name, help=text).add_argument("login")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns the exit code (2: something is set wrongly, said on stderr)."""
    arguments = _arguments().parse_args(argv)
    try:
        settings = Settings.load()
        log.configure(settings.log_level)
        if arguments.command == "up":
            from bot.supervisor import up

            return up(settings, practice=arguments.practice)
        if arguments.command in _PROCESSES:
            asyncio.run(_PROCESSES[arguments.command][1](settings))
            return 0
        if arguments.command == "practice":
            asyncio.run(_practice(settings, arguments.door))
            return 0
        if arguments.command == "rotate-keys":
            from bot.rotate_keys import rotate

            return rotate(settings, finish=arguments.finish, checked=arguments.checked)
        if arguments.command == "prove-clean":
            from bot.prove_clean import prove_clean

            return prove_clean(arguments.languages)
        from bot import operator_commands

        return operator_commands.run(arguments, settings)
    except NorthlightError as error:
        print(f"northlight: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
