"""The help directory: load it once at start, then find what fits a person, without any I/O."""

from bot.directory.entries import Entry
from bot.directory.find import find, open_now, stale
from bot.directory.load import load_directory, load_retired_numbers
from bot.directory.regions import REGIONS

__all__ = [
    "REGIONS",
    "Entry",
    "find",
    "load_directory",
    "load_retired_numbers",
    "open_now",
    "stale",
]
