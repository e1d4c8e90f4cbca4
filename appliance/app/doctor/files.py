"""Secrets, and what others could write."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from appliance.app.credential_files import kept_credentials
from appliance.app.doctor.check import Check, failed, of_error, passed, warned
from appliance.app.project_list import list_file
from appliance.config import Settings, read_credential
from appliance.errors import ApplianceError

ROOT = 0
ENCRYPTED = "encrypted"


def checks(settings: Settings) -> Iterator[Check]:
    yield from _credentials(settings)
    yield _writable(settings)


def _credentials(settings: Settings) -> Iterator[Check]:
    names = [settings.telegram.token] if settings.telegram else []
    names += [settings.claude.login] if settings.claude and settings.claude.login else []
    directory = Path(settings.daemon.credentials)
    if names and directory.exists() and not os.access(directory, os.R_OK | os.X_OK):
        yield warned("credential", f"{directory} cannot be read by you", "run doctor as root")
        return
    for name in names:
        yield _credential(directory, name)


def _credential(directory: Path, name: str) -> Check:
    try:
        if kept_credentials(directory).get(name) == ENCRYPTED:
            return passed("credential", f"{name}, encrypted")
        read_credential(name, [directory])
    except ApplianceError as error:
        return of_error("credential", error)
    return passed("credential", f"{name}, in a file that only its owner reads")


def _writable(settings: Settings) -> Check:
    """Who could write these would be above the policy, or the log."""
    trusted = {ROOT, os.geteuid(), *_owners(Path(settings.daemon.state))}
    trusted |= {*_owners(settings.audit_directory)}
    for path in _ours(settings):
        try:
            found = path.stat()
        except OSError:  # what is not there, or not for us to see, is told of elsewhere
            continue
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            fix = f"chmod go-w {path}"
            return failed("files", f"{path} can be written by others", fix)
        if found.st_uid not in trusted:
            fix = f"chown root {path}"
            return failed("files", f"{path} belongs to user {found.st_uid}", fix)
    return passed("files", "settings, policy, state and log are written by nobody else")


def _ours(settings: Settings) -> Iterator[Path]:
    settings_file, policies = Path(settings.file), Path(settings.daemon.policies)
    yield from (settings_file, list_file(settings_file), policies, *_files_of(policies))
    yield from (Path(settings.daemon.credentials), Path(settings.daemon.state))
    yield settings.audit_directory


def _files_of(directory: Path) -> Iterable[Path]:
    return sorted(directory.rglob("*")) if os.access(directory, os.R_OK | os.X_OK) else ()


def _owners(directory: Path) -> Iterator[int]:
    if directory.exists():
        yield directory.stat().st_uid
