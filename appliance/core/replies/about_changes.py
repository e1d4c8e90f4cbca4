"""What a job changed: the list of files, a file's page, what a revert did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.core.diffs import LINK, REPOSITORY, Counts, FileChange, Kind
from appliance.core.hidden import shown
from appliance.core.jobs import Job
from appliance.core.model import Attachment, Button, ButtonKind, JobId, Phrase, ProjectName, Reply
from appliance.core.redact import redact
from appliance.core.review import Page, Under, file_token, list_token
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


def still_running(job_id: JobId) -> Reply:
    return say("Job {job} has not ended yet. Then /diff {job} shows what it changed.", job=job_id)


def nothing_changed(job_id: JobId) -> Reply:
    return say("Job {job} changed no files.", job=job_id)


# --- the list


def counted(words: Words, counts: Counts) -> Words:
    """ "3 files changed +42 -7"; without numbers where no lines are counted, as of pictures."""
    words.plain(plural(counts.files, "{count} file changed", "{count} files changed"))
    if not counts.added and not counts.removed:
        return words
    return words.verbatim(f" +{counts.added} −{counts.removed}")  # noqa: RUF001 - a minus


def overview(
    job: Job,
    changes: Sequence[FileChange],
    counts: Counts,
    ignored: Sequence[str],
    buttons: Sequence[Sequence[Button]],
) -> Reply:
    """The files with their numbers."""
    words = Words().bold("Job {job}", job=job.id).verbatim(f" · {job.project} · ")
    counted(words, counts).verbatim("\n")
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
            f"−{change.removed}" if change.removed else "",  # noqa: RUF001
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
        return phrase("not text, or too large for it")
    if LINK in modes:
        return phrase("a symbolic link")
    if change.old.is_there and change.new.is_there and change.old.mode != change.new.mode:
        is_program = change.new.mode.endswith("755")
        return phrase("may be run now") if is_program else phrase("may not be run any more")
    return None if page.lines else phrase("empty")


# --- the whole


def whole(job: JobId, counts: Counts, patch: bytes) -> Reply:
    reply = counted(Words().bold("Job {job}", job=job).verbatim(" · "), counts).reply()
    return Reply(reply.body, attachment=Attachment(f"job-{job}.diff", patch))


# --- reverting


def sure(job: JobId, counts: Counts) -> Reply:
    words = Words().plain("Make the files of job {job} as they were before it? ", job=job)
    counted(words, counts).verbatim(". ")
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


# --- worktrees


def no_tree(job: JobId) -> Phrase:
    return phrase("job {job} has no worktree of its own", job=job)


def tree_left(job: Job, counts: Counts | None) -> Reply:
    """Beside the answer of a job that had a worktree."""
    words = Words().bold("Job {job}", job=job.id).verbatim(" ")
    words.plain("worked on the branch {branch}", branch=f"dispatch/{job.worktree}")
    counted(words.verbatim(" · "), counts or Counts())
    review = Button(phrase("Look"), list_token(job.id))
    reply = words.reply([review], tree_buttons(job.id))
    return replace(reply, silent=True)


def tree_buttons(job: JobId) -> tuple[Button, ...]:
    return (
        Button(phrase("Merge"), f"vm:{job}", ButtonKind.APPROVE),
        Button(phrase("Keep"), f"vk:{job}"),
        Button(phrase("Remove"), f"vx:{job}", ButtonKind.DENY),
    )


def sure_to_remove(job: JobId) -> Reply:
    words = Words().plain("Remove the worktree of job {job}, with all that is only there?", job=job)
    yes = Button(phrase("Yes, remove"), f"vy:{job}", ButtonKind.DENY)
    return words.reply([yes, Button(phrase("No"), list_token(job))])


def busy_tree(job: JobId, running: JobId) -> Reply:
    return say(
        "Job {running} works in the same place. Settle job {job} when it has ended.",
        running=running,
        job=job,
    )


def merged(job: JobId) -> Reply:
    return say("Job {job} is merged, and its worktree is gone.", job=job)


def kept(job: JobId, tree: JobId) -> Reply:
    return say("Job {job} is committed to {branch}.", job=job, branch=f"dispatch/{tree}")


def removed(job: JobId) -> Reply:
    return say("The worktree and the branch of job {job} are gone.", job=job)


def conflicts(job: JobId) -> Reply:
    return say(
        "Job {job} cannot be merged: the project has changed in the same places, or has changes "
        "that are not committed. Nothing was merged.",
        job=job,
    )


def not_settled(job: JobId, why: str) -> Reply:
    return say("The worktree of job {job} is as it was: {why}.", job=job, why=why)


# --- buttons


def nav(
    job: JobId, place: int, files: int, page: Page, under: Under
) -> tuple[tuple[Button, ...], ...]:
    """Buttons from a file to its neighbours and back to the list; `place` counts from one."""
    parts, row = [], [Button(phrase("List"), list_token(job, under))]
    if page.number > 0:
        parts.append(Button("↑", file_token(job, place, page.number - 1, under)))
    if page.number + 1 < page.of:
        parts.append(Button("↓", file_token(job, place, page.number + 1, under)))
    if place > 1:
        row.insert(0, Button("◀", file_token(job, place - 1, under=under)))
    if place < files:
        row.append(Button("▶", file_token(job, place + 1, under=under)))
    return tuple(tuple(buttons) for buttons in (parts, row) if buttons)
