"""One turn: a message, what is known about the person, and what is said and done in return."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bot.conversation.render import Words
from bot.conversation.session import Session
from bot.dialogue.engine import Engine
from bot.directory.entries import Entry
from bot.handoff.queue import Queue
from bot.handoff.record import Handoff
from bot.inbox import Op
from bot.messages import Channel, Inbound, Reply
from bot.safety.lexicon import Lexicon
from bot.safety.screen import Screen
from bot.safety.urgency import Assessment, assess
from bot.vault import Vault


@dataclass(frozen=True)
class Services:
    """What handlers may use."""

    words: Words
    lexicon: Lexicon
    directory: Sequence[Entry]
    engine: Engine
    queue: Queue
    vault: Vault
    clock: Callable[[], float]


@dataclass
class Turn:
    """Handlers read the first fields and fill the last ones."""

    use: Services
    inbound: Inbound
    session: Session
    handoff: Handoff | None
    screen: Screen
    replies: list[Reply] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    ended: bool = False  # the conversation is to be erased with this turn

    @property
    def language(self) -> str:
        """The language to answer in; English until it is known."""
        return self.session.language or "en"

    def say(self, key: str, **params: object) -> None:
        """Adds the message of a response key.

        While the language is unknown it is said in English and in French, with the languages as
        buttons: nobody waits for a language before they see a number.
        """
        words = self.use.words
        reply = words.reply(key, self.language, **params)
        if self.session.language is None:
            also = words.reply(key, "fr", **params)
            rows = reply.buttons
            languages = words.rows([["languages"]], "en")
            if languages[0] not in rows:
                rows += languages
            reply = replace(
                reply, text=f"{reply.text}\n\n— Français —\n\n{also.text}", buttons=rows
            )
        self.replies.append(reply)

    def ask(self, slot: str) -> None:
        """Asks a question of the safety check (or one of our own, for example code_word)."""
        self.session.asking = slot
        self.say(f"ask_{slot}")

    def ask_again(self) -> None:
        """After something else was answered: the question that is still open, if there is one."""
        if self.session.asking:
            self.say(f"ask_{self.session.asking}")

    def assess(self) -> Assessment:
        """How urgent it is, from everything known so far."""
        return assess(self.session.answers, set(self.session.signals))

    @property
    def on_web(self) -> bool:
        """Whether this is the web page, which shows the person's own words too."""
        return self.inbound.channel is Channel.WEBCHAT
