"""Every word in every language: nothing missing or added, numbers and placeholders the same."""

import re
from pathlib import Path

import pytest
import yaml

from bot.channels.webchat.guard import LAST_RESORT
from bot.conversation.language import LANGUAGES as DESIGNED
from bot.conversation.render import Words
from bot.dialogue.check import QUESTIONS
from bot.directory import load_directory, load_retired_numbers
from bot.handoff.telling import PROMISES
from bot.messages import Reply
from bot.paths import ROOT

WORDS = Words.load()
LANGUAGES = WORDS.codes()
SECTIONS = ("responses", "buttons", "web", "commands")
ENGLISH = WORDS.language("en")
#: Words that must not be seen first on a lock screen, per language (design rule of speech).
NOT_FIRST = {
    "en": ("victim", "trafficking", "report", "police"),
    "fr": ("victime", "traite", "signaler", "signalement", "police"),
    "es": ("víctima", "trata", "denunci", "policía"),
    "pa": ("ਪੀੜਤ", "ਤਸਕਰੀ", "ਪੁਲਿਸ", "ਪੁਲੀਸ"),
    "ar": ("ضحية", "ضحيه", "الاتجار", "بلاغ", "الشرطة"),
    "zh-Hans": ("受害者", "贩卖", "举报", "警察"),
    "zh-Hant": ("被害", "受害", "販運", "販賣", "檢舉", "舉報", "警"),
    "pt": ("vítima", "tráfico", "denunci", "denúncia", "polícia"),
    "ro": ("victim", "trafic", "sesiz", "raport", "poliți"),
    "hu": ("áldozat", "emberkeresked", "jelentés", "feljelent", "rendőr"),
    "pl": ("ofiar", "handel", "handlu", "zgłos", "zgłas", "donos", "policj"),
    "tl": ("biktima", "traffick", "sumbong", "iulat", "pulis"),
    "vi": ("nạn nhân", "buôn người", "tố cáo", "tố giác", "cảnh sát", "công an"),
    "so": ("dhibban", "ganacsi", "ganacsa", "booliis", "soo sheeg"),
    "sw": ("mhanga", "mwathirika", "biashara haramu", "ripoti", "polisi"),
    "tr": ("mağdur", "kurban", "ticaret", "ihbar", "polis"),
    "ru": ("жертв", "торговл", "донос", "заявлен", "полиц"),
    "uk": ("жертв", "торгівл", "донос", "заяв", "поліц"),
    "fa": ("قربانی", "قاچاق", "گزارش", "پلیس"),
    "ur": ("متاثر", "شکار", "سمگلنگ", "ٹریفکنگ", "رپورٹ", "پولیس"),
    "hi": ("पीड़ित", "शिकार", "तस्करी", "पुलिस", "शिकायत", "रिपोर्ट"),
    "bn": ("পাচার", "পুলিশ", "রিপোর্ট", "ভুক্তভোগী", "অভিযোগ"),
    "gu": ("ભોગ", "પીડિત", "તસ્કરી", "પોલીસ", "ફરિયાદ", "રિપોર્ટ"),
    "ta": ("கடத்தல்", "போலீஸ்", "காவல்", "புகார்", "பாதிக்கப்பட்டவ"),
    "ko": ("피해자", "인신매매", "신고", "경찰"),
    "th": ("เหยื่อ", "ค้ามนุษย์", "แจ้งความ", "ตำรวจ"),
}


def keys() -> list[tuple[str, str, str]]:
    return [
        (code, section, key)
        for code in LANGUAGES
        for section in SECTIONS
        for key in ENGLISH.sections[section]
    ]


def test_the_offered_languages_are_all_there() -> None:
    assert set(LANGUAGES) == set(DESIGNED)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_has_every_key_and_no_other(code: str) -> None:
    for section in SECTIONS:
        expected = set(ENGLISH.sections[section])
        assert set(WORDS.language(code).sections[section]) == expected, section


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_text_is_empty(code: str) -> None:
    for section in SECTIONS:
        for key, text in WORDS.language(code).sections[section].items():
            assert text.strip(), (section, key)


@pytest.mark.parametrize("code", LANGUAGES)
def test_placeholders_are_those_of_english(code: str) -> None:
    for section in SECTIONS:
        for key, text in ENGLISH.sections[section].items():
            other = WORDS.text(section, key, code)
            assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", other)), key


def _numbers(text: str) -> list[str]:
    """Runs of digits that form numbers to call or times, in any order (word order differs)."""
    return sorted(re.findall(r"\d[\d-]*\d|\d(?![A-Z])", text))


@pytest.mark.parametrize("code", LANGUAGES)
def test_numbers_are_exactly_those_of_english(code: str) -> None:
    """A wrong digit can cost a life: every number in every language is the English one."""
    for key, text in ENGLISH.sections["responses"].items():
        assert _numbers(WORDS.text("responses", key, code)) == _numbers(text), key


