"""The word lists of every language (lexicon/<lang>.yml), read once and ready to match."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.data_file import read_mapping
from bot.errors import DataError
from bot.safety.normalise import is_unspaced, normalise, without_arabic_and

FOLDER = Path(__file__).resolve().parents[2] / "lexicon"
#: Lists whose phrases count anywhere in a message.
ANYWHERE = ("danger", "self_harm", "watched")
#: Lists whose words count only when they are the whole message.
WHOLE = ("leave", "yes", "no", "unsure", "skip", "help")
#: May be left out. What answers elsewhere and is the opposite here: a Polish "no" is a yes.
UNCLEAR = "unclear"
#: May be left out. A word that, right after a phrase, denies it: Bengali says *not* after the verb.
UNDONE_BY = "undone_by"


@dataclass(frozen=True)
class Hit:
    """A phrase found: which list, in which language's lexicon."""

    kind: str
    language: str


class Lexicon:
    """All languages together: a message is screened against every one of them."""

    def __init__(self, lists: dict[str, dict[str, list[str]]]) -> None:
        """`lists`: language -> list name -> phrases as written."""
        self._by_first_word: dict[str, list[tuple[str, Hit]]] = defaultdict(list)
        self._by_first_char: dict[str, list[tuple[str, Hit]]] = defaultdict(list)
        self._whole: dict[str, dict[str, set[str]]] = defaultdict(dict)
        self._undone_by: dict[str, set[str]] = {}
        for language, kinds in lists.items():
            for kind in ANYWHERE:
                for phrase in filter(None, map(normalise, kinds.get(kind, []))):
                    self._add(phrase, Hit(kind, language))
            self._undone_by[language] = set(map(normalise, kinds.get(UNDONE_BY, [])))
            for kind in (*WHOLE, UNCLEAR):
                self._whole[language][kind] = set(map(normalise, kinds.get(kind, []))) - {""}

    def _add(self, phrase: str, hit: Hit) -> None:
        if is_unspaced(phrase):
            self._by_first_char[phrase[0]].append((phrase.replace(" ", ""), hit))
        else:
            self._by_first_word[phrase.split(" ", 1)[0]].append((f" {phrase} ", hit))

    @classmethod
    def load(cls, folder: Path = FOLDER) -> "Lexicon":
        """Reads lexicon/*.yml. Raises DataError naming the file that is wrong."""
        lists: dict[str, dict[str, list[str]]] = {}
        for path in sorted(folder.glob("*.yml")):
            raw = read_mapping(path)
            for kind in (*ANYWHERE, *WHOLE):
                phrases = raw.get(kind)
                if not phrases or not all(isinstance(phrase, str) for phrase in phrases):
                    raise DataError(f"lexicon/{path.name}: {kind} must be a list of quoted words")
            lists[raw["language"]] = {
                kind: raw.get(kind, []) for kind in (*ANYWHERE, *WHOLE, UNCLEAR, UNDONE_BY)
            }
        return cls(lists)

    def hits(self, normal: str) -> Iterator[Hit]:
        """The phrases of the `ANYWHERE` lists found in a normalised message."""
        bare = without_arabic_and(normal)
        for text in (normal,) if bare == normal else (normal, bare):
            padded = f" {text} "
            for word in set(text.split(" ")):
                for phrase, hit in self._by_first_word.get(word, ()):
                    if phrase in padded and not self._denied(phrase, hit, padded):
                        yield hit
        if is_unspaced(normal):
            joined = normal.replace(" ", "")
            for char in set(joined):
                for phrase, hit in self._by_first_char.get(char, ()):
                    if phrase in joined:
                        yield hit

    def _denied(self, phrase: str, hit: Hit, padded: str) -> bool:
        """Whether every place where the phrase stands is followed by a word that denies it."""
        denials = self._undone_by[hit.language]
        if not denials:
            return False
        after = (rest.split(" ", 1)[0] for rest in padded.split(phrase)[1:])
        return all(word in denials for word in after)

    def is_whole(self, kind: str, normal: str) -> bool:
        """Whether the whole message is a word of that list, in any language."""
        return any(normal in lists[kind] for lists in self._whole.values())

    def answer(self, normal: str, language: str | None) -> str | None:
        """yes, no, unsure or skip, when the message is exactly such a word.

        The person's own language is asked first. A word that other languages read in two ways
        ("si") counts for nothing: a wrong yes is worse than asking again. Nor does a foreign word
        of one or two letters, but for "no": the Spanish "ya" is not the English one.
        """
        kinds = ("yes", "no", "unsure", "skip")
        own = self._whole.get(language or "", {})
        if normal in own.get(UNCLEAR, ()):
            return None
        for kind in kinds:
            if normal in own.get(kind, ()):
                return kind
        if language is not None and len(normal) < 3 and normal != "no" and not is_unspaced(normal):
            return None
        found = {kind for lists in self._whole.values() for kind in kinds if normal in lists[kind]}
        return found.pop() if len(found) == 1 else None
