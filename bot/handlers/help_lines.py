"""Numbers: 9-1-1, the few national lines, and what is near; all from directory/, never made up."""

from datetime import UTC, datetime

from bot.conversation.lines import describe
from bot.directory import Entry, find
from bot.handlers.turn import Turn
from bot.messages import Reply

#: Shown to everybody first, in this order: for the person at risk the hotline comes before the
#: tip line.
NATIONAL = (
    "ca_human_trafficking_hotline",
    "ca_crime_stoppers",
    "ca_988",
    "ca_kids_help_phone",
    "ca_211",
    "ca_tfw_tip_line",
)
#: A short list is read; a long one is not.
NEAR = 6
_NEAR_KINDS = ("hotline", "shelter", "sexual_assault", "indigenous", "labour", "legal", "info")


def emergency(turn: Turn) -> None:
    """The 9-1-1 card; Nunavut has no territory-wide 9-1-1."""
    turn.say("card_911_nunavut" if turn.session.region == "NU" else "card_911")


def numbers(turn: Turn) -> None:
    """The national lines."""
    _show(turn, _national(turn))


def _national(turn: Turn) -> list[Entry]:
    # However long ago they were checked: a hotline that may have moved is better than no number.
    by_id = {entry.id: entry for entry in turn.use.directory}
    return [by_id[name] for name in NATIONAL if name in by_id]


def indigenous(turn: Turn) -> None:
    """We speak no Indigenous language: the lines made for Indigenous people, some of which do."""
    now = datetime.fromtimestamp(turn.use.clock(), UTC)
    turn.say("language_indigenous")
    region = turn.session.region or None
    kinds = ("indigenous",)
    found = find(turn.use.directory, region=region, kinds=kinds, language=None, at=now)
    _show(turn, found or _national(turn))


def ask_region(turn: Turn) -> None:
    """Which province, by buttons, only now that it is useful."""
    if turn.session.region:
        near(turn, turn.session.region)
    else:
        turn.say("ask_region")


def near(turn: Turn, region: str) -> None:
    """The lines of a province or territory; remembered for the rest of the conversation."""
    if f"region:{region}" not in {
        button.payload for row in turn.use.words.rows([["regions"]], "en") for button in row
    }:
        turn.say("ask_region")
        return
    turn.session.region = region
    now = datetime.fromtimestamp(turn.use.clock(), UTC)
    found = find(
        turn.use.directory, region=region, kinds=_NEAR_KINDS, language=turn.language, at=now
    )
    _show(turn, found[:NEAR] or _national(turn))


def _show(turn: Turn, entries: list[Entry]) -> None:
    turn.show(_listed(turn, entries, turn.language), _listed(turn, entries, "fr"))


def _listed(turn: Turn, entries: list[Entry], language: str) -> Reply:
    now = datetime.fromtimestamp(turn.use.clock(), UTC)
    head = turn.use.words.text("responses", "ask_helpline", language)
    words, region = turn.use.words, turn.session.region
    blocks = [describe(words, entry, now, language, region) for entry in entries]
    rows = turn.use.words.rows([["near_me"]] if not turn.session.region else [], language)
    return Reply("\n\n".join([head, *blocks]), language, buttons=rows, passable=True)
