"""The intent model: urgent first, stored without code, working without its native library."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import REPOSITORY, run_command

from northlight_engine.classifier import FALLBACK, MultilingualIntentClassifier, decide
from northlight_engine.intent_model import IntentModel, fit
from northlight_engine.text import clean, features, has_meaning, normalise, words

CONFIG: dict[str, Any] = {
    **MultilingualIntentClassifier.get_default_config(),
    "min_confidence": {"affirm": 0.5},
}
LINES = [
    ("hello there", "greet"),
    ("hello my friend", "greet"),
    ("good morning hello", "greet"),
    ("bonjour à tous", "greet"),
    ("bonjour madame", "greet"),
    ("he has a knife and will kill me", "report_danger"),
    ("he will kill me now", "report_danger"),
    ("il va me tuer avec un couteau", "report_danger"),
    ("il veut me tuer maintenant", "report_danger"),
    ("where can i sleep tonight", "ask_shelter"),
    ("i need a place to sleep", "ask_shelter"),
    ("où dormir ce soir", "ask_shelter"),
    ("un endroit pour dormir", "ask_shelter"),
]


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ({"greet": 0.9, "report_danger": 0.1}, "greet"),
        ({"greet": 0.8, "report_danger": 0.12, "report_self_harm": 0.08}, "report_danger"),
        ({"greet": 0.79, "report_danger": 0.1, "report_self_harm": 0.11}, "report_self_harm"),
        ({"greet": 0.88, "report_danger": 0.07, "report_self_harm": 0.05}, "greet"),
        ({"greet": 0.25, "thank": 0.24, "erase": 0.24}, FALLBACK),
        ({"greet": 0.25, "thank": 0.24, "report_danger": 0.2}, "report_danger"),
        ({"affirm": 0.45, "greet": 0.3}, FALLBACK),
        ({"affirm": 0.55, "greet": 0.3}, "affirm"),
        ({"greet": 0.31, "thank": 0.3}, "greet"),
    ],
)
def test_urgent_readings_come_first_and_unsure_ones_fall_back(
    probabilities: dict[str, float], expected: str
) -> None:
    assert decide(probabilities, CONFIG)[0] == expected


@pytest.mark.parametrize("use_embedding", [True, False])
def test_a_stored_model_answers_as_before_and_holds_no_pickle(
    tmp_path: Path, use_embedding: bool
) -> None:
    texts, intents = zip(*LINES, strict=True)
    model = fit(texts, intents, c=5.0, use_embedding=use_embedding)
    model.save(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["intents.json", "intents.npz"]
    json.loads((tmp_path / "intents.json").read_text("utf-8"))
    with np.load(tmp_path / "intents.npz", allow_pickle=False) as numbers:
        assert all(numbers[name].dtype.kind == "f" for name in numbers.files)
    found = IntentModel.load(tmp_path)
    assert found.use_embedding is use_embedding
    for text in (*texts, "something else", "ਮੈਂ", "x" * 5000):
        assert found.probabilities(text) == pytest.approx(model.probabilities(text), abs=1e-5)
    best = found.probabilities("hello kill me knife")
    assert sum(best.values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("use_embedding", [True, False])
def test_what_was_learned_is_recognised(use_embedding: bool) -> None:
    texts, intents = zip(*LINES, strict=True)
    model = fit(texts, intents, c=5.0, use_embedding=use_embedding)
    for text, intent in LINES:
        probabilities = model.probabilities(text)
        assert max(probabilities, key=probabilities.__getitem__) == intent


def test_the_model_archive_of_the_project_holds_no_pickle(project: Path) -> None:
    import tarfile

    with tarfile.open(project / "models" / "northlight.tar.gz") as archive:
        names = archive.getnames()
        assert not [name for name in names if name.endswith((".pkl", ".pickle", ".joblib"))]
        for name in names:
            if name.endswith(".npz"):
                inner = zipfile.ZipFile(archive.extractfile(name))
                assert all(part.endswith(".npy") for part in inner.namelist())


def test_without_embedding_the_whole_engine_still_trains_and_understands(
    project: Path, tmp_path: Path
) -> None:
    from conftest import copy_project

    copy_project(tmp_path)
    config = yaml.safe_load((tmp_path / "config.yml").read_text("utf-8"))
    config["pipeline"][0]["embedding"] = "none"
    (tmp_path / "config.yml").write_text(yaml.safe_dump(config), "utf-8")
    assert run_command(tmp_path, "train").returncode == 0
    lines = yaml.safe_load((tmp_path / "nlu" / "en.yml").read_text("utf-8"))["nlu"]
    expected = [entry["intent"] for entry in lines]
    said = [entry["examples"].splitlines()[0].removeprefix("- ") for entry in lines]
    parsed = run_command(tmp_path, "parse", stdin="\n".join(said))
    found = [json.loads(line)["intent"]["name"] for line in parsed.stdout.splitlines()]
    right = sum(one == other for one, other in zip(found, expected, strict=True))
    assert right >= 0.6 * len(expected), list(zip(said, found, expected, strict=True))


def test_unknown_embeddings_are_refused(tmp_path: Path) -> None:
    from conftest import copy_project

    copy_project(tmp_path)
    config = yaml.safe_load((tmp_path / "config.yml").read_text("utf-8"))
    config["pipeline"][0]["embedding"] = "magic"
    (tmp_path / "config.yml").write_text(yaml.safe_dump(config), "utf-8")
    trained = run_command(tmp_path, "train")
    assert trained.returncode == 1
    assert "`embedding` must be" in trained.stderr


@pytest.mark.parametrize("text", ["😀", "?!", "…", "  ", "\u200b", "👍🏽", "❤️"])
def test_signs_alone_have_no_meaning(text: str) -> None:
    assert not has_meaning(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ça VA, café?", ["ca", "va", "cafe"]),
        ("ਮੈਂ ਠੀਕ ਹਾਂ", ["ਮੈਂ", "ਠੀਕ", "ਹਾਂ"]),
        ("أَنا في خَطَـــر", ["انا", "في", "خطر"]),
        ("他打我ok", ["他", "打", "我", "ok"]),
        ("ＨＥＬＰ", ["help"]),
        ("a\u200bb\u202ec", ["abc"]),
    ],
)
def test_words_of_every_script_are_kept_whole(text: str, expected: list[str]) -> None:
    assert words(normalise(text)) == expected


def test_any_text_at_all_can_be_cut_into_features() -> None:
    rng = random.Random(7)
    for _ in range(300):
        text = "".join(chr(rng.randrange(0x110000)) for _ in range(rng.randrange(30)))
        features(text)
        assert not any("\ud800" <= char <= "\udfff" for char in clean(text))


def test_the_contracts_intents_are_the_domains_intents() -> None:
    domain = yaml.safe_load((REPOSITORY / "domain.yml").read_text("utf-8"))
    names = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in domain["intents"]]
    for name in names:
        if name in ("affirm", "deny", "unsure", "skip", "nlu_fallback"):
            continue
        if name in ("answer", "start_check", "resume_check", "pause_check"):
            continue
        assert domain["responses"][f"utter_{name}"][0]["text"] == name
