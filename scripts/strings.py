"""Tells translators what a language still lacks: `strings.py [language ...]`; exit 1 if anything.

Compares with English, the meaning that every other language must keep, and shows how full each of
a language's four files is, who reviewed them, and what is too long for Telegram or a small phone.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.conversation.render import Language, Words  # noqa: E402
from bot.data_file import read_mapping  # noqa: E402
from bot.safety.lexicon import ANYWHERE  # noqa: E402

#: Telegram's limits (characters, bytes) and what a 320 px phone shows of two buttons in a row.
LONGEST_MESSAGE, LONGEST_PAYLOAD, WIDEST_LABEL = 4096, 64, 32
FOLDERS = ("responses", "phrases", "nlu", "lexicon")


def lacks(english: Language, other: Language) -> list[str]:
    """What is missing, left over or not filled in alike, one line each."""
    lines: list[str] = []
    for section, texts in english.sections.items():
        own = other.sections[section]
        lines += [f"{section}.{key}: missing" for key in sorted(texts.keys() - own.keys())]
        lines += [f"{section}.{key}: not in English" for key in sorted(own.keys() - texts.keys())]
        for key in sorted(texts.keys() & own.keys()):
            for what, pattern in (("placeholders", r"{\w+}"), ("numbers", r"\d[\d-]*\d|\d")):
                expected, found = (
                    sorted(re.findall(pattern, text)) for text in (texts[key], own[key])
                )
                if expected != found:
                    lines.append(f"{section}.{key}: {what} {expected} in English, {found} here")
    return lines


def too_long(words: Words, code: str) -> list[str]:
    """Messages and buttons that do not fit, one line each."""
    lines = []
    for key in words.language("en").sections["responses"]:
        reply = words.with_footer(words.reply(key, code))
        if len(reply.text) > LONGEST_MESSAGE:
            lines.append(f"responses.{key}: {len(reply.text)} characters")
        for row in reply.buttons:
            for button in row:
                if len(button.payload.encode()) > LONGEST_PAYLOAD:
                    lines.append(f"{key}: button {button.payload} has too many bytes")
                if len(row) > 1 and len(button.label) > WIDEST_LABEL:
                    lines.append(f"{key}: button {button.label!r} is too wide beside another")
    return sorted(set(lines))


def row(words: Words, code: str) -> list[str]:
    """One language's line of the table."""
    files = {folder: _read(folder, code) for folder in FOLDERS}
    own, english = words.language(code).sections, words.language("en").sections
    said = [block["examples"].count("- ") for block in files["nlu"].get("nlu", [])]
    longest = max(len(words.reply(key, code).text) for key in english["responses"])
    widest = max((len(label) for label in own["buttons"].values()), default=0)
    reviewed = [folder for folder, content in files.items() if content.get("reviewed_by")]
    return [
        code,
        words.language(code).name,
        f"{sum(map(len, own.values()))}/{sum(map(len, english.values()))}",
        str(sum(map(len, files["phrases"].get("moments", {}).values()))),
        f"{sum(said)} (least {min(said, default=0)})",
        "/".join(str(len(files["lexicon"].get(kind, []))) for kind in ANYWHERE),
        str(longest),
        str(widest),
        " ".join(reviewed) or "nothing",
    ]


def _read(folder: str, code: str) -> dict[str, object]:
    path = ROOT / folder / f"{code}.yml"
    return read_mapping(path) if path.exists() else {}


def main(asked: list[str]) -> int:
    """The command line."""
    words = Words.load()
    unknown = set(asked) - set(words.codes())
    if unknown:
        print(
            f"no such language: {', '.join(sorted(unknown))}; there are {' '.join(words.codes())}"
        )
        return 2
    codes = asked or words.codes()
    head = ["", "name", "strings", "phrases", "training lines", "danger/self-harm/watched",
            "longest message", "widest button", "reviewed"]  # fmt: skip
    table = [head, *(row(words, code) for code in codes)]
    widths = [max(len(line[at]) for line in table) for at in range(len(head))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    wrong = [
        f"{code}: {line}"
        for code in codes
        for line in (*lacks(words.language("en"), words.language(code)), *too_long(words, code))
    ]
    print("\n".join(["", *wrong]) if wrong else "\nNothing is missing and nothing is too long.")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
