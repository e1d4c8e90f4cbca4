"""Drives Claude Code, or runs a recipe, through the task launcher; both behind the port `Agent`.

    task_link.py  the socket to `dispatch-task`: start a command in a project, behind its wall
    launchers.py  who started the other end: we, or systemd
    egress_link.py     a task's session with `dispatch-egress`: its connections, judged
    egress_program.py  one of our own, where no service manager runs it
    claude.py     the port: is it fit for use, one live task per session
    program.py    the CLI's flags and environment
    session.py    one running CLI: prompt, steering, interrupt, tool calls, the end
    stream.py     its JSON lines to our values and back; pure
    gates.py      what was approved, and whether a call is that; pure
    endings.py    how a task ended, in words; pure
    canary.py     the proof at start-up that both gates hold with this very program
    login.py      is `claude` there, new enough, logged in: for words, not for safety
    absent.py     the port for an agent that is not installed
    recipes.py    the port again, for commands without AI
    workbench.py  short programs of ours in a project's sandbox, without AI
    orphans.py    what a killed launcher left behind
    beside.py     work that runs beside a body

Every tool call passes two gates of the CLI's control protocol. Gate 1 is a PreToolUse hook: here
the policy decides and a human may be waited for, for hours. It is declared with
`onFailure: "block"`, because by default a hook that fails lets the call run. Gate 2 is the
permission question that `ask: ["*"]` forces for every call, after the hook, with the input that
will really be used: only a call that gate 1 approved, with exactly that input, goes on. A change
in between, by a hook of the repository for one, ends the task. A call is told as started only
after gate 2.

Two tools ask people something, and what they say goes back in another way (seen with 2.1.329):

    AskUserQuestion  gate 1 is asked with the questions; `answers` that we put into its
        `updatedInput` are dropped. Gate 2 is asked with the questions alone, and what its
        `updatedInput` has as `answers`, a text for each question's text, is what the agent reads
        ("…"="…"); any text will do, several choices are one text. Without `answers` it reads that
        nobody answered. Answers that the agent gives itself reach gate 1 and are dropped before
        gate 2: such a call is refused. So people are waited for at gate 1, and gate 2 compares the
        questions before it adds what was said: the only field that we ever add (`gates.py`).
    ExitPlanMode     exists in plan mode only (`--permission-mode plan`). The plan is a file,
        `plans/NAME.md` beside the transcripts, that the agent is told to write; a plan in the
        call's own input is dropped. Both gates see `{plan, planFilePath}` as read from the file,
        or `{}` when there is none, so a yes is bound to the very plan. When gate 1 refuses, it
        stays in plan mode and reads why; when both agree, the mode is `default` from then on.

Plan mode is the program's word to its model and holds nothing back: a Bash call that both gates
let pass does run. What may be used until a plan is approved is for the `Judge`. The file of the
plan is outside of every project, so work on it is shown to the judge as a tool of its own
(`PLAN_FILE`), for no other path and, to write, in no other mode.

We speak the protocol ourselves, and not through the vendor's SDK, because that cannot pass
descriptors, costs a second and 60 MB at import, and the protocol is two hundred lines. It is not
formally documented and has changed before; therefore the canary, which makes the installed
program try one call that each gate must refuse, and no task runs until both did.

A repository is hostile until proved otherwise: no settings, hooks, skills, key helpers or MCP
servers of it are read (`--setting-sources=`, `--strict-mcp-config`); its CLAUDE.md is, as text
(`--add-dir` with CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD). The prompt is marked
`client_composed`, so that `@/etc/passwd` and `/command` in it are words. The environment is built
from nothing. The CLI's partial messages are not asked for: we show whole blocks.

Keys go by descriptor, through a pipe that can be read once: a variable would be seen by every
command the agent runs. Its memory would be, too, so it is started with a library that forbids that
(`appliance.task.unreadable`). Not so the file of a login in the agent's home: the agent reads it
as the same user that its commands are, and so can they. Where commands may be hostile, a key or
`claude setup-token` by descriptor is the login to choose. Where there is no wall and we are root,
nothing can be kept from root.

Patterns and gates are for intent; the sandbox is the boundary. No module here decides whether a
call is allowed: that is the `Judge` it was given.

Known limit: where the sandbox binds `.credentials.json`, the CLI cannot replace that file by
renaming, only write into it. Where the login is a token by descriptor, this does not matter.
"""
