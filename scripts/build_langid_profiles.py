"""Build the language detector's own profiles from how people write (nlu/, also romanised).

Run after lines of nlu/*.yml or of romanised_seed.yml changed:

    python scripts/build_langid_profiles.py            writes own_profiles.json of the detector
    python scripts/build_langid_profiles.py --check    exit 1 if the written file is out of date
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from langdetect.utils.lang_profile import LangProfile

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.conversation.language.cleaning import clean  # noqa: E402  # the project is not installed
from bot.conversation.language.codes import LANGUAGES, ROMANISED, SHARED_SCRIPTS  # noqa: E402
from bot.conversation.language.scripts import script_of  # noqa: E402

LANGUAGE_DIR = ROOT / "bot/conversation/language"
TARGET = LANGUAGE_DIR / "own_profiles.json"
#: Which training files hold the lines of each state, and in which script they are written.
SOURCES = {
    **{code: ((code,), script) for script in ("latin", "cyrillic", "arabic")
       for code in SHARED_SCRIPTS[script] if code in LANGUAGES},
    **{state: ((code,), "latin") for state, code in ROMANISED.items()},
    "hi-Latn": (("hi", "ur"), "latin"),  # spoken alike: never told apart by the letters
}  # fmt: skip
ANNOTATION = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})")


def nlu_lines(language: str, script: str, root: Path = ROOT) -> Iterator[str]:
    """Every example of nlu/<language>.yml that is written in a script."""
    path = root / "nlu" / f"{language}.yml"
    if not path.is_file():
        return
    for block in yaml.safe_load(path.read_text(encoding="utf-8")).get("nlu", []):
        for line in str(block.get("examples", "")).splitlines():
            text = ANNOTATION.sub(r"\1", line.strip().removeprefix("-").strip())
            if script_of(clean(text)) == script:
                yield text


def build() -> dict[str, dict[str, object]]:
    """One langdetect profile (name, freq, n_words) for each state."""
    seeds = yaml.safe_load((LANGUAGE_DIR / "romanised_seed.yml").read_text(encoding="utf-8"))
    profiles: dict[str, dict[str, object]] = {}
    for state, (languages, script) in SOURCES.items():
        said = (line for code in languages for line in nlu_lines(code, script))
        lines = [*seeds.get(state, ()), *said]
        profile = LangProfile(state)
        for line in dict.fromkeys(clean(line) for line in lines):
            profile.update(f" {line} ")
        # An n-gram seen once says more about one line than about a language.
        frequencies = {gram: count for gram, count in profile.freq.items() if count > 1}
        profiles[state] = {
            "name": state,
            "freq": dict(sorted(frequencies.items())),
            "n_words": profile.n_words,
        }
    return profiles


def main() -> int:
    """Write the file, or with --check only compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    text = json.dumps(build(), ensure_ascii=False, indent=0, separators=(",", ":")) + "\n"
    if parser.parse_args().check:
        current = TARGET.read_text(encoding="utf-8") if TARGET.is_file() else ""
        return 0 if current == text else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
