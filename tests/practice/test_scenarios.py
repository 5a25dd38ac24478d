"""Every scripted person plays to the end on the real core, queue and console."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.console.strings import Strings
from bot.errors import DataError
from bot.practice.person import PATIENCE
from bot.practice.scenario import Step, load
from tests.core.world import LANGUAGES, words
from tests.practice.place import PEOPLE, Place, Talk
from tests.waiting import until

#: What is left of a service beside which people have practised: who may sign in, and who did what.
SHARED = re.compile("console:(counsellor|login|attempts|audit)")
#: Nothing of anybody: shards' leases, the channel's names, when Redis was last tidied.
NOBODY = re.compile(
    "workers|shard:|inbox:|seen:|waits|counts:|handles|erased|rewritten|round|console:shift|screen:"
)


@pytest.mark.parametrize("name", PEOPLE)
async def test_it_plays_to_its_end_and_the_counsellor_learns_what_it_was_about(
    place: Place, name: str
) -> None:
    # Patience is for the queue; here somebody comes.
    scenario = replace(PEOPLE[name], patience=0)
    ana = await place.counsellor(place.practice_desk)
    playing = place.plays(place.stage, scenario)
    talk = await Talk.with_next(ana)

    case = await talk.case()
    assert case["level"] == scenario.level
    assert case["language"] == scenario.language
    assert case["romanised"] is scenario.romanised
    assert case["language_known"] is scenario.language_known
    await talk.follows(scenario.talk)
    await talk.ends()
    await playing

    lesson = scenario.lesson("fr")
    [told] = place.stage.lessons("ana", "fr")
    assert told["title"] == lesson.title
    page = (await ana.get("/desk")).text
    assert scenario.lesson("en").title in page

    await place.pretended.all_done()
    left = {one for one in await place.names(place.keys.prefix) if not NOBODY.match(one)}
    assert left == set()
    service = {
        one
        for one in await place.names(place.real.keys.prefix)
        if not (one.startswith("practice:") or SHARED.match(one) or NOBODY.match(one))
    }
    assert service == set()


async def test_all_at_once_they_fill_the_desk(place: Place) -> None:
    stage = place.stage_with(*(replace(one, patience=PATIENCE) for one in PEOPLE.values()), pace=1)
    ana = await place.counsellor(place.practice_desk)
    place.plays(stage)

    async def full() -> bool:
        return len((await ana.get("/api/desk")).json()["waiting"]) == len(PEOPLE)

    await until(full, "all of them")
    shown = (await ana.get("/api/desk")).json()["waiting"]
    spoken = {one["language"] for one in shown}
    assert spoken >= {"en", "fr", "es", "pa", "ar", "zh-Hans", "tl", "uk"}
    assert {one["level"] for one in shown} == {"red", "orange"}
    assert {"pa"} == {one["language"] for one in shown if one["romanised"]}
    assert [one["language_name"] for one in shown if not one["language_known"]] != ["English"]
    assert sum(not one["language_known"] for one in shown) == 1


async def test_who_is_not_taken_leaves_the_line(place: Place) -> None:
    impatient = replace(PEOPLE["09-en-who-reads-this"], patience=1)
    person = await place.stage.play(impatient)  # at pace 0 even that is no time at all
    await place.pretended.all_done()
    assert await place.pretended.queue.waiting() == []
    assert person.counsellor == ""
    assert place.stage.lessons("ana", "en") == []


async def test_a_line_in_time_breaks_no_silence(place: Place) -> None:
    def step(say: str, when: str, seconds: float = 0) -> Step:
        return Step(say, "", when, seconds)

    steps = (step("one", "line"), step("you went away", "silence", 600), step("two", "line"))
    scenario = replace(PEOPLE["02-fr-silences"], talk=steps)
    ana = await place.counsellor(place.practice_desk)
    place.plays(place.stage_with(scenario, pace=1), scenario)
    talk = await Talk.with_next(ana)
    await talk.follows((steps[0], steps[2]))
    lines = (await ana.get(f"/api/handoffs/{talk.handoff}")).json()["lines"]
    assert "you went away" not in [line["text"] for line in lines]


@pytest.mark.parametrize("name", PEOPLE)
def test_the_file_says_what_can_be(name: str) -> None:
    scenario = PEOPLE[name]
    assert scenario.language in LANGUAGES
    steps = (*scenario.arrives, *scenario.talk)
    for press in (one.press for one in steps if one.press):
        assert words().label_of(press, scenario.language), press
    assert set(scenario.lessons) == set(Strings().codes())
    said = [one.say for one in (*steps, *scenario.more)]
    for lesson in scenario.lessons.values():
        assert len(lesson.lines) == 2
        said += [lesson.title, *lesson.lines]
    # Numbers live in the directory only.
    assert not re.search(r"\d", " ".join(said).replace("9-1-1", ""))


@pytest.mark.parametrize(
    "wrong",
    ["- nobody", "- {say: hello, press: do:person}", "- {say: hello, when: never}", "- {pres: x}"],
)
def test_a_wrong_file_is_named(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "odd.yml").write_text(
        "language: en\nlevel: red\narrives: [{press: do:person}]\n"
        f"talk:\n  {wrong}\nlesson:\n  en: {{title: t, lines: [l]}}\n"
    )
    with pytest.raises(DataError, match=r"practice/odd\.yml"):
        load(tmp_path)
