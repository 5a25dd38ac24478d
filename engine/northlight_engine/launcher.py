"""The commands: train the model, serve the dialogue, parse a text. Rasa is imported only inside."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from northlight_engine import fast_start, model_file
from northlight_engine.settings import SettingsError, project_root, read_listen, read_settings


def launch(arguments: list[str]) -> int:
    """Run one command and return the exit status; expected trouble is told in one line."""
    options = _parser().parse_args(arguments)
    if os.environ.get("NORTHLIGHT_ENGINE_PLAIN") != "1":
        fast_start.install()
    from northlight_engine.quiet import keep_quiet

    keep_quiet()
    from rasa.shared.exceptions import RasaException

    root = project_root()
    os.chdir(root)
    try:
        status: int = options.command(root, options)
    except (SettingsError, model_file.ModelFileError, RasaException) as error:
        print(f"engine: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="northlight_engine", description=__doc__)
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train", help="train the model unless nothing has changed")
    train.add_argument("--force", action="store_true", help="train even if nothing has changed")
    train.set_defaults(command=_train)
    run = commands.add_parser("run", help="serve the bot on NORTHLIGHT_ENGINE_LISTEN")
    run.set_defaults(command=_run)
    parse = commands.add_parser("parse", help="print what is understood, one JSON object a line")
    parse.add_argument("texts", nargs="*", help="texts; none: one text a line from standard input")
    parse.set_defaults(command=_parse)
    return parser


def _train(root: Path, options: argparse.Namespace) -> int:
    if not options.force and model_file.is_current(root):
        print("The model is up to date.")
        return 0
    if not any((root / "nlu").glob("*.yml")):
        raise SettingsError("nlu/ has no training data.")
    made_from = model_file.fingerprint(root)
    model_file.model_path(root).parent.mkdir(exist_ok=True)
    from rasa.model_training import train

    # In the models folder, so that the finished file can be moved into place in one step.
    with tempfile.TemporaryDirectory(dir=root / "models") as folder:
        result = train(
            domain="domain.yml",
            config="config.yml",
            training_files=["nlu", "stories"],
            output=folder,
            fixed_model_name="northlight",
            force_training=True,
        )
        if result.code != 0 or not result.model:
            print("engine: training failed", file=sys.stderr)
            return 1
        model_file.publish(root, Path(result.model), made_from)
    print(f"Trained {model_file.model_path(root).relative_to(root)}.")
    return 0


def _run(root: Path, options: argparse.Namespace) -> int:
    read_settings()  # before the slow imports: a missing secret is told at once
    host, port = read_listen()
    model = model_file.verify(root)
    from rasa.core.run import serve_application
    from rasa.core.utils import AvailableEndpoints

    serve_application(
        model_path=str(model),
        interface=host,
        port=port,
        credentials="credentials.yml",
        enable_api=False,
        endpoints=AvailableEndpoints.read_endpoints("endpoints.yml"),
    )
    return 0


def _parse(root: Path, options: argparse.Namespace) -> int:
    model = model_file.verify(root)
    from rasa.core.agent import Agent

    from northlight_engine.channel import parse
    from northlight_engine.text import clean

    agent = Agent.load(model)
    for text in options.texts or (line.rstrip("\n") for line in sys.stdin):
        found: dict[str, Any] = parse(agent, clean(text).lstrip("/\\ "))
        line = {"text": text, "intent": found["intent"], "ranking": found["intent_ranking"]}
        print(json.dumps(line, ensure_ascii=False), flush=True)
    return 0
