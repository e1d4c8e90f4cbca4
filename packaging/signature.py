"""Sign a release's checksums, and tell people how to verify them.

By `ssh-keygen -Y sign`: whoever is to verify has it (each Linux, each Mac, Git for Windows), it
needs no network, no key ring and no web of trust, the key may have a passphrase, and one line of
text, the allowed signer, is all there is to hand out. minisign does as much, and nobody has it; gpg
has keys that expire and rings that rot.

The key is a file of its own: `ssh-keygen -t ed25519 -f FILE -C release`.
"""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

SIGNER = "releases@dispatch-appliance"
NAMESPACE = "dispatch-appliance-release"
SIGNERS = "allowed_signers"
INSTRUCTIONS = "VERIFY.md"

_SAY = """\
# Is it what we released?

In the directory with the downloaded files:

    ssh-keygen -Y verify -f {signers} -I {signer} -n {namespace} -s {sums}.sig < {sums}
    sha256sum --check --ignore-missing {sums}

(On a Mac `shasum -a 256 --check --ignore-missing` for the second.) The first has to say `Good
"{namespace}" signature`, the second `OK` for every file. The key is

    {fingerprint}

A key that comes with the files it signs proves nothing alone: compare this line with that of a
release you trust, or with the one that we publish elsewhere, and keep `{signers}` for the
next time.
"""


class BadKey(Exception):
    """There is no signature; the message says why and what to do."""


def check(key: Path) -> None:
    """Raises BadKey for what is no secret, or no key."""
    try:
        about = key.stat()
    except OSError as error:
        raise BadKey(f"the key {key} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(about.st_mode):
        raise BadKey(f"the key {key} is no file")
    if about.st_mode & 0o077 or about.st_uid != os.geteuid():
        raise BadKey(f"the key {key} is not yours alone: chmod 600 {key}")


def sign(sums: Path, key: Path) -> list[Path]:
    """Signature, allowed signer and instructions, beside the checksums. Raises BadKey."""
    check(key)
    public = " ".join(_ssh_keygen("-y", "-f", str(key)).split()[:2])
    signers, told = sums.with_name(SIGNERS), sums.with_name(INSTRUCTIONS)
    signers.write_text(f'{SIGNER} namespaces="{NAMESPACE}" {public}\n')
    signature = sums.with_name(f"{sums.name}.sig")
    signature.unlink(missing_ok=True)  # else it asks
    _ssh_keygen("-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(sums))
    verify(sums)
    told.write_text(
        _SAY.format(
            signers=SIGNERS,
            signer=SIGNER,
            namespace=NAMESPACE,
            sums=sums.name,
            fingerprint=_ssh_keygen("-l", "-f", "-", given=public).strip(),
        )
    )
    return [signature, signers, told]


def verify(sums: Path) -> None:
    """As people are told to. Raises BadKey."""
    whose = ["-f", str(sums.with_name(SIGNERS)), "-I", SIGNER, "-n", NAMESPACE]
    signature = str(sums.with_name(f"{sums.name}.sig"))
    _ssh_keygen("-Y", "verify", *whose, "-s", signature, given=sums.read_text())


def _ssh_keygen(*arguments: str, given: str = "") -> str:
    """A passphrase is asked for on the terminal, not on standard input."""
    command = ["ssh-keygen", *arguments]
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise BadKey("there is no ssh-keygen: apt install openssh-client") from error
    if done.returncode:
        raise BadKey(f"ssh-keygen {' '.join(arguments[:2])}: {done.stderr.strip()}")
    return done.stdout
