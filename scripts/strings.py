"""Tells translators what a language still lacks: `strings.py [language ...]`; exit 1 if anything.

Compares with English, the meaning that every other language must keep.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.conversation.render import Language, Words  # noqa: E402


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


def main(asked: list[str]) -> int:
    """The command line."""
    words = Words.load()
    unknown = set(asked) - set(words.codes())
    if unknown:
        print(
            f"no such language: {', '.join(sorted(unknown))}; there are {' '.join(words.codes())}"
        )
        return 2
    wrong = 0
    for code in asked or words.codes():
        language = words.language(code)
        lines = lacks(words.language("en"), language)
        wrong += len(lines)
        review = (
            f"reviewed by {language.reviewed_by}" if language.reviewed_by else "not reviewed yet"
        )
        print(f"{code:8} {language.name}: {len(lines) or 'nothing'} to do, {review}")
        for line in lines:
            print(f"    {line}")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
