"""`dispatchctl setup`: from nothing to a bot that hears its people.

    answers.py        what is wanted: read from a file, or asked for
    interview.py      the questions, about what is missing only
    screen.py         how it talks on a terminal, or in a log where nobody answers
    settings_text.py  dispatch.toml: begun, or extended by sections at its end
    roles.py          a role in the policy for whoever has none
    bot.py            the bot at Telegram: its token, who else has it, its name, texts and menus
    starting.py       the daemon started through systemd, and waited for
    steps.py          all of it in order, each step saying what it changed

What it never does: change or remove what is set, show a token, take one from the command line, or
start anything without being told to. So it can be run again at any time, and after every crash.

Why one list of steps for both ways: what people are led through and what Ansible applies must
come to the same.
"""
