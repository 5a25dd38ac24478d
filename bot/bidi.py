"""Keeps numbers readable between right-to-left letters, where 9-1-1 would be shown as 1-1-9."""

import re

_MARK = "\u200e"  # left-to-right mark: invisible, and decides how what follows it is ordered
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
# A number of several groups: 9-1-1, 604-555-0199, +1 (604) 555 0199; or a clock: 8:30 PM.
_NUMBER = re.compile(f"{_MARK}?([+(]?\\d+(?:[ ()-]+\\d+)+|\\d+:\\d\\d\\s[AP]M)")


def keep_numbers(text: str) -> str:
    """The same text with a mark before each number of several groups.

    Text without right-to-left letters is returned as it is. Done twice, it changes nothing more.
    """
    if not _RIGHT_TO_LEFT.search(text):
        return text
    return _NUMBER.sub(lambda found: _MARK + found[1], text)
