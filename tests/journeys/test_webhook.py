"""The main journey once more with Telegram's webhook: pushed updates, the secret, a counsellor."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser

from tests.journeys import script
from tests.journeys.conftest import LANGUAGES
from tests.journeys.counsellor import Counsellor
from tests.journeys.person import TelegramPerson
from tests.journeys.stack import Stack
from tests.journeys.test_information import CRIES


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The service, with Telegram pushing updates to it."""
    running = Stack("webhook", tmp_path_factory.mktemp("logs"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_check_and_danger_through_the_webhook(pushed: Stack, language: str) -> None:
    person = TelegramPerson(pushed, language.split("-")[0])
    person.presses(f"lang:{language}")
    slot, _ = script.walk(person, language, script.ORANGE)
    assert slot == "threatened"
    assert script.is_said(person.says(CRIES[language])[0], "report_danger", language)
    person.leaves()


def test_a_talk_with_a_counsellor_through_the_webhook(pushed: Stack, browser: Browser) -> None:
    person = TelegramPerson(pushed)
    person.presses("lang:en")
    person.presses("do:person")
    person.presses("answer:consent:urgency")
    counsellor = Counsellor(pushed, browser)
    counsellor.takes_next()
    person.hears(counsellor.alias)
    person._say("are you there")
    counsellor.hears("are you there")
    counsellor.says("I am here with you")
    person.hears("I am here with you")
    counsellor.ends()
    person.leaves()
    counsellor.goes_home()


def test_an_update_without_the_secret_is_refused(pushed: Stack) -> None:
    url = pushed.environ["NORTHLIGHT_TELEGRAM_WEBHOOK_URL"]
    assert httpx.post(url, json={"update_id": 1}).status_code == 403
    wrong = {"X-Telegram-Bot-Api-Secret-Token": "x" * 20}
    assert httpx.post(url, json={"update_id": 1}, headers=wrong).status_code == 403
