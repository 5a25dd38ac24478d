"""Journeys: somebody only wants to know something, or says danger with the first word."""

import pytest

from tests.journeys.conftest import LANGUAGES, Meet

CRIES = {
    "en": "he is going to kill me",
    "fr": "il va me tuer",
    "es": "me va a matar",
    "pa": "ਉਹ ਮੈਨੂੰ ਮਾਰ ਦੇਵੇਗਾ",
    "ar": "سيقتلني",
    "zh-Hans": "他要杀了我",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_someone_reads_about_rights_and_numbers_and_leaves(meet: Meet, language: str) -> None:
    person = meet(language)
    rights = person.presses("show:ask_rights")
    assert "1-866-602-9448" in rights[-1].text.replace("‎", "")
    numbers = person.presses("do:numbers")
    text = "".join(seen.text for seen in numbers)
    for number in ("1-833-900-1010", "1-800-222-TIPS (8477)", "9-8-8", "2-1-1"):
        assert number in text
    assert "9-1-1" in person.presses("do:emergency")[-1].text
    person.leaves()


@pytest.mark.parametrize("language", LANGUAGES)
def test_danger_with_the_first_word_gets_the_card_at_once(meet: Meet, language: str) -> None:
    person = meet(language, choose=False)
    answer = person.says(CRIES[language])
    assert "9-1-1" in answer[0].text
    assert "do:person" in answer[-1].payloads
