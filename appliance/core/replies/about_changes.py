"""What a job changed: the list of files, a file's page, what a revert did."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.core.commands import shown
from appliance.core.diffs import LINK, REPOSITORY, Counts, FileChange, Kind
from appliance.core.jobs import Job
from appliance.core.model import Attachment, Button, ButtonKind, JobId, Phrase, ProjectName, Reply
from appliance.core.redact import redact
from appliance.core.review import Page, file_token, list_token
from appliance.core.words import Words, number, phrase, plural, say

FILES_LISTED = 12
LONGEST_NAME = 60
IGNORED_LISTED = 5

_KINDS = {
    Kind.ADDED: phrase("new"),
    Kind.DELETED: phrase("deleted"),
    Kind.MODIFIED: phrase("changed"),
    Kind.RENAMED: phrase("renamed"),
    Kind.RETYPED: phrase("of another type"),
}


def name_of(path: bytes) -> str:
    """A file's name as it can be shown: on one line, without hidden signs and secrets."""
    return shown(redact(path.decode("utf-8", "replace")), LONGEST_NAME)


# --- why not


def not_kept(why: str) -> Phrase:
    """For the agent and the person: nothing may be written."""
    return phrase(
        "the project could not be kept as it is, so nothing may be changed in it: {why} "
        '(an administrator may set snapshots = "wanted" for the project)',
        why=why,
    )


