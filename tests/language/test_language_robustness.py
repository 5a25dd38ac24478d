"""Any bytes a phone can send are survived, and the same text always gives the same reading."""

import ast
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.conversation.language import LANGUAGES, OTHER, named_language, normalise_code, update
from bot.paths import ROOT

OFFERED = ("en", "fr", "es", "pa", "ar", "zh-Hans")
NASTY = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "\u202e\u200f\u200b",
    "‮م",
    "ﬀﬁ",
    "ＦＵＬＬ ｗｉｄｔｈ",
    "𝐡𝐞𝐥𝐩 𝐦𝐞",
    "ก็็็็็็็",
    "Z̷͉̈a̴͝l̷g̵o̵",
    "https://a.b/c",
    "@name",
    "/start",
    "911",
    "٩١١",
    "...",
    "👩‍👩‍👧",
    "ﷺ",
    "ӏ",
    "ꙮ",
    "ʼʼʼ",
    "'" * 5000,
    "\n\r\t\v\f",
    "﷽" * 4000,
    "İ" * 700,
    "ß" * 700,
]

#: What every text goes through; the digest must not depend on the run, the thread or the hash seed.
PROGRAM = """
import hashlib, sys, yaml
from bot.conversation.language import update
said = yaml.safe_load(open(sys.argv[1], encoding="utf-8"))
digest = hashlib.sha256()
belief = None
for texts in said.values():
    for text in texts:
        reading = update(belief, text, hint="fr", offered=("en", "fr", "es", "pa", "ar", "zh-Hans"))
        belief = reading.belief
        digest.update(repr(reading).encode())
print(digest.hexdigest())
"""


def check(reading):
    assert reading.language is None or reading.language in OFFERED
    assert reading.detected in (*LANGUAGES, OTHER)
    assert 0 <= reading.certainty <= 1.000001
    assert sum(reading.belief.values()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("text", NASTY)
def test_strange_texts_are_survived(text):
    check(update(None, text, hint=text, offered=OFFERED))
    assert named_language(text) is None
    assert normalise_code(text) is None


@settings(max_examples=300, deadline=None, database=None)
@given(st.lists(st.text(st.characters(codec=None), max_size=60), max_size=4), st.text(max_size=8))
def test_no_conversation_raises(texts, hint):
    belief = None
    for text in texts:
        reading = update(belief, text, hint=hint, offered=OFFERED)
        check(reading)
        assert update(belief, text, hint=hint, offered=OFFERED) == reading
        belief = reading.belief


@pytest.mark.parametrize("unit", ["a", "ayuda ", "م ", "\x00", "https://a.b/", "é\u0301", "救"])
def test_a_megabyte_is_cut_and_read(unit):
    text = unit * (1_000_000 // len(unit))
    check(update(None, text, offered=OFFERED))
    assert (
        update(None, text, offered=OFFERED).belief
        == update(None, text[:4000], offered=OFFERED).belief
    )


def digest_under(seed):
    samples = ROOT / "tests/language/fixtures/samples.yml"
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(samples)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


def test_the_reading_does_not_depend_on_the_hash_seed():
    assert digest_under("0") == digest_under("4242")


def test_threads_that_all_ask_first_get_the_same_answer():
    program = """
import threading
from concurrent.futures import ThreadPoolExecutor
start = threading.Barrier(8)
def first(text):
    start.wait()
    from bot.conversation.language import update
    return update(None, text, offered=("en", "fr")).language
with ThreadPoolExecutor(8) as pool:
    answers = list(pool.map(first, ["i can not leave the house", "je ne peux pas sortir"] * 4))
assert answers == ["en", "fr"] * 4, answers
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=env, check=True)


def test_threads_do_not_disturb_each_other():
    texts = ["i can not leave the house", "je ne peux pas sortir", "no puedo salir de la casa"] * 40
    alone = [update(None, text, offered=OFFERED) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda text: update(None, text, offered=OFFERED), texts))
    assert together == alone


def test_the_stock_detector_is_used_nowhere():
    """Its `detect` is random, blind to capitals and races at first use; ours is none of these."""
    allowed = ROOT / "bot/conversation/language/profiles.py"
    for path in (ROOT / "bot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                named = [alias.name for alias in node.names]
                module = getattr(node, "module", None) or ""
                if module.startswith("langdetect") or any(
                    n.startswith("langdetect") for n in named
                ):
                    assert path == allowed, path
                    assert not {"detect", "detect_langs"} & set(named)
            if isinstance(node, ast.Attribute) and node.attr in ("detect", "detect_langs"):
                assert path != allowed


def test_the_committed_profiles_can_be_rebuilt():
    run = subprocess.run(
        [sys.executable, str(ROOT / "scripts/build_langid_profiles.py"), "--check"], cwd=ROOT
    )
    assert run.returncode == 0, "run scripts/build_langid_profiles.py and commit its output"
