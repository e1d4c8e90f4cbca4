"""`SqliteState`: the port `State` over the state database, one method per thing kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, fields, replace
from itertools import zip_longest
from pathlib import Path

from appliance.core.administration import is_urgent
from appliance.core.approvals import Approval, ApprovalState
from appliance.core.diffs import Counts
from appliance.core.jobs import Job, PastSession, Step, StepKind
from appliance.core.jobs import State as JobState
from appliance.core.keep_awake import Session
from appliance.core.lockdown import Lockdown, LockdownId
from appliance.core.model import (
    Actor,
    ApprovalId,
    Incoming,
    JobId,
    Message,
    Millis,
    Place,
    Platform,
    Post,
    PostId,
    PostKind,
    ProjectName,
    Reply,
    Sender,
    Urgency,
    UserName,
)
from appliance.core.pairing import Account, PairedPlace, Pairing, PairingId, PairingState
from appliance.core.preferences import Preferences
from appliance.core.proposals import Proposal, ProposalId
from appliance.core.snapshots import Snapshots
from appliance.ports import Conversation, Delivery, Refusal, Remainder
from appliance.storage import codec
from appliance.storage.database import Database
from appliance.storage.files import SqliteFiles
from appliance.storage.questions import SqliteQuestions
from appliance.storage.restored import SqliteRestoration
from appliance.storage.transcript import SqliteTranscript

MAX_REMAINDERS = 500
"""Long answers of which the rest is kept."""

_JOB_COLUMNS = tuple(f.name for f in fields(Job) if f.name != "id")
_APPROVAL_COLUMNS = tuple(f.name for f in fields(Approval))
_INSERT_JOB = (
    f"INSERT INTO job ({', '.join(_JOB_COLUMNS)}) "  # noqa: S608 - our own column names
    f"VALUES ({', '.join('?' for _ in _JOB_COLUMNS)})"
)
_UPDATE_JOB = f"UPDATE job SET {', '.join(f'{c} = ?' for c in _JOB_COLUMNS)} WHERE id = ?"  # noqa: S608
_UNDELIVERED = "FROM outbox WHERE place = ? AND state IN ('waiting', 'ready', 'trying')"
_HAS_MAIL = f"SELECT 1 {_UNDELIVERED} LIMIT 1"
_IS_REPLACED = (
    "kind = 'edit' AND EXISTS (SELECT 1 FROM outbox AS later WHERE later.place = outbox.place"
    " AND later.state IN ('waiting', 'ready', 'trying') AND later.edits = outbox.edits"
    " AND later.id > outbox.id)"
)
_NEXT_POST = (
    f"SELECT *, max(urgency) OVER () AS most_urgent {_UNDELIVERED} AND NOT ({_IS_REPLACED})"
    " ORDER BY state = 'trying' DESC,"
    " CASE kind WHEN 'toast' THEN 0 WHEN 'new' THEN 1 WHEN 'edit' THEN 2 ELSE 3 END, id LIMIT 1"
)
_JOB_ABOUT = """
    SELECT * FROM job WHERE id = coalesce(
        (SELECT job FROM outbox WHERE place = ?1 AND message_id = ?2 AND message_id != ''),
        (SELECT job FROM outbox WHERE place = ?1 AND marks = ?2 AND marks != ''
            ORDER BY id DESC LIMIT 1),
        (SELECT job.id FROM inbox JOIN job ON job.key = inbox.key
            WHERE inbox.place = ?1 AND inbox.message_id = ?2 AND inbox.message_id != ''))"""
STEPS_KEPT = 300
_SAVE_APPROVAL = (
    f"INSERT OR REPLACE INTO approval ({', '.join(_APPROVAL_COLUMNS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' for _ in _APPROVAL_COLUMNS)})"
)
_PAIRING_COLUMNS = tuple(f.name for f in fields(Pairing))
_SAVE_PAIRING = (
    f"INSERT OR REPLACE INTO pairing ({', '.join(_PAIRING_COLUMNS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' for _ in _PAIRING_COLUMNS)})"
)


class SqliteState:
    """See `appliance.ports.State`. `open` raises StorageUnavailable."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.transcript = SqliteTranscript(database)
        self.questions = SqliteQuestions(database)
        self.files = SqliteFiles(database)
        self.restoration = SqliteRestoration(database)

    @staticmethod
    def open(directory: Path) -> SqliteState:
        database = Database(directory / "state.db")
        # whoever wrote these may have sent them before it died
        database.execute("UPDATE outbox SET state = 'trying' WHERE state = 'ready'")
        return SqliteState(database)

    def close(self) -> None:
        self._db.close()

    def transaction(self) -> AbstractContextManager[None]:
        return self._db.transaction()

    # inbox

    def accept(self, incoming: Incoming, actor: Actor) -> bool:
        known = self._db.row("SELECT 1 FROM inbox WHERE key = ?", incoming.key)
        if known:
            return False
        self._insert_incoming(incoming.key, incoming, actor, handled=False)
        if isinstance(incoming, Message):
            for key, number in zip_longest(incoming.joined, incoming.pieces, fillvalue=""):
                part = replace(incoming, text="", message_id=number)
                self._insert_incoming(key, part, actor, handled=True)  # offered again it is known
        return True

    def _insert_incoming(
        self, key: str, incoming: Incoming, actor: Actor, *, handled: bool
    ) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO inbox"
            " (key, user, sender, place, content, message_id, urgent, handled)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            key,
            actor.name,
            codec.sender_to_text(incoming.sender),
            codec.place_to_text(incoming.place),
            codec.incoming_to_text(incoming),
            incoming.message_id if isinstance(incoming, Message) else "",
            int(is_urgent(incoming)),
            int(handled),
        )

    def waiting(self) -> tuple[tuple[Incoming, Actor], ...]:
        rows = self._db.rows(
            "SELECT * FROM inbox WHERE handled = 0 ORDER BY urgent DESC, seq LIMIT 20"
        )
        return tuple(_incoming(row) for row in rows)

    def mark_handled(self, key: str) -> None:
        self._db.execute("UPDATE inbox SET handled = 1 WHERE key = ?", key)

    def offer_again(self, key: str) -> None:
        self._db.execute("UPDATE inbox SET handled = 0 WHERE key = ?", key)

    def number_of(self, key: str) -> int:
        row = self._db.row("SELECT seq FROM inbox WHERE key = ?", key)
        return int(row["seq"]) if row else 0

    def said(self, place: Place, message_id: str) -> tuple[Message, Actor] | None:
        row = self._db.row(
            "SELECT * FROM inbox WHERE place = ? AND message_id = ? AND message_id != ''"
            " ORDER BY seq LIMIT 1",
            codec.place_to_text(place),
            message_id,
        )
        incoming, actor = _incoming(row) if row else (None, None)
        return (incoming, actor) if isinstance(incoming, Message) and actor else None

    def place_of(
        self, user: UserName, platforms: Collection[Platform] = tuple(Platform)
    ) -> Place | None:
        row = self._db.row(
            _PLACE_OF,
            user,
            json.dumps(list(platforms)),
        )
        return codec.place_from_text(row["place"]) if row else None

    def last_seen(self, user: UserName) -> Millis | None:
        row = self._db.row(
            "SELECT json_extract(content, '$.sent_at') AS at FROM inbox WHERE user = ?"
            " ORDER BY seq DESC LIMIT 1",
            user,
        )
        return Millis(row["at"]) if row else None

    # jobs

    def add_job(self, job: Job) -> Job:
        cursor = self._db.execute(_INSERT_JOB, *_job_values(job))
        assert cursor.lastrowid is not None
        return replace(job, id=JobId(cursor.lastrowid))

    def save_job(self, job: Job) -> None:
        self._db.execute(_UPDATE_JOB, *_job_values(job), job.id)

    def job(self, job_id: JobId) -> Job | None:
        row = self._db.row("SELECT * FROM job WHERE id = ?", job_id)
        return _job(row) if row else None

    def job_of(self, key: str) -> Job | None:
        row = self._db.row("SELECT * FROM job WHERE key = ?", key)
        return _job(row) if row else None

    def job_about(self, place: Place, message_id: str) -> Job | None:
        row = self._db.row(_JOB_ABOUT, codec.place_to_text(place), message_id)
        return _job(row) if row else None

    def past_sessions(
        self, place: Place, project: ProjectName, limit: int
    ) -> tuple[PastSession, ...]:
        rows = self._db.rows(
            "SELECT min(id) AS first, max(id) AS latest, count(*) AS jobs FROM job"
            " WHERE place = ? AND project = ? AND session != '' AND keeps_session = 1"
            " GROUP BY session ORDER BY latest DESC LIMIT ?",
            codec.place_to_text(place),
            project,
            limit,
        )
        return tuple(
            PastSession(self._known(r["first"]), self._known(r["latest"]), r["jobs"]) for r in rows
        )

    def _known(self, job_id: int) -> Job:
        job = self.job(JobId(job_id))
        assert job is not None, "jobs are never deleted"
        return job

    def add_step(self, job_id: JobId, step: Step) -> None:
        self._db.execute(
            "INSERT INTO step (job, at, what, text) VALUES (?, ?, ?, ?)",
            job_id,
            step.at,
            step.what,
            step.text,
        )
        self._db.execute(
            "DELETE FROM step WHERE id <= (SELECT id FROM step WHERE job = ?1"
            " ORDER BY id DESC LIMIT 1 OFFSET ?2) AND job = ?1",
            job_id,
            STEPS_KEPT,
        )

    def steps(self, job_id: JobId) -> tuple[Step, ...]:
        rows = self._db.rows("SELECT at, what, text FROM step WHERE job = ? ORDER BY id", job_id)
        return tuple(Step(Millis(r["at"]), StepKind(r["what"]), r["text"]) for r in rows)

    def job_in_session(self, session: str) -> Job | None:
        row = self._db.row(
            "SELECT * FROM job WHERE session = ? AND session != '' ORDER BY id DESC LIMIT 1",
            session,
        )
        return _job(row) if row else None

    # what jobs changed

    def save_snapshots(self, snapshots: Snapshots) -> None:
        counts = snapshots.counts
        self._db.execute(
            "INSERT OR REPLACE INTO snapshots (job, project, root, before, after, trouble, files,"
            " added, removed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            snapshots.job,
            snapshots.project,
            snapshots.root,
            snapshots.before,
            snapshots.after,
            snapshots.trouble,
            counts.files,
            counts.added,
            counts.removed,
        )

    def snapshots(self, job_id: JobId) -> Snapshots | None:
        row = self._db.row("SELECT * FROM snapshots WHERE job = ?", job_id)
        if row is None:
            return None
        return Snapshots(
            job=JobId(row["job"]),
            project=ProjectName(row["project"]),
            root=row["root"],
            before=row["before"],
            after=row["after"],
            trouble=row["trouble"],
            counts=Counts(row["files"], row["added"], row["removed"]),
        )

    def unfinished_jobs(self) -> tuple[Job, ...]:
        rows = self._db.rows(
            "SELECT * FROM job WHERE state IN"
            " ('received', 'waiting_approval', 'queued', 'running') ORDER BY id"
        )
        return tuple(_job(row) for row in rows)

    def latest_jobs(self, limit: int, place: Place | None = None) -> tuple[Job, ...]:
        if place is None:
            rows = self._db.rows("SELECT * FROM job ORDER BY id DESC LIMIT ?", limit)
        else:
            rows = self._db.rows(
                "SELECT * FROM job WHERE place = ? ORDER BY id DESC LIMIT ?",
                codec.place_to_text(place),
                limit,
            )
        return tuple(_job(row) for row in rows)

    def succeeded(self, job_ids: Sequence[JobId]) -> frozenset[JobId]:
        jobs = (self.job(job_id) for job_id in job_ids)
        return frozenset(job.id for job in jobs if job and job.state is JobState.SUCCEEDED)

    # approvals

    def save_approval(self, approval: Approval) -> None:
        self._db.execute(_SAVE_APPROVAL, *_approval_values(approval))

    def approval(self, approval_id: ApprovalId) -> Approval | None:
        row = self._db.row("SELECT * FROM approval WHERE id = ?", approval_id)
        return _approval(row) if row else None

    def open_approvals(self) -> tuple[Approval, ...]:
        rows = self._db.rows(
            "SELECT * FROM approval WHERE state IN ('pending', 'given') ORDER BY asked_at"
        )
        return tuple(_approval(row) for row in rows)

    def approvals_of(self, job_id: JobId) -> tuple[Approval, ...]:
        rows = self._db.rows("SELECT * FROM approval WHERE job = ? ORDER BY asked_at", job_id)
        return tuple(_approval(row) for row in rows)

    def approvals_for_job(self, job_id: JobId) -> tuple[Approval, ...]:
        rows = self._db.rows(
            "SELECT * FROM approval WHERE job = ? AND for_job = 1 AND state = 'used'", job_id
        )
        return tuple(_approval(row) for row in rows)

    # limits

    def count(self, counter: str, key: str, at: Millis, forget_before: Millis) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO counted (counter, key, at) VALUES (?, ?, ?)", counter, key, at
        )
        self._db.execute("DELETE FROM counted WHERE counter = ? AND at < ?", counter, forget_before)

    def is_counted(self, counter: str, key: str) -> bool:
        found = self._db.row("SELECT 1 FROM counted WHERE counter = ? AND key = ?", counter, key)
        return found is not None

    def latest_count(self, counter: str, number: int) -> Millis | None:
        row = self._db.row(
            "SELECT at FROM counted WHERE counter = ? ORDER BY at DESC LIMIT 1 OFFSET ?",
            counter,
            number - 1,
        )
        return Millis(row["at"]) if row else None

    def costs(
        self, user: UserName, project: ProjectName | None, since: Millis
    ) -> tuple[tuple[Millis, int], ...]:
        rows = self._db.rows(
            "SELECT ended_at, json_extract(usage, '$.cost_microdollars') AS cost FROM job"
            " WHERE requester = ?1 AND ended_at > ?2 AND (?3 IS NULL OR project = ?3) AND cost > 0"
            " ORDER BY ended_at",
            user,
            since,
            project,
        )
        return tuple((Millis(row["ended_at"]), row["cost"]) for row in rows)

    # refusals

    def save_refusal(self, place: Place, refusal: Refusal) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO refusal (place, at, request, denied) VALUES (?, ?, ?, ?)",
            codec.place_to_text(place),
            refusal.at,
            codec.request_to_text(refusal.request),
            codec.denied_to_text(refusal.denied),
        )

    def refusal(self, place: Place) -> Refusal | None:
        row = self._db.row("SELECT * FROM refusal WHERE place = ?", codec.place_to_text(place))
        if row is None:
            return None
        return Refusal(
            at=Millis(row["at"]),
            request=codec.request_from_text(row["request"]),
            denied=codec.denied_from_text(row["denied"]),
        )

    # conversations

    def conversation(self, place: Place) -> Conversation:
        row = self._db.row("SELECT * FROM conversation WHERE place = ?", codec.place_to_text(place))
        if row is None:
            return Conversation()
        project = ProjectName(row["project"]) if row["project"] is not None else None
        return Conversation(project, row["session"], row["since"])

    def save_conversation(self, place: Place, conversation: Conversation) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO conversation (place, project, session, since)"
            " VALUES (?, ?, ?, ?)",
            codec.place_to_text(place),
            conversation.project,
            conversation.session,
            conversation.since,
        )

    def preferences(self, place: Place) -> Preferences:
        row = self._db.row(
            "SELECT content FROM preference WHERE place = ?", codec.place_to_text(place)
        )
        return codec.preferences_from_text(row["content"]) if row else Preferences()

    def save_preferences(self, place: Place, preferences: Preferences) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO preference (place, content) VALUES (?, ?)",
            codec.place_to_text(place),
            codec.preferences_to_text(preferences),
        )

    # long answers

    def keep_rest(self, place: Place, remainder: Remainder) -> int:
        cursor = self._db.execute(
            "INSERT INTO remainder (place, rest, whole, cuts_code) VALUES (?, ?, ?, ?)",
            codec.place_to_text(place),
            remainder.rest,
            remainder.whole,
            remainder.cuts_code,
        )
        assert cursor.lastrowid is not None
        self._db.execute("DELETE FROM remainder WHERE id <= ?", cursor.lastrowid - MAX_REMAINDERS)
        return cursor.lastrowid

    def rest(self, place: Place, number: int) -> Remainder | None:
        row = self._db.row(
            "SELECT * FROM remainder WHERE id = ? AND place = ?",
            number,
            codec.place_to_text(place),
        )
        return Remainder(row["rest"], row["whole"], bool(row["cuts_code"])) if row else None

    # accounts and groups

    def save_pairing(self, pairing: Pairing) -> None:
        self._db.execute(_SAVE_PAIRING, *astuple(pairing))

    def pairing(self, pairing_id: PairingId) -> Pairing | None:
        row = self._db.row("SELECT * FROM pairing WHERE id = ?", pairing_id)
        return _pairing(row) if row else None

    def pairings(self, since: Millis) -> tuple[Pairing, ...]:
        rows = self._db.rows(
            "SELECT * FROM pairing WHERE opened_at >= ? ORDER BY opened_at, id", since
        )
        return tuple(_pairing(row) for row in rows)

    def save_account(self, account: Account) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO account (sender, user, called, paired_at, paired_by)"
            " VALUES (?, ?, ?, ?, ?)",
            codec.sender_to_text(account.sender),
            account.user,
            account.called,
            account.paired_at,
            account.paired_by,
        )

    def account(self, sender: Sender) -> Account | None:
        row = self._db.row("SELECT * FROM account WHERE sender = ?", codec.sender_to_text(sender))
        return _account(row) if row else None

    def accounts(self) -> tuple[Account, ...]:
        rows = self._db.rows("SELECT * FROM account ORDER BY user, sender")
        return tuple(_account(row) for row in rows)

    def remove_account(self, sender: Sender) -> None:
        text = codec.sender_to_text(sender)
        with self.transaction():
            self._db.execute("DELETE FROM account WHERE sender = ?", text)
            self._db.execute("UPDATE inbox SET user = '' WHERE sender = ?", text)
            self._db.execute(
                "UPDATE outbox SET state = 'failed', reason = 'nobody is paired there'"
                " WHERE place = ? AND state IN ('waiting', 'ready')",
                codec.place_to_text(Place(sender.platform, sender.id)),
            )

    def save_paired_place(self, paired: PairedPlace) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO paired_place (place, paired_at, paired_by) VALUES (?, ?, ?)",
            codec.place_to_text(paired.place),
            paired.paired_at,
            paired.paired_by,
        )

    def is_paired(self, place: Place) -> bool:
        text = codec.place_to_text(place)
        return self._db.row("SELECT 1 FROM paired_place WHERE place = ?", text) is not None

    def paired_places(self) -> tuple[PairedPlace, ...]:
        rows = self._db.rows("SELECT * FROM paired_place ORDER BY place")
        return tuple(_paired_place(row) for row in rows)

    def remove_paired_place(self, place: Place) -> None:
        self._db.execute(
            "DELETE FROM paired_place WHERE place = ?1 OR (?2 = '' AND"
            " json_extract(place, '$[0]') = ?3 AND json_extract(place, '$[1]') = ?4)",
            codec.place_to_text(place),
            place.topic,
            place.platform,
            place.chat,
        )

    # proposals and lockdowns

    def save_proposal(self, proposal: Proposal) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO proposal (id, asked_at, state, content) VALUES (?, ?, ?, ?)",
            proposal.id,
            proposal.asked_at,
            proposal.state,
            codec.proposal_to_text(proposal),
        )

    def proposal(self, proposal_id: ProposalId) -> Proposal | None:
        row = self._db.row("SELECT * FROM proposal WHERE id = ?", proposal_id)
        return codec.proposal_from_text(row["content"]) if row else None

    def open_proposals(self) -> tuple[Proposal, ...]:
        rows = self._db.rows(
            "SELECT * FROM proposal WHERE state IN ('pending', 'accepted') ORDER BY asked_at"
        )
        return tuple(codec.proposal_from_text(row["content"]) for row in rows)

    def save_lockdown(self, lockdown: Lockdown) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO lockdown (id, by, why, asked_at, since, lifted_at, lifted_by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *astuple(lockdown),
        )

    def lockdown(self, lockdown_id: LockdownId) -> Lockdown | None:
        row = self._db.row("SELECT * FROM lockdown WHERE id = ?", lockdown_id)
        return _lockdown(row) if row else None

    def held_lockdown(self) -> Lockdown | None:
        row = self._db.row(
            "SELECT * FROM lockdown WHERE since IS NOT NULL AND lifted_at IS NULL"
            " ORDER BY since LIMIT 1"
        )
        return _lockdown(row) if row else None

    # staying awake

    def save_awake(self, session: Session | None) -> None:
        with self.transaction():
            self._db.execute("DELETE FROM awake")
            if session is not None:
                self._db.execute(
                    "INSERT INTO awake (one, until, user, place) VALUES (1, ?, ?, ?)",
                    session.until,
                    session.user,
                    codec.place_to_text(session.place),
                )

    def awake(self) -> Session | None:
        row = self._db.row("SELECT * FROM awake")
        if row is None:
            return None
        place = codec.place_from_text(row["place"])
        return Session(Millis(row["until"]), UserName(row["user"]), place)

    # outbox

    def post(
        self,
        place: Place,
        reply: Reply,
        *,
        kind: PostKind = PostKind.NEW,
        edits: PostId | None = None,
        click: str = "",
        marks: str = "",
        label: str = "",
        job: JobId | None = None,
    ) -> PostId:
        place_text = codec.place_to_text(place)
        is_behind = self._db.row(_HAS_MAIL, place_text) is not None
        cursor = self._db.execute(
            "INSERT INTO outbox (state, after_id, place, kind, reply, attachment, edits, click,"
            " marks, label, job, urgency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            "waiting" if is_behind else "ready",
            "" if is_behind else self._last_message_id(place_text),
            place_text,
            kind,
            codec.reply_to_text(reply),
            reply.attachment.content if reply.attachment else None,
            edits,
            click,
            marks,
            label,
            job,
            Post(PostId(0), place, kind, reply).urgency,
        )
        assert cursor.lastrowid is not None
        return PostId(cursor.lastrowid)

    def post_at(self, place: Place, message_id: str) -> PostId | None:
        row = self._db.row(
            "SELECT id FROM outbox WHERE place = ? AND message_id = ? AND message_id != ''",
            codec.place_to_text(place),
            message_id,
        )
        return PostId(row["id"]) if row else None

    def label_at(self, place: Place, message_id: str) -> str:
        row = self._db.row(
            "SELECT label FROM outbox WHERE place = ? AND message_id = ? AND message_id != ''"
            " AND kind = 'new'",
            codec.place_to_text(place),
            message_id,
        )
        return str(row["label"]) if row else ""

    def posts_labelled(self, label: str) -> tuple[tuple[PostId, Place], ...]:
        rows = self._db.rows("SELECT id, place FROM outbox WHERE label = ? ORDER BY id", label)
        return tuple((PostId(row["id"]), codec.place_from_text(row["place"])) for row in rows)

    def message_id(self, post_id: PostId) -> str:
        row = self._db.row("SELECT message_id FROM outbox WHERE id = ?", post_id)
        return str(row["message_id"]) if row else ""

    def places_with_mail(self) -> tuple[Place, ...]:
        rows = self._db.rows(
            "SELECT DISTINCT place FROM outbox WHERE state IN ('waiting', 'ready', 'trying')"
        )
        return tuple(codec.place_from_text(row["place"]) for row in rows)

    def undelivered(self) -> tuple[int, Millis | None]:
        (row,) = self._db.rows(
            "SELECT count(*) AS posts, min(put_at) AS oldest FROM outbox"
            " WHERE state IN ('waiting', 'ready', 'trying')"
        )
        return row["posts"], Millis(row["oldest"]) if row["posts"] else None

    def next_delivery(self, place: Place) -> Delivery | None:
        row = self._db.row(_NEXT_POST, codec.place_to_text(place))
        return self._delivery(row, place) if row else None

    def _delivery(self, row: sqlite3.Row, place: Place) -> Delivery:
        kind = PostKind(row["kind"])
        target = row["click"] or row["marks"]
        if kind is PostKind.EDIT:
            target = self.message_id(PostId(row["edits"]))
        post = Post(
            id=PostId(row["id"]),
            place=place,
            kind=kind,
            reply=codec.reply_from_text(row["reply"], row["attachment"]),
            message_id=target,
            after_id=row["after_id"],
        )
        return Delivery(
            post=post,
            attempts=row["attempts"],
            is_in_doubt=row["state"] == "trying",
            is_ready=row["state"] == "ready",
            first_tried_at=Millis(row["first_tried_at"]),
            urgency=Urgency(row["most_urgent"]),
        )

    def mark_trying(self, post_id: PostId, at: Millis) -> None:
        self._db.execute(
            "UPDATE outbox SET state = 'trying', attempts = attempts + 1,"
            " first_tried_at = CASE attempts WHEN 0 THEN ? ELSE first_tried_at END,"
            " after_id = ? WHERE id = ?",
            at,
            self._last_message_id(self._place_of_post(post_id)),
            post_id,
        )

    def _place_of_post(self, post_id: PostId) -> str:
        row = self._db.row("SELECT place FROM outbox WHERE id = ?", post_id)
        return row["place"] if row else ""

    def _last_message_id(self, place_text: str) -> str:
        """The highest message number seen in a place, sent or received."""
        row = self._db.row(
            "SELECT max(coalesce((SELECT CAST(message_id AS INTEGER) FROM outbox WHERE place = ?1"
            " AND message_id != '' ORDER BY id DESC LIMIT 1), 0), coalesce((SELECT"
            " CAST(message_id AS INTEGER) FROM inbox WHERE place = ?1 AND message_id != ''"
            " ORDER BY seq DESC LIMIT 1), 0)) AS last",
            place_text,
        )
        return str(row["last"]) if row and row["last"] else ""

    def mark_untried(self, post_id: PostId) -> None:
        self._db.execute("UPDATE outbox SET state = 'waiting' WHERE id = ?", post_id)

    def mark_delivered(self, post_id: PostId, message_id: str) -> tuple[PostId, ...]:
        # an edit or a toast has no message of its own; attachments are not kept twice
        rows = self._db.rows(
            "UPDATE outbox SET state = 'sent', attachment = NULL,"
            " message_id = CASE kind WHEN 'new' THEN ?1 ELSE '' END WHERE id = ?2"
            " OR place = (SELECT place FROM outbox WHERE id = ?2)"
            " AND edits = (SELECT edits FROM outbox WHERE id = ?2) AND id < ?2"
            " AND state IN ('waiting', 'ready', 'trying') RETURNING id",
            message_id,
            post_id,
        )
        return tuple(PostId(row["id"]) for row in rows if row["id"] != post_id)

    def mark_given_up(self, post_id: PostId, reason: str) -> None:
        self._db.execute(
            "UPDATE outbox SET state = 'failed', reason = ? WHERE id = ?", reason, post_id
        )


