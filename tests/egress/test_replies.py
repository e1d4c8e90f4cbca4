"""A refusal is one sentence that every client shows, whatever it is made of."""

from __future__ import annotations

import http.client
import io
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from appliance.egress.replies import MAX_SENTENCE, Refused, refusal


class Replayed:
    """What http.client reads from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def read(data: bytes) -> tuple[int, str, str]:
    response = http.client.HTTPResponse(cast("http.client.socket.socket", Replayed(data)))  # type: ignore[name-defined]
    response.begin()
    return response.status, response.reason, response.read().decode()


def test_the_sentence_is_in_the_status_line_and_in_the_body() -> None:
    said = "refused: nothing allows web.example:443"
    assert read(refusal(Refused(403, said))) == (403, said, f"{said}\n")


@given(st.text(max_size=2 * MAX_SENTENCE))
def test_no_reason_becomes_a_second_line_or_header(reason: str) -> None:
    data = refusal(Refused(403, reason))
    head, _, body = data.partition(b"\r\n\r\n")
    assert len(head.split(b"\r\n")) == 4
    assert b"\n" not in body[:-1]
    status, _, text = read(data)
    assert status == 403
    assert len(text) <= MAX_SENTENCE + 1
