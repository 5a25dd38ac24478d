"""How one help line is told to a person: by the assistant, or as a card of a counsellor's."""

from datetime import datetime

from bot.conversation.render import Words
from bot.directory import Entry, open_now
from bot.directory.entries import Text


def describe(words: Words, entry: Entry, now: datetime, language: str, region: str) -> str:
    """One line of the directory in a language: what it is, the number, when, how.

    `region` is where the person is, "" when it is not known. The number stands at the end of its
    line, so that right-to-left text keeps it in order.
    """
    name = entry.name.fr if language == "fr" and entry.name.fr else entry.name.en
    key = f"line_{entry.id}" if words.knows(f"line_{entry.id}") else f"line_kind_{entry.kind}"
    about = words.text("responses", key, language)
    lines = [about] if about.startswith(name) else [name, about]
    if entry.phone is not None:
        lines.append(f"☎ {entry.phone.display}")
    text = entry.text_in(region or None)
    if text is not None and text.keyword is None:
        lines.append(words.text("responses", "line_text", language).format(number=_plain(text)))
    if entry.phone is None and entry.web:
        lines.append(entry.web)
    told = (_when(words, entry, now, language), _spoken(words, entry, language))
    lines.append(" · ".join(filter(None, told)))
    return "\n".join(filter(None, lines))


def _plain(text: Text) -> str:
    """A number to text the way people write it: +18331234567 as 1-833-123-4567."""
    digits = text.number.removeprefix("+")
    if len(digits) != 11:
        return digits
    return "-".join((digits[0], digits[1:4], digits[4:7], digits[7:]))


def _when(words: Words, entry: Entry, now: datetime, language: str) -> str:
    opened = open_now(entry, now) if entry.phone else None
    if opened is None or entry.hours is None:
        return ""
    key = "line_always" if entry.hours.always else "line_open" if opened else "line_closed"
    return words.text("responses", key, language)


def _spoken(words: Words, entry: Entry, language: str) -> str:
    if entry.languages is None or not entry.languages.interpreters:
        return ""
    return words.text("responses", "line_interpreters", language)
