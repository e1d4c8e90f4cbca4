"""Where checkpoints of the log go, as the settings say."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.app.daemon import Part
from appliance.audit.sinks.file import FileSink
from appliance.audit.sinks.journal import journal_sink
from appliance.config import Settings
from appliance.core.model import Reply
from appliance.errors import ConfigError
from appliance.ports import AnchorableAudit, AnchorSink, Clock, State
from appliance.services.activity import Activity
from appliance.services.anchors import Anchors
from appliance.services.outbox import Outbox
from appliance.services.owner import OwnerChat

if TYPE_CHECKING:  # cryptography is imported only where there are witnesses
    from appliance.audit.cosignature import Cosigner

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchoring:
    """The service, the parts that it needs while the daemon runs, and a way to the owner."""

    anchors: Anchors
    parts: Sequence[Part]
    tell_owner: Callable[[Reply], None]


def anchoring(
    settings: Settings,
    log: AnchorableAudit,
    activity: Activity,
    state: State,
    outbox: Outbox,
    clock: Clock,
) -> Anchoring:
    """Raises ConfigError when the key of a witness is none."""
    owner = None
    if settings.anchor_user is not None:
        owner = OwnerChat(state, outbox, activity, settings.anchor_user, log.public_key, clock)
    sinks = [*([owner] if owner else []), *host_sinks(settings), *_witnesses(settings, log)]
    anchors = Anchors(log, activity, sinks, clock)
    parts = [Part("anchors", anchors.run)]
    if owner is not None:
        parts.append(Part("owner", owner.run))
    return Anchoring(anchors, parts, owner.tell if owner else _tell_nobody)


def _tell_nobody(_: Reply) -> None:
    log.warning("nobody has a chat, so the owner is not told what the journal says")


def host_sinks(settings: Settings) -> Iterator[AnchorSink]:
    """Those on this host, which need no network."""
    if settings.audit.anchor_file:
        yield FileSink(Path(settings.audit.anchor_file))
    if settings.audit.anchor_journal and (journal := journal_sink()):
        yield journal


def _witnesses(settings: Settings, log: AnchorableAudit) -> Iterator[AnchorSink]:
    if not settings.audit.witnesses:
        return
    from appliance.audit.sinks.witness import WitnessSink

    for text in settings.audit.witnesses:
        address, _, key = text.partition(" ")
        yield WitnessSink(address, _cosigner(settings, key) if key else None, log.prove_growth)


def _cosigner(settings: Settings, key: str) -> Cosigner:
    from appliance.audit.cosignature import parse_cosigner

    try:
        return parse_cosigner(key)
    except ValueError as error:
        raise ConfigError(
            f"{settings.file}: [audit] witnesses: {error}",
            hint="copy the key again from whoever runs the witness",
        ) from error
