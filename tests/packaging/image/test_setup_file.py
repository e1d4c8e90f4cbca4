"""What a machine may be told, and that every mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.app.setup import answers
from appliance.errors import ConfigError
from tests.packaging.image.modules import module

setup_file = module("dispatch_image.setup_file")

FULL = """
[telegram]
token = "1:abc"
name = "our bot"

[users.alice]
web = true

[users.bob]
role = "reader"
unix = [1000]

[projects.web]

[projects.site]
clone = "https://git.example/site"

[machine]
name = "dispatch-1"
ssh_keys = ["ssh-ed25519 AAAAC3Nz alice@home"]
update_url = "https://updates.example/stable.update"

[agent]
key = "sk-1"
"""


def as_answers(wishes: object, place: Path) -> answers.Answers:
    file = place / "answers.toml"
    file.write_text(wishes.answers_text("/run/token"))  # type: ignore[attr-defined]
    return answers.read(file)


def test_what_is_told_becomes_answers_that_dispatchctl_takes(tmp_path: Path) -> None:
    wishes = setup_file.read(FULL)
    found = as_answers(wishes, tmp_path)
    assert found.telegram is not None
    assert (found.telegram.token_file, found.telegram.name) == ("/run/token", "our bot")
    assert found.users["alice"].unix == (0,)  # who owns the machine speaks from its console
    assert found.users["bob"].unix == (1000,)
    assert {name: p.path for name, p in found.projects.items()} == {
        "web": "/srv/web",
        "site": "/srv/site",
    }
    assert all(project.grant for project in found.projects.values())
    assert wishes.clones == {"site": "https://git.example/site"}
    assert wishes.machine.name == "dispatch-1"


def test_secrets_are_in_neither_answers_nor_words() -> None:
    wishes = setup_file.read(FULL)
    assert wishes.token == "1:abc"
    assert "1:abc" not in wishes.answers_text("/run/token")
    assert "1:abc" not in repr(wishes)
    assert "sk-1" not in repr(wishes)


def test_a_credential_counts_before_the_file() -> None:
    wishes = setup_file.read(FULL, "2:def", "sk-2")
    assert (wishes.token, wishes.agent.key) == ("2:def", "sk-2")


def test_a_credential_alone_is_a_bot_too(tmp_path: Path) -> None:
    wishes = setup_file.read("[users.alice]\n", "2:def")
    found = as_answers(wishes, tmp_path)
    assert found.telegram is not None
    assert found.telegram.token_file == "/run/token"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "nobody is named"),
        ("[users.alice]\n[machin]\n", 'did you mean "machine"'),
        ("[users.alice]\n[machine]\nname = 'Ä'\n", "a host's name"),
        ("[users.alice]\n[machine]\nssh_keys = ['hello']\n", "a public key of ssh-keygen"),
        ("[users.alice]\n[machine]\nupdate_url = 'http://x'\n", "an https:// address"),
        ("[users.alice]\n[projects.web]\nclone = 'ext::sh -c x'\n", "an https:// address"),
        ("[users.alice]\n[projects.'../x']\n", "is no section"),
        ("users = 3\n", "[users] is no section"),
        ("[users.alice\n", "setup:1:13"),
    ],
)
def test_a_mistake_is_named(content: str, word: str) -> None:
    with pytest.raises(ConfigError, match=r".") as refused:
        setup_file.read(content)
    assert word in refused.value.message


def test_a_line_with_more_than_a_key_cannot_get_into_the_list_of_keys() -> None:
    with pytest.raises(ConfigError):
        setup_file.read('[users.a]\n[machine]\nssh_keys = ["ssh-ed25519 AAAA x\\ncommand y"]\n')
