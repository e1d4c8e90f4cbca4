"""An update: a version as one signed file, for `appliance-update` on machines that run another."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:  # how a type checker finds what lies beside this program
    from packaging.image.root_tree import BuildFailed, epoch
else:
    from root_tree import BuildFailed, epoch


def signing_key(file: Path) -> Ed25519PrivateKey:
    """From `openssl genpkey -algorithm ed25519`. Raises BuildFailed."""
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise BuildFailed(f"{file} is no private key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BuildFailed(f"{file} is not of the kind Ed25519")
    return key


def public_pem(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def write(
    target: Path,
    parts: Mapping[str, Path],
    key: Ed25519PrivateKey,
    *,
    version: str,
    architecture: str,
    root_hash: str,
) -> Path:
    """`parts`: the files called root, verity and boot."""
    manifest = {
        "v": 1,
        "version": version,
        "architecture": architecture,
        "root_hash": root_hash,
        "parts": {name: _described(file) for name, file in parts.items()},
    }
    content = json.dumps(manifest, indent=1).encode()
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, "manifest", content)
        _add(archive, "manifest.sig", key.sign(content))
        for name, file in parts.items():
            with file.open("rb") as stream:
                info = _info(name, file.stat().st_size)
                archive.addfile(info, stream)
    return target


def _described(file: Path) -> dict[str, str | int]:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"sha256": digest, "size": file.stat().st_size}


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    archive.addfile(_info(name, len(content)), io.BytesIO(content))


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime = size, epoch()
    return info
