"""A small Bot API for tests, on the loopback only: what it accepts, the real one accepts.

    async with TelegramEmulator("123456:TEST") as telegram:
        chat = TelegramChat(telegram.token, telegram.url, …)
        telegram.user_says(42, "hello")              # → a message update
        call = await telegram.wait_for("sendMessage")
        telegram.user_presses(call["result"], "yes") # → a callback_query update
        telegram.fail("sendMessage", 429, retry_after=2)
        telegram.lose("sendMessage", after_effect=True)

Its sentences are Telegram's own; limits and checks are those that a bot can run into.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NotRequired, Self, TypedDict

from aiohttp import web

from tests.emulators.telegram_limits import FloodLimits

Object = dict[str, Any]
Handler = Callable[[Object, dict[str, bytes]], Any]

ENTITY_TYPES = frozenset(
    ("bold", "italic", "strikethrough", "blockquote", "code", "pre", "text_link", "bot_command")
)
PLAIN_FIELDS = frozenset(
    [
        *("text", "caption", "callback_data", "callback_query_id", "chat_id", "file_id"),
        *("name", "description", "short_description", "language_code"),
    ]
)
"""Form fields that hold words; the others hold JSON."""

# https://core.telegram.org/bots/api#reactiontypeemoji
SIGNS = (
    "❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u200d🔥 🌚 🌭 💯 🤣 "
    "⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ "
    "💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀ 😡"
)
REACTIONS = frozenset(SIGNS.split())
MAX_TEXT = 4096
MAX_CAPTION = 1024
MAX_UPDATES = 100
MAX_WAIT_SECONDS = 50
MAX_REQUEST_BYTES = 64 * 2**20
LIMIT_SECONDS = 30
MAX_DOWNLOAD_BYTES = 20 * 2**20
MAX_PHOTO_BYTES = 10 * 2**20
THUMBNAIL = b"\xff\xd8\xff\xe0 a small one"


class Call(TypedDict):
    """One call of a method other than getUpdates; `result` is missing when it failed."""

    method: str
    params: Object
    files: dict[str, bytes]
    t: float
    result: NotRequired[Any]
    error: NotRequired[str]


class ApiError(Exception):
    """An answer with ok = false."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


@dataclass
class Loss:
    """The connection breaks: before the call took effect, or after."""

    after_effect: bool


@dataclass
class Trouble:
    """What happens to the next calls of each method instead of an ordinary answer."""

    planned: dict[str, list[ApiError | Loss]] = field(default_factory=dict)

    def add(self, method: str, trouble: ApiError | Loss, times: int) -> None:
        self.planned.setdefault(method, []).extend([trouble] * times)

    def next(self, method: str) -> ApiError | Loss | None:
        waiting = self.planned.get(method)
        return waiting.pop(0) if waiting else None


class About:
    """What a bot says of itself: in each language, and in "" where a language has nothing."""

    FIELDS = (
        ("name", "Name", 64),
        ("description", "Description", 512),
        ("short_description", "ShortDescription", 120),
    )

    def __init__(self, me: Object) -> None:
        self._me = me
        self.said: dict[tuple[str, str], str] = {}

    def handlers(self) -> dict[str, Handler]:
        made: dict[str, Handler] = {}
        for field_name, method, limit in self.FIELDS:
            made[f"getmy{method.lower()}"] = self._getter(field_name)
            made[f"setmy{method.lower()}"] = self._setter(field_name, limit)
        return made

    def _getter(self, name: str) -> Handler:
        def get(params: Object, _files: dict[str, bytes]) -> Object:
            own = self.said.get((name, params.get("language_code", "")), "")
            default = self._me["first_name"] if name == "name" else ""
            return {name: own or self.said.get((name, "")) or default}

        return get

    def _setter(self, name: str, limit: int) -> Handler:
        def put(params: Object, _files: dict[str, bytes]) -> bool:
            text = params.get(name, "")
            if len(text) > limit:
                raise ApiError(400, f"Bad Request: bot {name.replace('_', ' ')} is too long")
            self.said[name, params.get("language_code", "")] = text
            return True

        return put


WEBHOOK_FACTS: Object = {"has_custom_certificate": False, "pending_update_count": 0}


