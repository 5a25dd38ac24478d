"""Makes the phone numbers in a message into links that call them, changing nothing else."""

import re
from typing import Final

from markupsafe import Markup, escape

_DASH = "[-\u2010\u2011]"
_GAP = "[-\u2010\u2011. \u00a0]"
# Only ASCII neighbours count: in Chinese a number stands right beside a word.
_NUMBER: Final = re.compile(
    rf"""(?<![0-9A-Za-z+.])(?<![0-9]{_DASH})(?:
      (?P<short>[29]{_DASH}1{_DASH}1|9{_DASH}8{_DASH}8|911)
    | (?P<lettered>1{_GAP}[2-9][0-9]{{2}}{_GAP}[2-9][0-9]{{2}}){_GAP}[A-Z]{{4}}[ \u00a0]
      \((?P<tail>[0-9]{{4}})\)
    | (?P<full>(?:\+?1{_GAP})?[2-9][0-9]{{2}}{_GAP}[2-9][0-9]{{2}}{_GAP}[0-9]{{4}})
    | (?P<alberta>310{_DASH}[0-9]{{4}})
    )(?![0-9A-Za-z])(?!{_DASH}[0-9])""",
    re.VERBOSE,
)


def _target(match: re.Match[str]) -> str:
    digits = re.sub("[^0-9]", "", match["lettered"] or match["full"] or "")
    if match["short"] or match["alberta"]:
        return re.sub("[^0-9]", "", match[0])
    digits += match["tail"] or ""
    return "+" + digits.rjust(11, "1")


def with_calls(text: str) -> Markup:
    """`text` as safe HTML in which 9-1-1 is `tel:911`, 1-833-900-1010 `tel:+18339001010`."""
    made, at = Markup(), 0
    for match in _NUMBER.finditer(text):
        # dir: inside Arabic or Persian the groups of a number would be shown in reverse.
        link = Markup('<a class="call" dir="ltr" href="tel:{}">{}</a>').format(
            _target(match), match[0]
        )
        made += escape(text[at : match.start()]) + link
        at = match.end()
    return made + escape(text[at:])
