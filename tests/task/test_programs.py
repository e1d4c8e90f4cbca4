"""What people work with runs behind every wall."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.agent.task_link import Launch
from appliance.core.model import Isolation
from tests.grounds import LEVELS, Grounds

GIT = """
set -e
git init -q . && git config user.email a@b.c && git config user.name n
echo one > file && git add file && git commit -qm one
git checkout -qb topic && echo two > file && git commit -qam two
git checkout -q - && git merge -q topic && git gc -q && git worktree add -q tree topic
git log --oneline | wc -l
"""
NODE = """
const fs = require("fs"), os = require("os"), child = require("child_process");
fs.writeFileSync("made", String(os.cpus().length));
fs.renameSync("made", "renamed");
console.log(child.execSync("echo child").toString().trim(), os.tmpdir() === process.env.TMPDIR);
"""
PYTHON = """
import subprocess, sys, tempfile, threading, venv
venv.create("environment", with_pip=False)
done = subprocess.run(["environment/bin/python", "-c", "print('venv')"], capture_output=True)
with tempfile.NamedTemporaryFile() as file: file.write(b"x")
thread = threading.Thread(target=print, args=(done.stdout.decode().strip(),))
thread.start(), thread.join()
"""
MAKE = "all: a b\n\t@echo built\na b:\n\t@touch $@\n"


@pytest.fixture(params=LEVELS)
def walled(request: pytest.FixtureRequest, grounds: Grounds) -> Grounds:
    return grounds.at(request.param)


async def output(grounds: Grounds, *argv: str) -> list[str]:
    if shutil.which(argv[0], path=grounds.projects.path) is None:
        pytest.skip(f"no {argv[0]} here")
    async with grounds.link().start(grounds.task("x"), Launch(argv, {})) as running:
        text = (await running.stdout.read()).decode()
        assert (await running.exited()).status == 0, text
    return text.split()


async def test_git(walled: Grounds) -> None:
    assert await output(walled, "bash", "-c", GIT) == ["2"]


async def test_node(walled: Grounds) -> None:
    assert await output(walled, "node", "-e", NODE) == ["child", "true"]


async def test_python(walled: Grounds) -> None:
    assert await output(walled, "python3", "-c", PYTHON) == ["venv"]


async def test_make(walled: Grounds) -> None:
    Path(walled.project.path, "Makefile").write_text(MAKE)
    assert await output(walled, "make", "-j2") == ["built"]


@pytest.mark.parametrize("program", ["npm", "pip", "pip3"])
async def test_package_managers(walled: Grounds, program: str) -> None:
    (version, *_) = (await output(walled, program, "--version"))[-1:] or [""]
    assert version


async def test_a_shell_with_pipes_and_substitutions(walled: Grounds) -> None:
    script = "cat <(echo one) - <<< two | sort | tee copy; echo x > file; cat /dev/fd/0 < file"
    assert await output(walled, "bash", "-c", script) == ["one", "two", "x"]


async def test_the_walls_are_those_that_were_asked_for(
    walled: Grounds, request: pytest.FixtureRequest
) -> None:
    async with walled.link().start(walled.task("x"), Launch(("true",), {})) as running:
        wanted: Isolation = request.node.callspec.params["walled"]
        assert running.isolation is wanted