def test_every_number_said_stands_in_the_directory() -> None:
    # Hours, an age, a count of languages, months of a permit: not numbers to call.
    known = {"911", "48", "18", "200", "12"}
    for entry in load_directory(ROOT / "directory"):
        for number in (entry.phone and entry.phone.display, entry.text and entry.text.number):
            known |= {re.sub(r"\D", "", part) for part in re.findall(r"[\d-]+", number or "")}
        known |= {((entry.phone and entry.phone.e164) or "").removeprefix("+")}
    known |= {"1800222", "8477"}  # 1-800-222-TIPS (8477)
    for code in LANGUAGES:
        for key, text in WORDS.language(code).sections["responses"].items():
            for number in _numbers(text):
                digits = re.sub(r"\D", "", number)
                assert digits in known, (code, key, number)
    for number in LAST_RESORT.split():
        assert re.sub(r"\D", "", number) in known, number


def test_no_retired_number_is_said_anywhere() -> None:
    retired = load_retired_numbers(ROOT / "directory")
    for code in LANGUAGES:
        for text in WORDS.language(code).sections["responses"].values():
            digits = re.sub(r"\D", "", text)
            assert not [number for number in retired if re.sub(r"\D", "", str(number)) in digits]


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_first_line_gives_nothing_away(code: str) -> None:
    """Lock screens show the beginning of a message (topics a person opened themselves excepted)."""
    for key, text in WORDS.language(code).sections["responses"].items():
        if key.startswith(("ask_police", "ask_anonymous", "card_", "line_")):
            continue
        first = text.splitlines()[0].casefold()
        assert not [word for word in NOT_FIRST[code] if word in first], key
    for text in WORDS.language(code).sections["commands"].values():
        assert not [word for word in NOT_FIRST[code] if word in text.casefold()]


def test_nobody_is_told_to_text_911() -> None:
    for text in ENGLISH.sections["responses"].values():
        rest = text.replace("A text to 911 does not", "")
        assert not re.search(r"\btext (to )?9-?1-?1", rest, re.IGNORECASE)


def test_it_is_known_which_messages_promise_to_write() -> None:
    """Behind them is told who can look for themselves (bot/handoff/telling.py)."""
    texts = ENGLISH.sections["responses"].items()
    assert {key for key, text in texts if "I will write when" in text} == PROMISES


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_message_fits_telegram(code: str) -> None:
    for key in ENGLISH.sections["responses"]:
        reply = WORDS.with_footer(WORDS.reply(key, code))
        assert len(reply.text) <= 4096, key
        check_buttons(reply)


def check_buttons(reply: Reply) -> None:
    """Payloads within 64 bytes; two labels in a row on a 320 px phone, three language names."""
    for row in reply.buttons:
        named = all(button.payload.startswith("lang:") for button in row)
        assert len(row) <= (3 if named else 2)
        assert not named or all(len(button.label) <= 16 for button in row)
        for button in row:
            assert 1 <= len(button.payload.encode()) <= 64
            assert button.label
            assert len(button.label) <= 32 or len(row) == 1, button.label


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_question_offers_exactly_its_values(code: str) -> None:
    for slot, values in QUESTIONS.items():
        offered = {
            button.payload for row in WORDS.reply(f"ask_{slot}", code).buttons for button in row
        }
        # A skip of consent is no consent: there the person says "nothing". Private is yes or no.
        left_out = {"consent": {"skipped"}, "private_ok": {"unsure"}}.get(slot, set())
        assert offered == {f"answer:{slot}:{value}" for value in values if value not in left_out}


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_person_911_the_lines_and_leave_are_under_every_message(code: str) -> None:
    for key in ENGLISH.sections["responses"]:
        reply = WORDS.with_footer(WORDS.reply(key, code))
        payloads = {button.payload for row in reply.buttons for button in row}
        assert {"do:person", "do:emergency", "do:numbers", "do:leave"} <= payloads, key


def test_every_file_says_honestly_who_reviewed_it() -> None:
    for folder in ("responses", "lexicon", "phrases"):
        for path in (ROOT / folder).glob("*.yml"):
            if path.name not in ("layout.yml", "notes.yml"):
                raw = yaml.safe_load(path.read_text("utf-8"))
                assert "reviewed_by" in raw, path.name


@pytest.mark.parametrize("code", LANGUAGES)
def test_phrases_are_aligned_by_id(code: str) -> None:
    assert _phrase_ids(ROOT / "phrases" / f"{code}.yml") == _phrase_ids(ROOT / "phrases" / "en.yml")


def _phrase_ids(path: Path) -> list[tuple[str, str]]:
    moments = yaml.safe_load(path.read_text("utf-8"))["moments"]
    return [(moment, phrase["id"]) for moment, phrases in moments.items() for phrase in phrases]
