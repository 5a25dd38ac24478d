"""Whatever comes in, there is one kind answer, within the doors' limits, to the right person.

NORTHLIGHT_FUZZ sets how many messages are generated. The same ones every time: a failure can be
repeated, and Hypothesis prints the smallest one it finds.
"""

import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from bot.messages import Channel, Kind
from tests.fuzz.messages import BUTTONS, HINTS, MESSAGES, STALE, TEXTS
from tests.fuzz.table import CANARIES, Table

#: Generated messages of one conversation.
IN_A_CONVERSATION = 8
QUIET_KINDS = (Kind.BLOCKED, Kind.IDLE)

Step = tuple[str, Kind, str, str, float]


def shortly(text: str) -> str:
    return f"{text[:24]!r}…{len(text)}" if len(text) > 24 else repr(text)


BEFORE = {
    "new": [],
    "in the check": ["lang:en", "do:start_check", "answer:safe_now:safe"],
    "asked for a word": [
        "lang:en",
        "do:start_check",
        "answer:phone_seen:yes",
        "answer:safe_contact:any",
    ],
    "waiting": ["lang:ar", "do:person", "answer:consent:all"],
}


@pytest.mark.parametrize(
    ("before", "channel"), list(zip(BEFORE, [*Channel, *reversed(Channel)], strict=True))
)
def test_every_hand_picked_text_is_answered(table: Table, before: str, channel: Channel) -> None:
    """Each to a new person, or to one who is in the middle of something."""
    for text in TEXTS:
        table.clear()
        for payload in BEFORE[before]:
            table.turn("ana", channel, Kind.BUTTON, button=payload)
        table.turn("ana", channel, Kind.TEXT, text=text)
        table.turn("ana", channel, Kind.TEXT, text=f"{text[:3000]}{CANARIES['ana']}")
        table.turn("ana", channel, Kind.BUTTON, button="do:numbers")
    assert len(TEXTS) >= 200


@pytest.mark.parametrize("before", BEFORE)
def test_every_forged_or_stale_button_is_answered(table: Table, before: str) -> None:
    for payload in (*BUTTONS, *STALE):
        table.clear()
        for earlier in BEFORE[before]:
            table.turn("ana", Channel.WEBCHAT, Kind.BUTTON, button=earlier)
        table.turn("ana", Channel.WEBCHAT, Kind.BUTTON, button=payload)


@pytest.mark.parametrize("channel", [*Channel])
@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_thing_is_answered_with_and_without_words(
    table: Table, kind: Kind, channel: Channel
) -> None:
    for before in BEFORE.values():
        table.clear()
        for payload in before:
            table.turn("ana", channel, Kind.BUTTON, button=payload)
        for hint in HINTS:
            table.turn("ana", channel, kind, hint=hint)
            table.turn("ana", channel, kind, text="he is going to kill me", hint=hint)


def test_with_a_counsellor_everything_goes_to_them_or_is_answered(table: Table) -> None:
    for payload in ("lang:en", "do:person", "answer:consent:all"):
        table.turn("ana", Channel.WEBCHAT, Kind.BUTTON, button=payload)
    assert table.counsellor_comes("ana", Channel.WEBCHAT)
    leaving = ("exit", "stop", "leave", "quit")
    for text in TEXTS:
        if text.strip().lower().replace("\u200b", "") not in leaving and len(text) < 10_000:
            table.turn("ana", Channel.WEBCHAT, Kind.TEXT, text=text)
    for payload in (*BUTTONS, *STALE):
        if payload not in ("do:leave", "do:leave_now", "do:erase_now"):
            table.turn("ana", Channel.WEBCHAT, Kind.BUTTON, button=payload)


words = st.one_of(
    st.sampled_from([text for text in TEXTS if len(text) < 200]),
    st.text(max_size=60),
    st.text(st.characters(), max_size=40),  # lone surrogates too
    st.text(st.characters(categories=["Cf", "Mn", "Me", "Zs", "Cc", "So"]), max_size=40),
    st.lists(st.sampled_from(["yes", "no", "kill", "me", "leave", "he is", "help", "ਹਾਂ", "不", "لا",
                              "9-1-1", "/start", "\u202e", "🙂"]), max_size=8).map(" ".join),
)  # fmt: skip
buttons = st.one_of(
    st.sampled_from(STALE),
    st.sampled_from(STALE),
    st.sampled_from([payload for payload in BUTTONS if len(payload) < 200]),
    st.text(max_size=30),
    st.tuples(st.sampled_from(["do", "answer", "lang", "show", "region"]), st.text(max_size=12))
    .map(":".join),
)  # fmt: skip
pauses = st.sampled_from([0.0, 0.1, 10.0, 10.0, 700.0, 90_000.0, -5.0, -90_000.0])


@st.composite
def steps(draw: st.DrawFn) -> Step:
    who = draw(st.sampled_from(["ana", "bo"]))
    kind = draw(st.sampled_from([Kind.TEXT] * 8 + [Kind.BUTTON] * 8 + list(Kind)))
    pause = draw(pauses)
    if kind is Kind.BUTTON:
        return who, kind, "", draw(buttons), pause
    text = draw(words)
    if draw(st.booleans()):
        text += " " + CANARIES[who]
    return who, kind, text, "", pause


@pytest.mark.timeout(7200)
def test_generated_conversations_of_two_people_never_break_or_mix(table: Table) -> None:
    conversations = max(1, MESSAGES // IN_A_CONVERSATION)

    @settings(
        max_examples=conversations,
        deadline=None,
        derandomize=True,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(steps(), min_size=IN_A_CONVERSATION, max_size=IN_A_CONVERSATION),
        st.sampled_from([*Channel]),
        st.booleans(),
    )
    @example([("ana", Kind.TEXT, "he is going to kill me", "", 0.0)], Channel.WEBCHAT, True)
    def talk(conversation: list[Step], channel: Channel, counsellor: bool) -> None:
        table.clear()
        for at, (who, kind, text, button, pause) in enumerate(conversation):
            note(f"{who} {kind} {shortly(text)} {shortly(button)} after {pause}")
            table.turn(who, channel, kind, text=text, button=button, after=pause)
            if counsellor and at == IN_A_CONVERSATION // 2:
                table.counsellor_comes(who, channel)

    before = table.turns
    talk()
    assert table.turns - before >= min(MESSAGES, IN_A_CONVERSATION)
