"""Reads the project's data files (YAML mappings), with errors that name the file."""

from pathlib import Path
from typing import Any

import yaml

from bot.errors import DataError


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a file. Raises DataError when it cannot be read or is something else."""
    try:
        raw = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path.name}: cannot be read ({type(error).__name__})") from None
    if not isinstance(raw, dict):
        raise DataError(f"{path.name}: must be a mapping")
    return raw
