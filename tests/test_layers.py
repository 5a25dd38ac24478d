"""Imports go one way through the house; a door that decides, or a core that knows a door, fails."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

BOT = Path(__file__).resolve().parents[1] / "bot"

#: Part -> parts it may import. What is neither here nor in TOP is shared and
#: uses none of them (messages, keys, errors...).
MAY_USE = {
    "safety": set(),
    "directory": set(),
    "dialogue": set(),
    "handoff": {"safety"},
    "conversation": {"handlers", "handoff", "directory", "safety", "dialogue"},
    "handlers": {"conversation", "handoff", "directory", "safety", "dialogue"},
    "channels": {"conversation"},
    "practice": {"channels", "conversation", "handoff"},
    "console": {"conversation", "handoff", "safety", "directory", "dialogue"},
}
#: Outside packages that belong to one place only.
ONLY_IN = {
    "telegram": {"channels"},
    "starlette": {"channels", "console"},
    "jinja2": {"channels", "console"},
    "rasa": set(),
    "langdetect": {"conversation"},
    "argon2": {"console"},
}
#: What puts everything together.
TOP = {
    "app", "supervisor", "worker", "janitor", "operator_commands", "doctor", "understand",
    "prove_clean", "proof",
}  # fmt: skip


def _imports() -> Iterator[tuple[str, str, str]]:
    for path in sorted(BOT.rglob("*.py")):
        inside = path.relative_to(BOT)
        part = inside.parts[0] if len(inside.parts) > 1 else inside.stem
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield str(inside), part, alias.name
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield str(inside), part, node.module


def test_parts_use_only_what_lies_below_them() -> None:
    wrong = []
    for path, part, name in _imports():
        pieces = name.split(".")
        if part in TOP or pieces[0] != "bot" or len(pieces) < 2:
            continue
        other = pieces[1]
        if other in MAY_USE and other != part and other not in MAY_USE.get(part, set()):
            wrong.append(f"{path} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("package", sorted(ONLY_IN))
def test_outside_packages_stay_in_their_place(package: str) -> None:
    wrong = [
        f"{path} imports {name}"
        for path, part, name in _imports()
        if name.split(".")[0] == package and part not in ONLY_IN[package] | {"serve", "app"}
    ]
    assert wrong == []


def test_no_module_is_too_long_to_be_read() -> None:
    long = {
        str(path.relative_to(BOT)): lines
        for path in BOT.rglob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > 600
    }
    assert long == {}
