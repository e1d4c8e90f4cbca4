"""A policy directory loads as written, or not at all with every mistake named."""

from __future__ import annotations

import gc
import os
import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.model import Act, Allowed
from appliance.errors import PolicyError
from appliance.policy.fields import cut
from appliance.policy.loader import load
from appliance.policy.rules import Effect
from tests.policy import policies_on_disk as disk

GRANT = "g, me, owner"
RULE = "p, owner, *, bash, ls **, allow"


def _mistakes(tmp_path: Path, *lines: str, users: Sequence[str] = ("me",)) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        disk.policy(tmp_path, *lines, users=users)
    assert caught.value.exit_status == 78
    return caught.value.message.splitlines()


def test_every_broken_line_is_reported_at_once(tmp_path: Path) -> None:
    assert _mistakes(
        tmp_path,
        "# comment",
        "g, alcie, owner",
        RULE,
        "p, onwer, *, bash, ls, allow",
        "p, owner, dmeo, bash, ls, allow",
        "p, owner, *, bsh, ls, allow",
        "p, owner, *, bash, ls, alow",
        "p, owner, *, bash, ls, approve, tll=10m",
        "P, owner, *, bash, ls, deny",
        "p, owner, *, bash, ls",
        "p, owner, *, bash, , allow",
        'p, owner, *, bash, "ls", allow',
        users=("alice",),
    ) == [
        'policies/rules.csv:2:4: no user or role called "alcie", did you mean "alice"?; '
        "users are in dispatch.toml",
        'policies/rules.csv:4:4: nobody has a role called "onwer", did you mean "owner"?',
        'policies/rules.csv:5:11: no project called "dmeo", did you mean "demo"?',
        'policies/rules.csv:6:14: unknown act "bsh", did you mean "bash"?',
        'policies/rules.csv:7:24: unknown effect "alow", did you mean "allow"?',
        'policies/rules.csv:8:33: unknown option "tll=10m", did you mean "ttl"?',
        'policies/rules.csv:9:1: unknown kind of line "P", did you mean "p"?',
        "policies/rules.csv:10:1: 5 fields; write: p, ROLE, PROJECT, ACT, PATTERN, EFFECT, OPTIONS",
        "policies/rules.csv:11:20: field 5 is empty; write: "
        "p, ROLE, PROJECT, ACT, PATTERN, EFFECT, OPTIONS",
        "policies/rules.csv:12:20: quotes have no meaning here; write the words as they are",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pp, owner, *, bash, ls, deny", "unknown kind of line"),
        ("t, me, /srv, bash, ls, deny", "no project called"),
        ("t, you, demo, bash, ls, deny", 'no user called "you"'),
        ("t, me, demo, bsh, ls, deny", 'unknown act "bsh", did you mean "bash"?'),
        ("t, me, demo, bash, ls, denied", 'unknown verdict "denied", did you mean "deny"?'),
        ("t, me, demo, bash, deny", "5 fields"),
        ("t, me, demo, bash, ls, allow # x, deny", "could end in two places"),
        ("q, owner, demo, comands=3/h", 'unknown limit "comands=3/h", did you mean "commands"?'),
        ("q, owner, demo, commands=0/h", "write a number for a time"),
        ("q, owner, demo, cost=5/week", "write a number for a time"),
        ("q, ownr, demo, cost=5/day", 'nobody has a role called "ownr", did you mean "owner"?'),
        ("q, owner, dem, cost=5/day", 'no project called "dem", did you mean "demo"?'),
        ("q, owner, demo, cost=5/day cost=6/day", "stands twice"),
        ("p, owner, *, Bash, ls, deny", 'unknown act "Bash", did you mean "bash"?'),
        ("p, owner, *, Edit, src/**, deny", 'unknown act "Edit", did you mean "write"?'),
        ("p, owner, *, tool, TodoWrit, deny", 'no tool is called "TodoWrit", did you mean'),
        ("p, owner, *, tool, Unknown, allow", 'no tool is called "Unknown"'),
        ("p, owner, *, tool, Bash, deny", 'write a rule for the act "bash"'),
        ("p, owner, *, bash, ls **, deny", "policies/rules.csv:2 says allow"),
        ("p, owner, *, bash, ls a,b, deny", 'unknown effect "b"'),
        ("p, owner, *, bash, ls, Deny", "unknown effect"),
        ("p, owner, *, bash, ls, den y", "unknown effect"),
        ("p, owner, *, bash, ls, fallback", "unknown effect"),
        ("p, Owner, *, bash, ls, deny", "nobody has a role"),
        ("p, me, *, bash, ls, deny", '"me" is a user'),
        ("g, me, me", '"me" is a user'),
        ("g, me, ghost", 'the role "ghost" has no rules'),
        ("g, me, ok role", "cannot be a role"),
        ("g, me, owner, demo", "4 fields"),
        ("p, owner, /srv/nothing/**, bash, ls, allow", "holds no project"),
        ("p, owner, /srv/*/x, bash, ls, allow", "is no directory"),
        ("p, owner, *, bash, ls [ab], allow", "has no meaning in a pattern"),
        ("p, owner, *, bash, ls ** -l, allow", "** can only be the last word"),
        ("p, owner, *, bash, ls -**, allow", "** can only be the last word"),
        ("p, owner, *, bash, ls|, allow", "an empty word"),
        ("p, owner, *, read, ../x, allow", '".." part'),
        ("p, owner, *, read, ~/x, allow", "~ is not resolved"),
        ("p, owner, *, chat, deploy, allow", "its slash"),
        ("p, owner, *, mcp, github, allow", "SERVER/TOOL"),
        ("p, owner, *, web, Python.org, allow", "small letters"),
        ("p, owner, *, bash, ls, allow, ttl=10m", "only goes with approve, not with allow"),
        ("p, owner, *, bash, ls, deny, fallback", "only goes with approve"),
        ("p, owner, *, bash, ls, approve, fallback=1", "unknown option"),
        ("p, owner, *, bash, ls, approve, ttl", "unknown option"),
        ("p, owner, *, bash, ls, approve, ttl=0m", "from 10s to 24h"),
        ("p, owner, *, bash, ls, approve, ttl=25h", "from 10s to 24h"),
        ("p, owner, *, bash, ls, approve, ttl=1m ttl=2m", "stands twice"),
        ("p, owner, *, bash, ls, approve, by=", "write by=ROLE"),
        ("p, owner, *, bash, ls, deny, rate=6/h", "only goes with approve and allow"),
        ("p, owner, *, bash, ls, approve, by=owner, ttl=10m", "separated by blanks"),
        ("p, owner, *, bash, ls, allow, hours=9-17", "write from and to"),
        ("p, owner, *, bash, ls, allow, hours=09:00-25:00", "write from and to"),
        ("p, owner, *, bash, ls, allow, hours=09:00-09:00", "write from and to"),
        ("p, owner, *, bash, ls, allow, days=mon-fry", 'did you mean "fri"?'),
        ("p, owner, *, bash, ls, allow, until=2030-02-31", "write the last day"),
        ("p, owner, *, bash, ls, allow, until=2030-1-31", "write the last day"),
        ("p, owner, *, bash, ls, allow, via=telegam", 'did you mean "telegram"?'),
        ("p, owner, *, bash, ls, allow, rate=60", "write a number for a time"),
        ("p, owner, *, admin, pair *, allow, rate=6/h", "is not counted"),
        ("p, owner, *, bash, ls, allow, rate=0/h", "write a number for a time"),
        ("p, owner, *, bash, ls, allow, job", "only goes with approve"),
        ("p, owner, *, bash, ls, approve, job=1", "unknown option"),
        ("p, owner, *, bash, ls, approve, by=lead", "nobody has a role"),
        ("p, owner, *, bash, ls, approve, by=owner*1", "write by=ROLE"),
        ("p, owner, *, bash, ls\u00a0x, deny", "invisible character"),
        ("p, owner, *, bash, ls\u200b, deny", "invisible character"),
        ("p, owner, *, bash, ls, deny\r", "invisible character"),
    ],
)
def test_a_line_that_is_not_understood_is_refused_with_its_place(
    tmp_path: Path, line: str, said: str
) -> None:
    mistakes = _mistakes(tmp_path, GRANT, RULE, line)
    assert said in mistakes[0]
    assert all(re.match(r"policies/rules\.csv:3:[0-9]+: ", mistake) for mistake in mistakes)


