"""What most people start from, written from its description: a bot that runs `claude -p`.

python-telegram-bot, allowed users, "typing …", `subprocess.run`, the answer. No queue, no
record, no policy, no sandbox. It is here to be compared with, not to be used.

    python -m tests.bench.plain_script API_URL TOKEN USER_IDS CLAUDE DIRECTORY
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

from telegram import Update
from telegram.constants import ChatAction
from telegram.ext import Application, ContextTypes, MessageHandler, filters

LIMIT = 4096


def main(api: str, token: str, users: str, claude: str, directory: str) -> None:
    async def on_text(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.effective_message
        if message is None or message.text is None:
            return
        await message.reply_chat_action(ChatAction.TYPING)
        done = await asyncio.to_thread(
            subprocess.run,
            [claude, "-p", message.text],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=600,
        )
        await message.reply_text((done.stdout or done.stderr)[:LIMIT])

    allowed = filters.User([int(user) for user in users.split(",")])
    application = Application.builder().token(token).base_url(f"{api}/bot").build()
    application.add_handler(MessageHandler(filters.TEXT & allowed, on_text))
    application.run_polling()


if __name__ == "__main__":
    main(*sys.argv[1:])
