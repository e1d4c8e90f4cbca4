"""`dispatchctl restore`: verified whole before anything is replaced, and nothing acts twice."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from appliance.app.project_list import list_file
from appliance.audit.database import DATABASE, PUBLIC_KEY, reading
from appliance.audit.writer import Writer
from appliance.core.jobs import State as JobState
from appliance.core.model import Place, Platform
from appliance.core.records import decode
from appliance.storage.state import SqliteState
from tests.app.backup_commands.installation import RECIPIENT, TOKEN, Installation, elsewhere, gone
from tests.attacks.audit.intruder import run as intrude
from tests.audit.logs import BOOT
from tests.fakes import FakeClock


def first_record(box: Installation) -> dict[str, object]:
    with reading(box.log / DATABASE) as connection:
        (encoded,) = connection.execute("SELECT rec FROM leaf WHERE seq=1").fetchone()
    return dict(decode(encoded).data)


def test_what_was_lost_is_there_again(
    box: Installation, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        path: path.read_bytes()
        for path in (
            box.settings,
            *(box.home / "etc/policies").rglob("*.*"),
            box.state / "grants.csv",
        )
    }
    accounts, size = box.accounts(), box.logs()["audit"]
    gone(box)
    assert box.restore(file) == 0
    assert {path: path.read_bytes() for path in files} == files
    assert box.accounts() == accounts
    assert box.logs() == {"audit": box.logs()["audit"], "forked-1": size}
    said = capsys.readouterr().out
    assert (
        f"public key elsewhere, in place of the old one: {(box.log / PUBLIC_KEY).read_text()}"
        in said
    )
    assert said.endswith("next: dispatchctl credential set telegram-token\n")


def test_the_log_goes_on_as_one_that_cites_what_was_restored(box: Installation, file: Path) -> None:
    size = box.logs()["audit"]
    old = (box.log / PUBLIC_KEY).read_text()
    assert gone(box).restore(file) == 0
    record = first_record(box)
    assert str(record["reason"]).startswith("restored from a backup of ")
    assert (record["kept_size"], record["lost_size"]) == (size, size)
    assert record["previous_origin"] == old.partition("+")[0]
    box.record()
    assert box.logs()["forked-1"] == size


def test_nothing_of_what_was_under_way_is_waiting_to_act(box: Installation, file: Path) -> None:
    assert gone(box).restore(file) == 0
    with closing(SqliteState.open(box.state)) as state:
        assert not state.places_with_mail()
        assert not state.waiting()
        assert not state.files.unheard()
        assert state.restoration.made_at() is not None
        (aside,) = state.restoration.set_aside()
        assert (aside.place, aside.messages, aside.posts) == (
            Place(Platform.TELEGRAM, "4711"),
            1,
            1,
        )
        jobs = {job.id: job.state for job in state.latest_jobs(10)}
        assert set(jobs.values()) == {JobState.QUEUED, JobState.RUNNING}
        state.restoration.settle()
        assert not state.restoration.set_aside()
        assert state.restoration.made_at() is None


@pytest.mark.parametrize("left", ["state", "audit", "settings"])
def test_what_is_there_is_not_replaced_unasked(
    left: str, box: Installation, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if left != "state":
        (box.state / "state.db").unlink()
    if left == "settings":
        shutil.rmtree(box.log)
    before = contents(box.home)
    assert box.restore(file) == 78
    assert "already" in capsys.readouterr().err
    assert contents(box.home) == before


def test_a_directory_of_something_else_does_not_give_way_to_policies(
    box: Installation, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone(box)
    (box.home / "etc/policies").mkdir(parents=True)
    (box.home / "etc/policies/sshd_config").write_text("")
    assert box.restore(file, "--replace") == 78
    assert "would be replaced by policies" in capsys.readouterr().err
    assert (box.home / "etc/policies/sshd_config").exists()


def contents(directory: Path) -> dict[str, bytes]:
    """All files, but for locks that were made to look whether anybody works there."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def test_what_is_replaced_is_kept_beside(
    box: Installation, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = box.logs()["audit"]
    box.pair("later")
    box.record()
    box.settings.write_text(f"# changed\n{box.settings.read_text()}")
    (box.home / "etc/policies/later.csv").write_text("# later\n")
    assert box.restore(file, "--replace") == 0
    assert box.accounts() == ["alice"]
    assert not box.settings.read_text().startswith("# changed")
    assert not (box.home / "etc/policies/later.csv").exists()
    etc, state = box.home / "etc/before-restore-1", box.state / "before-restore-1"
    assert (etc / "dispatch.toml").read_text().startswith("# changed")
    assert (etc / "policies/later.csv").exists()
    with closing(SqliteState.open(state)) as former:
        assert [account.user for account in former.accounts()] == ["later"]
    logs = box.logs()
    assert (logs["forked-1"], logs["forked-2"]) == (size, size + 3)
    assert first_record(box)["lost_size"] == size + 3  # what was here knows of more
    said = capsys.readouterr().out
    assert f"kept beside: {etc}" in said
    assert f"kept beside: {state}" in said
    assert box.restore(file, "--replace") == 0
    assert (box.home / "etc/before-restore-2/dispatch.toml").exists()
    assert len(box.logs()) == 5


