"""The word lists of every language (lexicon/<lang>.yml), read once and ready to match."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.data_file import read_mapping
from bot.errors import DataError
from bot.paths import ROOT
from bot.safety.normalise import clauses, is_unspaced, normalise, without_arabic_and

FOLDER = ROOT / "lexicon"
#: Lists whose phrases count anywhere in a message.
ANYWHERE = ("danger", "self_harm", "watched")
#: Lists whose words count only when they are the whole message.
WHOLE = ("leave", "yes", "no", "unsure", "skip", "help")
#: May be left out. What answers elsewhere and is the opposite here: a Polish "no" is a yes.
UNCLEAR = "unclear"
#: May be left out: `before` and `after`, what turns a phrase round when it stands right beside it.
DENIED = "denied"
SIDES = ("before", "after")


@dataclass(frozen=True)
class Hit:
    """A phrase found: which list, in which language's lexicon."""

    kind: str
    language: str


class Lexicon:
    """All languages together: a message is screened against every one of them."""

    def __init__(
        self,
        lists: dict[str, dict[str, list[str]]],
        denied: dict[str, dict[str, list[str]]] | None = None,
    ) -> None:
        """`lists`: language -> list -> phrases as written; `denied`: language -> side -> words."""
        self._by_first_word: dict[str, list[tuple[str, Hit]]] = defaultdict(list)
        self._by_first_char: dict[str, list[tuple[str, Hit]]] = defaultdict(list)
        self._whole: dict[str, dict[str, set[str]]] = defaultdict(dict)
        self._denied = {
            language: [tuple(map(_edged, filter(None, map(normalise, words.get(side, [])))))
                       for side in SIDES]
            for language, words in (denied or {}).items()
        }  # fmt: skip
        for language, kinds in lists.items():
            for kind in ANYWHERE:
                for phrase in filter(None, map(normalise, kinds.get(kind, []))):
                    self._add(phrase, Hit(kind, language))
            for kind in (*WHOLE, UNCLEAR):
                self._whole[language][kind] = set(map(normalise, kinds.get(kind, []))) - {""}

    def _add(self, phrase: str, hit: Hit) -> None:
        if is_unspaced(phrase):
            self._by_first_char[phrase[0]].append((_edged(phrase), hit))
        else:
            self._by_first_word[phrase.split(" ", 1)[0]].append((_edged(phrase), hit))

    @classmethod
    def load(cls, folder: Path = FOLDER) -> "Lexicon":
        """Reads lexicon/*.yml. Raises DataError naming the file that is wrong."""
        lists: dict[str, dict[str, list[str]]] = {}
        denied: dict[str, dict[str, list[str]]] = {}
        for path in sorted(folder.glob("*.yml")):
            raw = read_mapping(path)
            for kind in (*ANYWHERE, *WHOLE):
                if not _are_words(raw.get(kind)):
                    raise DataError(f"lexicon/{path.name}: {kind} must be a list of quoted words")
            sides = raw.get(DENIED, {})
            if not isinstance(sides, dict) or not all(
                side in SIDES and _are_words(words) for side, words in sides.items()
            ):
                raise DataError(f"lexicon/{path.name}: {DENIED} must hold {' and '.join(SIDES)}")
            lists[raw["language"]] = {
                kind: raw.get(kind, []) for kind in (*ANYWHERE, *WHOLE, UNCLEAR)
            }
            denied[raw["language"]] = sides
        return cls(lists, denied)

    def hits(self, text: str) -> list[Hit]:
        """The phrases of the `ANYWHERE` lists found, and not denied, in a message."""
        found = list(self._found(normalise(text)))
        if not found:
            return []
        # What denies stands in the same clause: "no, he has a knife" denies nothing.
        said = clauses(text)
        return [hit for phrase, hit in found if self._meant(phrase, hit.language, said)]

    def _found(self, normal: str) -> Iterator[tuple[str, Hit]]:
        padded = [f" {text} " for text in {normal, without_arabic_and(normal)}]
        for text in padded:
            for word in set(text.split()):
                yield from (pair for pair in self._by_first_word.get(word, ()) if pair[0] in text)
        if is_unspaced(normal):
            joined = normal.replace(" ", "")
            for char in set(joined):
                yield from (pair for pair in self._by_first_char.get(char, ()) if pair[0] in joined)

    def _meant(self, phrase: str, language: str, said: str) -> bool:
        """Whether the phrase stands at least once with nothing beside it to deny it.

        A phrase that itself begins with "no" is not denied by another: "no quiero vivir". One
        that goes over the end of a clause is meant.
        """
        before, after = self._denied.get(language, ((), ()))
        if phrase.startswith(before):
            before = ()
        spaced = phrase.startswith(" ")  # the space that a phrase and its neighbour have in common
        text, stands = f" {said} " if spaced else said.replace(" ", ""), False
        for one in {text, without_arabic_and(text)}:
            start = one.find(phrase)
            while start >= 0:
                stands, end = True, start + len(phrase)
                denied_before = one.endswith(before, 0, start + spaced)
                if not denied_before and not one.startswith(after, end - spaced):
                    return True
                start = one.find(phrase, start + 1)
        return not stands

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


def _are_words(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value)


def _edged(phrase: str) -> str:
    """The phrase as it is looked for: between spaces, or without any in unspaced scripts."""
    return phrase.replace(" ", "") if is_unspaced(phrase) else f" {phrase} "
