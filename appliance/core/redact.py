"""Takes secrets out of text before it is recorded, answered or logged.

One pattern per kind of secret, each tied to a prefix or a key word that the issuer made
unmistakable: guessing by entropy would black out hashes and leave passwords. Every pattern runs
in linear time, because the text comes from outside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Secret:
    """`marker` is in every text, in lower case, that can match: looking for it is cheap.

    What a pattern matches in its group "keep" stays readable; the rest is replaced.
    """

    kind: str
    marker: str
    pattern: re.Pattern[str]


def _secret(kind: str, marker: str, pattern: str, flags: int = 0) -> _Secret:
    return _Secret(kind, marker, re.compile(pattern, flags))


_VALUE = r"(?!\[redacted )[^\s\"'\\,;]+"

_SECRETS = (
    _secret(
        "private key",
        "private key-----",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----"
        r".*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)",
        re.DOTALL,
    ),
    _secret("Telegram token", ":aa", r"(?<!\d)\d{6,12}:AA[A-Za-z0-9_-]{32,}"),
    _secret("Anthropic key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{16,}"),
    _secret(
        "OpenAI key",
        "sk-",
        r"(?<![A-Za-z0-9])sk-(?:(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{32,})",
    ),
    _secret("GitHub token", "gh", r"gh[oprsu]_[A-Za-z0-9]{36,}"),
    _secret("GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,}"),
    _secret("AWS key id", "akia", r"(?<![A-Za-z0-9])AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _secret("AWS key id", "asia", r"(?<![A-Za-z0-9])ASIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _secret(
        "AWS secret key",
        "secret",
        r"(?P<keep>secret_?access_?key[\"'\\\s:=]{1,8})[A-Za-z0-9/+=]{40}",
        re.IGNORECASE,
    ),
    _secret("Slack token", "xox", r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}"),
    _secret("Slack token", "xapp-", r"xapp-[A-Za-z0-9-]{10,}"),
    _secret(
        "Slack webhook",
        "hooks.slack.com/",
        r"(?P<keep>hooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9/]{10,}",
    ),
    _secret(
        "JSON web token",
        "eyj",
        # the look-behind leaves one start per word, so that a long word is read once
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    ),
    _secret(
        "authorization",
        "authorization",
        rf"(?P<keep>authorization[\"']?\s{{0,8}}[:=]\s{{0,8}}[\"']?"
        rf"(?:(?:basic|bearer|bot|digest|negotiate|token)\s{{1,8}})?+){_VALUE}",
        re.IGNORECASE,
    ),
    _secret(
        "API key",
        "x-api-key",
        rf"(?P<keep>x-api-key[\"']?\s{{0,8}}[:=]\s{{0,8}}[\"']?){_VALUE}",
        re.IGNORECASE,
    ),
    _secret("password", "://", r"(?P<keep>://[^\s/:@]{0,64}:)(?!\[redacted )[^\s/@]{1,256}(?=@)"),
    _secret(
        "password",
        "=",
        r"(?P<keep>(?:[?&]|--)(?:password|passwd|passphrase|pwd|secret|client_secret|token|"
        r"access_token|refresh_token|auth_token|api_key|apikey|signature|sig)=)"
        r"(?!\[redacted )[^\s&\"'\\]+",
        re.IGNORECASE,
    ),
)


def redact(text: str) -> str:
    """The text with every secret of a known kind replaced by "[redacted KIND]"."""
    lowered = text.lower()
    for secret in _SECRETS:
        if secret.marker in lowered:
            text = secret.pattern.sub(_replacement(secret), text)
    return text


def _replacement(secret: _Secret) -> str:
    kept = r"\g<keep>" if "keep" in secret.pattern.groupindex else ""
    return f"{kept}[redacted {secret.kind}]"
