"""A request from the message to the answer, and every way it can be held up on the way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from appliance.core.events import MessageReceived, Who
from appliance.core.jobs import State
from appliance.core.model import Asks, Ended, Ending, JobId, PostKind
from appliance.errors import AnchorUnavailable
from tests.examples import ALICE, BOB, message
from tests.services.rig import RULE, STRANGER, Puppet, Rig, running


async def test_a_task_runs_and_its_answer_comes_back(rig: Rig) -> None:
    await rig.says("fix the bug")
    assert await rig.chat.until("all done")
    assert rig.state.job(JobId(1)).state is State.SUCCEEDED  # type: ignore[union-attr]
    names = rig.audit.names()
    order = ["message.received", "request.allowed", "job.queued", "job.started", "job.finished"]
    assert [name for name in names if name in order][-5:] == order


async def test_a_stranger_gets_nothing_at_all(rig: Rig) -> None:
    before = len(rig.chat.posts)
    await rig.intake([replace(message("hello", 77), sender=STRANGER)])
    await rig.says("/status")
    await rig.chat.until("running 0 of 2")
    assert rig.intake.strangers.total() == 1
    assert len(rig.chat.posts) == before + 1


async def test_a_denied_request_names_the_reason_and_runs_nothing(rig: Rig) -> None:
    del rig.policy.table["/run"]
    await rig.says("/run fix")
    assert await rig.chat.until("nothing allows /run")
    assert rig.agent.tasks == []
    assert rig.state.job(JobId(1)).state is State.DENIED  # type: ignore[union-attr]


async def test_an_allowed_call_goes_on_at_once(rig: Rig) -> None:
    rig.agent.script = lambda puppet: puppet.call("Read", file_path="/srv/demo/a")
    await rig.says("look")
    await rig.chat.until("all done")
    assert rig.agent.ran == ["Read {'file_path': '/srv/demo/a'}"]


async def test_a_call_nothing_allows_is_refused_to_agent_and_human(rig: Rig) -> None:
    answers: list[str] = []

    async def script(puppet: Puppet) -> None:
        answers.append(await puppet.call("Mystery", x="1"))

    rig.agent.script = script
    await rig.says("go")
    await rig.chat.until("all done")
    assert "nothing allows Mystery" in answers[0]
    assert await rig.chat.until("refused Mystery")
    assert rig.agent.ran == []


async def test_a_held_call_runs_after_approve_and_says_allowed_only_then(rig: Rig) -> None:
    release = asyncio.Event()

    async def script(puppet: Puppet) -> None:
        assert await puppet.call("Bash", command="rm -rf build") == "ok"
        await release.wait()

    rig.agent.script = script
    await rig.says("clean up")
    assert "rm -rf build" in await rig.chat.until("May this run?")
    assert rig.agent.ran == []
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("Approved. Passing it on.")
    await rig.chat.until("✓ Allowed by alice")
    release.set()
    await rig.chat.until("all done")
    assert len(rig.agent.ran) == 1


async def test_a_refused_call_does_not_run_and_the_agent_goes_on(rig: Rig) -> None:
    answers: list[str] = []

    async def script(puppet: Puppet) -> None:
        answers.append(await puppet.call("Bash", command="rm -rf build"))

    rig.agent.script = script
    await rig.says("clean up")
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Deny"))
    await rig.chat.until("all done")
    assert answers == ["refused by alice"]
    assert rig.agent.ran == []
    await rig.chat.until("Denied by alice")


async def test_a_question_expires_and_says_so(rig: Rig) -> None:
    answers: list[str] = []

    async def script(puppet: Puppet) -> None:
        answers.append(await puppet.call("Bash", command="rm x"))

    rig.agent.script = script
    await rig.says("clean up")
    await rig.chat.until("May this run?")
    token = rig.button("Approve")
    rig.clock.advance(601)
    await rig.chat.until("all done")
    assert answers == ["refused: nobody approved it in time"]
    await rig.clicks(token)
    assert await rig.chat.until("Too late")
    assert rig.agent.ran == []


async def test_a_second_click_is_told_who_was_first(rig: Rig) -> None:
    rig.agent.script = lambda puppet: puppet.call("Bash", command="rm x")
    await rig.says("clean up")
    await rig.chat.until("May this run?")
    token = rig.button("Approve")
    await rig.clicks(token)
    await rig.chat.until("all done")
    await rig.clicks(token)
    assert await rig.chat.until("Already approved by alice, and it ran.")
    assert len(rig.agent.ran) == 1


async def test_a_foreign_click_does_nothing_and_is_recorded(rig: Rig) -> None:
    rig.agent.script = lambda puppet: puppet.call("Bash", command="rm x")
    await rig.says("clean up")
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Approve"), BOB)
    assert await rig.chat.until("You may not answer this. Ask alice.")
    assert rig.agent.ran == []
    assert "request.denied" in rig.audit.names()


async def test_an_approver_of_another_role_is_asked_where_he_last_wrote(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.policy.table["Bash"] = Asks(RULE, by=("lead",))
    rig.policy.by = {"lead": {"bob"}}
    rig.agent.script = lambda puppet: puppet.call("Bash", command="rm x")
    async with running(rig):
        await rig.says("/status", BOB)
        await rig.says("/project demo")
        await rig.says("clean up")
        await rig.chat.until("May this run?")
        await rig.clicks(rig.button("Approve"), ALICE)
        assert await rig.chat.until("You may not answer this. Ask bob.")
        await rig.clicks(rig.button("Approve"), BOB)
        await rig.chat.until("✓ Allowed by bob")
        places = {p.place.chat for p in rig.chat.posts if "May this run?" in p.reply.body.text}
        assert places == {ALICE.sender.id, BOB.sender.id}
    rig.state.close()


async def test_a_recipe_that_asks_waits_before_it_starts(rig: Rig) -> None:
    await rig.says("/deploy")
    await rig.chat.until("May this run?")
    assert rig.agent.tasks == []
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    await rig.chat.until("✓ Allowed by alice")
    assert len(rig.agent.tasks) == 1


async def test_a_recipe_that_is_denied_never_starts(rig: Rig) -> None:
    await rig.says("/deploy")
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Deny"))
    await rig.chat.until("Denied by alice")
    assert rig.agent.tasks == []
    assert rig.state.job(JobId(1)).state is State.REFUSED  # type: ignore[union-attr]


async def test_an_approved_call_runs_only_once_its_approval_is_anchored(rig: Rig) -> None:
    anchored: list[list[str]] = []

    async def before_risk(for_what: str) -> None:
        anchored.append([for_what, *rig.agent.ran, rig.audit.names()[-1]])

    rig.anchor = before_risk
    rig.agent.script = lambda puppet: puppet.call("Bash", command="rm x")
    await rig.says("clean up")
    await rig.chat.until("May this run?")
    approval = rig.button("Approve").removeprefix("a:")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    assert anchored == [[f"approval:{approval}", "approval.given"]]
    assert len(rig.agent.ran) == 1


async def test_an_approved_call_that_cannot_be_anchored_is_refused_with_the_reason(
    rig: Rig,
) -> None:
    answers: list[str] = []

    async def script(puppet: Puppet) -> None:
        answers.append(await puppet.call("Bash", command="rm x"))

    rig.anchor = no_anchor
    rig.agent.script = script
    await rig.says("clean up")
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Approve"))
    assert "nobody keeps checkpoints" in await rig.chat.until("refused Bash: rm x")
    await rig.chat.until("all done")
    await rig.chat.until("Withdrawn")
    assert "nobody keeps checkpoints" in answers[0]
    assert rig.agent.ran == []
    assert rig.audit.names().index("approval.given") < rig.audit.names().index("request.denied")


async def test_an_approved_job_that_cannot_be_anchored_does_not_start(rig: Rig) -> None:
    rig.anchor = no_anchor
    await rig.says("/deploy")
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Approve"))
    assert "Job 1 failed" in await rig.chat.until("nobody keeps checkpoints")
    await rig.chat.until("Withdrawn")
    assert rig.agent.tasks == []


async def test_what_needs_no_approval_waits_for_no_anchor(rig: Rig) -> None:
    rig.anchor = no_anchor
    rig.agent.script = lambda puppet: puppet.call("Read", file_path="a")
    await rig.says("look")
    await rig.chat.until("all done")
    assert len(rig.agent.ran) == 1


async def no_anchor(_for_what: str) -> None:
    raise AnchorUnavailable("nobody keeps checkpoints")


async def test_a_message_while_it_runs_steers(rig: Rig) -> None:
    heard: list[str] = []

    async def script(puppet: Puppet) -> None:
        heard.append(await puppet.steered.get())

    rig.agent.script = script
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    await rig.says("and also this")
    await rig.chat.until("👀")
    await rig.chat.until("all done")
    assert heard == ["and also this"]
    assert len(rig.agent.tasks) == 1


async def test_a_message_that_comes_too_late_to_steer_waits_for_the_job(rig: Rig) -> None:
    release = asyncio.Event()

    async def takes_nothing(text: str) -> bool:
        return False

    async def script(puppet: Puppet) -> None:
        puppet.steer = takes_nothing  # type: ignore[method-assign]
        await release.wait()

    rig.agent.script = script
    await rig.says("start")
    await rig.chat.until("Job 1 started")
    await rig.says("and also this")
    await rig.chat.until("Starts after job 1")
    release.set()
    await rig.chat.until("Job 2 ✓ done")


async def test_a_plain_message_continues_the_session(rig: Rig) -> None:
    await rig.says("first")
    await rig.chat.until("all done")
    await rig.says("second")
    await rig.chat.until("Job 2 ✓ done")
    assert [prompt.session for prompt in rig.agent.prompts] == [None, "session-1"]
    await rig.says("/new")
    await rig.chat.until("Forgotten")
    await rig.says("third")
    await rig.chat.until("Job 3 ✓ done")
    assert rig.agent.prompts[-1].session is None


async def test_a_question_on_the_side_only_reads(rig: Rig) -> None:
    answers: list[str] = []

    async def script(puppet: Puppet) -> None:
        answers.append(await puppet.call("Read", "1", file_path="/srv/demo/a"))
        answers.append(await puppet.call("Bash", "2", command="ls"))

    rig.agent.script = script
    await rig.says("/ask what is it?")
    await rig.chat.until("all done")
    assert answers[0] == "ok"
    assert "may only read" in answers[1]


async def test_stop_interrupts_the_running_job(rig: Rig) -> None:
    async def script(puppet: Puppet) -> Ended:
        await puppet.interrupted.wait()
        return Ended(Ending.CANCELLED, "")

    rig.agent.script = script
    await rig.says("work")
    await rig.chat.until("Job 1 started")
    await rig.says("/stop")
    assert await rig.chat.until("Job 1 stopped by alice")
    assert rig.state.job(JobId(1)).state is State.CANCELLED  # type: ignore[union-attr]


async def test_what_was_asked_of_a_running_job_names_the_message(rig: Rig) -> None:
    async def script(puppet: Puppet) -> Ended:
        await puppet.call("Bash", command="rm -rf build")
        await puppet.interrupted.wait()
        return Ended(Ending.CANCELLED, "")

    rig.agent.script = script
    await rig.says("clean up")
    await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Deny"))
    await rig.chat.until("Denied by alice")
    await rig.says("rather this")
    await rig.chat.until("👀")
    await rig.says("/stop")
    await rig.chat.until("stopped by alice")
    task, denial, steering, stop = [
        event.key for event in rig.audit.events if isinstance(event, MessageReceived)
    ][-4:]
    asked = {event.name: event.cause for event in rig.audit.events if event.who == Who.user(ALICE)}
    assert denial in asked["approval.refused"]
    assert steering in asked["job.steered"]
    assert asked["job.cancelled"] == (task, stop)


async def test_jobs_of_one_project_run_one_after_the_other(rig: Rig) -> None:
    gates = [asyncio.Event(), asyncio.Event()]

    async def script(puppet: Puppet) -> None:
        await gates[puppet.task.job - 1].wait()

    rig.agent.script = script
    await rig.says("/run one")
    await rig.chat.until("Job 1 started")
    await rig.says("/run two")
    await rig.chat.until("Starts after job 1")
    assert len(rig.agent.tasks) == 1
    gates[0].set()
    await rig.chat.until("Job 2 started")
    gates[1].set()


async def test_a_job_after_one_that_fails_never_runs(rig: Rig) -> None:
    release = asyncio.Event()

    async def script(puppet: Puppet) -> Ended:
        await release.wait()
        return Ended(Ending.FAILED, "broken")

    rig.agent.script = script
    await rig.says("/run one")
    await rig.chat.until("Job 1 started")
    await rig.says("/run --after 1 two")
    await rig.chat.until("Starts when job 1 has succeeded")
    release.set()
    assert await rig.chat.until("job 1 did not succeed")
    assert len(rig.agent.tasks) == 1


async def test_nothing_happens_when_the_log_cannot_be_written(rig: Rig) -> None:
    rig.audit.broken = "disk full"
    await rig.says("fix it")
    assert await rig.chat.until("Nothing was done: the audit log cannot be written (disk full)")
    assert rig.agent.tasks == []


async def test_a_task_that_could_not_be_recorded_is_in_nobodys_way(rig: Rig) -> None:
    rig.audit.broken = "disk full"
    await rig.says("first")
    await rig.chat.until("Nothing was done")
    rig.audit.broken = ""
    await rig.says("second")
    assert await rig.chat.until("all done")
    assert [task.job for task in rig.agent.tasks] == [2]


async def test_an_idle_appliance_records_a_task_and_its_start_at_once(rig: Rig) -> None:
    await rig.says("fix the bug")
    assert await rig.chat.until("all done")
    together = ["message.received", "request.allowed", "job.queued", "job.started"]
    assert together in [[event.name for event in commit] for commit in rig.audit.commits]


async def test_no_call_runs_when_the_log_breaks_midway(rig: Rig) -> None:
    async def script(puppet: Puppet) -> None:
        rig.audit.broken = "disk full"
        assert "audit log" in await puppet.call("Read", file_path="a")

    rig.agent.script = script
    await rig.says("go")
    await rig.chat.until("Job 1 ✗ failed")
    assert rig.agent.ran == []


async def test_an_approval_does_not_count_when_the_log_is_broken(rig: Rig) -> None:
    rig.agent.script = lambda puppet: puppet.call("Bash", command="rm x")
    await rig.says("go")
    await rig.chat.until("May this run?")
    rig.audit.broken = "disk full"
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("audit log cannot be written")
    assert rig.agent.ran == []
    assert [a.state for a in rig.state.open_approvals()] == ["pending"]


async def test_help_shows_only_what_one_may_do(rig: Rig) -> None:
    del rig.policy.table["/deploy"]
    await rig.says("/help")
    assert "/git status" not in await rig.chat.until("What you may do here")
    await rig.clicks(rig.button("Recipes"))
    text = await rig.chat.until("Recipes\n")
    assert "/git status" in text
    assert "/deploy" not in text


async def test_a_crash_interrupts_running_jobs_and_offers_to_resume(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    async def script(puppet: Puppet) -> None:
        await puppet.call("Bash", command="rm x")

    rig.agent.script = script
    async with running(rig):
        await rig.says("/project demo")
        await rig.says("work")
        await rig.chat.until("May this run?")
        token = rig.button("Approve")
        snapshot = rig.state.job(JobId(1))
        assert snapshot is not None
        # what a crash leaves: the state of now, whatever stopping in order does to it afterwards
        approval = rig.state.open_approvals()[0]
    with rig.state.transaction():
        rig.state.save_job(snapshot)
        rig.state.save_approval(approval)
    rig.state.close()

    again = Rig(tmp_path)
    again.number = rig.number
    async with running(again):
        assert await again.chat.until("was interrupted")
        await again.clicks(token)
        assert await again.chat.until("This is no longer being asked. Nothing ran.")
        await again.clicks("r:1")
        await again.chat.until("all done")
    assert [prompt.session for prompt in again.agent.prompts] == ["session-1"]
    again.state.close()


async def test_a_message_accepted_before_a_crash_is_handled_after_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    await rig.says("/project demo")
    await rig.says("work")  # nothing runs yet: accepted only
    rig.state.close()
    again = Rig(tmp_path)
    async with running(again):
        await again.chat.until("all done")
    assert len(again.agent.tasks) == 1
    again.state.close()


async def test_the_same_update_offered_twice_runs_once(rig: Rig) -> None:
    update = message("work", 50)
    await rig.intake([update])
    await rig.intake([update])
    await rig.chat.until("all done")
    await rig.says("/status")
    await rig.chat.until("running 0 of 2")
    assert len(rig.agent.tasks) == 1


async def test_toasts_answer_clicks_and_messages_answer_text(rig: Rig) -> None:
    await rig.clicks("x:unknown")
    await rig.chat.until("This button is not known any more.")
    assert rig.chat.posts[-1].kind is PostKind.TOAST


async def test_a_second_job_waits_while_memory_is_short(rig: Rig) -> None:
    go_on = asyncio.Event()

    async def script(puppet: Puppet) -> None:
        await go_on.wait()

    rig.agent.script = script
    rig.free_memory = 0
    await rig.says("/ask one")
    await rig.chat.until("Job 1 started")
    await rig.says("/ask two")
    assert "job 1" in await rig.chat.until("Job 2 is waiting")
    assert str(rig.runs.shortage()).startswith("1 of 2 jobs at a time")
    go_on.set()
    await rig.chat.until("Job 2 started")
