"""The pure part: splitting long texts, and keeping to Telegram's own measures."""

from hypothesis import given
from hypothesis import strategies as st

from bot.channels.telegram_convert import MAX_TEXT, keyboard, parts
from bot.messages import Button, Reply

ODD = st.text(alphabet="aé本🎉 \n.。", min_size=1, max_size=60)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@given(ODD, st.integers(1, 800))
def test_no_part_is_too_long_or_empty_and_no_word_is_lost(piece: str, times: int):
    text = piece * times
    made = parts(Reply(text))
    assert all(part.strip() and units(part) <= MAX_TEXT for part in made)
    assert "".join("".join(made).split()) == "".join(text.split())


def test_parts_end_where_paragraphs_end():
    paragraphs = ["p" * 1000] * 9
    made = parts(Reply("\n\n".join(paragraphs)))
    assert [part.count("p") for part in made] == [4000, 4000, 1000]


def test_a_text_without_any_border_is_cut():
    assert [len(part) for part in parts(Reply("x" * 9000))] == [4096, 4096, 808]
    assert "".join(parts(Reply("🎉" * 5000))) == "🎉" * 5000


def test_nothing_to_say_needs_no_message():
    assert parts(Reply("")) == parts(Reply(" \n", name="Robin")) == []


def test_buttons_carry_their_payload_and_no_buttons_means_no_keyboard():
    made = keyboard(Reply("?", buttons=((Button("Yes", "answer:minor:yes"),),)))
    assert made
    assert made.inline_keyboard[0][0].callback_data == "answer:minor:yes"
    assert keyboard(Reply("?")) is None
