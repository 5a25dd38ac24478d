"""The report for people: what is asked of the understanding, what it does, language by language."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bot.handlers.urgent import CLEAR
from evaluation import figures
from evaluation.conversations import Spoken
from evaluation.measure import URGENT, Found
from evaluation.stories import PLACES, Story

HEAD = """\
# How well it understands

Written by `make evaluate`; do not edit. Every line in `evaluation/` is invented, by other hands
than the training lines in `nlu/` and the word lists in `lexicon/`, and none may be copied there
(for English the writer knew the training lines). No native speaker has reviewed them yet. Read the
figures as "on lines like these": real people will write otherwise.

"Raised" is a card for danger or self-harm, by the word lists or the engine. The misread lines of a
language: `make evaluate ARGS="--wrong pa"`.
"""


@dataclass(frozen=True)
class Goal:
    """A figure over all languages and the least (or most) it should be."""

    what: str
    value: float
    goal: float
    most: bool = False

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.value <= self.goal if self.most else self.value >= self.goal


STORIES = """
## In a story

The same lines again, several in one message, stops between them: each danger and self-harm line
in one of five places among ordinary ones, and ordinary ones alone. "Alone" is the cry by itself, or
the ordinary lines as messages of their own, any of them raised. Sentences are not cut at commas,
nor at the spaces that part them in Thai.