def _incoming(row: sqlite3.Row) -> tuple[Incoming, Actor]:
    incoming = codec.incoming_from_text(
        row["key"], row["sender"], row["place"], row["message_id"], row["content"]
    )
    return incoming, Actor(UserName(row["user"]), incoming.sender)


def _pairing(row: sqlite3.Row) -> Pairing:
    return Pairing(**{**dict(row), "state": PairingState(row["state"])})


def _account(row: sqlite3.Row) -> Account:
    return Account(
        sender=codec.sender_from_text(row["sender"]),
        user=UserName(row["user"]),
        called=row["called"],
        paired_at=Millis(row["paired_at"]),
        paired_by=UserName(row["paired_by"]),
    )


_PLACE_OF = """\
SELECT place FROM inbox
WHERE user = ? AND json_extract(place, '$[0]') IN (SELECT value FROM json_each(?))
  AND (json_extract(place, '$[1]') NOT LIKE '-%' OR EXISTS (
    SELECT 1 FROM paired_place AS paired
    WHERE json_extract(paired.place, '$[0]') = json_extract(inbox.place, '$[0]')
      AND json_extract(paired.place, '$[1]') = json_extract(inbox.place, '$[1]')
      AND json_extract(paired.place, '$[2]') IN ('', json_extract(inbox.place, '$[2]'))))
ORDER BY seq DESC LIMIT 1"""
# Of groups (`core.pairing`) those that are paired: what is said in others reaches nobody.


