"""What a person sent is opened by its holder, on a press, behind a blur, and kept nowhere."""

import asyncio
import os
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect
from telegram import Bot
from telegram.request import HTTPXRequest

from bot.channels.telegram_media import serve_media
from bot.console.app import create_app
from bot.handoff.record import Handoff
from bot.media import LARGEST
from bot.messages import Channel, Kind, Media
from bot.settings import Address
from tests.botapi import BotApi
from tests.botapi.files import PHOTO, VOICE
from tests.console.driver import PASSWORD, Console, CounsellorDriver, serving
from tests.handoff.desk import Desk

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SENT = {
    "photo": Media(Kind.PHOTO, "file-photo", 240_000),
    "voice": Media(Kind.VOICE, "file-voice", len(VOICE)),
    "location": Media(Kind.LOCATION, place=(43.651234, -79.347012)),
}


@dataclass
class Gallery:
    """A talk into which somebody sends things, and the Telegram they lie at."""

    console: Console
    api: BotApi
    talk: Handoff

    @property
    def desk(self) -> Desk:
        return self.console.desk

    async def sends(self, media: Media, text: str = "") -> str:
        """Something comes; where its holder opens it."""
        found = await self.desk.queue.get(self.talk.id)
        assert found is not None
        await self.desk.run(self.desk.queue.relay_ops(found, text, media=media))
        lines = await self.desk.queue.transcript.read(found)
        return f"/handoffs/{self.talk.id}/media/{lines[-1].id}"

    async def audit(self) -> list[tuple[str, str]]:
        """Who opened what in this talk."""
        rows = await self.console.app.state.console.audit.read()
        return [(who, what) for who, what, _ in rows if what.startswith("opened")]