"""


def write(
    found: Sequence[Found],
    spoken: Mapping[str, Spoken],
    told: Sequence[Story],
    heard: Sequence[Found],
) -> str:
    """The whole report as Markdown. `heard` is what was made of the stories in `told`."""
    parts = [HEAD, _overview(found, spoken), _languages(found, spoken), _kinds(found)]
    return "\n".join([*parts, _intents(found), _sides(found), _stories(found, told, heard)])


def misread(found: Sequence[Found], language: str) -> str:
    """The lines of a language that were taken for something else."""
    wrong = [one for one in found if one.line.language == language and not _right(one)]
    return "\n".join(
        f"{one.line.intent} -> {one.intent} [{one.line.kind}] {one.line.text}" for one in wrong
    )


def _overview(found: Sequence[Found], spoken: Mapping[str, Spoken]) -> str:
    native, romanised = _split(found)
    worst = min(figures.macro_f1(_of(native, code)) for code in spoken)
    answers = list(spoken.values())
    goals = [
        Goal("intent macro-F1, own script", figures.macro_f1(native), 0.85),
        Goal("intent macro-F1, romanised", figures.macro_f1(romanised), 0.75),
        Goal("intent macro-F1, own script, weakest language", worst, 0.78),
        Goal("danger raised", figures.recalled(found, "report_danger"), 0.97),
        Goal(
            "danger without a danger word, raised",
            figures.recalled(found, "report_danger", "no_danger_word"),
            0.85,
        ),
        Goal("self-harm raised", figures.recalled(found, "report_self_harm"), 0.97),
        Goal("being watched, read as that", figures.heard(found, "report_watched"), 0.90),
        Goal("ordinary or harmless, raised", figures.false_alarms(found), 0.04, most=True),
        Goal("out of scope, not taken for a disclosure", figures.kept_out(found), 0.90),
        Goal(
            "yes, no, unsure read as another (lines)",
            sum(one.opposite for one in found),
            0,
            most=True,
        ),
        Goal("answered in the right language", _mean(answers, lambda one: one.right), 0.98),
        Goal(
            "wrong switches of language, a conversation",
            _mean(answers, lambda one: one.wrong_switches),
            0.02,
            most=True,
        ),
    ]
    rows = [
        [goal.what, f"{goal.value:.3f}", f"{'<=' if goal.most else '>='} {goal.goal:g}", _yes(goal)]
        for goal in goals
    ]
    speed = median(one.seconds for one in found) * 1000
    text = (
        f"## All languages\n\n{len(found)} lines in {len(spoken)} languages, "
        f"{len(romanised)} of them romanised. Engine time a line, median: {speed:.0f} ms.\n\n"
    )
    return text + _table(["", "measured", "goal", "reached"], rows)


def _languages(found: Sequence[Found], spoken: Mapping[str, Spoken]) -> str:
    head = ["", "lines", "F1", "F1 romanised", "danger", "without word", "self-harm", "watched",
            "raised wrongly", "harmless raised", "right language", "asks"]  # fmt: skip
    rows = []
    for code, said in spoken.items():
        of = _of(found, code)
        native, romanised = _split(of)
        rows.append(
            [
                code,
                str(len(of)),
                f"{figures.macro_f1(native):.2f}",
                f"{figures.macro_f1(romanised):.2f}" if romanised else "",
                f"{figures.recalled(of, 'report_danger'):.2f}",
                f"{figures.recalled(of, 'report_danger', 'no_danger_word'):.2f}",
                f"{figures.recalled(of, 'report_self_harm'):.2f}",
                f"{figures.heard(of, 'report_watched'):.2f}",
                f"{figures.false_alarms(of):.3f}",
                f"{figures.false_alarms(of, 'harmless'):.2f}",
                f"{said.right:.3f}",
                f"{said.asked:.3f}",
            ]
        )
    plot = "\n![Macro-F1 and alarms of each language](understanding.svg)\n"
    return "\n## Each language\n\n" + _table(head, rows) + plot


def _kinds(found: Sequence[Found]) -> str:
    kinds = sorted({one.line.kind for one in found})
    rows = [
        [kind, str(len(of)), f"{figures.share(of, _right):.3f}", f"{figures.false_alarms(of):.3f}"]
        for kind in kinds
        for of in [[one for one in found if one.line.kind == kind]]
    ]
    return "\n## Each kind of line\n\n" + _table(["", "lines", "right", "raised wrongly"], rows)


def _intents(found: Sequence[Found]) -> str:
    rows = [
        [intent, f"{figures.f1(found, intent):.3f}", f"{figures.heard(found, intent):.3f}"]
        for intent in sorted({one.line.intent for one in found})
    ]
    return "\n## Each intent\n\n" + _table(["", "F1", "recall"], rows)


def _sides(found: Sequence[Found]) -> str:
    sides: dict[str, Callable[[Found], bool]] = {
        "word lists alone": lambda one: one.screen in URGENT,
        "engine alone": lambda one: one.engine in URGENT,
        "either": lambda one: one.raised,
        f"either, in a talk (engine from {CLEAR} on)": lambda one: one.raised_in_talk,
    }
    of = {name: [one for one in found if one.line.intent == name] for name in URGENT}
    calm = [one for one in found if not one.line.intent.startswith("report_")]
    rows = [
        [
            name,
            *(f"{figures.share(of[urgent], true):.3f}" for urgent in URGENT),
            f"{figures.share(calm, true):.3f}",
        ]
        for name, true in sides.items()
    ]
    head = ["raised by", "danger", "self-harm", "ordinary lines"]
    return "\n## Word lists and engine\n\n" + _table(head, rows)


def _stories(found: Sequence[Found], told: Sequence[Story], heard: Sequence[Found]) -> str:
    alone = {(one.line.language, one.line.text): one for one in found}
    pairs = [
        (one, [alone[line.language, line.text] for line in story.told], story)
        for story, one in zip(told, heard, strict=True)
    ]
    rows = [("a cry, all", [pair for pair in pairs if pair[2].place])]
    rows += [(f"a cry {place}", [pair for pair in pairs if pair[2].place == place])
             for place in PLACES]  # fmt: skip
    rows += [("a cry, Thai", [pair for pair in rows[0][1] if pair[0].line.language == "th"])]
    rows += [("ordinary, all", [pair for pair in pairs if not pair[2].place])]
    rows += [(f"ordinary, {many} lines", [pair for pair in rows[-1][1] if len(pair[1]) == many])
             for many in (2, 3, 4)]  # fmt: skip
    head = ["", "stories", "raised", "alone", "in a talk", "alone"]
    return STORIES + _table(head, [[name, *_row(of)] for name, of in rows])


def _row(pairs: Sequence[tuple[Found, Sequence[Found], Story]]) -> list[str]:
    # Of a story with a cry, the cry alone; of one without, any of its lines.
    own = [(one, [line for line in lines if line.line.intent in URGENT or not story.place])
           for one, lines, story in pairs]  # fmt: skip
    shares = (
        [one.raised for one, _ in own],
        [any(line.raised for line in lines) for _, lines in own],
        [one.raised_in_talk for one, _ in own],
        [any(line.raised_in_talk for line in lines) for _, lines in own],
    )
    return [str(len(pairs)), *(f"{sum(of) / len(of) if of else 0:.3f}" for of in shares)]


def _right(one: Found) -> bool:
    return one.intent == one.line.intent


def _split(found: Sequence[Found]) -> tuple[list[Found], list[Found]]:
    native = [one for one in found if one.line.kind != "romanised"]
    return native, [one for one in found if one.line.kind == "romanised"]


def _of(found: Sequence[Found], code: str) -> list[Found]:
    return [one for one in found if one.line.language == code]


def _mean(answers: Sequence[Spoken], of: Callable[[Spoken], float]) -> float:
    return sum(map(of, answers)) / len(answers)


def _yes(goal: Goal) -> str:
    return "yes" if goal.met else "no"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
