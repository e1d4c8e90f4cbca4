"""The vocabulary of the log: names never change."""

from __future__ import annotations

from appliance.core.events import JobStarted, MessageReceived, event_names, name_of

GOLDEN = """
account.paired account.unpaired agent.tested anchor.posted approval.asked approval.expired
approval.given approval.refused approval.renewed audit.forked audit.sealed audit.ticked
changes.shown config.loaded connection.closed daemon.started daemon.stopped daemon.stopping
file.received file.sent grants.removed job.cancelled job.failed job.finished job.interrupted
job.queued job.started job.steered job.timed_out key.rotated lockdown.lifted lockdown.started
log.pruned message.edited message.ignored message.received pairing.ended pairing.opened
pairing.refused place.paired place.unpaired policy.changed policy.loaded policy.rejected
post.failed proposal.accepted proposal.lapsed proposal.made proposal.refused question.answered
question.asked question.expired record.redacted request.allowed request.denied revert.started
sandbox.refused snapshot.taken speech.heard tool.finished tool.started wake.held wake.released
worktree.settled
"""


def test_no_event_was_renamed_or_lost() -> None:
    assert sorted(event_names()) == GOLDEN.split()


def test_a_name_comes_from_the_class() -> None:
    assert name_of(JobStarted) == "job.started"


def test_private_fields_are_not_part_of_the_data() -> None:
    event = MessageReceived(key="k", place="p", text="my words")
    assert event.data() == {"key": "k", "place": "p"}
    assert event.secrets() == {"text": "my words"}
