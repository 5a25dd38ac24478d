"""The desk says how long a talk is kept, and copes when that is not at all."""

import secrets
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from bot.keys import RETENTION, Keys
from tests.console.driver import Console, CounsellorDriver
from tests.handoff.desk import Desk
from tests.redis_server import RedisServer

SAID = {
    "0": ("at the close", "at the close", ""),
    "24h": ("24 h after the close", "in 23 h", "in 23 h"),
    "7d": ("168 h after the close", "in 167 h", "in 167 h"),
}


@pytest.fixture(params=list(RETENTION))
def retention(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def desk(redis_server: RedisServer, retention: str) -> AsyncIterator[Desk]:
    async with Redis.from_url(redis_server.url) as redis:
        keys = Keys(f"t{secrets.token_hex(6)}:")
        yield Desk(redis, keys, retention=RETENTION[retention])
        async for name in redis.scan_iter(f"{keys.prefix}*"):
            await redis.delete(name)


async def test_the_card_says_when_it_is_erased(
    console: Console, ana: CounsellorDriver, retention: str
) -> None:
    asked = await console.desk.asks("p")
    where, (open_, wrapping, closed) = f"/handoffs/{asked.id}", SAID[retention]
    await ana.submit("/desk/next")
    await ana.submit(f"{where}/say", {"text": "canary words"})
    assert open_ in (await ana.get(where)).text
    await ana.submit(f"{where}/end", {"sure": "1"})
    # A moment passes, as it does: "in 23 h" and some minutes.
    if RETENTION[retention]:
        await console.desk.redis.expire(
            console.desk.keys.handoff(asked.id), RETENTION[retention] - 60
        )
    page = (await ana.get(where)).text
    assert wrapping in page
    assert 'name="outcome"' in page
    answer = await ana.submit(f"{where}/end", {"outcome": "helped"})
    assert answer.headers["location"] == "/desk?note=ended"
    after = await ana.get(where)
    if not closed:
        assert after.status_code == 410
        assert "canary" not in after.text
        return
    await console.desk.redis.expire(console.desk.keys.handoff(asked.id), RETENTION[retention] - 60)
    after = await ana.get(where)
    assert closed in after.text
    assert "canary words" in after.text


async def test_the_outcome_may_be_sent_twice(
    console: Console, ana: CounsellorDriver, retention: str
) -> None:
    """A second press, or one who left meanwhile: back to the desk, with a calm word."""
    asked = await console.desk.asks("p")
    where = f"/handoffs/{asked.id}"
    await ana.submit("/desk/next")
    await ana.submit(f"{where}/end", {"sure": "1"})
    await ana.submit(f"{where}/end", {"outcome": "helped"})
    again = await ana.submit(f"{where}/end", {"outcome": "helped"})
    assert again.status_code == 303
    expected = "ended" if RETENTION[retention] else "gone"
    assert again.headers["location"] == f"/desk?note={expected}"
    assert "This conversation is" in (await ana.get("/desk?note=gone")).text
    assert (await ana.get(again.headers["location"])).status_code == 200


async def test_the_api_says_closed(console: Console, ana: CounsellorDriver) -> None:
    asked = await console.desk.asks("p")
    await ana.post("/api/next")
    path = f"/api/handoffs/{asked.id}/end"
    assert (await ana.post(path)).json() == {"state": "wrap_up"}
    assert (await ana.post(path, {"outcome": "helped"})).json() == {"state": "closed"}
