"""The service, its practice desk, and a counsellor who follows a script on the real console."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from argon2 import PasswordHasher
from redis.asyncio import Redis
from starlette.applications import Starlette

from bot.console.app import create_app
from bot.keys import Keys, PracticeKeys
from bot.practice.scenario import Scenario, Step, load
from bot.practice.stage import Stage
from tests.console.driver import PASSWORD, CounsellorDriver
from tests.core.engine_server import EngineServer
from tests.core.world import World
from tests.waiting import until


class Now:
    """The real time: pauses of scripts are waited for, or there are none."""

    def __call__(self) -> float:
        return time.time()

    def forward(self, seconds: float) -> None:
        """Nothing is skipped."""


PEOPLE = {scenario.name: scenario for scenario in load()}


class Place:
    """Two key spaces on one Redis, each with worker and console."""

    def __init__(
        self, redis: Redis, service: Keys, practice: PracticeKeys, engine: EngineServer
    ) -> None:
        self.redis, self.engine = redis, engine
        clock: Any = Now()
        self.real = World(redis, service, engine.url, clock=clock)
        self.pretended = World(redis, practice, engine.url, clock=clock)
        self.keys = practice
        self._stages: list[Stage] = []
        self._playing: list[asyncio.Task[Any]] = []
        self.stage = self.stage_with()
        self.desk, self.practice_desk = self._console(self.real), self._console(self.pretended)
        self._drivers: list[CounsellorDriver] = []

    def stage_with(self, *people: Scenario, pace: float = 0) -> Stage:
        world = self.pretended
        stage = Stage(
            self.redis, self.keys, world.vault, world.inbox, world.outbox, world.queue,
            people or tuple(PEOPLE.values()), pace=pace,
        )  # fmt: skip
        self._stages.append(stage)
        return stage

    def plays(self, stage: Stage, scenario: Scenario | None = None) -> asyncio.Task[Any]:
        """One person, or everybody again and again; ended with the test."""
        play = stage.play(scenario) if scenario else stage.run()
        self._playing.append(asyncio.create_task(play))
        return self._playing[-1]

    def _console(self, world: World) -> Starlette:
        return create_app(
            redis=self.redis, keys=world.keys, vault=world.vault, queue=world.queue,
            words=world.words, clock=time.time, secure=False,
            hasher=PasswordHasher(time_cost=1, memory_cost=8, parallelism=1),
            practice=self.stage if world is self.pretended else None,
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        async with self.real.working(), self.pretended.working():
            yield
            for stage in self._stages:
                stage.stop()
            for one in self._playing:
                one.cancel()
            await asyncio.gather(*self._playing, return_exceptions=True)
            for stage in self._stages:
                await stage.close()
        for driver in self._drivers:
            await driver.close()
        for world in (self.real, self.pretended):
            await world.engine.close()

    async def counsellor(self, app: Starlette, login: str = "ana", **more: Any) -> CounsellorDriver:
        """Signed in with an account of the service, and on shift at this desk."""
        accounts = self.desk.state.console.accounts
        if await accounts.find(login) is None:
            first = await accounts.add(login, login.title(), ["en"], ["counsellor"], **more)
            await accounts.change_password(login, first, PASSWORD)
        driver = CounsellorDriver(app)
        self._drivers.append(driver)
        await driver.sign_in(login, PASSWORD)
        assert (await driver.post("/api/shift", {"on": True})).status_code == 200
        return driver

    async def names(self, prefix: str) -> set[str]:
        """Every key that begins so, without the prefix."""
        found = [name.decode() async for name in self.redis.scan_iter(f"{prefix}*")]
        return {name.removeprefix(prefix) for name in found}


class Talk:
    """One conversation as the counsellor has it, over the console's API."""

    def __init__(self, driver: CounsellorDriver, handoff: str) -> None:
        self._driver, self._path = driver, f"/api/handoffs/{handoff}"
        self.handoff = handoff

    @classmethod
    async def with_next(cls, driver: CounsellorDriver) -> "Talk":
        """Waits for somebody in the queue and takes them."""
        found: dict[str, Any] = {}

        async def came() -> Any:
            found.update((await driver.post("/api/next")).json())
            return found["handoff"]

        await until(came, "somebody in the queue")
        return cls(driver, found["handoff"]["id"])

    async def case(self) -> dict[str, Any]:
        return (await self._driver.get(self._path)).json()["case"]

    async def follows(self, steps: tuple[Step, ...]) -> None:
        """Answers as the script expects, and waits for each of the person's lines."""
        for number, step in enumerate(steps):
            if step.when == "line":
                said = await self._driver.post(f"{self._path}/say", {"text": f"Line {number}."})
                assert said.status_code == 200
            leaves = any(after.press for after in steps[number + 1 : number + 2])
            if step.say and not leaves:  # who leaves takes the last line along, at pace 0
                await self.hears(step.say)
            elif step.press:
                await self.is_gone()

    async def hears(self, words: str) -> None:
        async def heard() -> bool:
            answer = await self._driver.get(self._path)
            lines = answer.json().get("lines", [])
            return words in [line["text"] for line in lines if line["who"] == "person"]

        await until(heard, words)

    async def is_gone(self) -> None:
        async def gone() -> bool:
            return (await self._driver.get(self._path)).status_code == 410

        await until(gone, "Leave")

    async def ends(self) -> None:
        await self._driver.post(f"{self._path}/end", {"outcome": "helped"})
