"""What agents ask, and what belongs to questions while people answer them: `ports.QuestionBook`."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict

from appliance.core.model import ApprovalId, JobId, Millis, UserName
from appliance.core.questions import Asking, Option, Question, QuestionId, QuestionState
from appliance.storage import codec
from appliance.storage.database import Database


class SqliteQuestions:
    """See `appliance.ports.QuestionBook`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def save(self, question: Question) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO question (id, job, request, requester, asking, asks, asked_at,"
            " expires_at, state, chosen, answer, answered_by, answered_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            question.id,
            question.job,
            question.request,
            question.requester,
            json.dumps(asdict(question.asking)),
            codec.asks_to_text(question.asks),
            question.asked_at,
            question.expires_at,
            question.state,
            json.dumps(question.chosen),
            question.answer,
            question.answered_by,
            question.answered_at,
        )

    def get(self, question_id: QuestionId) -> Question | None:
        row = self._db.row("SELECT * FROM question WHERE id = ?", question_id)
        return _question(row) if row else None

    def open_of(self, job_id: JobId) -> tuple[Question, ...]:
        rows = self._db.rows(
            "SELECT * FROM question WHERE job = ? AND state = 'open' ORDER BY rowid", job_id
        )
        return tuple(map(_question, rows))

    def await_reason(self, user: UserName, approval: ApprovalId) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO reason_awaited (user, approval) VALUES (?, ?)", user, approval
        )

    def awaits_reason(self, user: UserName, approval: ApprovalId) -> bool:
        found = self._db.row(
            "SELECT 1 FROM reason_awaited WHERE user = ? AND approval = ?", user, approval
        )
        return found is not None

    def let_through(self, approval: ApprovalId, request: str, summary: str) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO let_through (approval, request, summary) VALUES (?, ?, ?)",
            approval,
            request,
            summary,
        )

    def passed(self, approval: ApprovalId) -> tuple[str, ...]:
        rows = self._db.rows(
            "SELECT summary FROM let_through WHERE approval = ? ORDER BY rowid", approval
        )
        return tuple(str(row["summary"]) for row in rows)


def _question(row: sqlite3.Row) -> Question:
    asking = json.loads(row["asking"])
    options = tuple(Option(**option) for option in asking.pop("options"))
    return Question(
        id=QuestionId(row["id"]),
        job=JobId(row["job"]),
        request=row["request"],
        requester=UserName(row["requester"]),
        asking=Asking(**asking, options=options),
        asks=codec.asks_from_text(row["asks"]),
        asked_at=Millis(row["asked_at"]),
        expires_at=Millis(row["expires_at"]),
        state=QuestionState(row["state"]),
        chosen=tuple(json.loads(row["chosen"])),
        answer=row["answer"],
        answered_by=row["answered_by"],
        answered_at=Millis(row["answered_at"]),
    )
