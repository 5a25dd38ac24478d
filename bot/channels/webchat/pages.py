"""Draws the page, one message of it, and the plain pages for when something is not right."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from bot.bidi import keep_numbers
from bot.channels.webchat.contract import (
    LAST_TRY,
    NEUTRAL_SITE,
    SLOW_AFTER,
    TEXT_MAX,
    WEB_TEXTS,
)
from bot.channels.webchat.numbers import with_calls
from bot.channels.webchat.screen import START, Shown
from bot.conversation.render import Words
from bot.messages import LEAVE_BUTTONS, Reply

_HERE = Path(__file__).parent


def new_form_id() -> str:
    """Names one sending of a form, so that a double press is one message."""
    return secrets.token_urlsafe(16)


@dataclass(frozen=True)
class Chat:
    """What a chat page shows.

    `after` is the last id before the person's message while its answer is awaited, else "";
    `tried` counts the refreshes of a waiting page; `text` is put back into the box.
    """

    language: str
    entries: Sequence[Shown] = ()
    greeting: Reply | None = None
    notices: Sequence[Reply] = ()
    text: str = ""
    form_id: str = field(default_factory=new_form_id)
    after: str = ""
    tried: int = 0


class Pages:
    """The templates, with every text in the reader's language."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def chat(self, chat: Chat, status: int = 200) -> HTMLResponse:
        """The page with the conversation, or with the greeting when there is none yet."""
        form_id, language = chat.form_id, chat.language
        spoken = [n for n, entry in enumerate(chat.entries) if _speaker(entry) == "person"]
        choosing = [
            n for n, entry in enumerate(chat.entries) if entry.reply and entry.reply.buttons
        ]
        # Only the buttons of what was said last stand open; earlier ones are folded, not gone.
        first_open = min((spoken or [-1])[-1] + 1, (choosing or [0])[-1])
        refresh = ""
        if chat.after and chat.tried < LAST_TRY:
            refresh = f"/?after={chat.after}&try={chat.tried + 1}#latest"
        messages = [
            self._entry(entry, form_id, language, number >= first_open)
            for number, entry in enumerate(chat.entries)
        ]
        if spoken:  # where reading goes on: at the person's last words, or what is urgent since
            since = range(spoken[-1], len(messages))
            goes_on = next((n for n in since if messages[n]["urgent"]), spoken[-1])
            messages[goes_on]["latest"] = True
        html = self._render(
            "chat.html",
            language,
            greeting=chat.greeting and self._view(chat.greeting, "", form_id, language),
            messages=messages,
            latest=bool(spoken),
            notices=[self._view(reply, "", form_id, language) for reply in chat.notices],
            last_id=chat.entries[-1].id if chat.entries else START,
            waiting=bool(chat.after),
            slow=chat.tried >= SLOW_AFTER,
            refresh=refresh,
            kept_text=chat.text,
            text_max=TEXT_MAX,
            form_id=form_id,
        )
        return HTMLResponse(html, status)

    def plain(
        self, key: str, language: str, status: int, notices: Sequence[Reply] = ()
    ) -> HTMLResponse:
        """A page with one kind sentence (`web` text `key`, "" for none) and a way to the chat."""
        views = [self._view(reply, "", new_form_id(), language) for reply in notices]
        html = self._render("plain.html", language, key=key, notices=views)
        return HTMLResponse(html, status)

    def message(self, entry: Shown, language: str) -> str:
        """One message as HTML, for a page that is already open."""
        view = self._entry(entry, new_form_id(), language, is_open=True)
        return self._fragment([view], language)

    def notices(self, replies: Sequence[Reply], language: str) -> str:
        """Messages that are not part of the conversation, as HTML."""
        views = [self._view(reply, "", new_form_id(), language) for reply in replies]
        return self._fragment(views, language)

    def text(self, key: str, language: str) -> str:
        """A text of the `web` section."""
        return self._words.text("web", key, language)

    def _entry(self, entry: Shown, form_id: str, language: str, is_open: bool) -> dict[str, Any]:
        reply = entry.reply or Reply(self.text("unreadable", language), language)
        return self._view(reply, entry.id, form_id, language, is_open)

    def _view(
        self, reply: Reply, entry_id: str, form_id: str, language: str, is_open: bool = True
    ) -> dict[str, Any]:
        speaker = reply.speaker if reply.speaker in ("person", "counsellor") else "helper"
        draw = escape if speaker == "person" else with_calls
        return {
            "id": entry_id,
            "form_id": form_id,
            "speaker": speaker,
            "label": self.text("you" if speaker == "person" else speaker, language),
            "name": reply.name,
            "urgent": reply.urgent,
            "language": reply.language,
            "direction": self._words.direction(reply.language),
            "paragraphs": [
                _lines(draw(part))
                for part in keep_numbers(reply.text).split("\n\n")
                if part.strip()
            ],
            "rows": reply.buttons,
            "open": is_open,
            "latest": False,
        }

    def _fragment(self, views: list[dict[str, Any]], language: str) -> str:
        template = self._templates.get_template("messages.html")
        return template.render(messages=views, language=language, t=self._texts(language))

    def _render(self, template: str, language: str, **values: Any) -> str:
        return self._templates.get_template(template).render(
            language=language,
            direction=self._words.direction(language),
            t=self._texts(language),
            neutral_site=NEUTRAL_SITE,
            leave_choices=" ".join(sorted(LEAVE_BUTTONS)),
            **values,
        )

    def _texts(self, language: str) -> dict[str, str]:
        return {key: self.text(key, language) for key in WEB_TEXTS}


def _speaker(entry: Shown) -> str:
    return entry.reply.speaker if entry.reply else ""


def _lines(part: Markup) -> Markup:
    return Markup("<br>").join(Markup(line) for line in part.strip("\n").split("\n"))  # noqa: S704
