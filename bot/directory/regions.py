"""The provinces and territories: what a person chooses as "where I am"."""

from typing import Final

#: In an entry's regions: the whole country.
CANADA: Final = "CA"
#: Each with the time zone most of its people live in, from west to east; the north last.
REGIONS: Final = {
    "BC": "America/Vancouver",
    "AB": "America/Edmonton",
    "SK": "America/Regina",
    "MB": "America/Winnipeg",
    "ON": "America/Toronto",
    "QC": "America/Toronto",
    "NB": "America/Moncton",
    "NS": "America/Halifax",
    "PE": "America/Halifax",
    "NL": "America/St_Johns",
    "YT": "America/Whitehorse",
    "NT": "America/Edmonton",
    "NU": "America/Iqaluit",
}
