"""Rasa's answers as keys: the words live in responses/<lang>.yml and never enter the engine."""

from __future__ import annotations

from typing import Any

from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig


class KeyNLG(TemplatedNaturalLanguageGenerator):
    """Returns an action's one response as it stands in domain.yml: a key and, rarely, a signal.

    It derives from Rasa's own generator because Rasa hands the loaded domain's responses only to
    that class; the own one would choose among variations and fill placeholders.
    """

    def __init__(self, endpoint_config: EndpointConfig, domain: Domain) -> None:
        super().__init__(domain.responses)

    async def generate(
        self,
        utter_action: str,
        tracker: DialogueStateTracker,
        output_channel: str,
        **kwargs: Any,
    ) -> dict[str, Any] | None:
        """Return `{"text": key}`, with `custom` when the response carries a signal."""
        (response,) = self.responses[utter_action]
        return {name: response[name] for name in ("text", "custom") if name in response}
