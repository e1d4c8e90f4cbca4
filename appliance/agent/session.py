"""One running Claude Code: its prompt, steering, interrupt, tool calls, and how it ended."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from uuid import uuid4

from appliance.agent import endings, stream
from appliance.agent.gates import Gates
from appliance.agent.task_link import Exceeded, Running, TaskExited
from appliance.core.model import (
    PLAN_FILE,
    Ended,
    Ending,
    Refuse,
    Retrying,
    SessionStarted,
    Task,
    TaskEvent,
    TaskStarted,
    ToolCall,
    ToolFinished,
    ToolStarted,
    Usage,
    Verdict,
)
from appliance.errors import AgentFailed, ApplianceError
from appliance.ports import Judge

log = logging.getLogger(__name__)

MINIMUM_VERSION = (2, 1, 317)
"""The first one whose hooks can be told to refuse when they fail (`onFailure`)."""

GREETING_SECONDS = 60.0
EXIT_SECONDS = 3.0
"""After its result the CLI writes the transcript; then its input's end is its end."""

LINGER_SECONDS = 0.05
"""The program's end keeps the machine busy: it comes when the answer is on its way."""

INTERRUPT_SECONDS = 5.0
STEERING_SECONDS = 10.0
"""How long a steering message that came with the result may take to start a turn of its own."""