def _paired_place(row: sqlite3.Row) -> PairedPlace:
    place = codec.place_from_text(row["place"])
    return PairedPlace(place, Millis(row["paired_at"]), UserName(row["paired_by"]))


def _job_values(job: Job) -> tuple[object, ...]:
    return (  # in the order of the fields
        job.key,
        codec.place_to_text(job.place),
        job.requester,
        codec.sender_to_text(job.sender),
        job.project,
        codec.work_to_text(job.work),
        job.words,
        job.created_at,
        job.state,
        job.after,
        int(job.parallel),
        int(job.read_only),
        int(job.keeps_session),
        job.pending,
        job.started_at,
        job.ended_at,
        job.session,
        job.reason,
        codec.usage_to_text(job.usage),
        job.message_id,
        job.tree,
    )


def _job(row: sqlite3.Row) -> Job:
    return Job(
        id=JobId(row["id"]),
        key=row["key"],
        place=codec.place_from_text(row["place"]),
        requester=UserName(row["requester"]),
        sender=codec.sender_from_text(row["sender"]),
        project=ProjectName(row["project"]),
        work=codec.work_from_text(row["work"]),
        words=row["words"],
        created_at=Millis(row["created_at"]),
        state=JobState(row["state"]),
        after=JobId(row["after"]) if row["after"] is not None else None,
        parallel=bool(row["parallel"]),
        read_only=bool(row["read_only"]),
        keeps_session=bool(row["keeps_session"]),
        pending=row["pending"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        session=row["session"],
        reason=row["reason"],
        usage=codec.usage_from_text(row["usage"]),
        message_id=row["message_id"],
        tree=JobId(row["tree"]) if row["tree"] is not None else None,
    )


def _approval_values(approval: Approval) -> tuple[object, ...]:
    return (
        approval.id,
        approval.job,
        approval.request,
        approval.requester,
        approval.tool,
        approval.summary,
        approval.input_sha256,
        approval.directory,
        codec.asks_to_text(approval.asks),
        approval.asked_at,
        approval.expires_at,
        approval.state,
        approval.answered_by,
        approval.reason,
        json.dumps(approval.given_by),
        int(approval.for_job),
        approval.answered_at,
        approval.why,
        approval.input,
        approval.renewed_by,
    )


def _approval(row: sqlite3.Row) -> Approval:
    return Approval(
        id=ApprovalId(row["id"]),
        job=JobId(row["job"]),
        request=row["request"],
        requester=UserName(row["requester"]),
        tool=row["tool"],
        summary=row["summary"],
        input_sha256=row["input_sha256"],
        directory=row["directory"],
        asks=codec.asks_from_text(row["asks"]),
        asked_at=Millis(row["asked_at"]),
        expires_at=Millis(row["expires_at"]),
        state=ApprovalState(row["state"]),
        answered_by=row["answered_by"],
        reason=row["reason"],
        given_by=tuple(json.loads(row["given_by"])),
        for_job=bool(row["for_job"]),
        answered_at=Millis(row["answered_at"]),
        why=row["why"],
        input=row["input"],
        renewed_by=row["renewed_by"],
    )


def _lockdown(row: sqlite3.Row) -> Lockdown:
    return Lockdown(
        LockdownId(row["id"]),
        UserName(row["by"]),
        row["why"],
        Millis(row["asked_at"]),
        None if row["since"] is None else Millis(row["since"]),
        None if row["lifted_at"] is None else Millis(row["lifted_at"]),
        row["lifted_by"],
    )