@pytest.fixture
async def console(console: Console) -> Console:
    """One that asks a free port for what people sent."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = Address("127.0.0.1", free.getsockname()[1])
    desk, was = console.desk, console.app.state.console
    console.app = create_app(
        redis=desk.redis, keys=desk.keys, vault=desk.vault, queue=desk.queue, words=desk.words,
        clock=desk.clock, secure=False, hasher=was.accounts._hasher, media_address=address,
    )  # fmt: skip
    return console


@pytest.fixture
async def gallery(console: Console, ana: CounsellorDriver) -> AsyncIterator[Gallery]:
    asked = await console.desk.asks("p", channel=Channel.TELEGRAM)
    talk = await console.desk.queue.claim(asked.id, "ana")
    courier, stop = console.app.state.console.courier, asyncio.Event()
    async with BotApi().serving() as api:
        request = HTTPXRequest(connection_pool_size=8)
        bot = Bot(api.token, api.base_url, api.base_file_url, request=request)
        host, _, port = courier._url.removeprefix("http://").partition(":")
        address = Address(host, int(port))
        async with bot:
            desk = console.desk
            serving = asyncio.create_task(serve_media(address, bot, desk.vault, desk.clock, stop))
            async with asyncio.timeout(20):
                while True:
                    try:
                        _, writer = await asyncio.open_connection(host, int(port))
                    except OSError:
                        await asyncio.sleep(0.01)
                    else:
                        writer.close()
                        break
            yield Gallery(console, api, talk)
            stop.set()
            await serving


async def test_the_page_says_what_came_and_fetches_nothing(
    gallery: Gallery, ana: CounsellorDriver
) -> None:
    for media in SENT.values():
        await gallery.sends(media)
    await gallery.sends(SENT["photo"], "<b>this is where I sleep")
    await gallery.sends(Media(Kind.PHOTO, "", LARGEST + 1))
    for kind in (Kind.PHOTO, Kind.STICKER, Kind.CONTACT, Kind.OTHER):
        await gallery.sends(Media(kind))
    page = (await ana.get(f"/handoffs/{gallery.talk.id}")).text
    for said in ("A photo came (240 KB). It may be hard to see.", "Open behind a blur",
                 "A voice message came (1 KB)", "A location came.",
                 "&lt;b&gt;this is where I sleep",
                 "too large to be opened here (21 MB)", "Files and videos are not opened here",
                 "Stickers are not shown", "Contacts are not opened"):  # fmt: skip
        assert said in page, said
    assert page.count("data-media=") == 4
    assert "43.65" not in page
    assert "file-photo" not in page
    assert "<img" not in page
    lines = (await ana.get(f"/api/handoffs/{gallery.talk.id}")).json()["lines"]
    assert lines[0]["media"]["path"].startswith(f"/handoffs/{gallery.talk.id}/media/")
    assert [line["media"]["path"] for line in lines[4:]] == [""] * 5
    assert "file-photo" not in str(lines)
    assert not gallery.api.called("getFile")
    assert await gallery.audit() == []


@pytest.mark.parametrize(
    ("kind", "content", "told"), [("photo", PHOTO, "image/jpeg"), ("voice", VOICE, "audio/ogg")]
)
async def test_a_press_brings_the_bytes_once_and_stands_in_the_audit(
    gallery: Gallery, ana: CounsellorDriver, kind: str, content: bytes, told: str
) -> None:
    path = await gallery.sends(SENT[kind])
    before = await gallery.desk.dump()
    for way in (path, f"/api{path}"):
        answer = await ana.get(way)
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["content-type"] == told
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"] == "inline"
        assert "sandbox" in answer.headers["content-security-policy"]
    assert await gallery.audit() == [("ana", f"opened_{kind}")] * 2
    after = await gallery.desk.dump()
    assert content not in after
    assert {line.split(b":")[0] for line in after.splitlines()} == {
        line.split(b":")[0] for line in before.splitlines()
    }


async def test_a_location_is_coordinates_and_no_map(
    gallery: Gallery, ana: CounsellorDriver
) -> None:
    path = await gallery.sends(SENT["location"])
    place = (await ana.get(f"/api{path}")).json()
    assert place == {"latitude": 43.651234, "longitude": -79.347012}
    assert (await ana.get(path)).headers["location"] == f"{path}/page"
    page = (await ana.get(f"{path}/page")).text
    assert "43.65123, -79.34701" in page
    assert "http" not in page.split("<main")[1]
    assert await gallery.audit() == [("ana", "opened_location")] * 2


async def test_only_the_holder_opens_it_and_only_while_they_talk(
    gallery: Gallery, ana: CounsellorDriver
) -> None:
    console, path = gallery.console, await gallery.sends(SENT["photo"])
    place = await gallery.sends(SENT["location"])
    ways = [way for one in (path, place) for way in (one, f"{one}/page", f"/api{one}")]
    others = [await console.counsellor("ben"), await console.counsellor("sue", "supervisor")]
    # A supervisor sees that it came, and no more.
    page = (await others[1].get(f"/handoffs/{gallery.talk.id}")).text
    assert "A photo came (240 KB)" in page
    assert 'data-media="' not in page
    for driver in others:
        for way in ways:
            answer = await driver.get(way)
            assert answer.status_code == 403
            assert "43.65" not in answer.text
    await console.desk.queue.release(gallery.talk.id, "ana")  # the same as a lapsed lease
    for way in ways:
        assert (await ana.get(way)).status_code == 403
    assert (await ana.get(f"/api{path}")).json() == {"error": "not_yours"}
    await console.desk.queue.claim(gallery.talk.id, "ana")
    await console.desk.queue.end(gallery.talk.id, "ana")
    assert (await ana.get(f"/api{path}")).json() == {"error": "not_yours"}
    await console.desk.queue.abandon(gallery.talk.person)
    assert (await ana.get(f"/api{path}")).json() == {"error": "gone"}
    assert not gallery.api.called("getFile")
    assert await gallery.audit() == []


async def test_whatever_goes_wrong_is_said_calmly(gallery: Gallery, ana: CounsellorDriver) -> None:
    files = gallery.api.world.files
    files["file-huge"], files["file-page"] = bytes(LARGEST + 1), b"<html><script>alert(1)</script>"
    files["file-empty"] = b""
    photo = await gallery.sends(SENT["photo"])
    cases = [
        (await gallery.sends(Media(Kind.PHOTO, "file-deleted")), 410, "media_gone"),
        (await gallery.sends(Media(Kind.PHOTO, "file-huge")), 413, "media_large"),
        (await gallery.sends(Media(Kind.PHOTO, "file-page")), 415, "media_unknown"),
        (await gallery.sends(Media(Kind.PHOTO, "file-empty")), 415, "media_unknown"),
        (await gallery.sends(Media(Kind.PHOTO, "file-voice")), 415, "media_unknown"),
        (await gallery.sends(Media(Kind.VOICE, "file-photo")), 415, "media_unknown"),
        (await gallery.sends(Media(Kind.STICKER)), 410, "media_gone"),
        (f"/handoffs/{gallery.talk.id}/media/1-1", 410, "media_gone"),
        (f"/handoffs/{gallery.talk.id}/media/-", 410, "media_gone"),
        (f"/handoffs/{gallery.talk.id}/media/{'9' * 30}-0", 410, "media_gone"),
    ]
    words = gallery.console.app.state.console.strings.keys("en")
    for path, status, code in cases:
        answer = await ana.get(f"/api{path}")
        assert (answer.status_code, answer.json()) == (status, {"error": code}), path
        page = await ana.get(path)
        assert page.status_code == status
        assert words[f"note.{code}"] in page.text
    for fault in ("502", "reset"):
        gallery.api.fails(fault, "getFile")
        assert (await ana.get(f"/api{photo}")).json() == {"error": "media_away"}
    assert (await ana.get(photo)).content == PHOTO


async def test_without_the_telegram_process_it_is_said_to_be_away(
    console: Console, ana: CounsellorDriver
) -> None:
    asked = await console.desk.asks("p", channel=Channel.TELEGRAM)
    talk = await console.desk.queue.claim(asked.id, "ana")
    path = await Gallery(console, BotApi(), talk).sends(SENT["photo"])
    answer = await ana.get(f"/api{path}")
    assert (answer.status_code, answer.json()) == (503, {"error": "media_away"})


async def test_a_window_of_its_own_shows_the_page_with_the_blur(
    gallery: Gallery, ana: CounsellorDriver
) -> None:
    path = await gallery.sends(SENT["photo"])
    navigating = {
        "sec-fetch-site": "none",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    answer = await ana.http.get(path, headers=navigating)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}/page")
    page = (await ana.get(f"{path}/page")).text
    assert f'<img src="{path}"' in page
    assert 'class="blurred"' in page
    assert 'class="blurred"' not in (await ana.get(f"{path}/page?clear=1")).text
    assert not gallery.api.called("getFile")


# -- in a real browser -----------------------------------------------------------------------------
@pytest.fixture(params=[True, False], ids=["with_script", "without_script"])
async def browser_page(request: pytest.FixtureRequest, gallery: Gallery) -> AsyncIterator[Page]:
    """Ana's own browser, signed in."""
    async with serving(gallery.console) as address, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        context = await browser.new_context(
            base_url=address, locale="en-CA", java_script_enabled=request.param
        )
        page = await context.new_page()
        await page.goto("/login")
        await page.get_by_label("Login").fill("ana")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.locator("button.main").click()
        await page.wait_for_url(re.compile("/desk$"))
        yield page
        await browser.close()


