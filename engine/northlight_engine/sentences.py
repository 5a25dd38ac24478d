"""Cuts what a person typed into sentences: a cry that stands in a story shows in its own."""

from __future__ import annotations

import regex

#: What ends a sentence in the scripts people write to us in; not the point of 9.30.
_STOPS = regex.compile(r"(?:[!?;…。！？；।॥؟؛۔၊။\n]|(?<!\p{N})\.|\.(?!\p{N}))+")
_TWO_LETTERS = regex.compile(r"\p{L}\P{L}*\p{L}")
#: A longer one is many that were written without stops, and costs as much time to read.
LONG = 200
#: It is cut into pieces of half its size, behind a comma or else a space where there is one.
_PIECE = regex.compile(r".{30,100}[,،，、]|.{1,100}(?:\s|$)|.{1,100}")
#: So many are returned, the last ones, however many stops a text has.
MOST = 100


def sentences(text: str) -> list[str]:
    """Return the sentences of a text that have two letters or more, with the mark they end on."""
    pieces = []
    for sentence in _STOPS.sub(r"\g<0>\n", text).split("\n"):
        pieces += _PIECE.findall(sentence) if len(sentence) > LONG else [sentence]
    return [piece.strip() for piece in pieces if _TWO_LETTERS.search(piece)][-MOST:]
