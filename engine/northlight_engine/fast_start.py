"""Lets Rasa start without TensorFlow: 2 s instead of 6, 240 MB instead of 600.

Rasa 3.6 imports TensorFlow for components that this project does not use. Empty stand-ins take its
place in the import system. Anything that would really compute with them raises at once, so a
pipeline that needs TensorFlow cannot half work. NORTHLIGHT_ENGINE_PLAIN=1 leaves Rasa as it is;
the tests hold both ways to the same answers.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import FunctionType, ModuleType
from typing import Any

_REPLACED = frozenset({"tensorflow", "tensorflow_text", "tensorflow_hub", "keras", "jax", "jaxlib"})


class _StandInType(type):
    """Gives a stand-in class any attribute and lets it be used as base, annotation or decorator."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _stand_in(f"{cls.__name__}.{name}")

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__dict__.get("_is_stand_in"):
            if len(args) == 1 and not kwargs and isinstance(args[0], FunctionType | type):
                return args[0]  # a decorator
            if kwargs and not args:
                return lambda decorated: decorated  # a decorator with settings
        raise RuntimeError(
            f"{cls.__name__} needs TensorFlow: set NORTHLIGHT_ENGINE_PLAIN=1 to start with it."
        )

    def __getitem__(cls, item: Any) -> Any:
        return cls


def _stand_in(name: str) -> type:
    return _StandInType(name, (), {"_is_stand_in": True})


class _StandInModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = _stand_in(f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value


class _StandInFinder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in _REPLACED:
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: every attribute is made when it is asked for."""


def install() -> None:
    """Put the stand-ins in place; call before anything imports Rasa."""
    sys.meta_path.insert(0, _StandInFinder())
