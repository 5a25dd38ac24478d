"""Reads the project's data files (YAML mappings), with errors that name the file."""

from pathlib import Path
from typing import Any, Final

import yaml

from bot.errors import DataError

#: PyYAML's loader in C, where it was built with one: every process reads some sixty files when it
#: starts, and the loader in Python takes ten times as long for them.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a file. Raises DataError when it cannot be read or is something else."""
    try:
        raw = yaml.load(path.read_text("utf-8"), _LOADER)  # noqa: S506 - a safe one, either way
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path.name}: cannot be read ({type(error).__name__})") from None
    if not isinstance(raw, dict):
        raise DataError(f"{path.name}: must be a mapping")
    return raw