def test_it_goes_into_another_directory_by_the_settings_there(
    box: Installation, file: Path, tmp_path: Path
) -> None:
    other = Installation(tmp_path / "other")
    keeping = elsewhere(box.settings, box.home, other.home)
    assert other.restore(file, *keeping) == 0
    assert other.accounts() == ["alice"]
    assert str(other.home) in other.settings.read_text()
    assert (other.home / "etc/policies/commands.toml").exists()
    assert box.accounts() == ["alice"]


def test_credentials_that_are_in_it_are_kept_again(box: Installation, tmp_path: Path) -> None:
    file = box.back_up(tmp_path / "backup", "--with-credentials")
    assert gone(box).restore(file) == 0
    token = box.home / "etc/credentials/telegram-token"
    assert token.read_text() == TOKEN
    assert token.stat().st_mode & 0o777 == 0o600
    assert not (box.home / "etc/.credentials.restored").exists()


# --- what is refused


def test_a_running_appliance_is_not_restored(
    box: Installation, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(SqliteState.open(box.state)):
        assert box.restore(file, "--replace") == 74
    said = capsys.readouterr().err
    assert "another dispatchd is already using" in said
    assert "first: systemctl stop dispatch.target" in said
    with closing(Writer(box.log, FakeClock(), BOOT)):
        assert box.restore(file, "--replace") == 74
    assert "another process is writing it" in capsys.readouterr().err
    assert not list(box.home.rglob("*restor*"))


def test_another_key_restores_nothing(box: Installation, tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("correct horse battery")
    words.chmod(0o600)
    file = tmp_path / "backup"
    assert box.ctl("backup", str(file), "--passphrase-file", str(words)) == 0
    before = contents(gone(box).home)
    assert box.restore(file) == 65
    words.write_text("incorrect horse battery")
    assert box.ctl("restore", str(file), "--passphrase-file", str(words)) == 65
    assert contents(box.home) == before
    words.write_text("correct horse battery")
    assert box.ctl("restore", str(file), "--passphrase-file", str(words)) == 0


@pytest.mark.parametrize("place", [0.02, 0.5, 0.999])
def test_a_backup_that_was_changed_replaces_nothing(
    place: float, box: Installation, file: Path
) -> None:
    content = bytearray(file.read_bytes())
    content[int(len(content) * place)] ^= 1
    file.write_bytes(content)
    before = contents(box.home)
    assert box.restore(file, "--replace") == 65
    assert contents(box.home) == before


def test_a_log_that_is_not_what_was_signed_is_restored_only_with_a_yes(
    box: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    intrude(box.log / DATABASE, "UPDATE leaf SET h=zeroblob(32) WHERE seq=5")
    file = tmp_path / "backup"
    assert box.ctl("backup", str(file), "--recipient", RECIPIENT) == 1
    gone(box)
    assert box.restore(file) == 65
    assert "the log in the backup is tampered at record 5" in capsys.readouterr().err
    assert not box.state.exists()
    assert box.restore(file, "--accept-loss") == 0
    assert int(str(first_record(box)["kept_size"])) < 5


def test_the_log_is_held_against_what_was_kept_elsewhere(
    box: Installation, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = (box.log / PUBLIC_KEY).read_text().strip()
    with closing(Writer(box.log, FakeClock(), BOOT)) as writer:
        note = writer.head()
    (tmp_path / "anchor").write_text(str(note))
    other = Installation(tmp_path / "other").furnish()
    stranger = (other.log / PUBLIC_KEY).read_text().strip()
    gone(box)
    assert box.restore(file, "--pubkey", stranger) == 65
    assert not box.state.exists()
    with closing(Writer(other.log, FakeClock(), BOOT)) as writer:
        (tmp_path / "foreign").write_text(str(writer.head()))
    assert box.restore(file, "--pubkey", key, "--anchor", str(tmp_path / "anchor")) == 0
    data = first_record(box)
    assert data["lost_size"] == note.checkpoint.size
    assert data["lost_root"] == note.checkpoint.root.hex()
    assert (
        f"lost since the backup: {note.checkpoint.size - int(str(data['kept_size']))} records"
        in (capsys.readouterr().out)
    )


def test_checkpoints_on_another_disk_are_looked_at_unasked(
    box: Installation, tmp_path: Path
) -> None:
    anchors = tmp_path / "anchors"
    other = Installation(tmp_path / "second").furnish(
        f'[audit]\nanchor_file = "{anchors}"\nanchor_journal = false'
    )
    file = other.back_up(tmp_path / "backup")
    with closing(Writer(other.log, FakeClock(), BOOT)) as writer:
        note = writer.head()
    with closing(Writer(box.log, FakeClock(), BOOT)) as writer:
        anchors.write_text(f"{note}\n{writer.head()}")
    assert gone(other).restore(file) == 0
    assert first_record(other)["lost_size"] == note.checkpoint.size


def test_the_launcher_can_read_which_projects_there_are(box: Installation, tmp_path: Path) -> None:
    listed = list_file(box.settings)
    listed.write_text("{}\n")
    file = box.back_up(tmp_path / "backup")
    assert gone(box).restore(file) == 0
    assert listed.stat().st_mode & 0o777 == 0o644
    assert box.settings.stat().st_mode & 0o777 == 0o640
