"""Nothing a person wrote, no name, number, address or token is in any log line."""

import logging

import pytest
import structlog

from bot.messages import Reply
from tests.telegram.conftest import SECRET, House


@pytest.mark.parametrize("mode", ["polling", "webhook"])
async def test_no_log_line_shows_who_or_what(
    house: House, mode: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    api, ana = house.api, house.api.world.person(name="CANARY-name")
    for method in ("getMe", "getUpdates", "sendMessage", "setWebhook", "deleteMessages"):
        for kind in ("502", "reset", "cut", "429"):
            api.fails(kind, method)
    with structlog.testing.capture_logs() as events:
        async with house.open(mode):
            ana.says("CANARY text")
            ana.sends("contact")
            ana.forges("CANARY-payload")
            api.world.raw({"message": {"text": "CANARY malformed", "chat": {"id": ana.id}}})
            await house.stores(3)
            await house.writes(ana, "CANARY answer", Reply("CANARY too", name="CANARY-alias"))
            await house.delivered()
            api.fails("400", "sendMessage", description="Bad Request: CANARY")
            await house.writes(ana, "CANARY refused")
            await house.delivered()
            ana.blocks()
            await house.writes(ana, "CANARY blocked", Reply("CANARY left", erase=True))
            await house.delivered()
            await api.world.until(lambda: not api.world.pending)
    assert events
    told = caplog.text + repr(events) + "".join(str(record.__dict__) for record in caplog.records)
    for secret in ("CANARY", str(ana.id), "u7000", api.token, SECRET, house.to(ana).person):
        assert secret not in told
    for name in ("httpx", "httpcore", "telegram"):
        assert logging.getLogger(name).level == logging.WARNING
