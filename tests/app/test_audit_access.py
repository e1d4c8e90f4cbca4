"""Where the log can be spoken to, and who is believed there."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.app.audit_access import administration, audit_socket, audit_users
from appliance.config import AuditSettings, load
from appliance.errors import AuditUnavailable
from tests.app.audit_commands.kept import settings


def test_a_log_of_the_daemons_own_is_beside_the_log(tmp_path: Path) -> None:
    found = load(settings(tmp_path))
    assert audit_socket(found) == tmp_path / "state/audit/audit.sock"
    assert audit_users(found) == {0, os.getuid()}
    with administration(found) as log:
        assert log.refusal() == ""


def test_dispatch_audit_is_where_the_settings_say_and_who(tmp_path: Path) -> None:
    audit = AuditSettings(socket="/run/dispatch-audit/socket", user="4711")
    found = replace(load(settings(tmp_path)), audit=audit)
    assert audit_socket(found) == Path("/run/dispatch-audit/socket")
    assert audit_users(found) == {0, 4711}


def test_where_there_is_no_log_yet_there_is_nothing_to_administer(tmp_path: Path) -> None:
    audit = AuditSettings(directory=f"{tmp_path}/none")
    found = replace(load(settings(tmp_path)), audit=audit)
    assert audit_users(found) == {0}
    with pytest.raises(AuditUnavailable, match="there is no audit log in"), administration(found):
        pass
