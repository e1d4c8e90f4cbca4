"""The head of a request: two forms are understood, all others refused."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.egress.replies import Refused
from appliance.egress.request import END, Request, read_request
from appliance.egress.target import Target


def head(*lines: str) -> bytes:
    return "\r\n".join(lines).encode("latin-1") + END


@pytest.mark.parametrize(
    "lines",
    [
        # Claude Code (Bun), curl and git, Python's http.client, npm (Node)
        ("CONNECT api.example.com:443 HTTP/1.1", "Host: api.example.com:443",
         "Proxy-Connection: close"),
        ("CONNECT api.example.com:443 HTTP/1.1", "Host: api.example.com:443",
         "User-Agent: curl/7.88.1", "Proxy-Connection: Keep-Alive"),
        ("CONNECT api.example.com:443 HTTP/1.0",),
        ("CONNECT api.example.com:443 HTTP/1.1", "host: api.example.com:443", "connection: close"),
    ],
)  # fmt: skip
def test_a_tunnel_is_asked_for_with_connect(lines: tuple[str, ...]) -> None:
    assert read_request(head(*lines)) == Request(Target("api.example.com", 443), is_tunnel=True)


def test_a_plain_request_is_passed_on_for_the_host_that_was_judged() -> None:
    request = read_request(
        head(
            "POST http://127.0.0.1:8080/v1/messages?beta=true HTTP/1.1",
            "Host: elsewhere.example",
            "Proxy-Connection: Keep-Alive",
            "Proxy-Authorization: Basic c2VjcmV0",
            "Connection: keep-alive, X-Hop",
            "X-Hop: 1",
            "X-Api-Key: k",
            "Content-Length: 5",
        )
    )
    assert request.target == Target("127.0.0.1", 8080)
    assert not request.is_tunnel
    assert request.head == head(
        "POST /v1/messages?beta=true HTTP/1.1",
        "Host: 127.0.0.1:8080",
        "X-Api-Key: k",
        "Content-Length: 5",
        "Connection: close",
    )


@pytest.mark.parametrize(
    ("address", "line", "host"),
    [
        ("http://example.com", "GET / HTTP/1.1", "example.com"),
        ("HTTP://Example.com:80/a", "GET /a HTTP/1.1", "example.com"),
        ("http://example.com?q=1", "GET /?q=1 HTTP/1.1", "example.com"),
        ("http://[::1]:81/@x:y", "GET /@x:y HTTP/1.1", "[::1]:81"),
        ("http://[::1]/", "GET / HTTP/1.1", "[::1]"),
        ("http://a.example:8080/", "GET / HTTP/1.1", "a.example:8080"),
    ],
)
def test_its_address_is_taken_apart(address: str, line: str, host: str) -> None:
    found = read_request(head(f"GET {address} HTTP/1.1")).head
    assert found == head(line, f"Host: {host}", "Connection: close")


@pytest.mark.parametrize(
    "lines",
    [
        ("",),
        ("CONNECT example.com HTTP/1.1",),
        ("CONNECT example.com:443",),
        ("CONNECT  example.com:443 HTTP/1.1",),
        ("CONNECT example.com:443 HTTP/2.0",),
        ("CONNECT example.com:443 HTTP/1.1 ",),
        (" CONNECT example.com:443 HTTP/1.1",),
        ("connect example.com:443 HTTP/1.1",),
        ("CONNECT http://example.com:443/ HTTP/1.1",),
        ("CONNECT example.com:443\nHost: x HTTP/1.1",),
        ("CONNECT example.com:443 HTTP/1.1", "no colon"),
        ("CONNECT example.com:443 HTTP/1.1", " folded: line"),
        ("CONNECT example.com:443 HTTP/1.1", "Name : value"),
        ("CONNECT example.com:443 HTTP/1.1", "Name: a\nb"),
        ("CONNECT example.com:443 HTTP/1.1", "Name: a\rb"),
        ("CONNECT example.com:443 HTTP/1.1", "Name: a\0b"),
        ("CONNECT example.com:443 HTTP/1.1", ": value"),
        ("GET / HTTP/1.1", "Host: example.com"),
        ("GET example.com HTTP/1.1",),
        ("OPTIONS * HTTP/1.1",),
        ("GET https://example.com/ HTTP/1.1",),
        ("GET ftp://example.com/ HTTP/1.1",),
        ("GET file:///etc/passwd HTTP/1.1",),
        ("GET http:///etc/passwd HTTP/1.1",),
        ("GET http://user:pw@example.com/ HTTP/1.1",),
        ("GET http://example.com/#x HTTP/1.1",),
        ("GET http://example.com\\@10.0.0.1/ HTTP/1.1",),
        ("GET http://example.com%00.evil/ HTTP/1.1",),
        ("GET http://127.1/ HTTP/1.1",),
        ("GET http://example.com:/x:0/ HTTP/1.1",),
        ("\x16\x03\x01\x02\x00\x01",),
        ("SSH-2.0-OpenSSH_9.2",),
        ("PRI * HTTP/2.0",),
    ],
)
def test_anything_else_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as caught:
        read_request(head(*lines))
    assert caught.value.status == 400


@given(st.binary(max_size=300))
@example(b"CONNECT a:1 HTTP/1.1\r\n\r\nCONNECT b:2 HTTP/1.1")
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    with suppress(Refused):
        assert read_request(data + END).target.port in range(1, 65536)


TOKEN = st.from_regex(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}", fullmatch=True)
VALUE = st.from_regex(r"([\x21-\x7e][\x20-\x7e]{0,20}[\x21-\x7e])?", fullmatch=True)


@given(st.lists(st.tuples(TOKEN, VALUE), max_size=8), TOKEN.filter(lambda t: t != "CONNECT"))
def test_what_is_passed_on_is_one_request_to_the_judged_host(
    fields: list[tuple[str, str]], method: str
) -> None:
    lines = [f"{name}: {value}" for name, value in fields]
    found = read_request(head(f"{method} http://a.example/ HTTP/1.1", *lines)).head.decode(
        "latin-1"
    )
    assert found.count("\r\n\r\n") == 1
    assert found.endswith("\r\nConnection: close\r\n\r\n")
    assert re.findall(r"(?im)^host:(.*)$", found) == [" a.example\r"]
    assert not re.search(r"(?im)^(proxy-connection|upgrade|te|keep-alive):", found)
