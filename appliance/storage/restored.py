"""What was under way in a backup and is set aside since it was restored: `ports.Restoration`."""

from __future__ import annotations

from appliance.core.model import Millis
from appliance.ports import SetAside
from appliance.storage import codec
from appliance.storage.database import Database

_SET_ASIDE = """
    SELECT place, sum(messages) AS messages, sum(posts) AS posts FROM (
        SELECT place, count(*) AS messages, 0 AS posts FROM inbox WHERE handled = 2 GROUP BY place
        UNION ALL SELECT place, count(*), 0 FROM speech WHERE text = '' GROUP BY place
        UNION ALL SELECT place, 0, count(*) FROM outbox
            WHERE state = 'held' AND kind = 'new' GROUP BY place)
    GROUP BY place ORDER BY place"""


REASON = "set aside when a backup was restored"


class SqliteRestoration:
    """See `appliance.ports.Restoration`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def made_at(self) -> Millis | None:
        row = self._db.row("SELECT made_at FROM restored")
        return Millis(row["made_at"]) if row else None

    def set_aside(self) -> tuple[SetAside, ...]:
        rows = self._db.rows(_SET_ASIDE)
        return tuple(
            SetAside(codec.place_from_text(row["place"]), row["messages"], row["posts"])
            for row in rows
        )

    def settle(self) -> None:
        with self._db.transaction():
            self._db.execute("UPDATE inbox SET handled = 1 WHERE handled = 2")
            self._db.execute("DELETE FROM speech WHERE text = ''")
            self._db.execute(
                "UPDATE outbox SET state = 'failed', reason = ? WHERE state = 'held'", REASON
            )
            self._db.execute("DELETE FROM restored")
