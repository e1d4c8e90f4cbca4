"""A host and a port are read in one way, and what has several readings is refused."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.egress.target import MAX_NAME, BadTarget, Target, read_target


@pytest.mark.parametrize(
    ("authority", "target"),
    [
        ("api.example.com:443", Target("api.example.com", 443)),
        ("API.Example.COM.:443", Target("api.example.com", 443)),
        ("localhost:1", Target("localhost", 1)),
        ("xn--bcher-kva.example:443", Target("xn--bcher-kva.example", 443)),
        ("127.0.0.1:65535", Target("127.0.0.1", 65535)),
        ("[::1]:8080", Target("::1", 8080)),
        ("[2001:DB8:0:0::1]:443", Target("2001:db8::1", 443)),
        ("[::ffff:10.0.0.1]:443", Target("10.0.0.1", 443)),
        ("[::ffff:a00:1]:443", Target("10.0.0.1", 443)),
        ("1e100.net:443", Target("1e100.net", 443)),
        ("a.0x1g:80", Target("a.0x1g", 80)),
    ],
)
def test_what_means_the_same_is_written_the_same(authority: str, target: Target) -> None:
    assert read_target(authority) == target


@pytest.mark.parametrize(
    "authority",
    [
        "",
        ":443",
        "host",
        "host:",
        "host:0",
        "host:65536",
        "host:99999",
        "host:-1",
        "host:+1",
        "host:4 4",
        "host:٤٤٣",
        "host:443:443",
        "user@host:443",
        "ho st:443",
        "host\x00:443",
        "host%2e:443",
        "host..example:443",
        ".host:443",
        "host..:443",
        "-host:443",
        "host-:443",
        "under_score.example:443",
        "bücher.example:443",
        f"{'a' * 64}.example:443",
        f"{'a.' * 127}aa:443",
        "127.1:80",
        "2130706433:80",
        "0x7f000001:80",
        "0x7f.1:80",
        "017700000001:80",
        "127.0.0.01:80",
        "127.0.0.0x1:80",
        "1.2.3.4.5:80",
        "256.1.1.1:80",
        "127.0.0.1.:80",
        "a.0x:80",
        "::1:80",
        "[::1:80",
        "::1]:80",
        "[]:80",
        "[127.0.0.1]:80",
        "[fe80::1%eth0]:80",
        "[fe80::1%25eth0]:80",
        "[::1]80",
        "[[::1]]:80",
        "[v1.x]:80",
    ],
)
def test_anything_else_is_refused(authority: str) -> None:
    with pytest.raises(BadTarget):
        read_target(authority)


def test_a_port_may_be_left_out_where_there_is_a_usual_one() -> None:
    assert read_target("example.com", 80) == Target("example.com", 80)
    assert read_target("[::1]", 80) == Target("::1", 80)


addresses = st.one_of(st.ip_addresses(), st.ip_addresses(v=6)).map(str)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=5).map(lambda parts: ".".join((*parts, "net")))


@given(st.one_of(addresses, names), st.integers(1, 65535))
def test_a_target_is_read_back_as_it_is_written(host: str, port: int) -> None:
    written = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    target = read_target(written)
    assert read_target(str(target)) == target
    assert len(target.host) <= MAX_NAME


@given(st.text(max_size=40))
def test_no_text_is_taken_for_two_targets(text: str) -> None:
    try:
        target = read_target(text)
    except BadTarget:
        return
    assert read_target(str(target)) == target
    assert target.host == target.host.lower()
    assert 1 <= target.port <= 65535


def test_an_address_is_told_from_a_name() -> None:
    assert Target("10.0.0.1", 1).address == IPv4Address("10.0.0.1")
    assert Target("::1", 1).address == IPv6Address("::1")
    assert Target("example.com", 1).address is None
