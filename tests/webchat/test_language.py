"""The page speaks the reader's language, and runs in its direction."""

import pytest

from bot.channels.webchat.contract import WEB_TEXTS
from bot.channels.webchat.visitor import match_language
from bot.conversation.render import Words
from bot.messages import Channel, Recipient, Reply
from tests.webchat.visitors import House


async def test_an_arabic_page_runs_from_right_to_left_but_numbers_do_not(house: House) -> None:
    async with house.visitor(accept_language="ar-EG,en;q=0.5") as someone:
        page = await someone.look()
    assert (page.language, page.direction) == ("ar", "rtl")
    assert "مساعد آلي" in page.messages[0]
    assert 'dir="ltr" href="tel:+18339001010"' in page.html


async def test_the_page_follows_the_language_of_the_conversation(house: House) -> None:
    async with house.visitor() as someone, house.working():
        await someone.look()
        await someone.write("hello")
        to = Recipient(house.person(someone), Channel.WEBCHAT)
        await house.put(to, [Reply("مرحبا", language="ar")])
        page = await someone.look()
        assert page.direction == "rtl"
        # A counsellor's own words do not turn the page round.
        said = Reply("hello", language="en", speaker="counsellor")
        await house.put(to, [said])
        assert (await someone.look()).direction == "rtl"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"), ("en;q=0.1, pa-Guru-IN", "pa"), ("zh-CN", "zh-Hans"),
        ("zh-TW,en;q=0.2", "zh-Hans"), ("zh", "zh-Hans"), ("zh-Hans-CN", "zh-Hans"),
        ("de,it", ""), ("", ""), ("*", ""), ("fr;q=0,es", "es"), ("en;q=x,es", "es"),
        (";;;,,,", ""), ("x" * 5000, ""), ("FR", "fr"),
    ],
)  # fmt: skip
def test_the_browsers_wish_is_read(header: str, expected: str) -> None:
    assert match_language(header, ["en", "fr", "es", "pa", "ar", "zh-Hans"]) == expected


def test_every_text_of_the_page_is_there_in_every_language() -> None:
    words = Words.load()
    for code, _ in words.languages():
        known = words.language(code).sections["web"]
        assert [key for key in WEB_TEXTS if not known.get(key)] == [], code
