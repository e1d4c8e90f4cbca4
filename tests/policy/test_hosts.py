"""An address is judged by its host, and only when there is one way to read it."""

from __future__ import annotations

import pytest

from appliance.policy import hosts
from appliance.policy.atoms import Care, Unclear

WEB = ("https", "http")


@pytest.mark.parametrize(
    ("url", "host", "care"),
    [
        ("https://A.Python.org/3/?a=b#c", "a.python.org", Care.PLAIN),
        ("https://python.org:443/", "python.org", Care.PLAIN),
        ("https://docs.python.org:8443/", "docs.python.org:8443", Care.EXACT),
        ("https://docs.python.org:0/", "docs.python.org:0", Care.EXACT),
        ("http://docs.python.org/", "docs.python.org:80", Care.EXACT),
        ("http://localhost:3000/x", "localhost:3000", Care.EXACT),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", Care.EXACT),
        ("https://xn--pypi-4ve.org/", "xn--pypi-4ve.org", Care.EXACT),
    ],
)
def test_an_address_becomes_its_host(url: str, host: str, care: Care) -> None:
    atom = hosts.atom(url, WEB)
    assert (atom.object, atom.care) == (host, care)


@pytest.mark.parametrize(
    "url",
    ["http://docs.python.org", "file:///etc/passwd", "ftp://a.org", "docs.python.org", "//a.org"],
)
def test_only_the_schemes_asked_for_are_understood(url: str) -> None:
    with pytest.raises(Unclear):
        hosts.atom(url)