def test_a_byte_order_mark_is_refused(tmp_path: Path) -> None:
    assert "byte order mark" in _mistakes(tmp_path, "\ufeff" + GRANT, RULE)[0]


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    directory = disk.write(tmp_path / "policies", GRANT, RULE)
    (directory / "more.csv").write_bytes(b"# fine\n# \xe9\n")
    with pytest.raises(PolicyError, match=r"policies/more\.csv:2:3: not UTF-8"):
        load(directory, [disk.ME], disk.projects(tmp_path, "demo"))


def test_an_empty_policy_is_refused(tmp_path: Path) -> None:
    assert "no rules" in _mistakes(tmp_path, "# nothing")[0]


def test_a_file_that_would_be_passed_over_is_refused(tmp_path: Path) -> None:
    directory = disk.write(tmp_path / "policies", GRANT, RULE)
    for name in ("rules.csv~", ".rules.csv.swp", "README.md", "old.csv.bak"):
        (directory / name).write_text("not read")
    load(directory, [disk.ME], disk.projects(tmp_path, "demo"))
    (directory / "deny.CSV").write_text("p, *, *, bash, **, deny")
    with pytest.raises(PolicyError, match=r"deny\.CSV:1:1: not a policy file"):
        load(directory, [disk.ME], disk.projects(tmp_path, "demo"))


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot read the policy"):
        load(tmp_path / "none", [disk.ME], {})


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("e = some(where (p.eft == allow))", "e = !some(where (p.eft == deny))", "should be"),
        (" && g(r.sub, p.sub)", "", "lacks"),
        ("r.act == p.act && ", "", "lacks"),
        ("g(r.sub, p.sub)", "g(r.sub, p.sub) || true", "unknown condition"),
        ("g = _, _", "g = _, _, _", "should be"),
        ("m = ", "x = ", "not the model"),
        ("[matchers]", "[matcher]", "not the model"),
    ],
)
def test_a_changed_model_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    directory = disk.write(tmp_path / "policies", GRANT, RULE)
    model = (directory / "model.conf").read_text()
    assert before in model
    (directory / "model.conf").write_text(model.replace(before, after))
    with pytest.raises(PolicyError, match=said):
        load(directory, [disk.ME], disk.projects(tmp_path, "demo"))


