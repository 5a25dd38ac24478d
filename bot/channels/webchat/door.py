"""The routes of the web door: what comes in becomes an Inbound, what is on the screen a page."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import (
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from bot.channels.webchat.contract import (
    CHOICES_A_MINUTE,
    NEUTRAL_SITE,
    PAGE_WAIT,
    PAYLOAD_MAX,
    PLACE_A_MINUTE,
    STORE_PATIENCE,
    TEXTS_A_MINUTE,
    URGENT_A_MINUTE,
)
from bot.channels.webchat.incoming import Form, TooLong, Unreadable, delivery_name, read_form
from bot.channels.webchat.leaving import Leaving
from bot.channels.webchat.pace import Pace
from bot.channels.webchat.pages import Chat, Pages, new_form_id
from bot.channels.webchat.screen import START, Screens, Shown, place, valid_id
from bot.channels.webchat.visitor import (
    Cookies,
    match_language,
    same_origin,
)
from bot.conversation.render import Words
from bot.errors import QueueUnavailable
from bot.inbox import Inbox
from bot.messages import LEAVE_BUTTONS, Channel, Inbound, Kind, Reply
from bot.place import is_far, place_of
from bot.vault import Vault

if TYPE_CHECKING:  # it brings the language detector, which this process does not need at its start
    from bot.conversation.emergency import Emergency

#: How long Leave's answer may wait for Redis, seconds. It goes out in any case.
LEAVE_WAIT: Final = 0.3
#: One event stream lives this long, then the browser comes back with the last id, seconds.
STREAM_LIFE: Final = 300.0
#: A comment is sent after so long without news, so that nothing in between hangs up, seconds.
HEARTBEAT: Final = 15.0
#: For how many visitors is remembered what to show if Redis goes away before their answer.
REMEMBERED: Final = 1_000

_T = TypeVar("_T")


@dataclass
class Sent:
    """One POST on its way in."""

    request: Request
    form: Form
    kind: Kind
    content: str
    token: str
    person: str
    hint: str
    #: When it came, of the event loop's clock.
    began: float


class Door:
    """Handles every route that concerns a visitor."""

    def __init__(
        self, *, vault: Vault, inbox: Inbox, screens: Screens, pages: Pages, words: Words,
        emergency: "Emergency", leaving: Leaving, cookies: Cookies, clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self._vault, self._inbox, self._screens = vault, inbox, screens
        self._pages, self._words, self._emergency = pages, words, emergency
        self._leaving, self._cookies, self._clock = leaving, cookies, clock
        self._pace = {
            Kind.TEXT: Pace(TEXTS_A_MINUTE, clock),
            Kind.BUTTON: Pace(CHOICES_A_MINUTE, clock),
        }
        self._places = Pace(PLACE_A_MINUTE, clock)
        self._urgent = Pace(URGENT_A_MINUTE, clock)
        # Their words are not kept: a card, or only the numbers, in their language.
        self._meanwhile: dict[str, list[Reply]] = {}

    # -- what can be seen ------------------------------------------------------------------
    async def home(self, request: Request) -> Response:
        """GET /: the conversation of the visitor's cookie, else the greeting."""
        token = self._cookies.session_of(request)
        if not token:
            return self._chat(request, Chat(self.language(request)))
        person = self._person(token)
        after = valid_id(request.query_params["after"]) if "after" in request.query_params else ""
        tried = request.query_params.get("try", "")
        try:
            if after:
                await self._screens.wait(person, after, PAGE_WAIT)
            entries = await _patiently(self._screens.read(person))
        except QueueUnavailable:
            return self._without_store(request, person)
        if entries and entries[-1].erases:
            return await self._goodbye(request, person)
        entries = _since_erase(entries)
        if entries and place(entries[-1].id) > place(after or START):
            after = ""
            self._meanwhile.pop(person, None)
        count = int(tried) if tried.isdecimal() and len(tried) < 4 else 0
        language = self._language_of(entries) or self.language(request)
        return self._chat(request, Chat(language, entries, after=after, tried=count))

    async def events(self, request: Request) -> Response:
        """GET /events: the same entries as server-sent events, from Last-Event-ID on."""
        last = request.headers.get("last-event-id") or request.query_params.get("after", "")
        after = valid_id(last)
        token = self._cookies.session_of(request)
        if not token and after == START:
            return Response(status_code=204)  # tells the browser not to come back
        # A page that shows something and has no session any more: they left in another tab.
        person = self._person(token) if token else ""
        return StreamingResponse(
            self._stream(person, after, self.language(request)),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )

    async def health(self, request: Request) -> Response:
        """GET /healthz: the process answers; says nothing about Redis or anybody."""
        return PlainTextResponse("ok\n")

    async def no_icon(self, request: Request) -> Response:
        """GET /favicon.ico: none, on purpose: a tab shows nothing that could be recognised."""
        return Response(status_code=204)

    # -- what comes in ---------------------------------------------------------------------
    async def message(self, request: Request) -> Response:
        """POST /message: typed words."""
        return await self._take(request, Kind.TEXT)

    async def choice(self, request: Request) -> Response:
        """POST /choice: a button."""
        return await self._take(request, Kind.BUTTON)

    async def leave(self, request: Request) -> Response:
        """POST /leave: away at once, with or without Redis; erasing goes on behind."""
        if not same_origin(request):
            return RedirectResponse(NEUTRAL_SITE, 303)
        return await self._away(request)

    async def _away(self, request: Request) -> Response:
        response: Response = RedirectResponse(NEUTRAL_SITE, 303)
        if "quiet" in request.query_params:  # the script has left the page already
            response = Response(status_code=204)
        elif _by_script(request):
            response = JSONResponse({"away": NEUTRAL_SITE})
        # Also of somebody whose first message is still on its way: no session answers it yet.
        if token := self._cookies.token_of(request):
            self._meanwhile.pop(self._person(token), None)
            task = self._leaving.start(self._person(token))
            await asyncio.wait([task], timeout=LEAVE_WAIT)
        return self._forget(request, response)

    async def _take(self, request: Request, kind: Kind) -> Response:
        began = asyncio.get_running_loop().time()
        if not same_origin(request):
            return self._refuse(request, "refused", 403)
        try:
            form = await read_form(request)
        except TooLong:
            return self._refuse(request, "too_long", 413)
        except Unreadable:
            return self._refuse(request, "refused", 400)
        content = form.get("text" if kind is Kind.TEXT else "payload")
        if kind is Kind.BUTTON and not 0 < len(content.encode()) <= PAYLOAD_MAX:
            return self._refuse(request, "refused", 400)
        if kind is Kind.BUTTON and content in LEAVE_BUTTONS:
            return await self._away(request)
        token = self._cookies.token_for_writing(request)
        hint = self._offered(form.get("language")) or self.language(request, "")
        sent = Sent(request, form, kind, content, token, self._person(token), hint, began)
        if not content.strip():
            return await self._notice(sent, [self._reply("empty", hint)], 200)
        typed = content if kind is Kind.TEXT else ""
        allowed = self._pace[kind].allows(sent.person)
        # A cry for help is never "too fast".
        if not allowed and typed and not self._emergency.urgent(typed):
            return await self._notice(sent, [self._reply("too_fast", hint)], 429)
        if not (allowed or self._urgent.allows(sent.person)) or self._is_flooded(request):
            return await self._notice(sent, self._emergency.answer(typed, hint), 429)
        return await self._accept(sent)

    def _is_flooded(self, request: Request) -> bool:
        """Whether so much comes from one address that it fills the store, not conversations."""
        host = request.client.host if request.client else ""
        place = self._vault.word_mark("place", place_of(host))  # the address is not kept
        return is_far(host) and not self._places.allows(place)

    async def _accept(self, sent: Sent) -> Response:
        typed = sent.kind is Kind.TEXT
        inbound = Inbound(
            sent.person, Channel.WEBCHAT, sent.kind, self._clock(), hint=sent.hint,
            text=sent.content if typed else "", button="" if typed else sent.content,
        )  # fmt: skip
        form_id = sent.form.get("id") or new_form_id()
        update = delivery_name(sent.token, form_id, f"{sent.kind} {sent.content}")
        try:
            before = await _patiently(self._screens.last_id(sent.person))
            fresh = await _patiently(self._inbox.accept(inbound, update))
        except QueueUnavailable:
            hint = self._offered(sent.content.removeprefix("lang:")) or sent.hint
            return await self._notice(sent, self._emergency.answer(inbound.text, hint), 503)
        if self._leaving.has_left_since(sent.person, sent.began):
            return await self._away(sent.request)  # what was just stored goes after the rest
        self._remember(inbound)
        # Of a repeat the answer may be there already: then it is newer than the form's own page.
        after = before if fresh else valid_id(sent.form.get("after"))
        if _by_script(sent.request):
            response: Response = JSONResponse({"after": after}, 202)
        else:
            response = RedirectResponse(f"/?after={after}#latest", 303)
        self._cookies.keep(sent.request, response, sent.token)
        return response

    def _remember(self, inbound: Inbound) -> None:
        """Accepted, not answered yet: should Redis go away now, they still get the right card."""
        text = inbound.text if self._emergency.urgent(inbound.text) else ""
        self._meanwhile.pop(inbound.person, None)
        self._meanwhile[inbound.person] = self._emergency.answer(text, inbound.hint)
        if len(self._meanwhile) > REMEMBERED:
            del self._meanwhile[next(iter(self._meanwhile))]

    # -- answers ---------------------------------------------------------------------------
    async def _notice(self, sent: Sent, replies: Sequence[Reply], status: int) -> Response:
        """Says something that is not part of the conversation; what was typed stays in the box."""
        language = replies[0].language if replies else sent.hint or "en"
        response: Response
        if _by_script(sent.request):
            html = self._pages.notices(replies, language)
            response = JSONResponse({"notice": html}, status)
        else:
            entries: list[Shown] = []
            if self._cookies.session_of(sent.request) and status != 503:
                try:
                    entries = _since_erase(await _patiently(self._screens.read(sent.person)))
                except QueueUnavailable:
                    entries = []
            text = sent.content if sent.kind is Kind.TEXT else sent.form.get("text")
            kept_id = sent.form.get("id") or new_form_id()
            chat = Chat(language, entries, notices=replies, text=text, form_id=kept_id)
            response = self._chat(sent.request, chat, status)
        if status == 503:  # the same visitor when trying again
            self._cookies.keep(sent.request, response, sent.token)
        return response

    def _chat(self, request: Request, chat: Chat, status: int = 200) -> Response:
        greeting = None
        if not chat.entries and status != 503:
            greeting = self._reply("greeting", chat.language)
        response = self._pages.chat(replace(chat, greeting=greeting), status)
        self._cookies.begin_visit(request, response)
        return response

    def _without_store(self, request: Request, person: str) -> Response:
        replies = self._meanwhile.get(person) or self._emergency.answer("", self.language(request))
        return self._chat(request, Chat(replies[0].language, notices=replies), 503)

    def _refuse(self, request: Request, key: str, status: int) -> Response:
        language = self.language(request)
        if _by_script(request):
            said = Reply(self._pages.text(key, language), language)
            return JSONResponse({"notice": self._pages.notices([said], language)}, status)
        return self._pages.plain(key, language, status)

    async def _goodbye(self, request: Request, person: str) -> Response:
        """The session is over: nothing of it stays here or in the browser."""
        # If Redis is away: the screen has a time to live, and holds no words any more.
        with contextlib.suppress(QueueUnavailable):
            await _patiently(self._screens.clear(person))
        return self._forget(request, RedirectResponse(NEUTRAL_SITE, 303))

    def _forget(self, request: Request, response: Response) -> Response:
        self._cookies.clear(response)
        kinds = '"cookies", "storage"'
        # Chromium takes seconds for "cache" and keeps the old page on screen meanwhile; elsewhere
        # it also removes the snapshots shown when swiping back. Nothing of ours is ever cached.
        if "Chrom" not in request.headers.get("user-agent", ""):
            kinds = '"cache", ' + kinds
        response.headers["Clear-Site-Data"] = kinds
        return response

    async def _stream(self, person: str, after: str, language: str) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        ends = loop.time() + STREAM_LIFE
        yield "retry: 2000\n\n"
        try:
            # What the page shows has been erased, or locked, while it slept or had no network.
            if after != START and not (person and await self._screens.holds(person, after)):
                yield self._event(Shown(after, Reply("", erase=True)), language)
                return
            while loop.time() < ends:
                for entry in await self._screens.read(person, after):
                    after = entry.id
                    yield self._event(entry, language)
                    if entry.erases:
                        return
                if not await self._screens.wait(person, after, HEARTBEAT):
                    yield ": still here\n\n"
        except QueueUnavailable:
            return  # the browser comes back with the last id it saw

    def _event(self, entry: Shown, language: str) -> str:
        if entry.erases:
            return f"id: {entry.id}\nevent: erase\ndata: {{}}\n\n"
        language = self._language_of([entry]) or language
        body = {
            "html": self._pages.message(entry, language),
            "speaker": entry.reply.speaker if entry.reply else "helper",
        }
        return f"id: {entry.id}\nevent: message\ndata: {json.dumps(body)}\n\n"

    # -- small things ----------------------------------------------------------------------
    def language(self, request: Request, otherwise: str = "en") -> str:
        """The language for a visitor of whom nothing is known but the browser's setting."""
        codes = [code for code, _ in self._words.languages()]
        return match_language(request.headers.get("accept-language", ""), codes) or otherwise

    def _reply(self, key: str, language: str) -> Reply:
        return self._words.with_footer(self._words.reply(key, language or "en"))

    def _offered(self, code: str) -> str:
        return code if any(code == offered for offered, _ in self._words.languages()) else ""

    def _person(self, token: str) -> str:
        return self._vault.person(Channel.WEBCHAT, token)

    def _language_of(self, entries: Sequence[Shown]) -> str:
        """The language the assistant spoke last, "" if it has not."""
        for entry in reversed(entries):
            if entry.reply and entry.reply.speaker == "helper":
                return self._offered(entry.reply.language)
        return ""


def _by_script(request: Request) -> bool:
    return request.headers.get("accept", "").startswith("application/json")


def _since_erase(entries: list[Shown]) -> list[Shown]:
    """What came after the last erasing: a new conversation under the same cookie."""
    for number in range(len(entries) - 1, -1, -1):
        if entries[number].erases:
            return entries[number + 1 :]
    return entries


async def _patiently(work: Coroutine[Any, Any, _T]) -> _T:
    """`work`, given up after STORE_PATIENCE. Raises QueueUnavailable then."""
    task = asyncio.create_task(work)
    # Not asyncio.timeout: the Redis client can swallow the cancellation that one relies on.
    await asyncio.wait([task], timeout=STORE_PATIENCE)
    if task.done():
        return task.result()
    task.add_done_callback(lambda late: late.cancelled() or late.exception())
    task.cancel()
    raise QueueUnavailable("slow")
