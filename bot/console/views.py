"""What the desk shows, as plain data: the pages render it, the JSON API returns it."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bot.bidi import keep_numbers
from bot.console.context import Console
from bot.console.strings import Translate
from bot.handoff import silence
from bot.handoff.contact import welcome
from bot.handoff.holds import open_to_all
from bot.handoff.hours import Hours
from bot.handoff.record import ENDED, Case, Handoff, State
from bot.handoff.transcript import Line
from bot.media import LARGEST
from bot.messages import Media
from bot.safety.levels import Level

#: The order in which answers are shown: as they are asked.
SLOTS = (
    "safe_now", "hurt_now", "phone_seen", "minor", "free_to_leave", "documents_held", "threatened",
    "pay_or_debt", "deceived", "private_ok", "coerced", "wish", "safe_contact", "consent",
)  # fmt: skip
#: Shown in a place of their own, not among the answers.
APART = frozenset({"phone_seen", "safe_contact", "consent"})
#: What is flagged on a line and is no danger now.
NOT_URGENT = frozenset(
    {"watched_words", "watched_maybe", "watched_unclear", "danger_unclear", "self_harm_unclear"}
)


def clock_words(seconds: float) -> str:
    """A wait as m:ss or h:mm:ss."""
    whole = max(0, int(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def hour_words(at: float, hours: Hours | None) -> str:
    """A moment as hh:mm on the service's clock; without opening hours its zone is not known."""
    if hours is None:
        return f"{datetime.fromtimestamp(at, UTC):%H:%M} UTC"
    return f"{hours.local(at):%H:%M}"


def brief(desk: Console, handoff: Handoff, t: Translate) -> dict[str, Any]:
    """One line of a list: no text, no name, no answers."""
    waited = desk.clock() - handoff.asked_at
    return {
        "id": handoff.id,
        "handle": _named(desk, handoff, t),
        "state": handoff.state.value,
        "level": handoff.level.name.lower(),
        "moved_up": handoff.rank < handoff.level,
        "language": handoff.language,
        "language_known": handoff.language_known,
        "language_name": language_name(desk, handoff.language if handoff.language_known else "", t),
        "romanised": handoff.romanised,
        "asked_at": handoff.asked_at,
        "wait": round(waited),
        "wait_words": clock_words(waited),
        "holder": handoff.claimed_as,
        "seen": handoff.seen,
        "flagged": _flagged(desk, handoff, t),
    }


def language_name(desk: Console, code: str, t: Translate) -> str:
    """A language in the reader's own; "" is one that is not known."""
    own_name = dict(desk.words.languages()).get(code, code)
    return t(f"spoken.{code}", own_name) if code else t("case.language_unknown")


def own_view(desk: Console, handoff: Handoff, t: Translate) -> dict[str, Any]:
    """One line of the list of one's own: `brief`, and whether an answer is awaited."""
    return {**brief(desk, handoff, t), "awaited": _awaited(handoff, desk.clock())}


def _awaited(handoff: Handoff, now: float) -> dict[str, Any] | None:
    """For how long one's answer is awaited, and whether to `new` words; None when it is not."""
    since = silence.answer_since(handoff)
    if not since:
        return None
    return {"words": clock_words(now - since), "new": bool(handoff.unanswered)}


