"""What a platform's code and a language's own name mean, and what a belief may hold."""

import json
import math

import pytest

from bot.conversation.language import (
    LANGUAGES,
    believe,
    first_belief,
    named_language,
    normalise_code,
    update,
)

OFFERED = ("en", "fr", "es", "pa", "ar", "zh-Hans")


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("en", "en"),
        ("en-CA", "en"),
        ("FR_ca", "fr"),
        ("pt-br", "pt"),
        ("fil", "tl"),
        ("zh", "zh-Hans"),
        ("zh-hans", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
        ("yue", "zh-Hant"),
        ("prs", "fa"),
        ("pa-Arab", "ur"),
        ("pa-Guru-IN", "pa"),
        ("de", None),
        ("", None),
        ("x" * 90, None),
        ("e n", None),
        ("../en", None),
        ("en-" * 9, None),
        ("ਪੰ", None),
    ],
)
def test_platform_codes_become_ours(code, language):
    assert normalise_code(code) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("français", "fr"),
        ("Francais svp", "fr"),
        ("ਪੰਜਾਬੀ", "pa"),
        ("العربية", "ar"),
        ("中文", "zh-Hans"),
        ("繁體中文", "zh-Hant"),
        ("ESPAÑOL", "es"),
        ("en español por favor", "es"),
        ("in English please!", "en"),
        ("English?", "en"),
        ("/english", None),
        ("I don't speak English", None),
        ("no english", None),
        ("my boss is french", None),
        ("please", None),
        ("", None),
        ("french " * 40, None),
    ],
)
def test_a_language_asked_for_by_its_name_is_known(text, language):
    assert named_language(text) == language


def test_every_language_can_be_asked_for_by_name():
    names = "english français español português română magyar polski tagalog"
    latin = [*names.split(), "tiếng việt", "soomaali", "kiswahili", "türkçe"]
    others = [
        "русский",
        "українська",
        "العربية",
        "فارسی",
        "اردو",
        "हिन्दी",
        "ਪੰਜਾਬੀ",
        "বাংলা",
        "ગુજરાતી",
        "தமிழ்",
        "한국어",
        "简体中文",
        "繁體中文",
        "ไทย",
    ]
    assert [named_language(name) for name in [*latin, *others]] == list(LANGUAGES)


def test_naming_a_language_switches_at_once():
    belief = update(None, "my employer took my passport when i arrived", offered=OFFERED).belief
    reading = update(belief, "ਪੰਜਾਬੀ", offered=OFFERED, current="en")
    assert (reading.language, reading.message_language) == ("pa", "pa")
    assert update(reading.belief, "ok", offered=OFFERED, current="pa").language == "pa"


def test_naming_another_language_replaces_the_one_chosen_before():
    reading = update(believe("en"), "français", offered=OFFERED, current="en", chosen=True)
    assert reading.language == "fr"
    reading = update(believe("en"), "magyar", offered=OFFERED, current="en", chosen=True)
    assert (reading.language, reading.detected) == ("en", "hu")


def test_a_language_no_longer_offered_is_not_kept():
    reading = update(believe("hu"), "ok", offered=OFFERED, current="hu", chosen=True)
    assert reading.language is None


def test_an_english_phone_proves_little_and_another_code_much():
    assert update(None, "👍", hint="en", offered=OFFERED).language is None
    assert update(None, "👍", hint="fr-CA", offered=OFFERED).language == "fr"
    assert update(None, "👍", hint="pa", offered=OFFERED).language == "pa"
    assert update(None, "👍", hint="de", offered=OFFERED).language is None
    assert update(None, "👍", hint="pt-br", offered=OFFERED).language is None


@pytest.mark.parametrize("hint", ["", "en", "pa", "ur", "zh-TW", "xx", "???"])
def test_a_first_belief_is_a_distribution(hint):
    belief = first_belief(hint, OFFERED)
    assert sum(belief.values()) == pytest.approx(1)
    assert min(belief.values()) > 0


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"en": -1.0},
        {"en": math.nan},
        {"en": math.inf},
        {"klingon": 1.0},
        {"en": 0.0},
        {"fr": 9.0},
    ],
)
def test_a_damaged_or_older_belief_is_mended(stored):
    reading = update(stored, "bonjour j'ai besoin d'aide", offered=OFFERED)
    assert reading.language == "fr"
    assert sum(reading.belief.values()) == pytest.approx(1, abs=1e-3)


def test_a_belief_holds_no_text_and_survives_json():
    reading = update(None, "zxqv secret 4165550000", offered=OFFERED)
    assert set(map(type, reading.belief.values())) == {float}
    assert "zxqv" not in json.dumps(reading.belief)
    assert update(json.loads(json.dumps(reading.belief)), "ok", offered=OFFERED).belief


def test_believing_a_choice_is_nearly_sure_but_not_deaf():
    belief = believe("ar")
    assert belief["ar"] == pytest.approx(0.97)
    assert min(belief.values()) > 0


def test_cries_for_help_are_answered_in_their_language_at_the_first_message():
    said = {
        "help": "en",
        "ayuda": "es",
        "hola": "es",
        "bonjour": "fr",
        "au secours": "fr",
        "aidez-moi": "fr",
        "ਮਦਦ": "pa",
        "ساعدوني": "ar",
        "مرحبا": "ar",
        "救命": "zh-Hans",
        "请帮我": "zh-Hans",
    }
    for text, language in said.items():
        assert update(None, text, hint="en", offered=OFFERED).language == language, text
