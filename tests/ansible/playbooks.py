"""The playbooks of `ansible/`, run as an operator runs them, and what became of it.

`ansible` is a group of packages of its own (pyproject.toml), because few who work here need it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "ansible"
PROGRAMS = Path(sys.executable).parent
PATH = f"{PROGRAMS}:{os.getenv('PATH')}"
NEEDED = ("ansible-playbook", "ansible-lint")
PATIENCE_SECONDS = 600

_RECAP = re.compile(r"^(\S+) +: ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.M)
_CHANGED = re.compile(r"^(?:TASK|RUNNING HANDLER) \[([^\]]+)\]|^(changed): ", re.M)


@dataclass(frozen=True, slots=True)
class Played:
    """How a play ended. `changed` are the names of the tasks that changed something."""

    status: int
    said: str

    @property
    def changed(self) -> list[str]:
        task, found = "", []
        for match in _CHANGED.finditer(self.said):
            if match[2]:
                found.append(task.rpartition(" : ")[2])
            else:
                task = match[1]
        return found

    @property
    def count_changed(self) -> int:
        """As Ansible counts."""
        recap = _RECAP.findall(self.said)
        assert recap, self.said
        return sum(int(changed) for _, _, changed, _, _ in recap)


def require() -> None:
    """Skip the test where Ansible is not installed; CI has to have it."""
    if not all(shutil.which(program, path=PATH) for program in NEEDED):
        assert os.getenv("CI") != "true", "CI has no ansible-playbook: the group `ansible`"
        pytest.skip("ANSIBLE IS NOT HERE: make test-ansible installs and tries it")


def run(program: str, *words: str, home: Path, **more: str) -> Played:
    """One of Ansible's programs, with the settings of `ansible/` and nobody's own."""
    environment = {
        "PATH": PATH,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        **more,
    }
    done = subprocess.run(
        [str(shutil.which(program, path=PATH)), *words],
        cwd=PLAYBOOKS,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    return Played(done.returncode, done.stdout)


class Control:
    """A control node with one host in its inventory, and what this group's variables say."""

    def __init__(self, home: Path, host: Mapping[str, object], *options: str) -> None:
        self._home = home
        self._options = options
        self.inventory = home / "inventory"
        (self.inventory / "group_vars").mkdir(parents=True)
        hosts = {"dispatch": {"hosts": {"one": host}}}
        (self.inventory / "hosts.json").write_text(json.dumps(hosts))

    def variables(self, **values: object) -> None:
        """From now on `dispatch_appliance_NAME` is this."""
        named = {f"dispatch_appliance_{name}": value for name, value in values.items()}
        (self.inventory / "group_vars/dispatch.json").write_text(json.dumps(named))

    def play(self, name: str, *options: str, ok: bool = True) -> Played:
        words = (f"{name}.yml", "--inventory", str(self.inventory), *self._options, *options)
        played = run("ansible-playbook", *words, home=self._home)
        assert (played.status == 0) is ok, played.said
        return played
