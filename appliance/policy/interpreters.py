"""Programs that run what they read: whoever may write their files decides what they do."""

from __future__ import annotations

import re

RUN_WHAT_THEY_READ = frozenset({
    "sh", "bash", "dash", "zsh", "fish", "ksh", "python", "python3", "pypy", "node", "deno",
    "bun", "ruby", "perl", "php", "lua", "awk", "gawk", "sed", "make", "gmake", "cmake",
    "ninja", "just", "rake", "ant", "gradle", "mvn", "npm", "npx", "pnpm", "yarn", "tsc",
    "jest", "vitest", "eslint", "prettier", "mypy", "pytest", "tox", "nox", "pip", "uv", "poetry",
    "cargo", "go", "dotnet", "java", "javac", "gcc", "cc", "docker", "terraform",
})  # fmt: skip
"""With any of them, who may write files of the project may run anything."""


def runs_what_it_reads(program: str) -> bool:
    """Whether this is such a program, under any path and in any version ("python3.12")."""
    name = program.rpartition("/")[2]
    return name in RUN_WHAT_THEY_READ or re.sub(r"[0-9.]+$", "", name) in RUN_WHAT_THEY_READ