def test_roles_in_a_circle_are_refused(tmp_path: Path) -> None:
    lines = (GRANT, RULE, "g, owner, lead", "g, lead, owner", "p, lead, *, bash, ls, allow")
    assert any("in a circle" in mistake for mistake in _mistakes(tmp_path, *lines))


def test_comments_options_and_places_are_read_as_written(tmp_path: Path) -> None:
    policy = disk.policy(
        tmp_path,
        "g, me, owner  # that is me",
        "  p ,owner,demo,bash,  git   push  **,approve, ttl=30s by=owner  # careful",
        "p, owner, *, write, src/**, allow,",
        names=("demo", "other"),
    )
    push, *writes = policy.engine.rules
    assert (push.pattern, push.effect, push.by, push.ttl_seconds) == (
        "git push **", Effect.APPROVE, ("owner",), 30,
    )  # fmt: skip
    assert str(push.rule) == "policies/rules.csv:2"
    assert push.rule.text == ("p ,owner,demo,bash,  git   push  **,approve, ttl=30s by=owner")
    assert [(rule.act, rule.pattern) for rule in writes] == [
        (Act.WRITE, f"{(tmp_path / name).resolve()}/src/**") for name in ("demo", "other")
    ]
    assert policy.rules == 2


@given(st.lists(st.sampled_from(["", " ", "  ", "\t "]), min_size=14, max_size=14))
def test_blanks_beside_commas_mean_nothing(blanks: list[str]) -> None:
    words = ("p", "dev", "demo", "bash", "git log **", "approve", "by=lead, ttl=9m")
    text = ",".join(f"{blanks.pop()}{word}{blanks.pop()}" for word in words)
    assert cut("rules.csv", text, [])[0].fields == words


