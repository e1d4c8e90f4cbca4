"""Buttons about files and speech: read strictly, and judged under a name of their own."""

from __future__ import annotations

import pytest

from appliance.core.file_requests import (
    DiscardHeard,
    ForgetFiles,
    HandleFiles,
    KeepFiles,
    LookAtFiles,
    RunHeard,
    SendFile,
    pressed,
    words,
)
from appliance.core.model import JobId


@pytest.mark.parametrize(
    ("token", "request_"),
    [
        ("fl", LookAtFiles()),
        ("ff", ForgetFiles()),
        ("hr:7", RunHeard(7)),
        ("hd:7", DiscardHeard(7)),
        ("f:12:3", SendFile(job=JobId(12), number=3)),
    ],
)
def test_each_button_asks_for_one_thing(token: str, request_: HandleFiles) -> None:
    assert pressed(token) == request_


@pytest.mark.parametrize(
    "token",
    ["", "f", "f:", "f:1", "f:1:", "f:x:1", "f:1:²", "hr:", "hr:-1", "hd:12345678901", "x:1"],
)
def test_any_other_button_is_none_of_these(token: str) -> None:
    assert pressed(token) is None


def test_what_leads_to_a_task_is_judged_like_one() -> None:
    assert words(KeepFiles()) == words(LookAtFiles()) == words(RunHeard(1)) == "/run"
    assert words(SendFile("a.txt")) == "/send"
