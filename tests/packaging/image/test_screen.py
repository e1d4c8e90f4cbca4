"""What the console shows fits on 80 by 25 characters, whatever there is to say."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.packaging.image.modules import module

screen = module("dispatch_image.screen")

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
FACTS = screen.Facts("0.1.0", "dispatch", ("192.168.1.5",), is_set_up=True)
LINK = "https://t.me/a_bot_whose_name_is_thirty_two?start=" + "x" * 26
PAIRING = screen.Pairing("1", "alice", LINK)


def plain(facts: object) -> list[str]:
    return [COLOURS.sub("", line) for line in screen.painted(facts)]


@pytest.mark.parametrize(
    "facts",
    [
        FACTS,
        replace(FACTS, is_set_up=False),
        replace(FACTS, is_set_up=False, is_told=True, trouble="the bot cannot be used"),
        replace(FACTS, is_set_up=False, trouble="the bot cannot be used: " + "word " * 300),
        replace(FACTS, is_ready=True, lines=("isolation  unit",) * 40),
        replace(FACTS, is_ready=True, pairing=PAIRING),
        replace(FACTS, is_ready=True, pairing=PAIRING, host="h" * 63, addresses=("10.0.0.1",) * 20),
        replace(FACTS, is_ready=True, pairing=PAIRING, trouble="The update to 2 did not work."),
    ],
)
def test_it_fits_on_the_screen(facts: object) -> None:
    lines = plain(facts)
    assert len(lines) < screen.ROWS
    assert max(map(len, lines)) <= screen.COLUMNS


def test_the_whole_code_is_on_it_and_the_link_beside() -> None:
    facts = replace(FACTS, is_ready=True, pairing=PAIRING)
    lines = plain(facts)
    width = screen.qr.width(LINK)
    code = [COLOURS.sub("", row) for row in screen.qr.terminal_lines(LINK)]
    assert [line[:width].ljust(width) for line in lines[2:]] == code
    beside = "".join(line[width:].strip() for line in lines)
    assert LINK in beside
    assert lines[0].endswith("READY")


def test_it_says_what_a_machine_that_was_told_nothing_waits_for() -> None:
    said = "\n".join(plain(replace(FACTS, is_set_up=False)))
    assert "not set up" in said
    assert "the label DISPATCH" in said
    assert "dispatch.setup" in said


def test_it_is_on_every_console_of_the_kernels() -> None:
    assert [str(one) for one in screen.consoles("ttyS0 tty0\n")] == ["/dev/ttyS0", "/dev/tty1"]
    assert screen.consoles("") == []


@pytest.mark.parametrize(
    ("users", "waiting"),
    [
        ({}, []),
        ({"alice": []}, ["alice"]),
        ({"alice": [{"account": "terminal:0"}], "bob": []}, ["alice"]),
        ({"alice": [{"account": "telegram:4711"}], "bob": []}, []),
    ],
)
def test_only_the_owner_is_paired_at_the_console(
    users: dict[str, list[dict[str, str]]], waiting: list[str]
) -> None:
    assert screen.who_waits(users) == waiting
