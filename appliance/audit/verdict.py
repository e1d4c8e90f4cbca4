"""What verification says, and how much it looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from appliance.core.merkle import EMPTY_ROOT

Reporter = Callable[[int, int], None]
"""Called now and then with the number of records checked and of all records."""


class Depth(StrEnum):
    """How much is checked. Roots and stored checkpoints always are."""

    QUICK = "quick"  # no look into records but those that name keys; signatures where keys change
    USUAL = "usual"  # every record and private value; signatures where keys change
    FULL = "full"  # every signature as well


class Verdict(StrEnum):
    INTACT = "intact"
    TAMPERED = "tampered"
    INCOMPLETE = "incomplete"  # nothing signed to judge by: never a good sign, never proof


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. `reason` says why it is not intact, `seq` where (0: nowhere in particular).

    `size` and `root` are the last state that verified, and `epoch_began` is the first record that
    the current key can have signed. `anchored` is the size of the largest checkpoint from
    elsewhere that agrees, and `anchored_at` the time of its last record (0: unknown). Of
    `signatures` stored with records `checked` were verified: each vouches for all records before
    it. `remarks` are oddities that prove nothing.
    """

    verdict: Verdict
    depth: Depth
    reason: str = ""
    seq: int = 0
    size: int = 0
    root: bytes = EMPTY_ROOT
    public_key: str = ""
    identity: str = ""
    pinned: bool = False
    epochs: int = 0
    epoch_began: int = 0
    anchored: int = 0
    anchored_at: int = 0
    signatures: int = 0
    checked: int = 0
    pruned: int = 0
    redacted: int = 0
    remarks: tuple[str, ...] = ()
