"""One turn: a message, what is known about the person, and what is said and done in return."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bot.conversation.language import Reading
from bot.conversation.render import Words
from bot.conversation.session import BREAK, Session
from bot.dialogue import check
from bot.dialogue.engine import Engine
from bot.directory.entries import Entry
from bot.handoff.queue import Queue
from bot.handoff.record import Handoff
from bot.inbox import Fence, Op
from bot.messages import Channel, Inbound, Reply
from bot.safety.lexicon import Lexicon
from bot.safety.screen import Screen
from bot.safety.urgency import Assessment, assess
from bot.vault import Vault

#: What is asked while a secret word is being set.
WORD_QUESTIONS = ("code_word", "duress_word")
#: Messages that ask for a plain yes or no without being questions of the safety check.
_EXPECTS = {
    "check_person_first": "person",
    "check_done_person": "person",
    "erase": "leave",
    "ask_region": "region",
    "not_understood_person": "person",
}


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
    reading: Reading | None = None  # what a typed message shows about the language
    replies: list[Reply] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)
    ended: bool = False  # the conversation is to be erased with this turn
    fence: Fence | None = None  # for acts that cannot wait for the commit
    key_kept: bool = False  # ... but not its data key: a talk that ended is still readable
    wipes: bool = False  # what the chat showed so far goes, on both sides; it is not the end

    @property
    def language(self) -> str:
        """The language to answer in; English until it is known."""
        return self.session.language or "en"

    def worded(self, key: str, **params: object) -> Reply:
        """The message of a response key.

        While the language is unknown it is said in English and in French, with the languages as
        buttons: nobody waits for a language before they see a number.
        """
        words = self.use.words
        reply = words.reply(key, self.language, **params)
        return self._twice(reply, words.reply(key, "fr", **params))

    def say(self, key: str, **params: object) -> None:
        """Adds the message of a response key (see `worded`)."""
        self.replies.append(self.worded(key, **params))
        slot = key.removeprefix("ask_")
        self.session.expects = _EXPECTS.get(key) or (slot if slot in check.QUESTIONS else None)

    def show(self, reply: Reply, also: Reply) -> None:
        """Adds a message; `also` is the French beside it, for when no language is known yet."""
        self.session.expects = None
        self.replies.append(self._twice(reply, also))

    def _twice(self, reply: Reply, also: Reply) -> Reply:
        if self.session.language is not None:
            return reply
        rows, languages = reply.buttons, self.use.words.rows([["languages"]], "en")
        if languages[0] not in rows:
            rows += languages
        return replace(reply, text=f"{reply.text}\n\n— Français —\n\n{also.text}", buttons=rows)

    def ask(self, slot: str) -> None:
        """Asks a question of the safety check (or one of our own, for example code_word)."""
        self.session.asking = slot
        self.say(f"ask_{slot}")

    def ask_again(self) -> None:
        """After something else was answered: the question that is still open, if there is one.

        Not in a locked conversation: the question would show what this is about.
        """
        self.drop_word_question()
        if self.session.asking and not self.session.locked:
            self.say(f"ask_{self.session.asking}")

    def drop_word_question(self) -> None:
        """Only what is typed next can be a secret word: nobody is asked for one again after looking
        at 9-1-1, and what they say an hour later is no word that they chose.
        """
        session = self.session
        if session.asking in WORD_QUESTIONS:
            session.asking = check.next_open(session.answers) if session.checking else None

    def assess(self) -> Assessment:
        """How urgent it is, from everything known so far."""
        return assess(self.session.answers, set(self.session.signals))

    @property
    def after_break(self) -> bool:
        """Whether it was quiet for long before this message.

        Whichever way: a clock that was set back says nothing about how long it was.
        """
        return abs(self.inbound.at - self.session.last_at) >= BREAK

    @property
    def on_web(self) -> bool:
        """Whether this is the web page, which shows the person's own words too."""
        return self.inbound.channel is Channel.WEBCHAT
