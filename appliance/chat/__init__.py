"""The platforms where people write to us, each behind `appliance.ports.Chat`.

    telegram/    the Bot API by long polling, with aiogram
    web/         the page on this machine, over one WebSocket
    terminal.py  dispatchctl, over a local socket

    markdown.py     text from an agent → `Rich`: plain text with spans
    split.py        a `Rich` → parts that a platform takes whole
    wellformed.py   text from outside → text that can be stored, signed and sent
    footer.py       what stands below an agent's text: our line
    excerpt.py, plain.py, inflow.py   what web and terminal share

A chat turns what a platform delivers into `Message` and `Click`, hands them over and confirms
them only after they are durable; and it shows prepared `Post`s. It knows who is talking only as
a platform's own number. It never decides anything, never runs anything, never reads a command,
and never keeps what could not be lost: inbox and outbox are tables of `appliance.storage`.

Why spans and not a platform's own mark-up: one character forgotten in escaping makes a platform
refuse the whole message, and each has its own rules. Text with spans cannot be malformed, can be
measured exactly and cut anywhere.
"""
