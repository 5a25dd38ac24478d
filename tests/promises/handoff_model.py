"""What the handoff queue must do, in plain Python: the yardstick of test_handoff_model.py.

Every act is a list of steps, each of them atomic. `take_next` looks first and claims then, `lapse`
goes from one handoff to the next: between their steps others may act.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

from bot.handoff.lapses import RISE_AFTER
from bot.handoff.order import LANGUAGE_FIRST
from bot.handoff.record import State
from bot.safety.levels import Level

LEASE = 30.0
#: How long a page is silent between two signs of life.
BEAT = LEASE / 3
WITH = (State.CLAIMED, State.ACTIVE)


@dataclass
class Person:
    """Someone's last handoff. `number` tells one request from the next."""

    number: int = 0
    state: State = State.CLOSED
    level: int = 4
    rank: int = 4
    asked_at: float = 0.0
    front: bool = False
    language: str = "en"
    holder: str = ""
    lease: float = 0.0
    offered_to: str = ""
    left_by: str = ""
    left_at: float = 0.0
    told: tuple[str, ...] = ()
    hold: float = 0.0  # until when a supervisor holds them back
    aside: bool = False  # waits, but stands in no line


@dataclass
class Model:
    """Everybody, and who is on shift since when."""

    people: dict[str, Person]
    capacity: dict[str, int]
    now: float = 0.0
    seen: dict[str, float] = field(default_factory=dict)
    #: Wrap-ups of people who have asked again: number -> (whose, holder, lease).
    old: dict[int, tuple[str, str, float]] = field(default_factory=dict)
    #: Holds of people, which outlive their handoffs.
    holds: dict[str, float] = field(default_factory=dict)
    #: When the janitor last came by; 0 for never.
    round: float = 0.0

    def copy(self) -> "Model":
        people = {name: replace(person) for name, person in self.people.items()}
        now, seen, old = self.now, dict(self.seen), dict(self.old)
        return Model(people, self.capacity, now, seen, old, dict(self.holds), self.round)

    def key(self) -> object:
        """What can be seen of it from outside."""
        return (
            tuple(self.line()),
            tuple(sorted(self.seen.items())),
            tuple(sorted(self.old.items())),
            tuple(sorted((name, _visible(person)) for name, person in self.people.items())),
        )

    # -- looking -----------------------------------------------------------------------------
    def line(self) -> list[str]:
        """Who waits, in the order of the queue."""
        waiting = [name for name, one in self.people.items() if one.state is State.WAITING]
        waiting = [name for name in waiting if not self.people[name].aside]

        def place(name: str) -> tuple[int, bool, float]:
            one = self.people[name]
            return one.rank, not one.front, one.asked_at

        return sorted(waiting, key=place)

    def here(self, who: str) -> bool:
        return who in self.seen and self.seen[who] >= self.now - LEASE

    def no_room(self, who: str) -> str:
        if not self.here(who):
            return "off"
        held = [one for one in self.people.values() if self.leased(one) and one.holder == who]
        wrap_ups = [holder for _, holder, _ in self.old.values() if holder == who]
        return "full" if len(held) + len(wrap_ups) >= self.capacity[who] else ""

    @staticmethod
    def leased(one: Person) -> bool:
        return one.state in (*WITH, State.WRAP_UP)

    # -- acts of one step ----------------------------------------------------------------------
    def ask(self, name: str, level: int, language: str, number: int) -> str:
        one = self.people[name]
        if one.state in (State.WAITING, *WITH):
            one.language = language
            return self.lift(name, level)
        if one.state is State.WRAP_UP:
            self.old[one.number] = (name, one.holder, one.lease)
        self.people[name] = Person(
            number, State.WAITING, level, level, self.now, language=language, told=one.told
        )
        if self.holds.get(name, 0) > self.now:
            self.people[name].hold = self.holds[name]
        self.stand(self.people[name])
        return "ok"

    def stand(self, one: Person) -> None:
        """In line, or aside while a hold lasts."""
        one.aside = one.state is State.WAITING and one.hold > self.now

    def hold(self, name: str, hours: int) -> str:
        one = self.people[name]
        if one.number == 0:
            return "gone"
        self.holds[name] = one.hold = self.now + 3600 * hours
        if one.state is State.WAITING:
            one.offered_to = ""
        self.stand(one)
        return "ok"

    def unhold(self, name: str) -> str:
        one = self.people[name]
        if one.number == 0:
            return "gone"
        self.holds.pop(name, None)
        one.hold, one.aside = 0.0, False
        return "ok"

    def lift(self, name: str, level: int) -> str:
        one = self.people[name]
        if one.state in (State.WAITING, *WITH):
            one.level = min(one.level, level)
            one.rank = min(one.rank, one.level)
            self.stand(one)
        return "ok"

    def claim(self, name: str, who: str) -> str:
        one = self.people[name]
        if one.state in WITH:
            return "ok" if one.holder == who else "taken"
        if one.state is not State.WAITING:
            return "gone"
        if why := self.no_room(who):
            return why
        one.state, one.holder, one.lease = State.CLAIMED, who, self.now + LEASE
        one.front, one.left_by, one.offered_to, one.aside = False, "", "", False
        one.told += (f"here {who}",)
        return "ok"

    def say(self, name: str, who: str) -> str:
        one = self.people[name]
        if one.state not in WITH or one.holder != who:
            return "gone"
        one.state = State.ACTIVE
        return "ok"

    def put_back(self, name: str, left_by: str) -> str:
        one = self.people[name]
        one.state, one.holder, one.front, one.offered_to = State.WAITING, "", True, ""
        one.left_by, one.left_at, one.lease = left_by, self.now, 0.0
        one.told += ("away",)
        self.stand(one)
        return "ok"

    def release(self, name: str, who: str) -> str:
        one = self.people[name]
        if one.state not in WITH or one.holder != who:
            return "gone"
        return self.put_back(name, who)

    def offer(self, name: str, who: str, colleague: str) -> str:
        one = self.people[name]
        if one.state not in WITH or one.holder != who or who == colleague:
            return "gone"
        return self._offer(one, colleague)

    def give(self, name: str, colleague: str) -> str:
        """A supervisor offers somebody who waits."""
        one = self.people[name]
        return self._offer(one, colleague) if one.state is State.WAITING else "gone"

    def _offer(self, one: Person, colleague: str) -> str:
        if why := self.no_room(colleague):
            return why
        one.offered_to = colleague
        return "ok"

    def accept(self, name: str, who: str) -> str:
        one = self.people[name]
        if one.state not in WITH:
            return "gone"
        if one.holder == who:
            return "ok"
        if one.offered_to != who:
            return "gone"
        if why := self.no_room(who):
            return why
        one.holder, one.lease, one.offered_to = who, self.now + LEASE, ""
        one.told += (f"here {who}",)
        return "ok"

    def decline(self, name: str, who: str) -> str:
        one = self.people[name]
        if not one.offered_to or who not in (one.offered_to, one.holder):
            return "gone"
        one.offered_to = ""
        return "ok"

    def end(self, name: str, who: str, outcome: str) -> str:
        one = self.people[name]
        if not self.leased(one) or one.holder != who:
            return "gone"
        if one.state is not State.WRAP_UP:
            one.told += ("ended",)
        one.state, one.offered_to = State.CLOSED if outcome else State.WRAP_UP, ""
        return "ok"

    def leave(self, name: str) -> str:
        self.people[name] = Person(told=self.people[name].told)
        self.holds.pop(name, None)
        self.old = {number: one for number, one in self.old.items() if one[0] != name}
        return "ok"

    def silence(self, name: str) -> str:
        """Nobody wrote any more: all of theirs goes, but for a hold."""
        hold = self.holds.get(name, 0.0)
        self.leave(name)
        self.holds[name] = hold
        return "ok"

    def cancel(self, name: str) -> str:
        """They stop waiting and stay in the chat: a hold stays, too."""
        one = self.people[name]
        if one.state in (State.WAITING, *WITH):
            self.people[name] = Person(told=one.told)
        return "ok"

    def beat(self, who: str) -> str:
        for one in self.people.values():
            if self.leased(one) and one.holder == who:
                one.lease = self.now + LEASE
        for number, (name, holder, _) in list(self.old.items()):
            if holder == who:
                self.old[number] = (name, holder, self.now + LEASE)
        if who in self.seen:
            self.seen[who] = self.now
        return "ok"

    def shift(self, who: str, on: bool) -> str:
        if on:
            self.seen[who] = self.now
        else:
            self.seen.pop(who, None)
        return "ok"

    # -- acts of several steps -----------------------------------------------------------------
    def order_for(self, who: str, languages: tuple[str, ...]) -> list[str]:
        """The queue's order as `take_next` sees it."""

        def place(name: str) -> tuple[bool, int, bool, bool]:
            one = self.people[name]
            red = one.rank == Level.RED
            left = one.left_by == who and one.left_at > self.now - LANGUAGE_FIRST
            suits = red or one.language in languages or self.now - one.asked_at >= LANGUAGE_FIRST
            return left and not red, one.rank, left, not suits

        return sorted(self.line(), key=place)

    def gap(self) -> None:
        """After a time in which nobody could be heard, whoever was there has a lease anew."""
        if self.round and self.now - self.round > BEAT:
            for one in self.people.values():
                one.lease = self.now + LEASE if self.leased(one) else one.lease
            old = self.old.items()
            self.old = {number: (*rest, self.now + LEASE) for number, (*rest, _) in old}
            self.seen = dict.fromkeys(self.seen, self.now)
        self.round = self.now

    def drop_stale(self) -> None:
        for who in [who for who in self.seen if not self.here(who)]:
            del self.seen[who]

    def due(self, name: str) -> bool:
        """Whether a lapse looks at this person."""
        one = self.people[name]
        return self.leased(one) and one.lease <= self.now

    def lapse_one(self, name: str, was: State) -> None:
        """`was` is the state that was read before."""
        one = self.people[name]
        late = one.lease <= self.now
        if was is State.WRAP_UP:
            if one.state is State.WRAP_UP and late:
                one.state = State.CLOSED
        elif one.state in WITH and late:
            self.put_back(name, "")

    def close_old(self, number: int) -> None:
        if number in self.old and self.old[number][2] <= self.now:
            del self.old[number]

    def age(self) -> None:
        for one in self.people.values():
            if one.hold <= self.now:
                one.hold, one.aside = 0.0, False
            if one.state is State.WAITING and not one.aside:
                steps = int((self.now - one.asked_at) // RISE_AFTER)
                one.rank = min(one.rank, max(one.level - steps, min(one.level, Level.ORANGE)))
            if one.offered_to and not self.here(one.offered_to):
                one.offered_to = ""


def _visible(one: Person) -> object:
    if one.state is State.CLOSED:
        return one.state, one.told
    return tuple(value for name, value in vars(one).items() if name != "front")


# -- acts as steps -------------------------------------------------------------------------------
#: One atomic step: works on the model, and notes the outcome under "out" when it has one.
Notes = dict[str, Any]
Step = Callable[[Model, Notes], None]
#: (what, arguments...): see `steps_of`.
Act = tuple[Any, ...]


def steps_of(act: Act, model: Model) -> list[Step]:
    """What an act does, step by step."""
    what, *given = act
    if what == "take_next":
        return _take_next(*given)
    if what == "lapse":
        return _lapse(model)
    if what == "expire":
        return _expire(*given, model)

    def only(model: Model, notes: Notes) -> None:
        notes["out"] = getattr(model, what)(*given)

    return [only, _see_again(given[0])] if what in ("claim", "accept") else [only]


def _expire(name: str, model: Model) -> list[Step]:
    """A lapse, after which the time of somebody who waits or talks has run out."""

    def end(model: Model, notes: Notes) -> None:
        one = model.people[name]
        if one.state in (State.WAITING, *WITH):
            how = "cancelled" if one.state is State.WAITING else "ended"
            model.people[name] = Person(told=(*one.told, how))

    return [*_lapse(model), end]


def _see_again(name: str) -> Step:
    """Whoever claims reads the person once more: they may have left at once."""

    def step(model: Model, notes: Notes) -> None:
        if notes["out"] == "ok" and model.people[name].number == 0:
            notes["out"] = "gone"

    return step


def _take_next(who: str, languages: tuple[str, ...]) -> list[Step]:
    def look(model: Model, notes: Notes) -> None:
        notes["left"] = model.order_for(who, languages)

    def take(model: Model, notes: Notes) -> None:
        if "out" in notes and (notes["out"] in ("off", "full") or not _left(model, notes["out"])):
            return
        notes["out"] = "none"
        while notes["left"]:
            name = notes["left"].pop(0)
            verdict = model.claim(name, who)
            if verdict in ("gone", "taken"):
                continue
            notes["out"] = name if verdict == "ok" else verdict
            return

    return [look, take, take]


def _left(model: Model, name: str) -> bool:
    return name in model.people and model.people[name].number == 0


def _lapse(model: Model) -> list[Step]:
    """From one claim to the next, in the order in which their leases end."""
    names = {one.number: name for name, one in model.people.items() if model.leased(one)}
    ends = {one.number: one.lease for one in model.people.values() if one.number in names}
    ends |= {number: lease for number, (_, _, lease) in model.old.items()}

    def gap(model: Model, notes: Notes) -> None:
        model.gap()

    def drop(model: Model, notes: Notes) -> None:
        model.drop_stale()

    def look(model: Model, notes: Notes) -> None:
        notes["due"] = [name for name in names.values() if model.due(name)]

    def read(number: int) -> Step:
        def step(model: Model, notes: Notes) -> None:
            if number in names:
                notes[names[number]] = model.people[names[number]].state

        return step

    def back(number: int) -> Step:
        def step(model: Model, notes: Notes) -> None:
            if number not in names:
                model.close_old(number)
            elif names[number] in notes["due"]:
                model.lapse_one(names[number], notes[names[number]])

        return step

    def age(model: Model, notes: Notes) -> None:
        model.age()
        notes["out"] = "ok"

    order = sorted(ends, key=lambda number: (ends[number], number))
    each = [step for number in order for step in (read(number), back(number))]
    return [gap, drop, look, *each, age]


def outcomes(model: Model, acts: list[Act]) -> Iterator[tuple[tuple[object, ...], Model]]:
    """All that may come of one act, or of two at once: (outcome of each), the model after."""
    steps = [steps_of(act, model) for act in acts]
    orders = merges(len(steps[0]), len(steps[1])) if len(acts) == 2 else iter([[0] * len(steps[0])])
    for order in orders:
        after = model.copy()
        notes: list[Notes] = [{} for _ in acts]
        left = [iter(one) for one in steps]
        for number in order:
            next(left[number])(after, notes[number])
        yield tuple(one["out"] for one in notes), after


def merges(first: int, second: int) -> Iterator[list[int]]:
    """Every order of two acts of so many steps: 0 is the first's turn, 1 the second's."""
    for places in combinations(range(first + second), second):
        yield [1 if at in places else 0 for at in range(first + second)]
