"""A machine with an operator, who reaches it over ssh and has to ask for root there."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests.ansible import playbooks
from tests.ansible.playbooks import Control, Played
from tests.system.installation import ALICE, FAR_SIDES, TOKEN, Installation
from tests.system.vm import Image

DEPLOYER = """
useradd --create-home --shell /bin/sh --password '*' deploy
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy
install -d -m 700 -o deploy /home/deploy/.ssh
install -m 600 -o deploy /root/key.pub /home/deploy/.ssh/authorized_keys
install -d /run/sshd
/usr/sbin/sshd -o UsePAM=no -o UseDNS=no
"""
SSH = (
    "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o ControlMaster=auto "
    "-o ControlPersist=60s -o LogLevel=ERROR"
)
OPERATIONS = playbooks.PLAYBOOKS / "policies/operations"
POLICIES = [str(playbooks.ROOT / "policies"), str(OPERATIONS)]
ROLES = "g, alice, owner\nt, alice, *, chat, /status, allow\n"


def require() -> None:
    """Skip the test where there is no Ansible or no ssh; CI has to have both."""
    playbooks.require()
    assert shutil.which("ssh-keygen"), "ssh is not here: apt install openssh-client"


class Host(Installation):
    """`control` is the operator's side; `policy` is the last directory of this host's policy."""

    def __init__(self, image: Image, work: Path) -> None:
        super().__init__(image, work)
        self.policy = work / "policy"
        self._work = work
        self._sockets = tempfile.TemporaryDirectory(prefix="ssh-")  # their paths must be short

    async def __aenter__(self) -> Self:
        require()
        await super().__aenter__()
        try:
            await self._let_in()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        self._sockets.cleanup()

    async def _let_in(self) -> None:
        """Its operator, by a key that is thrown away."""
        key = self._work / "key"
        words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        subprocess.run(words, check=True)
        copy_in = self.machine.copy_in
        await asyncio.to_thread(copy_in, {"root/key.pub": key.with_suffix(".pub")})
        await self.sh(DEPLOYER)
        reached = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.machine.reach(22),
            "ansible_user": "deploy",
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": SSH,
            "ansible_control_path_dir": self._sockets.name,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        self.control = Control(self._work / "control", reached)
        self.policy.mkdir()
        (self.policy / "roles.csv").write_text(ROLES)

    def wants(self, **more: object) -> None:
        """What the inventory says of this host."""
        settings = {
            "daemon": {"stop_grace_seconds": 2},
            "telegram": {"api": f"http://127.0.0.1:{FAR_SIDES['telegram']}"},
        }
        given: dict[str, object] = {
            "settings": settings,
            "users": {
                "provisioner": {"automation": True, "unix": [0]},
                "alice": {"telegram": [ALICE]},
            },
            "projects": {"demo": {"path": "/home/alice/demo", "grant": True}},
            "policies": [*POLICIES, str(self.policy)],
            "credentials": {"telegram-token": TOKEN},
            "bot": {"name": "The forge"},
            "checkpoints": str(self._work / "checkpoints"),
            "verifier": f"{playbooks.PROGRAMS}/dispatchctl",
        }
        self.control.variables(**(given | more))

    async def plays(self, name: str, *options: str, ok: bool = True) -> Played:
        return await asyncio.to_thread(self.control.play, name, *options, ok=ok)
