"""How a task ended, in one sentence. Pure."""

from __future__ import annotations

import signal
from dataclasses import replace

from appliance.agent.stream import Result
from appliance.agent.task_link import Exceeded, TaskExited
from appliance.core.model import Ended, Ending, Limits, Usage
from appliance.errors import ApplianceError

MIB, GIB = 1024**2, 1024**3
_MORE = "{} of the project in dispatch.toml allows more"
AFRESH = "start afresh with /new and send it again"
LOGIN = (
    "the agent is not logged in: run `claude` as the agent's user and log in there, "
    "or give it a key in the settings"
)


def of_result(result: Result, usage: Usage) -> Ended:
    """What a finished turn means. Trusts `is_error`, because "success" may be a failure."""
    if not result.is_error and result.subtype == "success":
        return _answer(result.text, usage)
    return Ended(Ending.FAILED, _failure(result), usage)


def _answer(text: str, usage: Usage) -> Ended:
    if text:
        return Ended(Ending.SUCCEEDED, text, usage)
    # seen with resumed sessions that are damaged: the CLI exits 0 and has said nothing
    return Ended(Ending.FAILED, f"the agent ended without an answer; {AFRESH}", usage)


def _failure(result: Result) -> str:
    if result.text.startswith("Not logged in"):
        return LOGIN
    if result.text.startswith("No conversation found"):
        return f"the agent does not know the session it should go on with; {AFRESH}"
    if result.subtype == "error_max_turns":
        return f"the agent used up its {result.usage.turns} turns; say “go on” to continue"
    if result.api_status == 401:
        return f"the model's API refuses the agent's login: {result.text}"
    return f"the agent failed: {result.text or result.subtype}"


def out_of_time(limits: Limits, usage: Usage) -> Ended:
    return Ended(Ending.TIMED_OUT, _out_of_time(limits), usage)


def of_exit(exited: TaskExited, last_words: str, limits: Limits) -> Ended:
    """The agent went away without a result."""
    if (why := beyond(exited, limits)) is not None:
        return Ended(Ending.TIMED_OUT if exited.timed_out else Ending.FAILED, why)
    if exited.signal:
        return Ended(Ending.FAILED, f"the agent was killed (signal {exited.signal})")
    why = f": {last_words}" if last_words else ""
    return Ended(
        Ending.FAILED, f"the agent ended without an answer (exit status {exited.status}){why}"
    )


def beyond(exited: TaskExited, limits: Limits) -> str | None:
    """Which limit it was stopped for; None when it was not."""
    ceiling = limits.ceiling
    match exited.exceeded:
        case Exceeded.TIME:
            return _out_of_time(limits)
        case Exceeded.MEMORY:
            size = _size(ceiling.memory_bytes)
            return f"stopped: it used more than {size} of memory; {_MORE.format('memory_mib')}"
        case Exceeded.PROCESSES:
            count = ceiling.processes
            return f"stopped: it had more than {count} processes; {_MORE.format('processes')}"
        case None if exited.signal == signal.SIGXCPU:
            minutes = ceiling.cpu_seconds // 60
            return f"stopped: it computed for {minutes} minutes; {_MORE.format('cpu_minutes')}"
        case None:
            return None


def _size(count: int) -> str:
    return f"{count / GIB:.3g} GiB" if count >= GIB else f"{count // MIB} MiB"


def of_error(error: ApplianceError, usage: Usage) -> Ended:
    """The agent could not be used, or broke its protocol."""
    hint = f"; {error.hint}" if error.hint else ""
    return Ended(Ending.FAILED, f"{error.message}{hint}", usage)


def changed(tool: str, usage: Usage) -> Ended:
    """Gate 2 refused: something stands between what was approved and what would have run."""
    return Ended(
        Ending.FAILED,
        f"a call of {tool} was changed after it had been approved; it did not run, and the agent "
        "was stopped: look at the project's hooks and plugins",
        usage,
    )


def stopped(usage: Usage) -> Ended:
    """It was interrupted."""
    return Ended(Ending.CANCELLED, "stopped", usage)


def total(before: Usage, result: Usage) -> Usage:
    """Usage after a further turn: the CLI adds up the cost itself, and nothing else."""
    return replace(
        result,
        input_tokens=before.input_tokens + result.input_tokens,
        output_tokens=before.output_tokens + result.output_tokens,
        turns=before.turns + result.turns,
        duration_ms=before.duration_ms + result.duration_ms,
    )


def _out_of_time(limits: Limits) -> str:
    return f"stopped after {limits.timeout_seconds} s, its time limit"
