"""A pretended Telegram: enough of the Bot API for the real door to hold conversations with it."""

import contextlib
import json
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_LONG_POLL = 1.0


class PretendedTelegram:
    """Serves on a port of this machine between `start` and `stop`.

    `base_url` names it, `base_file_url` where its files are.
    """

    def __init__(self, token: str) -> None:
        self.token = token
        self._changed = threading.Condition()
        self._updates: list[dict[str, Any]] = []
        self._next_update, self._next_message = 100, 1000
        self._shown: dict[int, dict[int, str]] = defaultdict(dict)
        self._sent: dict[int, int] = defaultdict(int)
        #: What people send, by the name Telegram gives it.
        self.files: dict[str, bytes] = {}
        telegram = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length).decode()
                path = urlsplit(self.path)
                asked = dict(parse_qsl(path.query) + parse_qsl(body))
                result = telegram._answer(path.path.rpartition("/")[2], asked)
                self._say(json.dumps({"ok": True, "result": result}).encode())

            def do_GET(self) -> None:
                self._say(telegram.files[self.path.rpartition("/")[2]])

            def _say(self, raw: bytes) -> None:
                self.send_response(200)
                self.send_header("content-type", "application/octet-stream")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the door has just ended
                    self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing: it is not one of ours."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        address = f"http://127.0.0.1:{self._server.server_port}"
        self.base_url, self.base_file_url = f"{address}/bot", f"{address}/file/bot"

    def start(self) -> None:
        """Begins to serve, in threads."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Ends serving."""
        self._server.shutdown()
        self._server.server_close()

    # -- a person's hands and eyes ---------------------------------------------------------------
    def sends(self, user: dict[str, Any], kind: str, **fields: Any) -> None:
        """One update of a private chat; `kind` as in the Bot API."""
        chat = {"id": user["id"], "type": "private", "first_name": user["first_name"]}
        now = int(time.time())
        with self._changed:
            self._next_message += 1
            message = {
                "message_id": self._next_message, "date": now, "chat": chat, "from": user, **fields
            }  # fmt: skip
            body: dict[str, Any] = message
            if kind == "callback_query":
                pressed = {"chat": chat, "message_id": 1, "date": 0}
                body = {"id": str(self._next_message), "from": user, "chat_instance": "1",
                        "data": fields["data"], "message": pressed}  # fmt: skip
            elif kind == "my_chat_member":
                bot = {"id": int(self.token.partition(":")[0]), "is_bot": True, "first_name": "x"}
                before = {"user": bot, "status": "member"}
                after = {"user": bot, "status": "kicked", "until_date": 0}
                body = {"chat": chat, "from": user, "date": now,
                        "old_chat_member": before, "new_chat_member": after}  # fmt: skip
            else:
                self._shown[user["id"]][self._next_message] = json.dumps(fields)
            self._next_update += 1
            self._updates.append({"update_id": self._next_update, kind: body})
            self._changed.notify_all()

    def count(self, chat: int) -> int:
        """How many messages the bot has sent to a chat so far."""
        with self._changed:
            return self._sent[chat]

    def visible(self, chat: int) -> list[str]:
        """What stands in a chat now, both sides."""
        with self._changed:
            return list(self._shown[chat].values())

    # -- the Bot API -----------------------------------------------------------------------------
    def _answer(self, method: str, asked: dict[str, str]) -> Any:
        with self._changed:
            match method.lower():
                case "getme":
                    return {"id": int(self.token.partition(":")[0]), "is_bot": True,
                            "first_name": "Helper", "username": "helper_bot"}  # fmt: skip
                case "getupdates":
                    return self._updates_from(int(asked.get("offset") or 0))
                case "getfile":
                    name = asked["file_id"]
                    return {"file_id": name, "file_unique_id": name, "file_path": name}
                case "sendmessage":
                    return self._bot_writes(int(asked["chat_id"]), asked.get("text", ""))
                case "deletemessage":
                    self._shown[int(asked["chat_id"])].pop(int(asked["message_id"]), None)
                case "deletemessages":
                    for number in json.loads(asked["message_ids"]):
                        self._shown[int(asked["chat_id"])].pop(int(number), None)
                case "getmycommands":
                    return []
                case "getmyname" | "getmydescription" | "getmyshortdescription":
                    return {"name": "", "description": "", "short_description": ""}
            return True

    def _updates_from(self, offset: int) -> list[dict[str, Any]]:
        def waiting() -> list[dict[str, Any]]:
            return [update for update in self._updates if update["update_id"] >= offset]

        self._updates = waiting() if offset else self._updates
        self._changed.wait_for(waiting, _LONG_POLL)
        return waiting()[:100]

    def _bot_writes(self, chat: int, text: str) -> dict[str, Any]:
        self._next_message += 1
        self._shown[chat][self._next_message] = text
        self._sent[chat] += 1
        return {"message_id": self._next_message, "date": int(time.time()), "text": text,
                "chat": {"id": chat, "type": "private", "first_name": "x"}}  # fmt: skip
