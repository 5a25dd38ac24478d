"""Whole conversations: the right language nearly always, a wrong one nearly never, no flapping."""

import random
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from bot.conversation.language import update

OFFERED = ("en", "fr", "es", "pa", "ar", "zh-Hans")
FIXTURES = Path(__file__).parent / "fixtures"
SAID = yaml.safe_load((FIXTURES / "conversations.yml").read_text(encoding="utf-8"))
LENGTHS = {"words": 8, "pairs": 54, "sentences": 38}


def conversation(language, number):
    """Ten messages as people write them: mostly short, one in ten says nothing about language."""
    rng = random.Random(f"{language} {number}")
    for _ in range(10):
        if rng.random() < 0.1:
            yield rng.choice(SAID["noise"])
        else:
            length = rng.choices(list(LENGTHS), list(LENGTHS.values()))[0]
            yield rng.choice(SAID[language][length])


def languages_answered(messages, hint):
    belief, current = None, None
    for text in messages:
        reading = update(belief, text, hint=hint, offered=OFFERED, current=current)
        belief, current = reading.belief, reading.language
        yield current


def test_people_are_answered_in_their_language():
    right, wrong, total, switches, conversations = 0, 0, 0, 0, 0
    for language in OFFERED:
        for number in range(40):
            hint = language if number % 10 < 6 else "en"
            answered = list(languages_answered(conversation(language, number), hint))
            conversations += 1
            total += len(answered)
            right += answered.count(language)
            wrong += sum(code not in (language, None) for code in answered)
            switches += sum(before == language != after for before, after in pairwise(answered))
    assert right / total >= 0.97
    assert wrong / total <= 0.01
    assert switches / conversations <= 0.05


def test_phones_set_to_english_do_not_hide_the_language():
    right = total = 0
    for language in OFFERED[1:]:
        for number in range(20):
            answered = list(languages_answered(conversation(language, number), "en"))
            right += answered.count(language)
            total += len(answered)
    assert right / total >= 0.93


@pytest.mark.parametrize("language", ["pa", "ar"])
def test_people_who_type_in_latin_letters_are_understood(language):
    answered = list(languages_answered(SAID["romanised"][language], "en"))
    assert answered[1:] == [language] * (len(answered) - 1)
    assert update(None, SAID["romanised"][language][0], offered=OFFERED).romanised


@pytest.mark.parametrize("own", [code for code in OFFERED if code != "en"])
def test_a_person_who_goes_from_english_to_their_language_is_followed_within_four_messages(own):
    messages = [*SAID["en"]["sentences"][:4], *SAID[own]["sentences"][:4]]
    answered = list(languages_answered(messages, "en"))
    assert answered[3] == "en"
    assert answered[-1] == own


def test_one_short_message_in_another_language_does_not_switch():
    messages = [*SAID["fr"]["sentences"][:5], "sorry", "ok", "gracias", "hello"]
    assert set(languages_answered(messages, "fr")) == {"fr"}


def test_noise_says_nothing():
    belief = update(None, SAID["fr"]["sentences"][0], offered=OFFERED).belief
    for text in SAID["noise"]:
        reading = update(belief, text, offered=OFFERED)
        assert reading.language == "fr"
        assert reading.belief == pytest.approx(belief, abs=1e-5)
        assert reading.message_language is None


def test_the_language_a_person_chose_is_kept_and_another_is_only_noticed():
    belief, current, noticed = None, "en", set()
    for text in SAID["es"]["sentences"][:5]:
        reading = update(belief, text, offered=OFFERED, current=current, chosen=True)
        belief, current = reading.belief, reading.language
        assert current == "en"
        noticed.add(reading.message_language)
    assert "es" in noticed
    assert noticed <= {"es", None}