def _flagged(desk: Console, handoff: Handoff, t: Translate) -> dict[str, Any] | None:
    """Why whoever comes should go in prepared, in words, and for how long yet; None for no flag."""
    flag, now = handoff.flagged, desk.clock()
    if flag is None or not flag.lasts(now):
        return None
    hours = math.ceil((flag.until - now) // 60 / 60)
    ends = t("holds.ends", count=hours) if hours > 1 else t("holds.soon")
    reason = t(f"flag_reason.{flag.reason}", flag.reason)
    words = t("holds.held" if flag.hold else "holds.flagged", reason=reason, ends=ends)
    return {"reason": flag.reason, "hold": flag.hold, "words": words}


def aside_view(desk: Console, aside: Sequence[Handoff], t: Translate) -> list[dict[str, Any]]:
    """Who is on hold; `alarm`: danger was said since, and no supervisor has decided yet.

    `open_to_all`: they did not for so long that anybody may take this person.
    """
    now = desk.clock()
    return [
        {**brief(desk, one, t), "alarm": bool(one.alarm), "open_to_all": open_to_all(one, now)}
        for one in aside
    ]


async def case_view(desk: Console, handoff: Handoff, t: Translate, own: str) -> dict[str, Any]:
    """The case card, in the counsellor's own language."""
    case = await desk.queue.case(handoff)
    shown = [(slot, case.answers[slot]) for slot in SLOTS if slot in case.answers]
    left = await desk.queue.erases_in(handoff)
    offered = await desk.accounts.find(handoff.offered_to) if handoff.offered_to else None
    return {
        **brief(desk, handoff, t),
        "note": await desk.queue.note(handoff),
        "offered_to": offered.alias if offered else "",
        "outcome": handoff.outcome,
        "channel": handoff.channel.value,
        "rules": [_said(t, "rule", rule) for rule in handoff.rules],
        "flags": [_said(t, "rule", flag) for flag in handoff.flags],
        "forced": handoff.forced,
        "answers": [
            {"slot": slot, "question": _said(t, "slot", slot), "answer": _said(t, "value", value)}
            for slot, value in shown
            if slot not in APART and value != "skipped"
        ],
        "skipped": [_said(t, "slot", slot) for slot in case.skipped],
        "consent": _said(t, "value", case.consent or handoff.consent),
        "phone_seen": _said(t, "value", case.phone_seen),
        "safe_contact": _said(t, "value", case.safe_contact),
        "region": _region(desk, case.region, own),
        "erases_hours": left // 3600,
        "erases_words": _erases(t, left // 3600, handoff),
        "language_own": dict(desk.words.languages()).get(handoff.language, handoff.language),
        "code_word": case.code_word,
        "word_check": t(f"word.{handoff.word_check}") if handoff.word_check else "",
        "private": await desk.queue.private(handoff),
        "awaited": _awaited(handoff, desk.clock()),
        "silence": _silence(handoff, case, desk.clock()),
    }


def _silence(handoff: Handoff, case: Case, now: float) -> dict[str, Any]:
    """How long the person has been silent, since when they were asked and told, and what comes.

    `since` is empty while nothing is awaited from them; `quiet`: at this hour nothing is asked or
    told, by the times of safe contact they chose.
    """
    steps = {"silent": silence.since(handoff)}
    if silence.asked(handoff):
        steps["asked"] = handoff.nudged_at
    if silence.warned(handoff):
        steps["warned"] = handoff.warned_at
    ask, pause = silence.ASK_AFTER // 60, silence.PAUSE // 60
    return {
        "since": {name: clock_words(now - at) for name, at in steps.items() if at},
        "kept_open": handoff.kept_open,
        "closes": handoff.level is not Level.RED and not handoff.kept_open,
        "quiet": handoff.forced or not welcome(case.safe_contact, case.zones, now),
        "minutes": {"ask": ask, "warn": ask + pause, "close": ask + 2 * pause},
    }


def _erases(t: Translate, hours: int, handoff: Handoff) -> str:
    if handoff.state in ENDED and hours:
        return t("case.hours", count=hours)
    if handoff.state is State.CLOSED:
        return t("case.soon")
    return t("case.after_close", count=hours) if hours else t("case.at_close")


async def line_views(
    desk: Console, handoff: Handoff, t: Translate, reader: str, after: str = ""
) -> list[dict[str, Any]]:
    """The transcript's lines after the one with that id, as the login `reader` may see them."""
    lines = await desk.queue.transcript.read(handoff, after)
    opens = handoff.claimed_by == reader and handoff.with_counsellor
    hours = (await desk.queue.service.read()).hours if lines else None
    return [_line(line, handoff, t, hours, opens=opens) for line in lines]


def _line(
    line: Line, handoff: Handoff, t: Translate, hours: Hours | None, *, opens: bool
) -> dict[str, Any]:
    slot, _, value = line.answer.partition(":")
    group = "spoken" if slot == "language" else "value"
    pressed = f"{_said(t, 'slot', slot)}: {_said(t, group, value)}" if slot else ""
    return {
        "id": line.id,
        "who": line.who,
        "text": keep_numbers(line.text),
        "beside": line.beside or pressed,
        "name": line.name,
        "language": line.language or handoff.language,
        "at": line.at,
        "at_iso": datetime.fromtimestamp(line.at, UTC).isoformat(timespec="seconds"),
        "at_words": hour_words(line.at, hours),
        "flag": _flag(line.flag, t),
        "media": line.media
        and media_view(line.media, t, media_path(handoff, line.id) if opens else ""),
    }


def _flag(rule: str, t: Translate) -> dict[str, Any] | None:
    """Why a line is marked; None for one that is not."""
    if not rule:
        return None
    return {"rule": rule, "words": _said(t, "rule", rule), "urgent": rule not in NOT_URGENT}


def media_path(handoff: Handoff, line: str) -> str:
    """Where its holder opens what came with a line."""
    return f"/handoffs/{handoff.id}/media/{line}"


def media_view(media: Media, t: Translate, path: str) -> dict[str, Any]:
    """That something came; `path` is where it can be opened, if it can and by whoever asks."""
    kilobytes = max(1, round(media.size / 1000))
    size = t("media.kb", size=kilobytes)
    if kilobytes >= 1000:
        size = t("media.mb", size=round(kilobytes / 1000))
    if media.can_be_opened:
        words = t(f"media.came.{media.kind}", size=f" ({size})" if media.size else "")
    elif media.size > LARGEST:
        words = t("media.large", size=size)
    else:
        words = t(f"media.closed.{media.kind}")
    kind, opens = media.kind.value, media.can_be_opened
    return {"kind": kind, "size": media.size, "words": words, "path": path if opens else ""}


def place_words(media: Media) -> str:
    """A location as a map takes it, to about a metre; "" for anything else."""
    return ", ".join(f"{degrees:.5f}" for degrees in media.place or ())


def phrase_views(desk: Console, handoff_language: str, own: str) -> list[dict[str, str]]:
    """The phrase bank for one person, beside the counsellor's own language."""
    return [
        {"id": one.id, "moment": one.moment, "text": one.text, "beside": one.beside}
        for one in desk.phrases.pairs(handoff_language, own)
    ]


def _named(desk: Console, handoff: Handoff, t: Translate) -> str:
    """The handle; at practice the word stands before it wherever a person is shown."""
    handle = handoff.handle
    return t("practice.handle", handle=handle) if desk.practice else handle


def _said(t: Translate, group: str, key: str) -> str:
    """A code in words; a code without words is shown as it is rather than hidden."""
    return t(f"{group}.{key}", key) if key else t("case.unknown")


def _region(desk: Console, region: str, own: str) -> str:
    return desk.words.text("buttons", f"region.{region}", own) if region else ""
