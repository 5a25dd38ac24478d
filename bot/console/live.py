"""What the stream brings to open pages (events.py): drawn once for all who see the same.

The part of the desk that is the same for everybody comes as it is shown; what is one's own is
fetched by the page when it is told that it has changed.
"""

import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from bot.console.context import Console
from bot.console.events import Audience, Picture
from bot.console.scene import Scene, read_scene, shared_view

#: The templates of the shared part, by the id of the element they are shown in.
PARTS = {"strip": "_desk_strip.html", "line": "_desk_line.html"}


@dataclass
class Drawing:
    """Draws the desk; `look` is what the pages ring for (alerts.py)."""

    console: Callable[[], Console]
    look: Callable[[Scene], Awaitable[str]]
    _last: Scene | None = None

    async def __call__(self, audiences: Collection[Audience]) -> Picture:
        """The desk for each audience, nothing when it looks as before. Raises RedisError."""
        desk = self.console()
        scene = await read_scene(desk)
        changed = scene != self._last
        drawn = {one: self._draw(desk, scene, one) for one in audiences} if changed else {}
        rung = await self.look(scene)  # last: whom it has named once it does not name again
        self._last = scene
        held: dict[str, set[str]] = {}
        for one in scene.held:
            held.setdefault(one.by, set()).add(one.id)
        return Picture(rung, drawn, held, scene.of)

    @staticmethod
    def _draw(desk: Console, scene: Scene, audience: Audience) -> str:
        t = desk.strings.translate(audience.language)
        shown = shared_view(desk, scene, t)
        return json.dumps(
            {
                part: desk.pages.get_template(name).render(
                    t=t, desk=shown, can_act=audience.acts, leads=audience.leads
                )
                for part, name in PARTS.items()
            },
            ensure_ascii=False,
        )
