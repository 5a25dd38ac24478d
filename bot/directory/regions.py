"""The provinces and territories: what a person chooses as "where I am"."""

from dataclasses import dataclass
from typing import Final

#: In an entry's regions: the whole country.
CANADA: Final = "CA"


@dataclass(frozen=True)
class Region:
    """A province or territory; `timezone` is the one most of its people live in."""

    code: str
    en: str
    fr: str
    timezone: str


REGIONS: Final = {
    region.code: region
    for region in (
        Region("BC", "British Columbia", "Colombie-Britannique", "America/Vancouver"),
        Region("AB", "Alberta", "Alberta", "America/Edmonton"),
        Region("SK", "Saskatchewan", "Saskatchewan", "America/Regina"),
        Region("MB", "Manitoba", "Manitoba", "America/Winnipeg"),
        Region("ON", "Ontario", "Ontario", "America/Toronto"),
        Region("QC", "Quebec", "Québec", "America/Toronto"),
        Region("NB", "New Brunswick", "Nouveau-Brunswick", "America/Moncton"),
        Region("NS", "Nova Scotia", "Nouvelle-Écosse", "America/Halifax"),
        Region("PE", "Prince Edward Island", "Île-du-Prince-Édouard", "America/Halifax"),
        Region("NL", "Newfoundland and Labrador", "Terre-Neuve-et-Labrador", "America/St_Johns"),
        Region("YT", "Yukon", "Yukon", "America/Whitehorse"),
        Region("NT", "Northwest Territories", "Territoires du Nord-Ouest", "America/Edmonton"),
        Region("NU", "Nunavut", "Nunavut", "America/Iqaluit"),
    )
}
