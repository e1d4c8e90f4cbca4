"""What every command does the same: errors as lines for people, an exit status, no stack trace."""

from __future__ import annotations

import pytest

from appliance.app.cli import run_program
from appliance.errors import AuditBroken


def failing(error: BaseException) -> int:
    def main() -> int:
        raise error

    return run_program("dispatchd", main)


def test_an_error_is_a_line_and_its_hint_another(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(AuditBroken("record 7 was changed", hint="restore the log")) == 65
    assert capsys.readouterr().err == (
        "dispatchd: error: record 7 was changed\ndispatchd: hint: restore the log\n"
    )


def test_the_unexpected_is_named_even_when_it_comes_in_groups(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPATCH_DEBUG", raising=False)
    inner = ExceptionGroup("unhandled errors in a TaskGroup", [KeyError("x")])
    assert failing(ExceptionGroup("unhandled errors in a TaskGroup", [inner])) == 70
    assert capsys.readouterr().err.startswith("dispatchd: error: unexpected KeyError: 'x'\n")


def test_an_interrupt_is_no_error() -> None:
    assert failing(KeyboardInterrupt()) == 130
