"""Who is next for one counsellor: `take_next` goes through this order until a claim holds."""

from collections.abc import AsyncIterator, Collection
from typing import Final

from bot.handoff.record import InLine
from bot.safety.levels import Level

#: For so long a counsellor who knows the language is preferred, seconds; then anyone takes.
LANGUAGE_FIRST: Final = 210


async def in_order(
    line: AsyncIterator[InLine], counsellor: str, languages: Collection[str] | None, now: float
) -> AsyncIterator[str]:
    """The ids of `line`, which stands as the queue does, as this counsellor should take them.

    Level first. Within a level (never RED) a known language goes before, for a while; `languages`
    None: every language does, and one that nobody knows yet does for everybody. No more of the
    line is read than the answer needs: those who wait longest stand first in it, and of them
    nobody waits for a language any more.
    """
    rank = Level.RED
    behind: list[str] = []  # of this level, after the others of it
    given_back: list[tuple[Level, bool, str]] = []
    async for one in line:
        if one.rank is not rank:
            for handoff in behind:
                yield handoff
            rank, behind = one.rank, []
        recent = now - LANGUAGE_FIRST
        # Whom one has just given back comes last for a while, or "take next" would hand them back;
        # of RED only the other RED go before.
        left = one.left_by == counsellor and one.left_at > recent
        spoken = languages is None or not one.language or one.language in languages
        known = spoken or one.asked_at <= recent
        if rank is Level.RED:
            known = not left
        elif left:
            given_back.append((rank, not known, one.id))
            continue
        if known:
            yield one.id
        else:
            behind.append(one.id)
    for handoff in behind:
        yield handoff
    for *_, handoff in sorted(given_back, key=lambda one: one[:2]):  # stable
        yield handoff
