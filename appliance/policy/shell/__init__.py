"""A command line to what it runs, and to the text that may be run instead of it.

    guards    what is refused before and beside the grammar: signs, sizes, text it skips
    words     a piece of the syntax tree → the word that a program would get
    reader    the syntax tree → a script; an allow-list, everything else is Unclear
    script    the script: commands, joints, groups; its canonical text
    walk      a script → each command with the directories it may run in
    wrappers  `timeout 5 git -C x log` → `git log`, in x

What was judged is what runs: the line is not run as it came. `read` makes a script of literal
words, the judge judges those, and `Script.text` writes the same words down again, quoted by us.
Where tree-sitter and a shell read a line in two ways, the shell gets our reading. The guards
come on top, because our reading should also be what the agent meant.

Understood are simple commands, && || ; | ! and line breaks, groups, subshells, if, `for` over
literal words (unrolled: no variable is left) and over globs, `cd`, redirections to files,
here-documents without expansions (as here-strings), globs among the files of a command, plain
braces, `$?`, variables set to literal words in the same line (replaced), `export` of harmless ones,
and `$(…)`, whose commands are seen like all others, where it does not matter what they print.
Other expansions, functions, `while`, `case`, background jobs and what changes the shell itself are
refused, each by name, place and with what to write instead, because an agent that knows why stops
trying.

Nothing is run or expanded here, and no file is looked at. The grammar is loaded at the first use:
commands that judge nothing should not wait for it.
"""

from appliance.policy.shell.reader import read
from appliance.policy.shell.script import Command, Glob, Late, Redirect, Script
from appliance.policy.shell.walk import Step, steps
from appliance.policy.shell.wrappers import Unwrapped, unwrapped

__all__ = [
    "Command",
    "Glob",
    "Late",
    "Redirect",
    "Script",
    "Step",
    "Unwrapped",
    "read",
    "steps",
    "unwrapped",
]
