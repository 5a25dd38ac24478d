"""What Telegram shows about the bot before anybody opens it."""

from tests.telegram.conftest import WORDS, House

TWO_LETTERS = {"": "en"} | {code.partition("-")[0]: code for code in reversed(WORDS.codes())}


async def test_name_description_and_commands_are_set_in_every_language(house: House):
    profile = house.api.world.profile
    async with house.open():
        await house.api.world.until(lambda: len(profile) == 4 * len(TWO_LETTERS))
    for code, language in TWO_LETTERS.items():
        for what in ("name", "description", "short_description"):
            assert profile[what, code] == WORDS.text("commands", what, language)
        names = [command["command"] for command in profile["commands", code]]
        assert names == ["start", "help", "language", "exit"]


async def test_what_is_already_set_is_not_set_again(house: House):
    async with house.open():
        await house.api.world.until(lambda: len(house.api.world.profile) == 4 * len(TWO_LETTERS))
    house.api.calls.clear()
    async with house.open():
        await house.api.world.until(lambda: len(house.api.called("getMyName")) == len(TWO_LETTERS))
    assert not [name for name, _ in house.api.calls if name.startswith("setMy")]


async def test_a_limit_on_these_calls_stops_nothing(house: House):
    for method in ("getMyCommands", "setMyCommands"):
        house.api.fails("429", method, retry_after=3600)
    ana = house.api.world.person()
    async with house.open():
        ana.says("hello")
        await house.stores(1)
        await house.writes(ana, "answer")
        await house.delivered()
    assert ana.answers() == ["answer"]