async def blur_of(page: Page) -> str:
    return str(await page.locator(".sent img").evaluate("one => getComputedStyle(one).filter"))


@pytest.mark.parametrize("browser_page", [True], indirect=True, ids=["with_script"])
async def test_blurred_then_clear_then_gone_by_keyboard(
    gallery: Gallery, browser_page: Page, tmp_path: Path
) -> None:
    page, problems = browser_page, []
    page.on("console", lambda message: problems.append(message.text))
    path = await gallery.sends(SENT["photo"])
    await page.goto(f"/handoffs/{gallery.talk.id}")
    link = page.get_by_role("link", name="Open behind a blur")
    await expect(link).to_be_visible()
    assert await page.locator(".sent img").count() == 0
    await link.focus()
    await page.keyboard.press("Enter")
    shown = page.locator(".sent img")
    await expect(shown).to_have_js_property("naturalWidth", 32)
    assert str(await shown.get_attribute("src")).startswith(path)
    assert "blur" in await blur_of(page)
    await expect(page.get_by_role("button", name="Close")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    assert await blur_of(page) == "none"
    await page.keyboard.press("Enter")
    assert "blur" in await blur_of(page)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(shown).to_have_count(0)
    await expect(link).to_be_focused()
    # Gone at Telegram meanwhile.
    del gallery.api.world.files["file-photo"]
    await page.keyboard.press("Enter")
    await expect(page.locator(".opened [role=status]")).to_contain_text("cannot be opened any more")
    assert [one for one in problems if "Content Security" in one] == []
    # The person goes: nothing of it stays on the screen.
    await gallery.desk.queue.abandon(gallery.talk.person)
    await expect(page.locator("#problem")).to_contain_text("has left")
    await expect(page.locator(".media")).to_have_count(0)


@pytest.mark.parametrize("browser_page", [True], indirect=True, ids=["with_script"])
async def test_a_place_and_a_voice_open_in_their_line(gallery: Gallery, browser_page: Page) -> None:
    page = browser_page
    await page.goto(f"/handoffs/{gallery.talk.id}")
    await gallery.sends(SENT["location"])
    await gallery.sends(SENT["voice"])  # they come while the page is open
    await page.get_by_role("link", name="Show the coordinates").click()
    await expect(page.locator(".sent").first).to_have_text("43.65123, -79.34701")
    await page.get_by_role("link", name="Open to listen").click()
    await expect(page.locator("audio")).to_have_attribute("preload", "none")
    assert not gallery.api.called("getFile"), "nothing is fetched before it is played"


@pytest.mark.parametrize("browser_page", [False], indirect=True, ids=["without_script"])
async def test_without_script_there_is_a_page_for_it(gallery: Gallery, browser_page: Page) -> None:
    page = browser_page
    await gallery.sends(SENT["photo"])
    await page.goto(f"/handoffs/{gallery.talk.id}")
    await page.frame_locator("iframe.frame").get_by_role("link", name="Open behind a blur").click()
    await page.wait_for_url(re.compile("/page$"))
    shown = page.locator(".sent img.blurred")
    await expect(shown).to_be_visible()
    await page.get_by_role("link", name="Show clearly").click()
    await expect(page.locator(".sent img:not(.blurred)")).to_be_visible()
    await page.get_by_role("link", name="Blur again").click()
    await expect(shown).to_be_visible()
    await page.get_by_role("link", name="Close").click()
    await page.wait_for_url(re.compile(f"/handoffs/{gallery.talk.id}$"))
