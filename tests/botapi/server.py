"""The pretended Telegram over real HTTP: the Bot API, faults on demand, a webhook pusher, controls.

In a test on the same event loop: `async with BotApi().serving() as api:` and then use the chats of
`api.world` directly. From other threads or processes: `POST /control/<act>` with a JSON object.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from tests.botapi.methods import ApiError, Methods, decoded
from tests.botapi.world import DEFAULT_UPDATES, Chat, World

TOKEN = "4242:CANARY-token-of-the-pretended-bot"
WORDS = ("text", "name", "description", "short_description", "url", "secret_token", "language_code")


@dataclass
class Fault:
    """What goes wrong, how often, and where.

    `kind`: "429" "403" "400" "401" "502" "junk", "html400" "html403" "html502" (something on the
    way answers), "reset" (nothing is done), "cut" (done, then the connection breaks), "hang" (done,
    but the answer comes only after `seconds`).
    """

    kind: str
    method: str = ""  # "" = any
    chat: int | None = None
    times: int = 1
    retry_after: int = 1
    seconds: float = 1.0
    description: str = ""
    gate: asyncio.Event | None = None  # for "hang": answers when set

    def fits(self, method: str, asked: dict[str, Any]) -> bool:
        return (
            self.times > 0
            and self.method.lower() in ("", method.lower())
            and (self.chat is None or str(self.chat) == str(asked.get("chat_id")))
        )


@dataclass
class BotApi:
    """The server. `calls` holds every (method, parameters) in the order they came."""

    token: str = TOKEN
    #: Pause before a webhook delivery that failed is tried again, seconds.
    push_again: float = 0.05
    clock: Callable[[], float] | None = None
    world: World = field(init=False)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    pushed: list[tuple[int, int]] = field(default_factory=list)  # (update id, status; 0 = none)
    url: str = ""
    #: Texts sent to a chat before the time was over that a 429 had named for it.
    early: list[str] = field(default_factory=list)
    #: How many getUpdates wait for an answer at this moment.
    polling_now: int = 0

    def __post_init__(self) -> None:
        self.world = World(self.token, *([self.clock] if self.clock else []))
        self.methods = Methods(self.world)
        self._limits: dict[Any, float] = {}  # chat -> until when it takes no more messages
        self._closing = False
        self._polling: asyncio.Event | None = None
        self._pushing: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._client: httpx.AsyncClient | None = None

    @property
    def base_url(self) -> str:
        return f"{self.url}/bot"

    @property
    def base_file_url(self) -> str:
        return f"{self.url}/file/bot"

    def fails(self, kind: str, method: str = "", **more: Any) -> Fault:
        """Lets the next calls that fit go wrong; see Fault."""
        fault = Fault(kind, method, **more)
        self.faults.append(fault)
        return fault

    def called(self, method: str) -> list[dict[str, Any]]:
        """The parameters of every call of a method so far."""
        return [asked for name, asked in self.calls if name == method]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/bot{token}/{method}", self._call, methods=["GET", "POST"]),
                Route("/file/bot{token}/{path:path}", self._download),
                Route("/control/{act}", self._control, methods=["POST"]),
            ]
        )

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator["BotApi"]:
        """Listens on a free port (or the one given) of this machine until the block ends."""
        config = uvicorn.Config(
            self.app(), host="127.0.0.1", port=port, log_config=None, access_log=False,
            lifespan="off", ws="none", timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = QuietServer(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            if serving.done():
                await serving
            await asyncio.sleep(0.005)
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(timeout=10) as self._client:
            pump = asyncio.create_task(self._pump())
            try:
                yield self
            finally:
                for task in (pump, *self._pushing.values()):
                    task.cancel()
                await asyncio.gather(pump, *self._pushing.values(), return_exceptions=True)
                self._closing = True
                self.world.changed()
                server.should_exit = True
                await serving

    # -- the Bot API ---------------------------------------------------------------------------
    async def _call(self, request: Request) -> Response:
        name = request.path_params["method"]
        words: dict[str, Any] = dict(request.query_params)
        if request.headers.get("content-type", "").startswith("application/json"):
            words |= await request.json()
        elif request.method == "POST":
            words |= await request.form()
        asked = {key: word if key in WORDS else decoded(word) for key, word in words.items()}
        self.calls.append((name, asked))
        if name == "sendMessage" and _now() < self._limits.get(asked["chat_id"], 0):
            self.early.append(asked["text"])
        fault = next((fault for fault in self.faults if fault.fits(name, asked)), None)
        if fault:
            fault.times -= 1
            if fault.kind == "429" and "chat_id" in asked:
                self._limits[asked["chat_id"]] = _now() + fault.retry_after
            if fault.kind not in ("cut", "hang"):
                return await self._spoil(request, fault)
        try:
            answer = ok(await self._perform(request, name, asked))
        except ApiError as error:
            answer = not_ok(error)
        if fault and fault.kind == "cut":
            return await self._spoil(request, fault)
        if fault:
            waiting = fault.gate.wait() if fault.gate else asyncio.sleep(fault.seconds)
            await waiting
        return answer

    async def _perform(self, request: Request, name: str, asked: dict[str, Any]) -> Any:
        if request.path_params["token"] != self.token:
            raise ApiError(401, "Unauthorized")
        if name.lower() == "getupdates":
            self.polling_now += 1
            try:
                return await self._get_updates(request, asked)
            finally:
                self.polling_now -= 1
        method = self.methods.find(name)
        if method is None:
            raise ApiError(404, "Not Found")
        return method(asked)

    async def _get_updates(self, request: Request, asked: dict[str, Any]) -> Any:
        if self.world.webhook:
            raise ApiError(409, "Conflict: can't use getUpdates method while webhook is active; "
                                "use deleteWebhook to delete the webhook first")  # fmt: skip
        if self._polling:
            self._polling.set()
        mine = self._polling = asyncio.Event()
        if "allowed_updates" in asked:
            self.world.allowed = tuple(asked["allowed_updates"]) or DEFAULT_UPDATES
        offset, limit = int(asked.get("offset") or 0), int(asked.get("limit") or 100)
        for update_id in [number for number in self.world.pending if number < offset]:
            self.world.confirm(update_id)
        until = _now() + float(asked.get("timeout") or 0)
        while not self.world.pending and not self._closing and _now() < until:
            waiting = {asyncio.create_task(self.world.change.wait()),
                       asyncio.create_task(mine.wait())}  # fmt: skip
            left = min(until - _now(), 0.2)
            await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            if request._receive.__self__.disconnected:  # type: ignore[attr-defined]
                break
            if mine.is_set():
                raise ApiError(409, "Conflict: terminated by other getUpdates request; make sure "
                                    "that only one bot instance is running")  # fmt: skip
        if self._polling is mine:
            self._polling = None
        return [self.world.pending[number] for number in sorted(self.world.pending)][:limit]

    async def _spoil(self, request: Request, fault: Fault) -> Response:
        if fault.kind in ("reset", "cut"):
            # uvicorn's own transport: the connection breaks with no answer, as on a real network.
            request._receive.__self__.transport.abort()  # type: ignore[attr-defined]
            await asyncio.sleep(0)
            return Response()
        if fault.kind.startswith("html"):
            return HTMLResponse("<html>Not Telegram</html>", int(fault.kind[4:]))
        if fault.kind == "junk":
            return PlainTextResponse("}{")
        words = {"429": f"Too Many Requests: retry after {fault.retry_after}", "401":
                 "Unauthorized", "403": "Forbidden: bot was blocked by the user",
                 "502": "Bad Gateway", "400": "Bad Request: MESSAGE_INVALID"}  # fmt: skip
        error = ApiError(int(fault.kind), fault.description or words[fault.kind])
        if fault.kind == "429":
            error.parameters = {"retry_after": fault.retry_after}
        return not_ok(error)

    async def _download(self, request: Request) -> Response:
        path = request.path_params["path"]
        self.calls.append(("download", {"path": path}))
        content = self.world.files.get(path.removeprefix("files/"))
        if request.path_params["token"] != self.token or content is None:
            return PlainTextResponse("not found", 404)
        fault = next((fault for fault in self.faults if fault.fits("download", {})), None)
        if fault:
            fault.times -= 1
            if fault.kind == "hang":
                await (fault.gate.wait() if fault.gate else asyncio.sleep(fault.seconds))
            elif fault.kind != "cut":
                return await self._spoil(request, fault)
        # "cut": the connection breaks after half of it. Telegram names no kind of what it sends.
        cut = fault is not None and fault.kind == "cut"
        return StreamingResponse(_pieces(request, content, cut=cut),
                                 media_type="application/octet-stream")  # fmt: skip

    # -- the webhook pusher ----------------------------------------------------------------------
    async def _pump(self) -> None:
        """One queue for each (kind, chat), in order; a failing update holds its own queue only."""
        while True:
            change = self.world.change
            for update_id in sorted(self.world.pending) if self.world.webhook else ():
                queue = self.world.queues[update_id]
                if queue not in self._pushing:
                    self._pushing[queue] = asyncio.create_task(self._push(queue, update_id))
            await change.wait()

    async def _push(self, queue: tuple[str, int], update_id: int) -> None:
        status, hook = 0, self.world.webhook
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook["secret_token"]} if hook.get(
            "secret_token") else {}  # fmt: skip
        assert self._client
        try:
            body = self.world.pending[update_id]
            status = (await self._client.post(hook["url"], json=body, headers=headers)).status_code
        except httpx.HTTPError:
            pass
        self.pushed.append((update_id, status))
        if 200 <= status < 300:
            self.world.confirm(update_id)
        else:
            await asyncio.sleep(self.push_again)
        del self._pushing[queue]
        self.world.changed()

    # -- controls for other processes --------------------------------------------------------------
    async def _control(self, request: Request) -> Response:
        body = await request.json()
        act = getattr(self, f"_on_{request.path_params['act']}", None)
        if act is None:
            return not_ok(ApiError(404, "no such act"))
        try:
            return ok(await act(body))
        except (LookupError, TypeError, ValueError) as error:
            return not_ok(ApiError(400, f"{type(error).__name__}: {error}"))

    async def _on_person(self, body: dict[str, Any]) -> Any:
        """{language?, name?} -> the new chat's id."""
        return self.world.person(**body).id

    async def _on_group(self, body: dict[str, Any]) -> Any:
        """{kind?, language?} -> the new chat's id."""
        return self.world.group(**body).id

    async def _on_do(self, body: dict[str, Any]) -> Any:
        """{chat, act: says|sends|presses|forges|edits|blocks|ages|membership, ...its arguments}."""
        chat = self._chat_of(body)
        act = body.pop("act")
        if act not in ("says", "sends", "presses", "forges", "edits", "blocks", "ages",
                       "membership"):  # fmt: skip
            raise LookupError(act)
        return getattr(chat, act)(**body)

    async def _on_see(self, body: dict[str, Any]) -> Any:
        """{chat, after?: message id, wait?: seconds, least?: how many} -> visible messages."""
        chat, after = self._chat_of(body), body.get("after", 0)
        least = body.get("least", 1)

        def found() -> list[Any]:
            return [message.shown() for message in chat.sees() if message.id > after]

        if body.get("wait"):
            with contextlib.suppress(TimeoutError):
                await self.world.until(
                    lambda: sum(message["by_bot"] for message in found()) >= least, body["wait"]
                )
        return found()

    async def _on_fail(self, body: dict[str, Any]) -> Any:
        """{kind, method?, chat?, times?, retry_after?, seconds?}; {} ends all faults."""
        if not body:
            self.faults.clear()
            return True
        return bool(self.fails(**body))

    async def _on_calls(self, body: dict[str, Any]) -> Any:
        """{method?} -> the calls so far."""
        return [call for call in self.calls if body.get("method") in (None, call[0])]

    def _chat_of(self, body: dict[str, Any]) -> Chat:
        return self.world.chats[int(body.pop("chat"))]


class QuietServer(uvicorn.Server):
    """A server that leaves the process's signals alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _pieces(request: Request, content: bytes, *, cut: bool) -> AsyncIterator[bytes]:
    half = (len(content) + 1) // 2
    yield content[:half]
    if cut:
        request._receive.__self__.transport.abort()  # type: ignore[attr-defined]
        return
    yield content[half:]


def _now() -> float:
    return asyncio.get_running_loop().time()


def ok(result: Any) -> Response:
    return JSONResponse({"ok": True, "result": result})


def not_ok(error: ApiError) -> Response:
    body: dict[str, Any] = {
        "ok": False, "error_code": error.code, "description": error.description,
    }  # fmt: skip
    if error.parameters:
        body["parameters"] = error.parameters
    return JSONResponse(body, error.code)
