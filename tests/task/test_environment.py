"""A task's variables are an allow-list."""

from __future__ import annotations

import pytest

from appliance.task.environment import child_environment
from appliance.task.header import BadMessage


def made(
    asked: dict[str, str],
    secret_variable: str = "",
    secret: int | None = None,
    proxy_port: int | None = None,
) -> dict[str, str]:
    return child_environment(
        asked,
        secret_variable,
        secret,
        path="/bin",
        home="/h",
        temporary="/t",
        proxy_port=proxy_port,
    )


def test_a_task_gets_the_launchers_variables_and_the_listed_ones_only() -> None:
    assert made({"DISABLE_AUTOUPDATER": "1"}) == {
        "CLAUDE_CODE_TMPDIR": "/t",
        "DISABLE_AUTOUPDATER": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "HOME": "/h",
        "LANG": "C.UTF-8",
        "PATH": "/bin",
        "TERM": "dumb",
        "TMPDIR": "/t",
    }


@pytest.mark.parametrize(
    "name",
    ["LD_PRELOAD", "PATH", "HOME", "CLAUDE_CODE_SIMPLE", "ANTHROPIC_API_KEY", "NODE_OPTIONS", ""],
)
def test_a_variable_that_is_not_listed_refuses_the_task(name: str) -> None:
    with pytest.raises(BadMessage, match="must not have the variable"):
        made({name: "1"})


def test_a_secret_is_named_by_the_number_of_its_descriptor() -> None:
    variable = "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"
    assert made({}, variable, 7)[variable] == "7"


def test_only_variables_that_take_a_descriptor_may_name_a_secret() -> None:
    with pytest.raises(BadMessage, match="ANTHROPIC_API_KEY"):
        made({}, "ANTHROPIC_API_KEY", 7)


def test_a_way_out_is_named_in_every_spelling_and_nothing_goes_past_it() -> None:
    added = made({}, proxy_port=3128).items() - made({}).items()
    names = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "all_proxy", "https_proxy", "http_proxy")
    address = "http://127.0.0.1:3128"
    assert dict(added) == dict.fromkeys(names, address) | {"NO_PROXY": "", "no_proxy": ""}


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "no_proxy"])
def test_nobody_else_says_where_the_way_out_is(name: str) -> None:
    with pytest.raises(BadMessage, match="must not have the variable"):
        made({name: "http://192.0.2.1"}, proxy_port=3128)
