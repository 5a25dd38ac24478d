"""Two acts side by side, with their Redis commands in an order that the test chooses."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextvars import ContextVar
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

_gate: ContextVar["Gate | None"] = ContextVar("gate", default=None)


class Gate:
    """Where one act waits before each of its commands."""

    def __init__(self) -> None:
        self.waiting, self.open = asyncio.Event(), asyncio.Event()

    async def passed(self) -> None:
        self.waiting.set()
        await self.open.wait()
        self.open.clear()


async def _my_turn() -> None:
    gate = _gate.get()
    if gate is not None:
        await gate.passed()


class SteppedPipeline(Pipeline):
    """A pipeline is one step."""

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        await _my_turn()
        outer = _gate.set(None)
        try:
            return await super().execute(raise_on_error)
        finally:
            _gate.reset(outer)


class SteppedRedis(Redis):
    """Asks the gate of the act that runs before every command; without one it goes ahead."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        await _my_turn()
        return await super().execute_command(*args, **options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return SteppedPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )


async def side_by_side(acts: Sequence[Awaitable[Any]], turns: Sequence[int]) -> list[Any]:
    """Runs acts with their commands in the order of `turns` (indexes of acts), then as they come.

    Returns their results or exceptions.
    """
    gates = [Gate() for _ in acts]

    async def run(act: Awaitable[Any], gate: Gate) -> Any:
        _gate.set(gate)
        return await act

    tasks = [asyncio.create_task(run(act, gate)) for act, gate in zip(acts, gates, strict=True)]
    order = [*turns, *(number % len(acts) for number in range(400))]
    for task, gate in zip(tasks, gates, strict=True):
        await _at_the_gate(task, gate)
    for number in order:
        task, gate = tasks[number], gates[number]
        if task.done():
            if all(task.done() for task in tasks):
                break
            continue
        gate.waiting.clear()
        gate.open.set()
        await _at_the_gate(task, gate)
    return await asyncio.gather(*tasks, return_exceptions=True)


async def _at_the_gate(task: "asyncio.Task[Any]", gate: Gate) -> None:
    """Until an act waits for its next command, or is over."""
    waiting = asyncio.create_task(gate.waiting.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
