"""Every tool call becomes atoms; what is not known about a call is never passed over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.core.model import Act
from appliance.policy import tools
from appliance.policy.atoms import Atom, Care
from appliance.policy.paths import Guard, Place
from tests.policy import policies_on_disk as disk


def _atoms(tmp_path: Path, name: str, **call: Any) -> list[Atom]:
    root = tmp_path / "demo"
    root.mkdir(exist_ok=True)
    real = str(root.resolve())
    return tools.atoms_of(disk.tool(tmp_path, name, **call), Place(real, real, Guard(())))


def _said(tmp_path: Path, atoms: list[Atom]) -> list[tuple[str, str, str]]:
    root = str((tmp_path / "demo").resolve())
    return [(a.act, a.object.replace(root, "ROOT"), a.care) for a in atoms]


@pytest.mark.parametrize(
    ("name", "call", "expected"),
    [
        ("Bash", {"command": "git log && cat a"}, [
            ("bash", "git log", "plain"), ("bash", "cat a", "plain"), ("read", "ROOT/a", "plain")]),
        ("Bash", {"command": "git log --output=x"}, [("bash", "git log --output=x", "exact")]),
        ("Bash", {"command": "sudo ls"}, [("bash", "sudo ls", "unclear")]),
        ("Bash", {"command": "ls > x"}, [
            ("bash", "ls", "plain"), ("write", "ROOT/x", "plain")]),
        ("Bash", {"command": "echo 'a b'"}, [("bash", "echo a\x1fb", "plain")]),
        ("Bash", {"command": "ls", "dangerouslyDisableSandbox": True}, [("bash", "ls", "unclear")]),
        ("Bash", {"command": ["ls"]}, [("bash", "Bash", "unclear")]),
        ("Bash", {}, [("bash", "Bash", "unclear")]),
        ("Bash", {"description": "ls", "command": "rm > x"}, [
            ("bash", "rm", "exact"), ("write", "ROOT/x", "plain")]),
        ("Write", {"content": "/srv", "file_path": "a", "x": 1}, [("write", "Write", "unclear")]),
        ("Connect", {"host": "Example.org", "port": 443}, [("net", "example.org:443", "plain")]),
        ("Connect", {"host": "1.1.1.1", "port": 53}, [("net", "1.1.1.1:53", "exact")]),
        ("Connect", {"host": "10.0.0.1", "port": 80}, [("net", "10.0.0.1:80", "protected")]),
        ("Connect", {"host": "127.1", "port": 80}, [("net", "127.1", "unclear")]),
        ("Connect", {"host": "::1", "port": 80}, [("net", "::1", "unclear")]),
        ("Connect", {"host": "example.org", "port": 0}, [("net", "example.org", "unclear")]),
        ("Connect", {"host": "example.org"}, [("net", "example.org", "unclear")]),
        ("Read", {"file_path": "a"}, [("read", "ROOT/a", "plain")]),
        ("Read", {"file_path": "a", "limit": 5, "pages": None}, [("read", "ROOT/a", "plain")]),
        ("Read", {"file_path": "a", "limit": True}, [("read", "Read", "unclear")]),
        ("Read", {"file_path": "~/.ssh/x"}, [("read", "Read", "unclear")]),
        ("Edit", {"file_path": ".git/config", "old_string": "a", "new_string": "b"},
            [("write", "ROOT/.git/config", "protected")]),
        ("Write", {"file_path": "/etc/x", "content": ""}, [("write", "/etc/x", "plain")]),
        ("MultiEdit", {"file_path": "a", "edits": []}, [("write", "ROOT/a", "plain")]),
        ("NotebookEdit", {"notebook_path": "a", "new_source": ""}, [("write", "ROOT/a", "plain")]),
        ("LS", {}, [("read", "ROOT", "plain")]),
        ("Glob", {"pattern": "**/*.py"}, [("read", "ROOT", "plain")]),
        ("Glob", {"pattern": "/etc/*"}, [("read", "/etc", "plain")]),
        ("Glob", {"pattern": "../*"}, [("read", "ROOT/..", "plain")]),
        ("Glob", {"pattern": "*/../../x"}, [("read", "Glob", "unclear")]),
        ("Glob", {"pattern": "**/.env*"}, [("read", "ROOT", "protected")]),
        ("Glob", {"pattern": "**/*.{py,PEM}"}, [("read", "ROOT", "protected")]),
        ("Glob", {"pattern": "@(.env|x)"}, [("read", "Glob", "unclear")]),
        ("Glob", {"pattern": ".e{m..o}v"}, [("read", "Glob", "unclear")]),
        ("Glob", {"pattern": "\\.env"}, [("read", "Glob", "unclear")]),
        ("Glob", {"pattern": "**/.en[v]"}, [("read", "ROOT", "protected")]),
        ("Grep", {"pattern": "x", "glob": "*.py,.env*"}, [("read", "ROOT", "protected")]),
        ("Grep", {"pattern": "x", "glob": "*.py *.key"}, [("read", "ROOT", "protected")]),
        ("Grep", {"pattern": "x", "path": "/etc"}, [("read", "/etc", "plain")]),
        ("Grep", {"pattern": "x", "glob": "*.ts", "-n": True}, [("read", "ROOT", "plain")]),
        ("Grep", {"pattern": "x", "glob": ".env"}, [("read", "ROOT/.env", "protected")]),
        ("WebFetch", {"url": "https://A.Python.org/3/?a=b#c"}, [("web", "a.python.org", "plain")]),
        ("WebFetch", {"url": "https://python.org:443/"}, [("web", "python.org", "plain")]),
        ("WebFetch", {"url": "https://docs.python.org:8443/"},
            [("web", "docs.python.org:8443", "exact")]),
        ("WebFetch", {"url": "https://127.0.0.1/"}, [("web", "127.0.0.1", "exact")]),
        ("WebFetch", {"url": "https://localhost:3000/x"}, [("web", "localhost:3000", "exact")]),
        ("WebFetch", {"url": "https://xn--pypi-4ve.org/"}, [("web", "xn--pypi-4ve.org", "exact")]),
        ("WebSearch", {"query": "x"}, [("web", "search", "plain")]),
        ("Agent", {"prompt": "x", "subagent_type": "Explore"}, [("agent", "Explore", "plain")]),
        ("Task", {"prompt": "x"}, [("agent", "general-purpose", "plain")]),
        ("Agent", {"prompt": "x", "mode": "bypassPermissions"}, [("agent", "x", "unclear")]),
        ("mcp__github__get_issue", {"a": 1}, [("mcp", "github/get_issue", "plain")]),
        ("mcp__a__b__c", {}, [("mcp", "mcp__a__b__c", "unclear")]),
        ("TodoWrite", {"todos": []}, [("tool", "TodoWrite", "plain")]),
        ("NewTool", {"x": 1}, [("tool", "NewTool", "unclear")]),
    ],
)  # fmt: skip
def test_a_call_becomes_what_it_asks_for(
    tmp_path: Path, name: str, call: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    parent = str((tmp_path / "demo").resolve().parent)
    found = [(a, o.replace(parent, "ROOT/.."), c) for a, o, c in
             _said(tmp_path, _atoms(tmp_path, name, **call))]  # fmt: skip
    assert found == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://docs.python.org/", "https://a@docs.python.org/", "https://python.org@evil.example/",
        "https://docs.python.org:/", "https://127.1/", "https://2852039166/", "https://[::1]/",
        "https://0177.0.0.1/", "https://127.0.0.01/", "https://0x7f000001/", "https://1.2.3.4.0x5/",
        "https://docs.python.org./", "https://-a.org/", "https://a..org/", "https://a_b.org/",
        "https://%31%32%37.0.0.1/", "https://docs.python.org%2eevil.example/", "https://\uff11.org/",
        "https://evil.example\x00.python.org/", "https://evil.example\\.python.org/",
        "https://x y/",
        "file:///etc/passwd", "https:docs.python.org", "", "https://d\u043ecs.org/",
        "https://0x7f.1/", "https://docs.python.org:x/",
    ],
)  # fmt: skip
def test_an_address_that_could_be_read_in_two_ways_is_unclear(tmp_path: Path, url: str) -> None:
    (atom,) = _atoms(tmp_path, "WebFetch", url=url)
    assert (atom.act, atom.care) == (Act.WEB, Care.UNCLEAR)


_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(
        ["Bash", "Read", "Edit", "Glob", "Grep", "WebFetch", "Agent", "X", "mcp__a__b"]
    ),
    st.dictionaries(
        st.sampled_from(
            ["command", "file_path", "pattern", "url", "prompt", "path", "glob", "odd"]
        ),
        _json,
    ),
)
def test_no_input_raises_or_is_without_atoms(
    tmp_path: Path, name: str, call: dict[str, Any]
) -> None:
    atoms = _atoms(tmp_path, name, **call)
    assert atoms
    if "odd" in call and not name.startswith("mcp__"):
        assert all(atom.care is Care.UNCLEAR for atom in atoms)
