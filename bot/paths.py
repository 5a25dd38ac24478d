"""Where the project lies: its texts, word lists and help lines are read from there."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