def test_only_rules_for_the_same_times_contradict(tmp_path: Path) -> None:
    at_times = (
        "p, owner, *, bash, ls **, deny, days=sat,sun",
        "p, owner, *, bash, ls **, approve, fallback",
    )
    assert disk.policy(tmp_path, GRANT, RULE, *at_times).rules == 3
    again = "p, owner, *, bash, ls **, allow, days=sat-sun"
    assert _mistakes(tmp_path, GRANT, RULE, *at_times, again) == [
        "policies/rules.csv:5:27: this says allow, but policies/rules.csv:3 says deny"
    ]


def test_loading_leaves_the_garbage_collector_as_it_was(tmp_path: Path) -> None:
    disk.policy(tmp_path, GRANT, RULE)
    _mistakes(tmp_path, GRANT)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_the_fingerprint_follows_every_file(tmp_path: Path) -> None:
    first = disk.policy(tmp_path, GRANT, RULE).sha256
    assert disk.policy(tmp_path, GRANT, RULE).sha256 == first
    assert disk.policy(tmp_path, GRANT, RULE, "# more").sha256 != first


SAMPLE = [GRANT, "p, owner, demo, bash, git status|log **, allow", "p, owner, *, bash, rm **, deny"]
PROBES = ["git status", "git log -5", "rm -rf x", "ls", "git push", "rm"]


def test_a_mutated_file_is_refused_or_means_no_more_than_before(tmp_path: Path) -> None:
    source = random.Random(4)
    before = _allowed(tmp_path, SAMPLE)
    for _ in range(600):
        lines = list(SAMPLE)
        line = source.choice([0, 1, 2])
        at = source.randrange(len(lines[line]) + 1)
        sign = source.choice([*"pPgd,#*|\" \t'=\x00\u200bé", ""])
        lines[line] = lines[line][:at] + sign + lines[line][at + source.choice([0, 1]) :]
        after = _allowed_or_refused(tmp_path, lines)
        # a wildcard typed into the allowing line is wider as written; nothing else may be
        assert after <= before or (line == 1 and sign in ("*", "|")), lines


def _allowed_or_refused(tmp_path: Path, lines: list[str]) -> set[str]:
    """What is allowed; nothing when the file is refused, which it must be with its line."""
    try:
        return _allowed(tmp_path, lines)
    except PolicyError as error:
        return set() if "policies/rules.csv:" in error.message else set("no line named")


def _allowed(tmp_path: Path, lines: list[str]) -> set[str]:
    policy = disk.policy(tmp_path, *lines)
    asked = {probe: policy.decide(disk.bash(tmp_path, probe)) for probe in PROBES}
    return {probe for probe, decision in asked.items() if isinstance(decision, Allowed)}


def test_a_file_whose_last_line_does_not_end_is_refused(tmp_path: Path) -> None:
    directory = disk.write(tmp_path / "policies", GRANT, RULE)
    (directory / "more.csv").write_text("p, owner, *, bash, git push **, approve, by=ow")
    with pytest.raises(PolicyError, match=r"policies/more\.csv:1:47: the last line does not end"):
        load(directory, [disk.ME], disk.projects(tmp_path, "demo"))


def test_a_failing_test_line_refuses_the_policy(tmp_path: Path) -> None:
    assert _mistakes(tmp_path, GRANT, RULE, "t, me, demo, bash, ls; rm -rf /, allow  # never") == [
        "policies/rules.csv:3:1: this must be allow, and is deny because no rule allows it: "
        "t, me, demo, bash, ls; rm -rf /, allow"
    ]


def test_too_large_files_and_pipes_are_refused(tmp_path: Path) -> None:
    directory = disk.write(tmp_path / "policies", GRANT, RULE)
    os.mkfifo(directory / "pipe.csv")
    with pytest.raises(PolicyError, match="no regular file"):
        load(directory, [disk.ME], disk.projects(tmp_path, "demo"))
    (directory / "pipe.csv").unlink()
    (directory / "long.csv").write_text("#" * 5_000 + "\n" + "p" * 5_000 + "\n")
    with pytest.raises(PolicyError, match=r"long\.csv:2:1: a line of more than 4000"):
        load(directory, [disk.ME], disk.projects(tmp_path, "demo"))
