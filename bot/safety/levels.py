"""How soon a counsellor should come: the four levels the urgency rules give and the queue keeps."""

from enum import IntEnum


class Level(IntEnum):
    """Smaller is more urgent; the queue's order starts with it."""

    RED = 1
    ORANGE = 2
    YELLOW = 3
    GREEN = 4
