"""Takes secrets out of text before it is recorded, answered or logged.

One pattern per kind of secret, each tied to a prefix or a key word that the issuer made
unmistakable: guessing by entropy would black out hashes and leave passwords. Every pattern runs
in linear time, because the text comes from outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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
    _secret("age key", "age-secret-key-", r"AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{40,}", re.IGNORECASE),
    _secret("GitLab token", "glpat-", r"gl(?:pat|ptt|rt|dt|cbt|soat|agent)-[A-Za-z0-9_.-]{20,}"),
    _secret("Google key", "aiza", r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}"),
    _secret("Google secret", "gocspx-", r"GOCSPX-[A-Za-z0-9_-]{20,}"),
    _secret("npm token", "npm_", r"(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36,}"),
    _secret("PyPI token", "pypi-ageichlw", r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{20,}"),
    _secret("Hugging Face token", "hf_", r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}"),
    _secret("Stripe key", "_live_", r"(?<![A-Za-z0-9])[rs]k_live_[A-Za-z0-9]{16,}"),
    _secret("SendGrid key", "sg.", r"(?<![A-Za-z0-9])SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    _secret("DigitalOcean token", "_v1_", r"(?<![A-Za-z0-9])do[opr]_v1_[a-f0-9]{64}"),
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
        # "Server=db;User Id=app;Password=…;" and "host=db user=app password=…"
        r"(?P<keep>\b(?:server|data source|host|user id|uid|user|dbname|database)\s?=\s?"
        r"[^\n=]{1,64}[;\s]"
        r"(?:(?!password|pwd)[\w ]{1,32}\s?=\s?[^\n=;\s]{0,64}[;\s]\s?){0,6}"
        r"(?:password|pwd)\s?=\s?)"
        r"(?!\[redacted )[^\s;\"']+",
        re.IGNORECASE,
    ),
    _secret(
        "password",
        "=",
        r"(?P<keep>(?:[?&]|--)(?:password|passwd|passphrase|pwd|secret|client_secret|token|"
        r"access_token|refresh_token|auth_token|api_key|apikey|signature|sig)=)"
        r"(?!\[redacted )[^\s&\"'\\]+",
        re.IGNORECASE,
    ),
)


@dataclass(frozen=True, slots=True)
class Edit:
    """What stands from `start` up to `end` becomes `text`."""

    start: int
    end: int
    text: str


def redact(text: str) -> str:
    """The text with every secret of a known kind replaced by "[redacted KIND]"."""
    for edits in edits_of(text):
        text = _applied(text, edits)
    return text


def edits_of(text: str) -> Iterator[Sequence[Edit]]:
    """What `redact` does, in rounds: each is about the text as it is after those before it."""
    lowered = text.lower()
    for secret in _SECRETS:
        if secret.marker not in lowered:
            continue
        edits = [_edit(found, secret.kind) for found in secret.pattern.finditer(text)]
        if edits:
            yield edits
            text = _applied(text, edits)


def _edit(found: re.Match[str], kind: str) -> Edit:
    start = found.end("keep") if "keep" in found.re.groupindex else found.start()
    return Edit(start, found.end(), f"[redacted {kind}]")


def _applied(text: str, edits: Sequence[Edit]) -> str:
    pieces, last = [], 0
    for edit in edits:
        pieces += [text[last : edit.start], edit.text]
        last = edit.end
    return "".join((*pieces, text[last:]))
