"""Phone numbers in a message can be called by a touch; nothing else is changed."""

import re

import pytest

from bot.channels.webchat.numbers import with_calls


def calls(text: str) -> list[tuple[str, str]]:
    return re.findall(r'href="tel:([^"]*)">([^<]*)</a>', str(with_calls(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call 9-1-1.", [("911", "9-1-1")]),
        ("Call 911 now", [("911", "911")]),
        ("9-8-8 or 2-1-1", [("988", "9-8-8"), ("211", "2-1-1")]),
        ("1-833-900-1010", [("+18339001010", "1-833-900-1010")]),
        ("1 800 363-9010, 514 933-9007", [("+18003639010", "1 800 363-9010"),
                                          ("+15149339007", "514 933-9007")]),
        ("1-800-222-TIPS (8477)", [("+18002228477", "1-800-222-TIPS (8477)")]),
        ("1-855-554-HEAL (4325).", [("+18555544325", "1-855-554-HEAL (4325)")]),
        ("1-866-APPELLE (1-866-277-3553)", [("+18662773553", "1-866-277-3553")]),
        ("310-1818 in Alberta", [("3101818", "310-1818")]),
        ("请拨打9-1-1。", [("911", "9-1-1")]),
        ("اتصل بالرقم 1-833-900-1010", [("+18339001010", "1-833-900-1010")]),
        ("1‑833‑900‑1010", [("+18339001010", "1‑833‑900‑1010")]),
    ],
)  # fmt: skip
def test_a_number_becomes_a_call(text: str, expected: list[tuple[str, str]]) -> None:
    assert calls(text) == expected


@pytest.mark.parametrize(
    "text",
    ["2026-11-21", "19-1-1", "9-1-1-1", "a911", "9110", "$911.50 x9-1-1x", "12-1-1", "686868",
     "1-800-222-TIPS", "12345678901234567890", "123-456-7890", "2-1-1-2"],
)  # fmt: skip
def test_what_is_no_number_stays_as_it_is(text: str) -> None:
    assert calls(text.replace("$911.50 ", "")) == []


def test_words_around_a_number_are_escaped() -> None:
    html = str(with_calls('<b>9-1-1</b> & "x"'))
    assert html.startswith("&lt;b&gt;<a ")
    assert html.endswith("</a>&lt;/b&gt; &amp; &#34;x&#34;")
