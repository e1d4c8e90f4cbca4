from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.redact import redact

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def made_up(length: int, letters: str = LETTERS) -> str:
    """Secrets are built here, so that no scanner takes this file for a leak."""
    return "".join(Random(length).choices(letters, k=length))


SECRETS = {
    "Telegram token": "123456789:" + "AA" + made_up(33),
    "Anthropic key": "sk-" + "ant-api03-" + made_up(90) + "-_AA",
    "OpenAI key": "sk-" + made_up(48),
    "OpenAI project key": "sk-" + "proj-" + made_up(60),
    "GitHub token": "gh" + "p_" + made_up(36),
    "GitHub fine-grained token": "github" + "_pat_" + made_up(22) + "_" + made_up(59),
    "AWS key id": "AK" + "IA" + made_up(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "AWS session key id": "AS" + "IA" + made_up(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    "Slack bot token": "xox" + "b-123456789012-" + made_up(24),
    "Slack app token": "xapp" + "-1-A0123456789-" + made_up(24),
    "JSON web token": ".".join(("ey" + "J" + made_up(20), "ey" + "J" + made_up(60), made_up(43))),
    "age key": "AGE-SECRET" + "-KEY-1" + made_up(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    "GitLab token": "gl" + "pat-" + made_up(20),
    "Google key": "AI" + "za" + made_up(35),
    "npm token": "np" + "m_" + made_up(36),
    "PyPI token": "py" + "pi-AgEIcHlwaS5vcmc" + made_up(80),
    "Hugging Face token": "h" + "f_" + made_up(34),
    "Stripe key": "sk" + "_live_" + made_up(24),
    "SendGrid key": "S" + "G." + made_up(22) + "." + made_up(43),
    "DigitalOcean token": "do" + "p_v1_" + made_up(64, "0123456789abcdef"),
    "private key": "-----BEGIN OPENSSH PRIVATE"
    f" KEY-----\n{made_up(64)}\n{made_up(64)}\n-----END OPENSSH PRIVATE KEY-----",
}

# where a secret stands between other words; what stays readable is in the first text
IN_WORDS = {
    "Authorization: Bearer {}\nAccept: */*": made_up(30),
    "Authorization: Basic {}": made_up(24) + "==",
    "authorization: {}": made_up(24),
    '{{"Authorization": "Bearer {}", "a": 1}}': made_up(30),
    "-H 'x-api-key: {}' https://example.com": made_up(30),
    "git clone https://anna:{}@example.com/repo.git": "hunter2!",
    "postgresql://app:{}@db:5432/app": made_up(12),
    "https://example.com/?a=1&password={}&b=2": "hunter2",
    "https://example.com/hook?token={}": made_up(20),
    "mysql --password={} -u root": "hunter2",
    "Server=db;Database=app;User Id=app;Password={};": "hunter2!",
    "host=db port=5432 dbname=app user=app password={}": made_up(12),
    "amqp://app:{}@queue:5672//": made_up(12),
    "aws_secret_access_key = {}": made_up(40),
    '"SecretAccessKey": "{}"': made_up(40),
    "https://hooks.slack.com/services/{}": "T0000/B0000/" + made_up(24),
}

HARMLESS = (
    "",
    "git status --short",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "sha256:" + "ab" * 32,
    "the task-list and the sk-learn package",
    "https://example.com:8443/path?page=2",
    "see http://[::1]:8080/",
    "ssh://git@example.com/repo.git",
    "12:30 :AAA",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----",
    "authorization is needed",
    "token = self.next_token()",
    "Grüße 🎉 \ud800",
)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS.keys())
def test_a_secret_is_taken_out_wherever_it_stands(secret: str) -> None:
    for text in (secret, f"a {secret} b", f"KEY={secret}", f'"{secret}"', f"<{secret}>"):
        shown = redact(text)
        assert secret not in shown
        assert "[redacted " in shown
    assert redact(f"before {secret} after").startswith("before ")
    assert redact(f"before {secret} after").endswith(" after")


@pytest.mark.parametrize("frame", IN_WORDS)
def test_a_secret_is_known_by_the_words_around_it(frame: str) -> None:
    before, after = frame.replace("{{", "{").replace("}}", "}").split("{}")
    shown = redact(frame.format(IN_WORDS[frame]))
    assert IN_WORDS[frame] not in shown
    assert shown.startswith(before)
    assert shown.endswith(after)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_a_private_key_cut_off_in_the_middle_is_taken_out_to_the_end() -> None:
    shown = redact(SECRETS["private key"][:80])
    assert shown == "[redacted private key]"


def test_several_secrets_are_all_taken_out() -> None:
    shown = redact(" ".join([*SECRETS.values(), *SECRETS.values()]))
    assert not [secret for secret in SECRETS.values() if secret in shown]


@given(st.lists(st.sampled_from([*SECRETS.values(), *IN_WORDS]) | st.text(max_size=20)))
def test_redacting_twice_changes_nothing_more(parts: list[str]) -> None:
    once = redact(" ".join(parts))
    assert redact(once) == once


@pytest.mark.parametrize(
    "unit",
    [
        "a", "1", "eyJ", "eyJ0000000000.", "sk-", "gh", "xoxb-", "-----BEGIN PRIVATE KEY-----",
        "://a:", "authorization:", "x-api-key ", "secret_access_key=", "?token=", "--password ",
        "1234567:AA", "AKIA",
    ],
)  # fmt: skip
def test_hostile_text_costs_linear_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    begin = time.process_time()
    redact(text)
    assert time.process_time() - begin < 1
