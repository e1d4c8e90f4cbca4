"""Claude Code is taken only as the lock names it."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from appliance.errors import ConfigError
from tests.packaging.image.modules import module

agent = module("dispatch_image.agent")


def package(name: str = "package/claude", content: bytes = b"#!/bin/sh\n") -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w:gz") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return held.getvalue()


def integrity(content: bytes) -> str:
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


def test_the_locked_package_is_unpacked_and_pointed_to(tmp_path: Path) -> None:
    content = package()
    program = agent.install(io.BytesIO(content), "2.1.0", integrity(content), tmp_path)
    assert program == tmp_path / "claude"
    assert program.resolve() == tmp_path / "2.1.0" / "claude"
    assert program.read_bytes() == b"#!/bin/sh\n"
    assert program.stat().st_mode & 0o777 == 0o755
    newer = package(content=b"#!/bin/sh\nexit\n")
    agent.install(io.BytesIO(newer), "2.2.0", integrity(newer), tmp_path)
    assert program.resolve() == tmp_path / "2.2.0" / "claude"


def test_another_package_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not the package"):
        agent.install(io.BytesIO(package()), "2.1.0", integrity(b"another"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_package_without_the_program_is_refused(tmp_path: Path) -> None:
    content = package("package/else")
    with pytest.raises(ConfigError, match="no package/claude"):
        agent.install(io.BytesIO(content), "2.1.0", integrity(content), tmp_path)
    assert list(tmp_path.iterdir()) == []
