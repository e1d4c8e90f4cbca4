"""`SqliteState`: the port `State` over the state database, one method per thing kept."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields, replace
from pathlib import Path

from appliance.core.approvals import Approval, ApprovalState
from appliance.core.jobs import Job
from appliance.core.jobs import State as JobState
from appliance.core.keep_awake import Session
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
    UserName,
)
from appliance.core.preferences import Preferences
from appliance.ports import Conversation, Delivery, Refusal
from appliance.storage import codec
from appliance.storage.database import Database
from appliance.storage.transcript import SqliteTranscript

_JOB_COLUMNS = tuple(f.name for f in fields(Job) if f.name != "id")
_APPROVAL_COLUMNS = tuple(f.name for f in fields(Approval))
_INSERT_JOB = (
    f"INSERT INTO job ({', '.join(_JOB_COLUMNS)}) "  # noqa: S608 - our own column names
    f"VALUES ({', '.join('?' for _ in _JOB_COLUMNS)})"
)
_UPDATE_JOB = f"UPDATE job SET {', '.join(f'{c} = ?' for c in _JOB_COLUMNS)} WHERE id = ?"  # noqa: S608
_UNDELIVERED = "FROM outbox WHERE place = ? AND state IN ('waiting', 'ready', 'trying')"
_HAS_MAIL = f"SELECT 1 {_UNDELIVERED} LIMIT 1"
_NEXT_POST = f"SELECT * {_UNDELIVERED} ORDER BY id LIMIT 1"
_SAVE_APPROVAL = (
    f"INSERT OR REPLACE INTO approval ({', '.join(_APPROVAL_COLUMNS)}) "  # noqa: S608
    f"VALUES ({', '.join('?' for _ in _APPROVAL_COLUMNS)})"
)


class SqliteState:
    """See `appliance.ports.State`. `open` raises StorageUnavailable."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self.transcript = SqliteTranscript(database)

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
            for key in incoming.joined:  # so that a part offered again is known
                self._insert_incoming(key, replace(incoming, text=""), actor, handled=True)
        return True

    def _insert_incoming(
        self, key: str, incoming: Incoming, actor: Actor, *, handled: bool
    ) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO inbox (key, user, sender, place, content, message_id, handled)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            key,
            actor.name,
            codec.sender_to_text(incoming.sender),
            codec.place_to_text(incoming.place),
            codec.incoming_to_text(incoming),
            incoming.message_id if isinstance(incoming, Message) else "",
            int(handled),
        )

    def waiting(self) -> tuple[tuple[Incoming, Actor], ...]:
        rows = self._db.rows("SELECT * FROM inbox WHERE handled = 0 ORDER BY seq LIMIT 100")
        return tuple(_incoming(row) for row in rows)

    def mark_handled(self, key: str) -> None:
        self._db.execute("UPDATE inbox SET handled = 1 WHERE key = ?", key)

    def place_of(
        self, user: UserName, platforms: Collection[Platform] = tuple(Platform)
    ) -> Place | None:
        row = self._db.row(
            "SELECT place FROM inbox WHERE user = ? AND json_extract(place, '$[0]') IN"
            " (SELECT value FROM json_each(?)) ORDER BY seq DESC LIMIT 1",
            user,
            json.dumps(list(platforms)),
        )
        return codec.place_from_text(row["place"]) if row else None

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
        return Conversation(project, row["session"])

    def save_conversation(self, place: Place, conversation: Conversation) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO conversation (place, project, session) VALUES (?, ?, ?)",
            codec.place_to_text(place),
            conversation.project,
            conversation.session,
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
    ) -> PostId:
        place_text = codec.place_to_text(place)
        is_behind = self._db.row(_HAS_MAIL, place_text) is not None
        cursor = self._db.execute(
            "INSERT INTO outbox (state, after_id, place, kind, reply, attachment, edits, click,"
            " marks, label) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        )
        assert cursor.lastrowid is not None
        return PostId(cursor.lastrowid)

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

    def mark_delivered(self, post_id: PostId, message_id: str) -> None:
        # an edit or a toast has no message of its own; attachments are not kept twice
        self._db.execute(
            "UPDATE outbox SET state = 'sent', attachment = NULL,"
            " message_id = CASE kind WHEN 'new' THEN ? ELSE '' END WHERE id = ?",
            message_id,
            post_id,
        )

    def mark_given_up(self, post_id: PostId, reason: str) -> None:
        self._db.execute(
            "UPDATE outbox SET state = 'failed', reason = ? WHERE id = ?", reason, post_id
        )


def _incoming(row: sqlite3.Row) -> tuple[Incoming, Actor]:
    incoming = codec.incoming_from_text(
        row["key"], row["sender"], row["place"], row["message_id"], row["content"]
    )
    return incoming, Actor(UserName(row["user"]), incoming.sender)


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
    )
