"""Telegram, by long polling of the Bot API with aiogram's client.

    chat.py       `TelegramChat`: the port, put together from the rest
    polling.py    fetch → hand over → only then the next offset; one poller per bot
    updates.py    an update → `Message`, `Click`, or nothing
    groups.py     what of the talk in a group is meant for the bot
    joining.py    a long text that the sender's client cut in pieces → one `Message`
    parts.py      a `Reply` → parts within Telegram's limits
    client.py     the calls we make, and what their failures mean; the only importer of aiogram
    lean.py       imports of aiogram only what we use
    budget.py     how many calls a chat may still take
    progress.py   what a job does now, when there is budget to spare

What it never does: decide anything about a message, answer a stranger, use mark-up that can be
malformed, log an exception of the network libraries (the token is part of every address), or
confirm an update that is not durable.

Why no Dispatcher: aiogram's polling confirms updates before their handlers have finished, so a
crash loses what Telegram was told has arrived. Why updates are read from plain JSON: aiogram's
models describe the whole Bot API and refuse what they do not know, and one refused update would
stop the poll for good; we need six fields. Reading them here also saves loading and building
the models of 300 types.

Why edits of a message are asked for (`allowed_updates`): who corrects a task that still waits in
line means the corrected one. What has started is not changed by them (`services.edits`).
"""