class TelegramEmulator:
    """One bot and everybody who writes to it."""

    def __init__(
        self,
        token: str = "123456:TEST",
        username: str = "test_bot",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self.limits: FloodLimits | None = None
        self.token = token
        self.me: Object = {
            "id": int(token.split(":")[0]),
            "is_bot": True,
            "first_name": "Test",
            "username": username,
        }
        self.url = ""
        self.webhook = ""
        self.menus: dict[tuple[str, str], list[Object]] = {}
        self.about = About(self.me)
        self.people: dict[int, Object] = {}  # what they call themselves
        self.updates: list[Object] = []  # not confirmed yet
        self.calls: list[Call] = []
        self.messages: dict[tuple[int, int], Object] = {}
        self.chats: dict[int, Object] = {}
        self.clicks: dict[str, str | None] = {}  # what each was answered with
        self.reactions: dict[tuple[int, int], list[str]] = {}  # the bot's, by message
        self.files: dict[str, bytes] = {}  # what people sent, by file_id
        self.downloads: list[str] = []  # file_ids, as often as they were fetched
        self.offsets: list[int] = []  # of every getUpdates
        self.poller = 0
        self.changed = asyncio.Condition()
        self._update_ids = itertools.count(1)
        self._message_ids = itertools.count(1)
        self._trouble = Trouble()
        self._tasks = asyncio.TaskGroup()
        self._handlers: dict[str, Handler] = {
            "getme": lambda _params, _files: self.me,
            "getchat": self._get_chat,
            "getwebhookinfo": lambda _params, _files: {"url": self.webhook, **WEBHOOK_FACTS},
            "deletewebhook": self._delete_webhook,
            "getmycommands": lambda params, _files: self.menus.get(_menu_key(params), []),
            "setmycommands": self._set_commands,
            **self.about.handlers(),
            "sendchataction": self._send_chat_action,
            "sendmessage": self._send_message,
            "senddocument": self._send_document,
            "sendphoto": self._send_photo,
            "getfile": self._get_file,
            "editmessagetext": self._edit_text,
            "editmessagecaption": self._edit_caption,
            "editmessagereplymarkup": self._edit_markup,
            "deletemessage": self._delete_message,
            "answercallbackquery": self._answer_click,
            "setmessagereaction": self._react,
        }

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        app.router.add_route("*", "/bot{token}/{method}", self._serve)
        app.router.add_get("/file/bot{token}/{kind}/{name}", self._hand_out)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._runner.cleanup()
        await self._tasks.__aexit__(*error)

    # --- the people

    def add_chat(self, chat_id: int, *, is_forum: bool = False) -> None:
        kind = "private" if chat_id > 0 else "supergroup"
        self.chats[chat_id] = {"id": chat_id, "type": kind, "is_forum": is_forum}

    def go_on_from(self, other: TelegramEmulator) -> None:
        """Be the server that `other` was, for a bot that has moved to another machine."""
        self.chats, self.messages = other.chats, other.messages
        self._update_ids, self._message_ids = other._update_ids, other._message_ids

    def _person(self, user_id: int) -> Object:
        return _person(user_id) | self.people.get(user_id, {})

    def user_says(
        self,
        chat_id: int,
        text: str | None = None,
        user_id: int | None = None,
        topic: int | None = None,
        date: int | None = None,
        **content: Any,
    ) -> int:
        """Returns the update's id. `content` is what the message holds besides text."""
        message = self._new(chat_id, self._person(user_id or abs(chat_id)), topic=topic, **content)
        message |= {} if text is None else {"text": text}
        message |= {} if date is None else {"date": date}
        return self._push({"message": message})

    def user_sends_file(
        self,
        chat_id: int,
        name: str,
        content: bytes,
        caption: str | None = None,
        *,
        mime: str = "application/octet-stream",
        size: int | None = None,
        kind: str = "document",
        **more: Any,
    ) -> int:
        """A document, or another kind that has one file. Returns the update's id."""
        file = self._stored(content, size) | {"file_name": name, "mime_type": mime}
        if kind in ("voice", "video_note"):
            del file["file_name"]
        if kind in ("voice", "video_note", "audio", "video"):
            file |= {"duration": 3}
        return self.user_says(chat_id, **_content({kind: file}, caption), **more)

    def user_sends_photo(
        self, chat_id: int, content: bytes, caption: str | None = None, **more: Any
    ) -> int:
        """As Telegram hands photos on: in several sizes, the largest last."""
        sizes = [
            self._stored(THUMBNAIL) | {"width": 90, "height": 90},
            self._stored(content) | {"width": 800, "height": 800},
        ]
        return self.user_says(chat_id, **_content({"photo": sizes}, caption), **more)

    def user_presses(
        self, message: Object, data: str, user_id: int | None = None, click_id: str = ""
    ) -> int:
        """Returns the update's id."""
        click_id = click_id or str(10**17 + len(self.clicks))
        self.clicks[click_id] = None
        sender = self._person(user_id or abs(message["chat"]["id"]))
        query = {"id": click_id, "from": sender, "chat_instance": "1", "data": data}
        return self._push({"callback_query": query | {"message": message}})

    def user_edits(self, message: Object, text: str) -> int:
        return self._push({"edited_message": message | {"text": text, "edit_date": _now()}})

    def push(self, update: Object) -> int:
        """Any update, as it is."""
        return self._push(update)

    # --- trouble

    def enforce_limits(self) -> FloodLimits:
        """From now on too many calls are refused, as Telegram documents it."""
        self.limits = FloodLimits(self._now)
        return self.limits

    def fail(
        self,
        method: str,
        code: int,
        description: str = "Internal Server Error",
        times: int = 1,
        **parameters: Any,
    ) -> None:
        """The next calls are refused and take no effect."""
        if code == 429:
            description = f"Too Many Requests: retry after {parameters['retry_after']}"
        self._trouble.add(method, ApiError(code, description, **parameters), times)

    def lose(self, method: str, *, after_effect: bool, times: int = 1) -> None:
        """The connections of the next calls break."""
        self._trouble.add(method, Loss(after_effect), times)

    # --- waiting

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_SECONDS), self.changed:
            await self.changed.wait_for(is_so)

    async def wait_for(self, method: str, n: int = 1) -> Call:
        """The n-th successful call of a method."""

        def hits() -> list[Call]:
            return [call for call in self.calls if call["method"] == method and "result" in call]

        await self.until(lambda: len(hits()) >= n)
        return hits()[n - 1]

    def sent(self, chat_id: int) -> list[Object]:
        """The bot's messages as they are now, oldest first."""
        return [
            message
            for (chat, _), message in sorted(self.messages.items())
            if chat == chat_id and message["from"] == self.me
        ]

    def _stored(self, content: bytes, size: int | None = None) -> Object:
        number = f"AgACAgIAAxk{len(self.files):04d}"
        self.files[number] = content
        size = len(content) if size is None else size
        return {"file_id": number, "file_unique_id": f"u{number}", "file_size": size}

    # --- HTTP

    async def _hand_out(self, request: web.Request) -> web.StreamResponse:
        number = request.match_info["name"]
        if request.match_info["token"] != self.token or number not in self.files:
            return web.json_response({"ok": False, "error_code": 404}, status=404)
        self.downloads.append(number)
        trouble = self._trouble.next("download")
        if isinstance(trouble, ApiError):
            return _refusal(trouble)
        await self._notify()
        if trouble is None:
            return web.Response(body=self.files[number])
        response = web.StreamResponse()
        response.content_length = len(self.files[number]) + 1
        await response.prepare(request)
        await response.write(self.files[number][:-1])
        return _hang_up(request)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        params, files = await _parameters(request)
        trouble = self._trouble.next(method)
        if isinstance(trouble, Loss) and not trouble.after_effect:
            return _hang_up(request)
        call = Call(method=method, params=params, files=files, t=self._now())
        try:
            if request.match_info["token"] != self.token:
                raise ApiError(401, "Unauthorized")
            self._hold_to_limits(method.lower(), params)
            if isinstance(trouble, ApiError):
                raise trouble
            call["result"] = await self._result(method.lower(), params, files)
            response = web.json_response({"ok": True, "result": call["result"]})
        except ApiError as error:
            call["error"] = error.description
            response = _refusal(error)
        if method.lower() != "getupdates":
            self.calls.append(call)
        await self._notify()
        return _hang_up(request) if isinstance(trouble, Loss) else response

    def _hold_to_limits(self, method: str, params: Object) -> None:
        if self.limits is None:
            return
        chat = str(params["chat_id"]) if "chat_id" in params else None
        seconds = self.limits.admit(method, chat)
        if seconds is not None:
            words = f"Too Many Requests: retry after {seconds}"
            raise ApiError(429, words, retry_after=seconds)

    async def _result(self, method: str, params: Object, files: dict[str, bytes]) -> Any:
        if method == "getupdates":
            return await self._get_updates(params)
        handler = self._handlers.get(method)
        if handler is None:
            raise ApiError(404, f"Not Found: method not emulated: {method}")
        return handler(params, files)

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    def _push(self, update: Object) -> int:
        number = next(self._update_ids)
        self.updates.append({"update_id": number, **update})
        self._tasks.create_task(self._notify())
        return number

    # --- methods

    async def _get_updates(self, params: Object) -> list[Object]:
        if self.webhook:
            raise ApiError(
                409,
                "Conflict: can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first",
            )
        self.poller += 1
        mine = self.poller
        offset = int(params.get("offset", 0))
        self.offsets.append(offset)
        self.updates = [update for update in self.updates if update["update_id"] >= offset]
        allowed = set(params.get("allowed_updates") or ())

        def waiting() -> list[Object]:
            return [update for update in self.updates if not allowed or allowed & update.keys()]

        await self._notify()
        wait_seconds = min(int(params.get("timeout", 0)), MAX_WAIT_SECONDS)
        try:
            async with asyncio.timeout(wait_seconds), self.changed:
                await self.changed.wait_for(lambda: bool(waiting()) or self.poller != mine)
        except TimeoutError:
            return waiting()[:MAX_UPDATES]
        if self.poller != mine:
            raise ApiError(
                409,
                "Conflict: terminated by other getUpdates request; "
                "make sure that only one bot instance is running",
            )
        return waiting()[:MAX_UPDATES]

    def _delete_webhook(self, _params: Object, _files: dict[str, bytes]) -> bool:
        self.webhook = ""
        return True

    def _set_commands(self, params: Object, _files: dict[str, bytes]) -> bool:
        commands = params["commands"]
        if len(commands) > 100:
            raise ApiError(400, "Bad Request: too much bot commands specified")
        for command in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
                raise ApiError(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(command["description"]) <= 256:
                raise ApiError(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self.menus[_menu_key(params)] = commands
        return True

    def _get_chat(self, params: Object, _files: dict[str, bytes]) -> Object:
        return {"accent_color_id": 0, "max_reaction_count": 11, **self._chat(params)}

    def _send_chat_action(self, params: Object, _files: dict[str, bytes]) -> bool:
        self._chat(params)
        return True

    def _send_message(self, params: Object, _files: dict[str, bytes]) -> Object:
        text = _checked_text(params.get("text", ""), MAX_TEXT, "message")
        if not text.strip():
            raise ApiError(400, "Bad Request: message text is empty")
        entities = _checked_entities(text, params.get("entities", []))
        return self._bot_message(params, text=text, entities=entities)

    def _send_document(self, params: Object, files: dict[str, bytes]) -> Object:
        name = params["document"].removeprefix("attach://")
        file_name, _, content = files[name].partition(b"\n")
        caption = _checked_text(params.get("caption", ""), MAX_CAPTION, "caption")
        entities = _checked_entities(caption, params.get("caption_entities", []))
        document = {"file_id": name, "file_unique_id": name, "file_name": file_name.decode()}
        document |= {"file_size": len(content)}
        more = {"caption": caption, "caption_entities": entities} if caption else {}
        return self._bot_message(params, document=document, **more)

    def _send_photo(self, params: Object, files: dict[str, bytes]) -> Object:
        name = params["photo"].removeprefix("attach://")
        _, _, content = files[name].partition(b"\n")
        caption = _checked_text(params.get("caption", ""), MAX_CAPTION, "caption")
        entities = _checked_entities(caption, params.get("caption_entities", []))
        if len(content) > MAX_PHOTO_BYTES:
            raise ApiError(400, "Bad Request: file is too big")
        if not content.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")):
            raise ApiError(400, "Bad Request: IMAGE_PROCESS_FAILED")
        more = {"caption": caption, "caption_entities": entities} if caption else {}
        sizes = [self._stored(content) | {"width": 800, "height": 800}]
        return self._bot_message(params, photo=sizes, **more)

    def _get_file(self, params: Object, _files: dict[str, bytes]) -> Object:
        number = str(params.get("file_id", ""))
        if number not in self.files:
            raise ApiError(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        size = len(self.files[number])
        if size > MAX_DOWNLOAD_BYTES:
            raise ApiError(400, "Bad Request: file is too big")
        about = {"file_id": number, "file_unique_id": f"u{number}", "file_size": size}
        return about | {"file_path": f"documents/{number}"}

    def _edit_text(self, params: Object, _files: dict[str, bytes]) -> Object:
        message = self._own(params)
        text = _checked_text(params.get("text", ""), MAX_TEXT, "message")
        entities = _checked_entities(text, params.get("entities", []))
        if not text.strip():
            raise ApiError(400, "Bad Request: message text is empty")
        if "text" not in message:
            raise ApiError(400, "Bad Request: there is no text in the message to edit")
        return _change(message, {"text": text, "entities": entities}, _checked_markup(params))

    def _edit_caption(self, params: Object, _files: dict[str, bytes]) -> Object:
        message = self._own(params)
        caption = _checked_text(params.get("caption", ""), MAX_CAPTION, "caption")
        entities = _checked_entities(caption, params.get("caption_entities", []))
        if not {"document", "photo"} & message.keys():
            raise ApiError(400, "Bad Request: there is no caption in the message to edit")
        fields = {"caption": caption, "caption_entities": entities}
        return _change(message, fields, _checked_markup(params))

    def _edit_markup(self, params: Object, _files: dict[str, bytes]) -> Object:
        return _change(self._own(params), {}, _checked_markup(params))

    def _delete_message(self, params: Object, _files: dict[str, bytes]) -> bool:
        message = self._own(params, "delete")
        del self.messages[message["chat"]["id"], message["message_id"]]
        return True

    def _answer_click(self, params: Object, _files: dict[str, bytes]) -> bool:
        click_id = params["callback_query_id"]
        if self.clicks.get(click_id, "") is not None:
            raise ApiError(
                400,
                "Bad Request: query is too old and response timeout expired or query ID is invalid",
            )
        text = params.get("text", "")
        if len(text) > 200:
            raise ApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        self.clicks[click_id] = text
        return True

    # --- messages

    def _chat(self, params: Object) -> Object:
        chat_id = int(params["chat_id"])
        if chat_id not in self.chats:
            raise ApiError(400, "Bad Request: chat not found")
        return self.chats[chat_id]

    def _new(self, chat_id: int, sender: Object, topic: int | None = None, **more: Any) -> Object:
        if chat_id not in self.chats:
            self.add_chat(chat_id)
        message = {
            "message_id": next(self._message_ids),
            "from": sender,
            "chat": self.chats[chat_id],
            "date": _now(),
            **({"message_thread_id": topic, "is_topic_message": True} if topic else {}),
            **more,
        }
        self.messages[chat_id, message["message_id"]] = message
        return message

    def _react(self, params: Object, _files: dict[str, bytes]) -> bool:
        chat = self._chat(params)
        number = int(params["message_id"])
        if (chat["id"], number) not in self.messages:
            raise ApiError(400, "Bad Request: message to react not found")
        signs = [reaction["emoji"] for reaction in params.get("reaction") or []]
        if len(signs) > 1:
            raise ApiError(400, "Bad Request: REACTIONS_TOO_MANY")
        allowed = chat.get("available_reactions", REACTIONS)
        if any(sign not in REACTIONS or sign not in allowed for sign in signs):
            raise ApiError(400, "Bad Request: REACTION_INVALID")
        self.reactions[chat["id"], number] = signs
        return True

    def _bot_message(self, params: Object, **body: Any) -> Object:
        chat_id = self._chat(params)["id"]
        markup = _checked_markup(params)
        topic = params.get("message_thread_id")
        answered = self._answered(chat_id, params.get("reply_parameters") or {})
        return self._new(chat_id, self.me, topic=topic, **body, **markup, **answered)

    def _answered(self, chat_id: int, parameters: Object) -> Object:
        if not parameters:
            return {}
        message = self.messages.get((chat_id, int(parameters["message_id"])))
        if message is not None:
            return {"reply_to_message": message}
        if not parameters.get("allow_sending_without_reply"):
            raise ApiError(400, "Bad Request: message to be replied not found")
        return {}

    def _own(self, params: Object, what: str = "edit") -> Object:
        key = (self._chat(params)["id"], int(params["message_id"]))
        message = self.messages.get(key)
        if message is None:
            raise ApiError(400, f"Bad Request: message to {what} not found")
        if message["from"] != self.me:
            raise ApiError(400, f"Bad Request: message can't be {what}ed")
        return message


def _menu_key(params: Object) -> tuple[str, str]:
    scope = params.get("scope") or {"type": "default"}
    return scope["type"], params.get("language_code", "")


def _person(user_id: int) -> Object:
    return {"id": user_id, "is_bot": False, "first_name": "User", "username": f"u{user_id}"}


def _content(content: Object, caption: str | None) -> Object:
    return content | ({} if caption is None else {"caption": caption})


def _now() -> int:
    return int(time.time())  # noqa: TID251  Telegram has a clock of its own


async def _parameters(request: web.Request) -> tuple[Object, dict[str, bytes]]:
    params: Object = dict(request.query)
    files: dict[str, bytes] = {}
    for key, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[key] = value.filename.encode() + b"\n" + value.file.read()
        else:
            params[key] = value
    return {key: _decoded(key, value) for key, value in params.items()}, files


def _decoded(key: str, value: Any) -> Any:
    if key in PLAIN_FIELDS or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _refusal(error: ApiError) -> web.Response:
    body: Object = {"ok": False, "error_code": error.code, "description": error.description}
    if error.parameters:
        body["parameters"] = error.parameters
    return web.json_response(body, status=error.code)


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _checked_text(text: str, limit: int, what: str) -> str:
    if _units(text) > limit:
        raise ApiError(400, f"Bad Request: {what} is too long")
    return text


def _checked_entities(text: str, entities: list[Object]) -> list[Object]:
    encoded = text.encode("utf-16-le")
    for entity in entities:
        start, length = entity["offset"], entity["length"]
        if entity["type"] not in ENTITY_TYPES:
            raise ApiError(400, "Bad Request: can't parse entities: unknown type")
        if start < 0 or length <= 0 or (start + length) * 2 > len(encoded):
            raise ApiError(400, "Bad Request: ENTITY_BOUNDS_INVALID")
        if entity["type"] == "text_link" and not entity.get("url"):
            raise ApiError(400, "Bad Request: can't parse entities: no address")
        if any(_is_inside_a_pair(encoded, at) for at in (start, start + length)):
            raise ApiError(400, "Bad Request: entity begins in a middle of a UTF-16 symbol")
    return entities


def _is_inside_a_pair(encoded: bytes, unit: int) -> bool:
    at = encoded[unit * 2 : unit * 2 + 2]
    return len(at) == 2 and 0xDC <= at[1] <= 0xDF


def _checked_markup(params: Object) -> Object:
    markup = params.get("reply_markup") or {"inline_keyboard": []}
    for button in itertools.chain(*markup["inline_keyboard"]):
        if not 1 <= len(button["callback_data"].encode()) <= 64:
            raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")
        if not button["text"]:
            raise ApiError(400, "Bad Request: Text buttons are unallowed in the inline keyboard")
    return {"reply_markup": markup} if markup["inline_keyboard"] else {}


def _change(message: Object, fields: Object, markup: Object) -> Object:
    wanted = fields | {"reply_markup": markup.get("reply_markup")}
    if all(message.get(key) == value for key, value in wanted.items()):
        raise ApiError(
            400,
            "Bad Request: message is not modified: specified new message content and reply "
            "markup are exactly the same as a current content and reply markup of the message",
        )
    message.pop("reply_markup", None)
    message |= fields | markup | {"edit_date": _now()}
    return message
