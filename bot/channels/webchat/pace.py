"""How fast one visitor may write, so that one flood never slows the others."""

from collections.abc import Callable

_MINUTE = 60.0
#: More visitors than this are not remembered at once; those at rest are forgotten first.
_VISITORS_MAX = 20_000


class Pace:
    """Allows a number of acts a minute, in one process, refilled evenly."""

    def __init__(self, a_minute: int, clock: Callable[[], float]) -> None:
        self._limit, self._clock = float(a_minute), clock
        self._left: dict[str, tuple[float, float]] = {}

    def allows(self, person: str) -> bool:
        """Whether this person may go on now; counts the act if so."""
        now = self._clock()
        left, at = self._left.pop(person, (self._limit, now))
        left = min(self._limit, left + max(0.0, now - at) * self._limit / _MINUTE)
        self._left[person] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _VISITORS_MAX:
            self._forget(now)
        return left >= 1

    def _forget(self, now: float) -> None:
        at_rest = [person for person, (_, at) in self._left.items() if now - at >= _MINUTE]
        # Insertion order is age: without anybody at rest the longest silent goes.
        for person in at_rest or [next(iter(self._left))]:
            del self._left[person]
