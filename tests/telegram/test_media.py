"""What people send: noted at the door, and handed to the console only for an order of ours."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import structlog

from bot import media
from bot.channels import telegram_media
from bot.media import LARGEST, LIFE
from bot.messages import Kind, Media
from bot.settings import Address
from bot.vault import Vault
from tests.botapi import BotApi
from tests.botapi.files import PHOTO, VOICE
from tests.telegram.conftest import House


async def order(house: House, file: str = "file-photo", at: float | None = None) -> httpx.Response:
    """What the door answers to an order of the console; waits until the door listens."""
    now = house.api.world.clock() if at is None else at
    url = Address("127.0.0.1", house.media_port).url
    headers = {"authorization": media.order(house.vault, file, now)}
    async with asyncio.timeout(20), httpx.AsyncClient(timeout=20) as client:
        while True:
            with contextlib.suppress(httpx.ConnectError):
                return await client.post(url, headers=headers)
            await asyncio.sleep(0.01)


@pytest.fixture
async def open_house(house: House) -> AsyncIterator[House]:
    async with house.open():
        yield house


async def test_the_door_notes_where_a_thing_is_and_fetches_nothing(open_house: House) -> None:
    house = open_house
    ana = house.api.world.person()
    for kind in ("photo", "voice", "audio", "location", "document", "video", "sticker", "contact"):
        ana.sends(kind)
    ana.sends("photo", size=LARGEST + 1)
    stored = await house.stores(9)
    assert [found.media for found in stored] == [
        Media(Kind.PHOTO, "file-photo", len(PHOTO)),  # the largest of its sizes
        Media(Kind.VOICE, "file-voice", len(VOICE)),
        Media(Kind.VOICE, "file-audio"),
        Media(Kind.LOCATION, place=(43.651234, -79.347012)),
        # A document keeps what the camera wrote into it: the place, the time, the telephone.
        None, None, None, None,
        Media(Kind.PHOTO, "", LARGEST + 1),
    ]  # fmt: skip
    assert not house.api.called("getFile")


@pytest.mark.parametrize(
    "odd",
    [
        {"location": {"latitude": 91.0, "longitude": 2.0}},
        {"location": {"latitude": "here", "longitude": 2.0}},
        {"photo": [{"file_id": "x" * 600, "file_unique_id": "x", "width": 1, "height": 1}]},
        {"photo": []},
    ],
)
async def test_what_makes_no_sense_is_only_known_to_have_come(
    open_house: House, odd: dict[str, object]
) -> None:
    ana = open_house.api.world.person()
    message = {"message_id": 5, "date": 1, "chat": ana.described(), "from": ana.user, **odd}
    open_house.api.world.raw({"message": message})
    [found] = await open_house.stores(1)
    assert found.media is None


async def test_an_order_is_answered_with_the_bytes(open_house: House) -> None:
    answer = await order(open_house)
    assert (answer.status_code, answer.content) == (200, PHOTO)
    assert (await order(open_house, "file-voice")).content == VOICE
    assert open_house.api.called("getFile") == [
        {"file_id": "file-photo"},
        {"file_id": "file-voice"},
    ]


async def test_only_a_fresh_order_of_our_own_is_answered(open_house: House) -> None:
    house = open_house
    assert (await order(house)).status_code == 200
    now = house.api.world.clock()
    url = Address("127.0.0.1", house.media_port).url
    wrong = ["", "Bearer x", "AAAA", media.order(Vault(b"\x01" * 32), "file-photo", now),
             media.order(house.vault, "file-photo", now)[:-4], "\u00e9"]  # fmt: skip
    async with httpx.AsyncClient() as client:
        for given in wrong:
            answer = await client.post(url, headers={b"authorization": given.encode()})
            assert (answer.status_code, answer.content) == (403, b"")
        assert (await client.get(url)).status_code == 405
        assert (await client.post(f"{url}/bot")).status_code == 404
    assert (await order(house, at=now - LIFE - 1)).status_code == 403
    assert len(house.api.called("getFile")) == 1


async def test_why_something_cannot_be_had_is_told_apart(open_house: House) -> None:
    api = open_house.api
    api.world.files["file-huge"] = bytes(LARGEST + 1)
    assert (await order(open_house, "file-huge")).status_code == 413
    assert (await order(open_house, "file-deleted")).status_code == 404
    for kind in ("502", "reset", "429", "junk", "401"):
        api.fails(kind, "getFile")
        assert (await order(open_house)).status_code == 502, kind
    for kind in ("502", "reset"):
        api.fails(kind, "download")
        assert (await order(open_house)).status_code == 502, kind
    assert (await order(open_house)).content == PHOTO


async def test_what_breaks_off_is_not_taken_for_whole(open_house: House) -> None:
    open_house.api.world.files["file-photo"] = PHOTO * 1000
    open_house.api.fails("cut", "download")
    with pytest.raises(httpx.RemoteProtocolError):
        await order(open_house)
    assert (await order(open_house)).content == PHOTO * 1000


async def test_more_than_telegram_promises_is_cut_off(
    open_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "LARGEST", 100)
    with pytest.raises(httpx.RemoteProtocolError):
        await order(open_house)


async def test_a_few_at_a_time_and_the_next_is_told_to_wait(open_house: House) -> None:
    gate = asyncio.Event()
    open_house.api.fails("hang", "download", times=telegram_media.AT_ONCE, gate=gate)
    first = [asyncio.create_task(order(open_house)) for _ in range(telegram_media.AT_ONCE)]
    downloads = lambda: len(open_house.api.called("download"))  # noqa: E731
    await open_house.api.world.until(lambda: downloads() == telegram_media.AT_ONCE)
    assert (await order(open_house)).status_code == 503
    gate.set()
    assert [answer.content for answer in await asyncio.gather(*first)] == [PHOTO] * len(first)
    assert (await order(open_house)).status_code == 200


async def test_where_something_else_listens_already_the_door_works_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telegram_media, "PAUSE", 0.02)
    with socket.create_server(("127.0.0.1", house.media_port)) as other:
        async with house.open():
            house.api.world.person().says("hello")
            await house.stores(1)
            other.close()
            assert (await order(house)).content == PHOTO


async def test_no_log_line_names_a_file_or_a_place(
    api: BotApi, house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as events:
        async with house.open():
            ana = api.world.person()
            ana.sends("photo")
            ana.sends("location")
            await house.stores(2)
            await order(house)
            for kind in ("502", "reset", "400", "429"):
                api.fails(kind, "getFile")
                await order(house)
                api.fails(kind if kind != "400" else "cut", "download")
                with contextlib.suppress(httpx.HTTPError):
                    await order(house)
    told = caplog.text + repr(events) + "".join(str(record.__dict__) for record in caplog.records)
    ours = [line for line in told.splitlines() if "POST /" not in line]
    for secret in ("file-photo", "43.651234", "79.347012", api.token, house.to(ana).person):
        assert secret not in "\n".join(ours)
