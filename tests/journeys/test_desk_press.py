"""A press on the desk lands, however much changes on it in that moment."""

import threading

import redis
from playwright.sync_api import expect

from bot.keys import Keys
from tests.journeys.counsellor import Counsellor
from tests.journeys.stack import Stack

CHANGE = '{"what":"waiting","id":""}'


def test_a_press_lands_while_everything_changes(stack: Stack, counsellor: Counsellor) -> None:
    page, stop = counsellor.page, threading.Event()

    def changes() -> None:
        with redis.Redis.from_url(stack.redis.url) as client:
            while not stop.wait(0.02):
                client.publish(Keys().events(), CHANGE)

    flood = threading.Thread(target=changes)
    flood.start()
    try:
        button = page.locator("form[action='/desk/shift'] button")
        for _ in range(6):
            page.goto("/desk")
            expect(page.locator("#link")).to_be_visible()  # live: it fetches again and again
            was = button.inner_text()
            button.click()
            expect(button).not_to_have_text(was)
        if page.locator("button.start").count():
            button.click()
    finally:
        stop.set()
        flood.join()
