"""The variables a task may have: an allow-list, because programs listen to hundreds of names.

Claude Code alone knows more than nine hundred, and one of them silently switches its hooks off.
So nothing is inherited; a name that is not listed here is refused, not dropped, because whoever
sent it believed it would count.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from appliance.task.header import BadMessage

FROM_HEADER = frozenset(
    {
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD",
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "CLAUDE_CODE_MAX_RETRIES",
        "CLAUDE_CONFIG_DIR",
        "DISABLE_AUTOUPDATER",
        "GIT_PAGER",
        "GIT_TERMINAL_PROMPT",
    }
)
"""What the daemon may set."""

SECRET_VARIABLES = frozenset(
    {"CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"}
)
"""Which variable may name the descriptor of a key; never the key itself."""

_PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")
_NO_PROXY = "NO_PROXY"  # empty: nothing is near enough to be reached without the proxy


_GIT_TRUSTS = {
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
}
"""A project is its owner's and a task's user another one, so git would refuse to work in it; what
a hostile repository makes git run, the wall keeps in."""


def child_environment(
    asked: Mapping[str, str],
    secret_variable: str,
    secret: int | None,
    *,
    path: str,
    home: str,
    temporary: str,
    proxy_port: int | None = None,
    library: Path | None = None,
) -> dict[str, str]:
    """All variables of a task: ours and the header's. Raises BadMessage for a name not listed.

    `proxy_port` is where on loopback its only way out is, `library` what its program loads first.
    """
    strange = asked.keys() - FROM_HEADER
    if secret_variable:
        strange |= {secret_variable} - SECRET_VARIABLES
    if strange:
        raise BadMessage(f"a task must not have the variable {min(strange)}")
    environment = {
        **_GIT_TRUSTS,
        "CLAUDE_CODE_TMPDIR": temporary,
        "HOME": home,
        "LANG": "C.UTF-8",
        "PATH": path,
        "TERM": "dumb",
        "TMPDIR": temporary,
    }
    if secret is not None:
        environment[secret_variable] = str(secret)
    if proxy_port is not None:
        environment |= _proxies(proxy_port)
    if library is not None:
        environment["LD_PRELOAD"] = str(library)
    return environment | dict(asked)


def _proxies(port: int) -> dict[str, str]:
    """Both spellings, because some programs know only one."""
    named = dict.fromkeys(_PROXIES, f"http://127.0.0.1:{port}") | {_NO_PROXY: ""}
    return named | {name.lower(): value for name, value in named.items()}
