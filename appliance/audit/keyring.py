"""The public keys that a log names: its first one, its identity's and that of its epoch.

Read, not verified: whoever wants to know whether they are the right ones compares the first one
with what was kept elsewhere, and runs `verify`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.audit.checkpoint import PublicKey, decode_key
from appliance.audit.database import EPOCH, consulted
from appliance.audit.heads import signer_of
from appliance.core.records import decode
from appliance.errors import AuditBroken


@dataclass(frozen=True, slots=True)
class PublicKeys:
    """`genesis` signed the first epoch and names the log, `current` signs epoch `epoch`."""

    genesis: PublicKey
    identity: PublicKey
    current: PublicKey
    epoch: int


def public_keys(database: Path) -> PublicKeys:
    """Raises AuditUnavailable when the log cannot be read, AuditBroken when it names no keys."""
    try:
        with consulted(database) as connection:
            first = connection.execute("SELECT rec FROM leaf WHERE seq=1").fetchone()
            record = decode(bytes(first[0])) if first else None
            if record is None:
                raise ValueError("it has no record")
            (last,) = connection.execute("SELECT max(seq) FROM leaf").fetchone()
            (rotations,) = connection.execute(
                "SELECT count(*) FROM ckpt WHERE reason=?", (EPOCH,)
            ).fetchone()
            # the record that hands over is still signed by the old key
            current = signer_of(connection, last + 1)
        return PublicKeys(
            PublicKey(record.log, decode_key(str(record.data.get("public_key")))),
            PublicKey(record.log, decode_key(str(record.data.get("identity_key")))),
            current,
            rotations + 1,
        )
    except (ValueError, TypeError) as error:
        raise AuditBroken(
            f"the audit log {database} names no keys: {error}",
            hint="run: dispatchctl audit verify",
        ) from error
