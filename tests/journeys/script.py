"""What the journeys say and expect: words by key, and the answers that lead to each level."""

from bot.conversation.render import Words
from bot.dialogue.check import QUESTIONS
from tests.journeys.person import Seen, TelegramPerson, WebPerson

WORDS = Words.load()

#: Answers that lead to each level; every other question is answered in the harmless way.
HARMLESS = {
    "safe_now": "safe", "hurt_now": "no", "phone_seen": "no", "minor": "no",
    "free_to_leave": "yes", "documents_held": "no", "threatened": "no", "pay_or_debt": "no",
    "deceived": "no", "private_ok": "yes", "coerced": "no", "wish": "info",
    "safe_contact": "only_me", "consent": "all",
}  # fmt: skip
RED = {"phone_seen": "yes", "free_to_leave": "no"}
ORANGE = {"threatened": "yes"}
YELLOW = {"pay_or_debt": "yes"}

#: A question about rights, typed, as somebody would.
ABOUT_RIGHTS = {
    "en": "what are my rights at work",
    "fr": "quels sont mes droits au travail",
    "es": "cuáles son mis derechos en el trabajo",
    "pa": "ਕੰਮ ਤੇ ਮੇਰੇ ਕੀ ਹੱਕ ਹਨ",
    "ar": "ما هي حقوقي في العمل",
    "zh-Hans": "我在工作中有什么权利",
}


def flat(text: str) -> str:
    """Text without the line breaks and marks that doors show differently."""
    return " ".join(text.replace("\u200e", "").split())


def is_said(seen: Seen, key: str, language: str) -> bool:
    """Whether a message is that response (placeholders may stand for anything)."""
    expected = flat(WORDS.reply(key, language).text)
    start, brace, _ = expected.partition("{")
    return flat(seen.text).startswith(start if brace else expected)


def asks(answer: list[Seen], slot: str, language: str) -> bool:
    """Whether the last message is that question."""
    return is_said(answer[-1], f"ask_{slot}", language)


def walk(
    person: TelegramPerson | WebPerson, language: str, answers: dict[str, str]
) -> tuple[str, list[Seen]]:
    """Goes through the whole check; returns the last slot answered and what came after it.

    Stops early when the person is offered a counsellor first (the check waits then).
    """
    answer = person.presses("do:start_check")
    slot = ""
    for slot in QUESTIONS:
        if slot == "coerced" and answers.get("private_ok", HARMLESS["private_ok"]) != "yes":
            continue
        assert asks(answer, slot, language), (slot, answer[-1].text)
        answer = person.presses(f"answer:{slot}:{answers.get(slot, HARMLESS[slot])}")
        if is_said(answer[-1], "check_person_first", language):
            return slot, answer
        if is_said(answer[-1], "ask_code_word", language):
            answer = person.presses("do:no_thanks")
    return slot, answer