def too_large(kib: str, limit_kib: int) -> Phrase:
    mib = number(int(kib) // 1024) if kib.strip().isdecimal() else kib
    return phrase(
        "there are {size} MiB of new or changed files that git does not ignore, more than {limit}",
        size=mib,
        limit=number(limit_kib // 1024),
    )


def git_failed(why: str) -> Phrase:
    return phrase("git: {why}", why=why)


def unreadable(why: str) -> Phrase:
    return phrase(
        "git answers with something else than it was asked for: {why}", why=shown(why, 120)
    )


def too_much_to_show() -> Phrase:
    return phrase("it is too much to be shown here")


def project_gone(project: ProjectName) -> Phrase:
    return phrase("project {project} is not in the settings any more", project=project)


def cannot_show(job_id: JobId, why: str | Phrase) -> Reply:
    return say("What job {job} changed cannot be shown: {why}.", job=job_id, why=why)


def none_kept(kind: str) -> Phrase:
    if kind == "prompt":
        return phrase("nothing was kept before it")
    return phrase("it was a command, and only what an agent changes is kept")


def no_such_job() -> Reply:
    return say("There is no such job here whose changes could be shown. /jobs lists the latest.")


def not_yours(job_id: JobId) -> Reply:
    return say("You may not see what job {job} changed: its project is not yours.", job=job_id)


def still_running(job_id: JobId) -> Reply:
    return say(
        "Job {job} is still running. What it changed is shown when it has ended.", job=job_id
    )


def nothing_changed(job_id: JobId) -> Reply:
    return say("Job {job} changed no files.", job=job_id)


# --- the list


def counted(counts: Counts) -> Phrase:
    """ "3 files, +42 -7", for the answer's footer and the list."""
    return plural(
        counts.files,
        "{count} file, +{added} -{removed}",
        "{count} files, +{added} -{removed}",
        added=number(counts.added),
        removed=number(counts.removed),
    )


def overview(
    job: Job,
    changes: Sequence[FileChange],
    counts: Counts,
    ignored: Sequence[str],
    buttons: Sequence[Sequence[Button]],
) -> Reply:
    """The files with their numbers."""
    words = Words().bold("Job {job}", job=job.id).verbatim(f" · {job.project} · ")
    words.plain(counted(counts)).verbatim("\n")
    for place, change in enumerate(changes[:FILES_LISTED], start=1):
        words.verbatim(f"\n{place}. ").code(name_of(change.path)).verbatim(" ")
        words.verbatim(_numbers(change))
        if change.kind is not Kind.MODIFIED:
            words.verbatim(" ").plain(_KINDS[change.kind])
    if len(changes) > FILES_LISTED:
        rest = len(changes) - FILES_LISTED
        words.verbatim("\n").plain(plural(rest, "… and {count} more", "… and {count} more"))
    if ignored:
        words.verbatim("\n\n").plain("New, but ignored by git, so not shown and not reverted:")
        for name in ignored[:IGNORED_LISTED]:
            words.verbatim("\n").code(shown(redact(name), LONGEST_NAME))
        if len(ignored) > IGNORED_LISTED:
            words.verbatim("\n…")
    return words.reply(*buttons)


def _numbers(change: FileChange) -> str:
    if change.added is None or change.removed is None:
        return "·"
    return " ".join(
        part
        for part in (
            f"+{change.added}" if change.added else "",
            f"-{change.removed}" if change.removed else "",
        )
        if part
    )


# --- one file


def file_page(
    job: JobId,
    change: FileChange,
    place: tuple[int, int],
    page: Page,
    picture: Attachment | None,
    buttons: Sequence[Sequence[Button]],
) -> Reply:
    """One page of one file. `place`: which file of how many."""
    words = Words().bold("Job {job}", job=job).verbatim(f" · {place[0]}/{place[1]} · ")
    words.code(name_of(change.path)).verbatim(f" {_numbers(change)}")
    if change.kind is Kind.RENAMED:
        words.verbatim("\n").plain("renamed from {name}", name=name_of(change.old.path))
    elif change.kind is not Kind.MODIFIED:
        words.verbatim(" ").plain(_KINDS[change.kind])
    if page.of > 1:
        words.verbatim("\n").plain("part {part} of {parts}", part=page.number + 1, parts=page.of)
    if note := _note(change, page):
        words.verbatim("\n").plain(note)
    if page.lines and picture is None:
        words.verbatim("\n").block("\n".join(line.whole for line in page.lines), "diff")
    reply = words.reply(*buttons)
    return Reply(reply.body, reply.buttons, picture)


def _note(change: FileChange, page: Page) -> Phrase | None:
    modes = {change.old.mode, change.new.mode}
    if REPOSITORY in modes:
        return phrase("a git repository of its own: what changed in it is not looked at")
    if change.is_binary:
        return phrase("not text")
    if LINK in modes:
        return phrase("a symbolic link")
    if change.old.is_there and change.new.is_there and change.old.mode != change.new.mode:
        is_program = change.new.mode.endswith("755")
        return phrase("may be run now") if is_program else phrase("may not be run any more")
    return None if page.lines else phrase("empty")


# --- the whole


def whole(job: JobId, counts: Counts, patch: bytes) -> Reply:
    words = Words().bold("Job {job}", job=job).verbatim(" · ").plain(counted(counts))
    reply = words.reply()
    return Reply(reply.body, attachment=Attachment(f"job-{job}.diff", patch))


# --- reverting


def sure(job: JobId, counts: Counts) -> Reply:
    words = (
        Words()
        .plain("Make the files of job {job} as they were before it? ", job=job)
        .plain(counted(counts))
        .verbatim(". ")
    )
    words.plain("What others have changed in them since stays.")
    yes = Button(phrase("Yes, revert"), f"vz:{job}", ButtonKind.DENY)
    return words.reply([yes, Button(phrase("No"), list_token(job))])


def busy(job: JobId, running: JobId) -> Reply:
    return say(
        "Job {running} works in the same place. Revert job {job} when it has ended.",
        running=running,
        job=job,
    )


def reverted(job: JobId, files: Sequence[bytes], left: Sequence[bytes]) -> Reply:
    words = Words().bold("Job {job}", job=job).verbatim(" · ")
    if files:
        count = plural(len(files), "{count} file is as before.", "{count} files are as before.")
        words.plain(count)
    elif not left:
        words.plain("everything is as before already.")
    else:
        words.plain("nothing was reverted.")
    if left:
        words.verbatim("\n\n").plain("Left alone, because they were changed since:")
        for path in left[:FILES_LISTED]:
            words.verbatim("\n").code(name_of(path))
        if len(left) > FILES_LISTED:
            words.verbatim("\n…")
    return words.reply()


def not_reverted(job: JobId, why: Phrase) -> Reply:
    return say("Job {job} was not reverted: {why}.", job=job, why=why)


# --- asking for more


def ask_for_change(job: JobId) -> Reply:
    return say("What should be different? Your next message goes on with job {job}.", job=job)


def cannot_go_on(job: JobId) -> Reply:
    return say("Job {job} has no session to go on with. Start afresh with /run.", job=job)


def nav(job: JobId, place: int, files: int, page: Page) -> tuple[tuple[Button, ...], ...]:
    """Buttons from a file to its neighbours and back to the list; `place` counts from one."""
    rows: list[tuple[Button, ...]] = []
    if page.of > 1:
        parts = []
        if page.number > 0:
            parts.append(Button("↑", file_token(job, place, page.number - 1)))
        if page.number + 1 < page.of:
            parts.append(Button("↓", file_token(job, place, page.number + 1)))
        rows.append(tuple(parts))
    row = [Button(phrase("List"), list_token(job))]
    if place > 1:
        row.insert(0, Button("◀", file_token(job, place - 1)))
    if place < files:
        row.append(Button("▶", file_token(job, place + 1)))
    return (*rows, tuple(row))
