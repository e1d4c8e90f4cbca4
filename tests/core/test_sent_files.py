"""What the program in the sandbox tells of a file is read strictly."""

from __future__ import annotations

import pytest

from appliance.core.model import Phrase
from appliance.core.sent_files import MAX_BYTES, Found, found, holds_secrets, reading


def test_a_file_is_its_real_path_and_its_content() -> None:
    assert found(0, b"1 3\0/srv/demo/a\0x\0y") == Found("/srv/demo/a", b"x\0y")


@pytest.mark.parametrize(
    ("status", "output"),
    [
        (3, b""),
        (4, b""),
        (0, b""),
        (0, b"1 3\0"),
        (0, b"1 3\0relative\0xyz"),
        (0, b"one 3\0/srv/demo/a\0xyz"),
        (0, b"2 3\0/srv/demo/a\0xyz"),
        (0, b"1 0\0/srv/demo/a\0"),
        (1, b"1 3\0/srv/demo/a\0xy"),
        (-1, b"1 3\0/srv/demo/a\0xyz"),
        (0, b"1 %d\0/srv/demo/a\0x" % (MAX_BYTES + 1)),
    ],
)
def test_anything_else_is_a_reason_not_to_send_it(status: int, output: bytes) -> None:
    assert isinstance(found(status, output), Phrase)


def test_a_name_is_never_an_option() -> None:
    assert reading("-n")[-1] == "./-n"
    assert reading("/srv/demo/a")[-1] == "/srv/demo/a"


def test_keys_are_noticed_and_pictures_are_not() -> None:
    assert holds_secrets(b"-----BEGIN PRIVATE KEY-----\nabc\n")
    assert not holds_secrets(b"\x89PNG\r\n\x1a\n\xff\xfe\x00")
    assert not holds_secrets(b"all is well")
