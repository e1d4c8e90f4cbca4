"""What holds for the repository as a whole: set-up, lock, documents, and where tests are."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "packaging" / "lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKED = {path.stem: path.read_text() for path in LOCKS.glob("*.txt")}
WORKPLACE = re.compile(r"\.\./shared|/work/(main|shared|\.library)|cache-claude")
PACKAGE_HOST = re.compile(
    r"\b(pypi\.(org|python)|pythonhosted|registry\.npm|npmjs|deb\.debian|debian\.org/debian)"
)

STORY = "tests/services/test_story.py"
PAGE = "tests/chat/web/test_server.py"
DAEMON = "tests/journeys/test_main_job.py"
EGRESS = "tests/egress/test_session.py"
PAIRING = "tests/journeys/test_pairing.py"
SETUP = "tests/app/setup/test_steps.py"
REPLIES = "tests/core/test_replies.py"
CONVERSATIONS = "tests/services/test_conversations.py"
RULE_FILES = "tests/app/policy_commands/test_rule_files.py"
TESTED_ELSEWHERE = {
    "appliance/agent/orphans.py": "tests/agent/test_task_link.py",
    "appliance/agent/program.py": "tests/agent/test_claude.py",
    "appliance/app/egress_access.py": "tests/app/test_attack.py",
    "appliance/app/file_handling.py": "tests/journeys/test_files.py",
    "appliance/app/listening.py": "tests/app/test_dispatch_audit.py",
    "appliance/app/dials.py": "tests/journeys/test_metrics.py",
    "appliance/app/metering.py": "tests/journeys/test_metrics.py",
    "appliance/core/replies/about_files.py": "tests/services/test_parcels.py",
    "appliance/core/replies/about_restoring.py": "tests/services/test_restoration.py",
    "appliance/storage/restored.py": "tests/storage/test_copies.py",
    "appliance/services/file_desk.py": "tests/services/test_parcels.py",
    "appliance/task/ahead.py": "tests/task/test_starter.py",
    "appliance/app/audit_commands/job_page.py": "tests/app/audit_commands/test_show.py",
    "appliance/app/audit_commands/page.py": "tests/app/audit_commands/test_show.py",
    "appliance/app/audit_commands/record_page.py": "tests/app/audit_commands/test_show.py",
    "appliance/app/audit_commands/show_json.py": "tests/app/audit_commands/test_show.py",
    "appliance/app/policy_commands/requests.py": "tests/app/policy_commands/test_batch.py",
    "appliance/app/policy_commands/verdicts.py": "tests/app/policy_commands/test_why.py",
    "appliance/app/cli.py": "tests/app/test_config_commands.py",
    "appliance/app/control_client.py": "tests/chat/test_terminal.py",
    "appliance/app/daemon.py": DAEMON,
    "appliance/app/dispatchd.py": DAEMON,
    "appliance/app/agents.py": DAEMON,
    "appliance/app/chat_platforms.py": DAEMON,
    "appliance/app/directories.py": DAEMON,
    "appliance/app/wiring.py": DAEMON,
    "appliance/audit/beginning.py": "tests/audit/test_verify.py",
    "appliance/audit/consent.py": "tests/audit/test_verify.py",
    "appliance/audit/content.py": "tests/audit/test_verify.py",
    "appliance/audit/database.py": "tests/audit/test_writer.py",
    "appliance/audit/keys.py": "tests/audit/test_writer.py",
    "appliance/audit/lock.py": "tests/audit/test_writer.py",
    "appliance/audit/recovery.py": "tests/audit/test_writer.py",
    "appliance/audit/examination.py": "tests/audit/test_verify.py",
    "appliance/audit/heads.py": "tests/audit/test_verify.py",
    "appliance/audit/signatures.py": "tests/audit/test_verify.py",
    "appliance/audit/structure.py": "tests/audit/test_verify.py",
    "appliance/audit/verdict.py": "tests/audit/test_verify.py",
    "appliance/audit/takeover.py": "tests/audit/test_fork.py",
    "appliance/chat/web/audience.py": PAGE,
    "appliance/chat/web/connection.py": PAGE,
    "appliance/chat/web/site.py": PAGE,
    "appliance/chat/web/transcript.py": PAGE,
    "appliance/app/egress_life.py": "tests/app/test_dispatch_egress.py",
    "appliance/core/commands.py": "tests/core/test_parsing.py",
    "appliance/core/requests.py": STORY,
    "appliance/egress/connection.py": EGRESS,
    "appliance/egress/relay.py": EGRESS,
    "appliance/egress/upstream.py": EGRESS,
    "appliance/host/lease.py": "tests/host/test_inhibit.py",
    "appliance/host/logind.py": "tests/contracts/test_inhibitor.py",
    "appliance/policy/atoms.py": "tests/policy/test_engine.py",
    "appliance/app/policy_commands/check.py": RULE_FILES,
    "appliance/app/policy_commands/diff.py": RULE_FILES,
    "appliance/app/policy_commands/fmt.py": RULE_FILES,
    "appliance/app/policy_commands/import_patterns.py": RULE_FILES,
    "appliance/app/policy_commands/shared.py": RULE_FILES,
    "appliance/app/policy_commands/test.py": RULE_FILES,
    "appliance/app/policy_commands/reload.py": "tests/services/test_reloading.py",
    "appliance/policy/fields.py": "tests/policy/test_loader.py",
    **{
        f"appliance/app/attack/{name}.py": "tests/app/test_attack.py"
        for name in ("assault", "command", "findings", "loot", "stage")
    },
    "appliance/app/attack/bombs.py": "tests/attacks/isolation/test_bombs.py",
    "appliance/app/attack/intruder.py": "tests/attacks/isolation/test_escapes.py",
    **{
        f"appliance/app/doctor/{name}.py": "tests/app/test_doctor_areas.py"
        for name in (
            "check",
            "examination",
            "files",
            "machine",
            "metrics",
            "projects",
            "rules",
            "walls",
            "way_out",
        )
    },
    **{
        f"appliance/app/doctor/{name}.py": "tests/app/test_doctor.py"
        for name in ("agent", "log", "running")
    },
    **{
        f"appliance/policy/lint/{name}.py": "tests/policy/test_lint.py"
        for name in ("alone", "findings", "pairs", "reach", "rewritten", "times", "writers")
    },
    "appliance/policy/options.py": "tests/policy/test_loader.py",
    "appliance/policy/profiles.py": "tests/policy/test_programs.py",
    "appliance/policy/quotas.py": "tests/policy/test_loader.py",
    "appliance/policy/trials.py": "tests/policy/test_loader.py",
    "appliance/policy/shell/guards.py": "tests/policy/test_shell.py",
    "appliance/policy/shell/reader.py": "tests/policy/test_shell.py",
    "appliance/policy/shell/script.py": "tests/policy/test_shell.py",
    "appliance/policy/shell/walk.py": "tests/policy/test_shell.py",
    "appliance/policy/shell/words.py": "tests/policy/test_shell.py",
    "appliance/policy/shell/wrappers.py": "tests/policy/test_shell.py",
    "appliance/app/granted.py": "tests/journeys/test_administration.py",
    "appliance/app/lockdown_commands.py": "tests/journeys/test_administration.py",
    "appliance/app/policy_commands/proposals.py": "tests/journeys/test_administration.py",
    "appliance/app/lines.py": PAIRING,
    "appliance/app/pair_commands.py": PAIRING,
    "appliance/app/settings_file.py": SETUP,
    "appliance/app/setup_commands.py": SETUP,
    **{
        f"appliance/app/setup/{name}.py": SETUP
        for name in (
            "answers",
            "bot",
            "interview",
            "roles",
            "screen",
            "settings_text",
            "starting",
        )
    },
    "appliance/core/excerpts.py": "tests/services/test_overview.py",
    "appliance/core/languages/german.py": "tests/core/test_languages.py",
    "appliance/core/lockdown.py": "tests/services/test_lockdowns.py",
    "appliance/core/snapshots.py": "tests/services/test_changes.py",
    "appliance/core/worktrees.py": "tests/services/test_worktrees.py",
    **{
        f"appliance/core/replies/about_{name}.py": test
        for name, test in {
            "administration": "tests/services/test_proposals.py",
            "approvals": REPLIES,
            "calls": REPLIES,
            "changes": "tests/services/test_review.py",
            "details": "tests/services/test_answering.py",
            "jobs": REPLIES,
            "machine": "tests/services/test_keep_awake.py",
            "page": "tests/core/test_about_page.py",
            "pairing": "tests/services/test_pairing.py",
            "policy": "tests/services/test_reloading.py",
            "projects": "tests/core/test_stories.py",
            "questions": "tests/core/test_about_questions.py",
            "requests": REPLIES,
            "routing": "tests/services/test_routing.py",
            "settings": "tests/services/test_manners.py",
            "stories": "tests/core/test_stories.py",
            "conversations": "tests/core/test_stories.py",
            "watching": "tests/services/test_watching.py",
        }.items()
    },
    "appliance/services/accounts.py": "tests/services/test_pairing.py",
    "appliance/services/approval_records.py": "tests/services/test_approvals.py",
    "appliance/services/audience.py": "tests/services/test_reminders.py",
    "appliance/services/cases.py": STORY,
    "appliance/services/edits.py": CONVERSATIONS,
    "appliance/services/fetching.py": "tests/services/test_inboxes.py",
    "appliance/services/first_task.py": PAIRING,
    "appliance/services/granting.py": "tests/services/test_proposals.py",
    "appliance/services/host_queries.py": "tests/journeys/test_administration.py",
    "appliance/services/admin_desk.py": "tests/services/test_proposals.py",
    "appliance/services/pairing_queries.py": PAIRING,
    "appliance/services/people.py": "tests/services/test_pairing.py",
    "appliance/services/permission.py": CONVERSATIONS,
    "appliance/services/random_ids.py": "tests/services/test_approvals.py",
    "appliance/services/replies_to_questions.py": "tests/services/test_answering.py",
    "appliance/services/stories.py": CONVERSATIONS,
    "appliance/storage/questions.py": "tests/services/test_questions.py",
    "appliance/services/administration.py": "tests/services/test_reloading.py",
    "appliance/services/policy_holder.py": "tests/services/test_reloading.py",
    "appliance/policy/rules.py": "tests/policy/test_loader.py",
    "appliance/policy/sources.py": "tests/policy/test_engine.py",
    "appliance/services/admission.py": STORY,
    "appliance/services/approvals.py": STORY,
    "appliance/services/desk.py": STORY,
    "appliance/services/drafts.py": STORY,
    "appliance/services/gate.py": STORY,
    "appliance/services/health.py": STORY,
    "appliance/services/intake.py": STORY,
    "appliance/services/job_moves.py": STORY,
    "appliance/services/job_records.py": STORY,
    "appliance/services/judge.py": STORY,
    "appliance/services/preparation.py": STORY,
    "appliance/services/runs.py": STORY,
    "appliance/services/second_look.py": STORY,
    "appliance/services/strangers.py": STORY,
    "appliance/services/ongoing.py": CONVERSATIONS,
    "appliance/services/understanding.py": STORY,
    "appliance/services/wishes.py": STORY,
    "appliance/services/worker.py": STORY,
    "appliance/storage/codec.py": "tests/storage/test_state.py",
    "appliance/storage/database.py": "tests/storage/test_state.py",
    "appliance/agent/launchers.py": "tests/agent/test_task_link.py",
    "appliance/task/confinement.py": "tests/task/test_launcher.py",
    "appliance/task/linux.py": "tests/task/test_launcher.py",
    "appliance/task/places.py": "tests/task/test_bubblewrap.py",
    "appliance/task/preparation.py": "tests/task/test_launcher.py",
    "appliance/task/supervisor.py": "tests/task/test_launcher.py",
}
"""Modules shown by a test of another name, together with what they only make sense with."""

UNTESTABLE = {
    "appliance/errors.py": "values only; every raise is tested where it happens",
    "appliance/ports.py": "protocols only; tests/contracts runs them against fakes and adapters",
    "appliance/core/model.py": "nouns only",
}


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout of the repository")
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    files = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in files if path.is_file() and path.suffix != ".whl"]


def requirements(group: str) -> list[str]:
    if group == "build":
        return list(PROJECT["build-system"]["requires"])
    if group == "runtime":
        return list(PROJECT["project"]["dependencies"])
    return list(PROJECT["dependency-groups"][group])


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(group: str) -> dict[str, list[str]]:
    """Name of each locked package to its hashes."""
    entries = re.split(r"^(?=[a-z])", LOCKED[group], flags=re.MULTILINE)
    return {
        normal(entry.partition("==")[0]): re.findall(r"--hash=sha256:([0-9a-f]{64})", entry)
        for entry in entries
        if entry.strip()
    }


@pytest.mark.parametrize("group", ["build", "runtime", *PROJECT["dependency-groups"]])
def test_every_dependency_is_locked_with_hashes(group: str) -> None:
    packages = pinned(group)
    for requirement in requirements(group):
        name = re.match(r"[A-Za-z0-9._-]+", requirement)
        assert name is not None
        assert normal(name[0]) in packages, f"{requirement}: run make lock"
    assert all(packages.values())


def test_a_package_has_one_version_in_all_locks() -> None:
    versions: dict[str, set[str]] = {}
    for text in LOCKED.values():
        for name, version in re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE):
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_pip_in_the_repository_is_the_locked_one() -> None:
    wheels = list(LOCKS.glob("*.whl"))
    assert len(wheels) == 1
    assert f"pip=={wheels[0].name.split('-')[1]} " in LOCKED["runtime"]
    assert hashlib.sha256(wheels[0].read_bytes()).hexdigest() in pinned("runtime")["pip"]


def test_claude_is_locked_with_integrity_and_without_addresses() -> None:
    lock = (LOCKS / "claude" / "package-lock.json").read_text()
    packages = re.findall(r'"node_modules/', lock)
    assert len(packages) == len(re.findall(r'"integrity": "sha512-', lock)) > 0
    assert "resolved" not in lock


def test_no_file_names_a_package_host_or_our_workplace() -> None:
    offences = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if WORKPLACE.search(line) or PACKAGE_HOST.search(line)
    ]
    assert offences == []


def test_every_make_target_in_the_documents_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    documents = [path for path in tracked() if path.suffix == ".md"]
    said = {
        target
        for document in documents
        for target in re.findall(r"(?:`|^ {4})make ([a-z-]+)", document.read_text(), re.MULTILINE)
    }
    assert said
    assert said <= targets


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    shown = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True)
    for target in re.findall(r"^\.PHONY: (\S+)", makefile, re.MULTILINE):
        assert re.search(rf"^  make {target} +\S", shown.stdout, re.MULTILINE), target


def test_every_link_in_the_documents_leads_to_a_file() -> None:
    broken = [
        f"{document.relative_to(ROOT)}: {link}"
        for document in tracked()
        if document.suffix == ".md"
        for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", document.read_text())
        if not (document.parent / link).exists()
    ]
    assert broken == []


def test_every_program_of_the_project_is_a_function() -> None:
    for target in PROJECT["project"]["scripts"].values():
        module, function = target.split(":")
        source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text()
        assert re.search(rf"^def {function}\(", source, re.MULTILINE), target


def modules() -> list[str]:
    sources = [path.relative_to(ROOT) for path in tracked()]
    return [
        str(source)
        for source in sources
        if source.parts[0] == "appliance"
        and source.suffix == ".py"
        and source.name not in ("__init__.py", "__main__.py")
    ]


def mirror(module: str) -> Path:
    path = Path(module)
    return Path("tests", *path.parts[1:-1], f"test_{path.name}")


def test_every_module_has_a_test_where_it_is_looked_for() -> None:
    missing = [
        f"{module}: no {mirror(module)}"
        for module in modules()
        if module not in UNTESTABLE.keys() | TESTED_ELSEWHERE.keys()
        if not (ROOT / mirror(module)).exists()
    ]
    assert missing == []


def test_exceptions_are_about_modules_that_exist() -> None:
    assert UNTESTABLE.keys() | TESTED_ELSEWHERE.keys() <= set(modules())
    assert [test for test in TESTED_ELSEWHERE.values() if not (ROOT / test).exists()] == []