LAUNCHER_SLACK_SECONDS = 5.0
EVENTS_AHEAD = 1000
LAST_WORDS = 2000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a session has to keep to. `hold` claims a session id, or raises AgentFailed.

    `briefing`: what the agent is told about where it is, "" for nothing.
    """

    tools: tuple[str, ...]
    retry_seconds: float
    hold: Callable[[str], None]
    briefing: str = ""


class ClaudeSession:
    """See `appliance.ports.AgentSession`. `run` does the work and ends with `Ended`."""

    def __init__(
        self, running: Running, task: Task, prompt: str, judge: Judge, gates: Gates, terms: Terms
    ) -> None:
        self.version = ""
        self.has_ended = False
        self._running = running
        self._task = task
        self._prompt = prompt
        self._judge = judge
        self._gates = gates
        self._terms = terms
        self._events: asyncio.Queue[TaskEvent] = asyncio.Queue(EVENTS_AHEAD)
        self._judging: dict[str, asyncio.Task[None]] = {}
        self._started: set[str] = set()
        self._unread: dict[str, str] = {}  # steering messages that are in no turn yet
        self._last_words = b""
        self._is_greeted = asyncio.Event()
        self._is_over = asyncio.Event()
        self._is_heard = asyncio.Event()
        self._is_interrupted = False
        self._is_named = False
        self._changed_tool = ""  # whose call was not what had been approved
        self._result: stream.Result | None = None
        self._usage = Usage()
        self._trouble_since: float | None = None

    async def events(self) -> AsyncIterator[TaskEvent]:
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, Ended):
                return

    async def steer(self, text: str) -> bool:
        await self._is_greeted.wait()
        if self._is_over.is_set() or self._is_interrupted:
            return False
        await self._say(text)
        return True

    def unread(self) -> Sequence[str]:
        return tuple(self._unread.values())

    async def interrupt(self) -> None:
        self._is_interrupted = True
        await self._send(stream.interrupt())
        try:
            async with asyncio.timeout(INTERRUPT_SECONDS):
                await self._is_over.wait()
        except TimeoutError:
            self._running.stop()

    def release(self) -> None:
        """Its end has been heard: the program may go."""
        self._is_heard.set()

    async def run(self) -> None:
        """See the program through. Whatever it does, the last event is one `Ended`."""
        await self._emit(TaskStarted(self._running.isolation, self._running.pid))
        async with asyncio.TaskGroup() as tasks:
            listener = tasks.create_task(self._listen())
            ended = await self._outcome(tasks, listener)
            listener.cancel()
        await self._end(ended)

    async def _end(self, ended: Ended) -> None:
        """Say the one `Ended`: with the result, before the program has written its transcript."""
        if self.has_ended:
            return
        self.has_ended = True
        if self._is_interrupted and ended.ending is not Ending.SUCCEEDED:
            ended = endings.stopped(self._usage)
        await self._emit(ended)

    async def _outcome(self, tasks: asyncio.TaskGroup, listener: asyncio.Task[None]) -> Ended:
        limit = self._task.limits.timeout_seconds
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit
        try:
            async with asyncio.timeout(limit + LAUNCHER_SLACK_SECONDS):
                await self._converse(tasks)
            self._close()
            if (answered := self._of_result()) is not None:
                if loop.time() > deadline:  # what it said while it was being stopped
                    answered = endings.out_of_time(self._task.limits, answered.usage)
                await self._end(answered)
                await self._is_heard.wait()
                await asyncio.sleep(LINGER_SECONDS)
            exited = await self._leave()
        except AgentFailed as error:
            self._close()
            self._running.stop()
            return self._of_result() or endings.of_error(error, self._usage)
        except TimeoutError:  # the launcher should have seen to it
            self._close()
            self._running.stop()
            exited = TaskExited(status=-1, signal=signal.SIGKILL, exceeded=Exceeded.TIME)
        await asyncio.wait([listener], timeout=EXIT_SECONDS)
        return self._of_result() or endings.of_exit(exited, self._why(), self._task.limits)

    def _of_result(self) -> Ended | None:
        if self._changed_tool:
            return endings.changed(self._changed_tool, self._usage)
        return endings.of_result(self._result, self._usage) if self._result else None

    def _close(self) -> None:
        self._is_over.set()
        self._is_greeted.set()
        for judging in self._judging.values():
            judging.cancel()

    async def _leave(self) -> TaskExited:
        """Let it write its transcript and go. Raises AgentFailed if the launcher was killed."""
        if not self._running.stdin.is_closing():
            self._running.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(EXIT_SECONDS):
                return await self._running.exited()
        self._running.stop()
        return await self._running.exited()

    # talking

    async def _converse(self, tasks: asyncio.TaskGroup) -> None:
        """Until its result or its end. Raises AgentFailed when it breaks the protocol."""
        await self._send(stream.initialize())
        async with _limit(GREETING_SECONDS, "the agent did not answer its first question"):
            while not self._is_greeted.is_set():
                if not await self._hear(tasks):
                    return
        if self._is_interrupted:
            return
        while await self._hear(tasks):
            if self._is_answered():
                return

    def _is_answered(self) -> bool:
        """A result is the last one unless a message of ours came too late for its turn."""
        return self._result is not None and (self._is_interrupted or not self._unread)

    async def _hear(self, tasks: asyncio.TaskGroup) -> bool:
        """Handle one line; False: there will be none."""
        patience = STEERING_SECONDS if self._result is not None else None
        try:
            async with asyncio.timeout(patience):
                line = await self._running.stdout.readline()
        except TimeoutError:
            log.warning(
                "job %d: the agent did not take %d messages",
                self._task.job,
                len(self._unread),
                extra={"job": self._task.job},
            )
            return False
        except ValueError as error:
            raise AgentFailed("the agent printed a line of more than 64 MiB") from error
        if not line.endswith(b"\n"):  # killed in the middle of a line, or at its end
            return False
        await self._handle(stream.decode(line), tasks)
        return True

    async def _handle(self, line: stream.Line, tasks: asyncio.TaskGroup) -> None:
        match line:
            case stream.HookAsked():
                self._begin_judging(line, tasks)
            case stream.PermissionAsked():
                await self._answer_permission(line)
            case stream.StrangeAsked():
                await self._send(stream.error_answer(line))
            case stream.Withdrawn(request_id=request_id):
                if judging := self._judging.get(request_id):
                    judging.cancel()
            case stream.Answered(request_id=stream.INITIALIZE):
                await self._greeted(line)
            case stream.Taken(message_id=message_id):
                self._taken(message_id)
            case _:
                await self._note(line)

    async def _note(self, line: stream.Line) -> None:
        match line:
            case stream.Began():
                await self._began(line)
            case stream.Heard(events=events):
                self._trouble_since = None
                for event in events:
                    await self._tell(event)
            case stream.Trouble(reason=reason):
                await self._retrying(reason)
            case stream.Result():
                self._usage = endings.total(self._usage, line.usage)
                self._result = line
            case _:
                pass

    def _taken(self, message_id: str) -> None:
        if message_id in self._unread:
            del self._unread[message_id]
            self._result = None  # if there was one, a further turn has begun

    async def _greeted(self, answer: stream.Answered) -> None:
        self.version = version = str(answer.body.get("claude_code_version", ""))
        if answer.error is not None:
            raise AgentFailed(f"the agent refused our first question: {answer.error}")
        if _numbers(version) < MINIMUM_VERSION:
            raise AgentFailed(
                f"claude {version or 'of unknown version'} is too old: it may let a call run when "
                f"our hook fails; {'.'.join(map(str, MINIMUM_VERSION))} or later is needed",
                hint="update it with `claude update`",
            )
        if answer.body.get("hook_on_failure_supported") is not True:
            raise AgentFailed(f"claude {version} does not promise to refuse when our hook fails")
        self._is_greeted.set()
        if not self._is_interrupted:
            await self._send(stream.user_message(self._prompt, str(uuid4())))

    async def _began(self, began: stream.Began) -> None:
        """Each turn starts with this."""
        allowed = {*self._terms.tools, *(("Task",) if "Agent" in self._terms.tools else ())}
        if strange := set(began.tools) - allowed:
            raise AgentFailed(f"the agent has tools it was not given: {', '.join(sorted(strange))}")
        if began.servers:
            raise AgentFailed("the agent connected to MCP servers it was not given")
        if not self._is_named:
            self._is_named = True
            self._terms.hold(began.session)
            await self._emit(SessionStarted(began.session, began.model))

    async def _retrying(self, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        self._trouble_since = now if self._trouble_since is None else self._trouble_since
        if now - self._trouble_since >= self._terms.retry_seconds:
            raise AgentFailed(f"given up after {now - self._trouble_since:.0f} s: {reason}")
        await self._emit(Retrying(reason))

    async def _tell(self, event: TaskEvent) -> None:
        """Pass an event on; a refused call's result is the agent's business only."""
        if not isinstance(event, ToolFinished):
            await self._emit(event)
        elif event.call_id in self._started:
            self._started.discard(event.call_id)
            await self._emit(event)

    # the gates

    def _begin_judging(self, asked: stream.HookAsked, tasks: asyncio.TaskGroup) -> None:
        judging = tasks.create_task(self._answer_hook(asked))
        self._judging[asked.request_id] = judging
        judging.add_done_callback(lambda _: self._judging.pop(asked.request_id, None))

    async def _answer_hook(self, asked: stream.HookAsked) -> None:
        call = replace(asked.call, tool=PLAN_FILE) if asked.is_plan_file else asked.call
        verdict = await self._verdict(call)
        self._gates.remember(asked.call, verdict)
        await self._send(stream.hook_answer(asked, verdict))

    async def _verdict(self, call: ToolCall) -> Verdict:
        try:
            return await self._judge(call)
        except ApplianceError as error:
            return Refuse(f"refused: {error.message}")
        except Exception:  # whatever went wrong, an unjudged call must not run
            job = self._task.job
            log.exception("job %d: a call could not be judged", job, extra={"job": job})
            return Refuse("refused: the call could not be judged")

    async def _answer_permission(self, asked: stream.PermissionAsked) -> None:
        call = self._gates.confirm(asked)
        if call is None:
            self._changed_tool = asked.tool
            await self._send(stream.permission_denied(asked))
            return
        await self._send(stream.permission_granted(asked, call))
        self._started.add(call.id)
        await self._emit(ToolStarted(call))

    # the pipes

    async def _say(self, text: str) -> None:
        message_id = str(uuid4())
        self._unread[message_id] = text
        await self._send(stream.user_message(text, message_id))

    async def _send(self, line: bytes) -> None:
        with suppress(ConnectionError):  # it is gone, and its output's end will tell
            self._running.stdin.write(line)
            await self._running.stdin.drain()

    async def _emit(self, event: TaskEvent) -> None:
        await self._events.put(event)

    async def _listen(self) -> None:
        while chunk := await self._running.stderr.read(LAST_WORDS):
            self._last_words = (self._last_words + chunk)[-LAST_WORDS:]

    def _why(self) -> str:
        """The last line it wrote to its error output."""
        lines = self._last_words.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


@asynccontextmanager
async def _limit(seconds: float, what: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise AgentFailed(f"{what} in {seconds:.0f} s") from error


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", version)
    return tuple(map(int, found.groups())) if found else ()
