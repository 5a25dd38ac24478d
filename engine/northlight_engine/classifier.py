"""The classifier in Rasa's pipeline: one joint model for all languages, the urgent rule inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from northlight_engine.intent_model import IntentModel, fit
from northlight_engine.sentences import sentences
from northlight_engine.text import has_meaning

FALLBACK = "nlu_fallback"
#: Intents that only a button can send. Training lines under these names are a mistake.
BUTTON_INTENTS = ("answer", "start_check", "resume_check", "pause_check")
RANKING_LENGTH = 5
#: So many sentences of a text are read by their meaning, which takes time: those that the letters
#: find most urgent. Of 30 sentences with one cry it was among them for 99.8 % of the cries.
MOST_PARTS = 8


def decide(
    probabilities: dict[str, float],
    config: dict[str, Any],
    parts: Sequence[dict[str, float]] = (),
) -> tuple[str, float]:
    """Return the intent to act on and its confidence, of a text and of the sentences it is made of.

    The urgent intents are looked at together and first: two urgent readings that share the
    probability must not lose to a third one, nor to the fallback. Of the whole and its sentences
    the most urgent one speaks: in a story around it a cry is a small part of the whole. A
    sentence's confidence is that of both urgent readings.
    """
    loud = [part for part in parts if urgency(part, config) >= config["urgent_part_threshold"]]
    loudest = max((probabilities, *loud), key=lambda read: urgency(read, config))
    if config["urgent"] and urgency(loudest, config) >= config["urgent_sum_threshold"]:
        name = max(config["urgent"], key=lambda name: loudest.get(name, 0.0))
        whole = loudest is probabilities
        return name, loudest.get(name, 0.0) if whole else urgency(loudest, config)
    name = max(probabilities, key=probabilities.__getitem__)
    least = max(config["fallback_threshold"], config["min_confidence"].get(name, 0.0))
    if probabilities[name] < least:
        return FALLBACK, probabilities[name]
    return name, probabilities[name]


def urgency(probabilities: dict[str, float], config: dict[str, Any]) -> float:
    """Return the probability of all urgent intents together."""
    return sum(probabilities.get(name, 0.0) for name in config["urgent"])


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class MultilingualIntentClassifier(GraphComponent, IntentClassifier):
    """Reads typed text in any language and sets the message's intent and ranking."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Return every setting that config.yml may change."""
        return {
            "C": 3.0,
            "embedding": "e5",  # or "none": words alone, when the native library cannot be used
            "urgent": ["report_danger", "report_self_harm"],
            "urgent_sum_threshold": 0.13,
            "urgent_part_threshold": 0.30,  # of one sentence among several
            "fallback_threshold": 0.30,
            "min_confidence": {},
        }

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        model: IntentModel | None = None,
    ) -> None:
        if config["embedding"] not in ("e5", "none"):
            raise InvalidConfigException("config.yml: `embedding` must be `e5` or `none`.")
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._model = model

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> MultilingualIntentClassifier:
        """Build an untrained classifier (called by Rasa before training)."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> MultilingualIntentClassifier:
        """Build a classifier from a stored model (called by Rasa at start)."""
        with model_storage.read_from(resource) as folder:
            return cls(config, model_storage, resource, IntentModel.load(folder))

    def train(self, training_data: TrainingData) -> Resource:
        """Fit the model on all languages' examples and store it."""
        examples = [
            (example.get(TEXT), example.get(INTENT))
            for example in training_data.intent_examples
            if example.get(TEXT) and has_meaning(example.get(TEXT))
        ]
        forbidden = {intent for _, intent in examples}.intersection((*BUTTON_INTENTS, FALLBACK))
        if forbidden:
            raise InvalidConfigException(f"nlu/: no examples may exist for {sorted(forbidden)}.")
        texts, intents = zip(*examples, strict=True)
        self._model = fit(
            texts, intents, c=self._config["C"], use_embedding=self._config["embedding"] == "e5"
        )
        with self._model_storage.write_to(self._resource) as folder:
            self._model.save(folder)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Set intent and ranking of each message."""
        for message in messages:
            name, confidence, ranking = self._classify(message.get(TEXT) or "")
            message.set("intent", {"name": name, "confidence": confidence}, add_to_output=True)
            message.set("intent_ranking", ranking, add_to_output=True)
        return messages

    def _classify(self, text: str) -> tuple[str, float, list[dict[str, Any]]]:
        if self._model is None or not has_meaning(text):
            return FALLBACK, 0.0, []
        probabilities = self._model.probabilities(text.replace("\n", " "))
        best = sorted(probabilities.items(), key=lambda pair: -pair[1])[:RANKING_LENGTH]
        ranking = [{"name": name, "confidence": round(value, 4)} for name, value in best]
        parts = [self._model.probabilities(part) for part in self._most_urgent(sentences(text))]
        name, confidence = decide(probabilities, self._config, parts)
        return name, round(confidence, 4), ranking

    def _most_urgent(self, parts: list[str]) -> list[str]:
        """Return the sentences to read by their meaning; none when a text is but one."""
        if len(parts) < 2:
            return []
        model, config = self._model, self._config
        return sorted(parts, key=lambda part: -urgency(model.by_letters(part), config))[:MOST_PARTS]
