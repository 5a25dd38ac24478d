"""What open pages ring for: how many wait, whether somebody new does, who waits too long."""

import json
from typing import Final

from bot.console.scene import Scene
from bot.handoff.queue import Queue
from bot.safety.levels import Level

#: So many of the queue are looked at. Behind them nobody is RED unless all of them are.
LOOKED_AT: Final = 500


class Alerts:
    """Compares the queue with how it was at the last look; one for all pages of a process."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._known: dict[str, Level] | None = None

    async def look(self, scene: Scene) -> str:
        """`{"waiting", "reds", "late": numbers, "new": level or ""}`: counts, nobody's id.

        `reds` are those RED who wait, `late` those RED who have nobody (Scene.late). `new` is the
        level of the most urgent who waits since the last look, or became RED. Raises RedisError.
        """
        waiting, line = await self._queue.line(LOOKED_AT)
        known, now = self._known, {one: level for one, level, _ in line}
        self._known = now
        fresh = [
            level
            for one, level in now.items()
            if known is not None
            and (one not in known or level is Level.RED is not known[one])
            # When the queue is longer, whoever moves up into view is not new.
            and (waiting <= LOOKED_AT or level is Level.RED)
        ]
        new = min(fresh).name.lower() if fresh else ""
        counts = {"waiting": scene.total, "reds": scene.reds, "late": scene.late}
        return json.dumps({**counts, "new": new})
