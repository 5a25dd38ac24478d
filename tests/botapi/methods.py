"""The Bot API methods: what they check, what they change, and the words of their errors."""

import json
import re
from collections.abc import Callable
from typing import Any

from tests.botapi.world import HOUR, Chat, Message, World

MAX_TEXT = 4096
MAX_FILE = 20 * 1024 * 1024
DELETE_WINDOW = 48 * HOUR


class ApiError(Exception):
    """An answer that is not ok."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def bad(description: str) -> ApiError:
    return ApiError(400, f"Bad Request: {description}")


class Methods:
    """Every method the bot may call, by its name in the Bot API."""

    def __init__(self, world: World) -> None:
        self.world = world

    def find(self, name: str) -> Callable[[dict[str, Any]], Any] | None:
        """The method of that name (any case), or None."""
        for attribute in dir(self):
            if attribute.startswith("do_") and attribute[3:].lower() == name.lower():
                method: Callable[[dict[str, Any]], Any] = getattr(self, attribute)
                return method
        return None

    def do_getMe(self, asked: dict[str, Any]) -> Any:  # noqa: N802 - Telegram's names
        return {
            **self.world.bot, "can_join_groups": True, "can_read_all_group_messages": False,
            "supports_inline_queries": False, "can_connect_to_business": False,
            "has_main_web_app": False,
        }  # fmt: skip

    # -- messages ------------------------------------------------------------------------------
    def do_sendMessage(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        chat = self._chat(asked)
        buttons = _buttons(asked)
        flags = {key: value for key, value in asked.items()
                 if key not in ("chat_id", "text", "reply_markup")}  # fmt: skip
        return chat.bot_writes(_text(asked), flags, buttons)

    def do_editMessageText(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        message = self._message(asked)
        text, buttons = _text(asked), _buttons(asked)
        if (text, buttons) == (message.text, message.buttons):
            raise bad("message is not modified: specified new message content and reply markup "
                      "are exactly the same as a current content")  # fmt: skip
        message.text, message.buttons, message.edited = text, buttons, True
        self.world.changed()
        return True

    def do_editMessageReplyMarkup(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        message = self._message(asked)
        return self.do_editMessageText({**asked, "text": message.text})

    def do_deleteMessage(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        chat, number = self._chat(asked), int(asked["message_id"])
        message = chat.messages.get(number)
        if message is None or message.deleted:
            raise bad("message to delete not found")
        self._delete(chat, [number])
        return True

    def do_deleteMessages(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        chat, numbers = self._chat(asked), [int(number) for number in asked["message_ids"]]
        if not numbers:
            raise bad("message identifiers are not specified")
        if len(numbers) > 100:
            raise bad("too many message identifiers specified")
        self._delete(chat, [number for number in numbers if number in chat.messages])
        return True

    def _delete(self, chat: Chat, numbers: list[int]) -> None:
        now = self.world.clock()
        if any(now - chat.messages[number].date > DELETE_WINDOW for number in numbers):
            raise bad("message can't be deleted for everyone")
        for number in numbers:
            chat.messages[number].deleted = True
        self.world.changed()

    def do_sendChatAction(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        return bool(self._chat(asked))

    def do_leaveChat(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        self._chat(asked).left = True
        self.world.changed()
        return True

    def do_answerCallbackQuery(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        if self.world.queries.get(asked["callback_query_id"]) != "fresh":
            raise bad("query is too old and response timeout expired or query ID is invalid")
        self.world.queries[asked["callback_query_id"]] = "answered"
        self.world.changed()
        return True

    # -- how the bot shows itself --------------------------------------------------------------
    def do_setMyCommands(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        for command in asked["commands"]:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
                raise bad("BOT_COMMAND_INVALID")
        return self._set("commands", asked, asked["commands"])

    def do_setMyName(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        return self._set("name", asked, asked.get("name", ""), 64)

    def do_setMyDescription(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        return self._set("description", asked, asked.get("description", ""), 512)

    def do_setMyShortDescription(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        return self._set("short_description", asked, asked.get("short_description", ""), 120)

    def do_getMyCommands(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        return self._get("commands", asked, [])

    def do_getMyName(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        return {"name": self._get("name", asked, "")}

    def do_getMyDescription(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        return {"description": self._get("description", asked, "")}

    def do_getMyShortDescription(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        return {"short_description": self._get("short_description", asked, "")}

    def _set(self, what: str, asked: dict[str, Any], value: Any, limit: int = 10**6) -> bool:
        language = asked.get("language_code", "")
        if not re.fullmatch(r"([a-z]{2})?", language):
            raise bad("invalid language code specified")
        if len(value) > limit:
            raise bad(f"{what} is too long")
        self.world.profile[what, language] = value
        self.world.changed()
        return True

    def _get(self, what: str, asked: dict[str, Any], default: Any) -> Any:
        return self.world.profile.get((what, asked.get("language_code", "")), default)

    # -- webhook and files ---------------------------------------------------------------------
    def do_setWebhook(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        if asked.get("drop_pending_updates"):
            self.world.pending.clear()
        if "allowed_updates" in asked:
            self.world.allowed = tuple(asked["allowed_updates"])
        self.world.webhook = dict(asked) if asked.get("url") else {}
        self.world.changed()
        return True

    def do_deleteWebhook(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        return self.do_setWebhook({**asked, "url": ""})

    def do_getWebhookInfo(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        return {
            "url": self.world.webhook.get("url", ""), "has_custom_certificate": False,
            "pending_update_count": len(self.world.pending),
            "allowed_updates": list(self.world.allowed),
        }  # fmt: skip

    def do_getFile(self, asked: dict[str, Any]) -> Any:  # noqa: N802
        name = asked["file_id"]
        content = self.world.files.get(name)
        if content is None:
            raise bad("wrong file_id or the file is temporarily unavailable")
        if len(content) > MAX_FILE:
            raise bad("file is too big")
        return {"file_id": name, "file_unique_id": name, "file_size": len(content),
                "file_path": f"files/{name}"}  # fmt: skip

    # -- shared --------------------------------------------------------------------------------
    def _chat(self, asked: dict[str, Any]) -> Chat:
        chat = self.world.chats.get(int(asked["chat_id"]))
        if chat is None:
            raise bad("chat not found")
        if chat.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        if chat.left:
            raise ApiError(403, "Forbidden: bot is not a member of the chat")
        return chat

    def _message(self, asked: dict[str, Any]) -> Message:
        message = self._chat(asked).messages.get(int(asked["message_id"]))
        if message is None or message.deleted or not message.by_bot:
            raise bad("message to edit not found")
        return message


def _text(asked: dict[str, Any]) -> str:
    text = str(asked.get("text", ""))
    if asked.get("parse_mode") == "HTML":
        text = _plain(text)
    if not text.strip():
        raise bad("message text is empty")
    if len(text) > MAX_TEXT:
        raise bad("message is too long")
    return text


def _plain(text: str) -> str:
    open_tags: list[str] = []
    for slash, name in re.findall(r"<(/?)([^\s>]*)[^>]*>", text):
        if not slash:
            open_tags.append(name)
        elif not open_tags or open_tags.pop() != name:
            raise bad("can't parse entities: unexpected end tag")
    if open_tags or re.search(r"<[^>]*$", text):
        raise bad("can't parse entities: can't find end tag")
    plain = re.sub(r"<[^>]*>", "", text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _buttons(asked: dict[str, Any]) -> list[list[dict[str, Any]]]:
    rows: list[list[dict[str, Any]]] = (asked.get("reply_markup") or {}).get("inline_keyboard", [])
    for button in (button for row in rows for button in row):
        if not button.get("text"):
            raise bad("inline keyboard button text must be non-empty")
        url = button.get("url")
        if url and not url.startswith(("http://", "https://", "tg://")):
            raise bad(f"inline keyboard button URL '{url}' is invalid: Unsupported URL protocol")
        data = button.get("callback_data")
        if data is not None and not 1 <= len(data.encode()) <= 64:
            raise bad("BUTTON_DATA_INVALID")
    return rows


def decoded(value: Any) -> Any:
    """A parameter as it was meant: PTB writes lists, objects and booleans as JSON in the form."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
