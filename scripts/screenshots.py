#!/usr/bin/env python
"""Takes the pictures of the guides, docs/screenshots/*.png: the practice desk in a real browser.

Everybody on them is scripted (practice/*.yml). It starts a whole service of its own, with a folder
and ports of its own, and stops it at the end. CHROMIUM names the browser.
"""

import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SHOTS = ROOT / "docs" / "screenshots"
#: Colours of a picture, and how long anything may take, milliseconds.
COLOURS, WAIT = 64, 60_000
PEOPLE = list((ROOT / "practice").glob("[0-9]*.yml"))


@contextmanager
def practice(folder: Path) -> Iterator[tuple[str, str]]:
    """A running service; gives the address of its practice desk and the one-time password."""
    ports = []
    for _ in range(3):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(f"127.0.0.1:{probe.getsockname()[1]}")
    ours = {name: text for name, text in os.environ.items() if "NORTHLIGHT" not in name}
    names = ("WEB", "CONSOLE", "PRACTICE")
    listen = {f"NORTHLIGHT_{name}_LISTEN": at for name, at in zip(names, ports, strict=True)}
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "up", "--practice"],
        cwd=ROOT, env={**ours, **listen, "NORTHLIGHT_STATE_DIR": str(folder)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        said = ""
        for line in process.stdout or ():
            said += line
            if "Ctrl-C" in line:
                break
        found = re.search(r"one-time password (\S+)\)", said)
        if not found:
            raise SystemExit(said)
        yield f"http://{ports[2]}", found[1]
    finally:
        process.terminate()
        process.wait()


def keep(shown: Page | Locator, name: str) -> None:
    """One picture, with few colours: pages are text."""
    picture = Image.open(BytesIO(shown.screenshot()))
    SHOTS.mkdir(exist_ok=True)
    path = SHOTS / f"{name}.png"
    picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}  {path.stat().st_size // 1024} KiB")


def sign_in(page: Page, once: str) -> None:
    """The first sign-in, to the desk."""
    own = secrets.token_urlsafe(18)
    page.goto("/login")
    page.locator("#login").fill("demo")
    page.locator("#password").fill(once)
    page.locator("main button.main").click()
    page.wait_for_url("**/password")
    page.locator("#old").fill(once)
    page.locator("#new").fill(own)
    page.locator("#again").fill(own)
    page.locator("main button.main").click()
    page.wait_for_url(re.compile("/desk"))


def take(page: Page, language: str) -> None:
    """Takes the person of that language."""
    page.goto("/desk")
    page.locator("ol.queue > li").filter(has_text=language).first.locator("button").click()
    page.wait_for_url(re.compile("/handoffs/"))
    expect(page.locator("#link")).not_to_have_class(re.compile("lost"))


def say(page: Page, phrase: str) -> None:
    """Sends a prepared phrase and waits for the person's answer."""
    before = page.locator("#lines .person").count()
    page.locator("#phrases").evaluate("box => { box.open = true; }")
    page.locator(f"#phrases button[value={phrase}]").click()
    page.locator("#phrases").evaluate("box => { box.open = false; }")
    page.locator("#say button.main").click()
    expect(page.locator("#lines .person")).to_have_count(before + 1, timeout=WAIT)


def end(page: Page) -> None:
    """Ends the talk, codes it, back to the desk."""
    page.locator("button.end").click()
    page.locator("#ending button.sure").click()
    page.locator("form.wrap-up").wait_for()
    keep(page.locator("form.wrap-up"), "wrap-up")
    page.locator("form.wrap-up input[name=outcome]").first.check()
    page.locator("form.wrap-up button.main").click()
    page.wait_for_url(re.compile("/desk"))


def shoot(page: Page) -> None:
    """Through a shift, from the first look to what was learned."""
    page.goto("/desk")
    expect(page.locator("ol.queue > li")).to_have_count(len(PEOPLE), timeout=WAIT)
    page.locator("button.start").click()
    expect(page.locator("button.start")).to_have_count(0)
    keep(page, "desk")
    page.emulate_media(color_scheme="dark")
    keep(page, "desk-dark")
    page.emulate_media(color_scheme="light")

    take(page, "Spanish")
    for phrase in ("opening_hello", "listening_thanks", "privacy_your_choice"):
        say(page, phrase)
    page.evaluate("scrollTo(0, 0)")
    keep(page, "conversation")
    keep(page.locator("#card"), "case-card")
    page.locator("#talk-title").click()
    page.keyboard.press("/")
    page.locator("#search").fill("safe")
    keep(page.locator("#phrases"), "phrases")
    page.locator("#phrases").evaluate("box => { box.open = false; }")
    near = page.locator("#lines-near")
    near.locator("summary").click()
    keep(page.locator("section.cards"), "cards")
    end(page)
    page.locator(".lessons").wait_for()
    keep(page, "lesson")

    take(page, "Arabic")
    say(page, "opening_hello")
    page.locator("button.emergency").click()
    expect(page.locator("#lines .card")).to_have_count(1, timeout=WAIT)
    say(page, "safety_seen")
    page.locator("#talk-title").evaluate("title => title.scrollIntoView()")
    keep(page, "right-to-left")
    page.set_viewport_size({"width": 390, "height": 780})
    page.locator("#talk-title").evaluate("title => title.scrollIntoView()")
    keep(page, "right-to-left-phone")

    page.set_viewport_size({"width": 1180, "height": 1150})
    page.goto("/board")
    keep(page, "board")


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="nl-") as folder,
        practice(Path(folder)) as (address, once),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=os.environ["CHROMIUM"], args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(
            base_url=address, locale="en-CA", viewport={"width": 1180, "height": 800},
            color_scheme="light", reduced_motion="reduce",
        )  # fmt: skip
        page.set_default_timeout(WAIT)
        sign_in(page, once)
        shoot(page)
        browser.close()


if __name__ == "__main__":
    main()
