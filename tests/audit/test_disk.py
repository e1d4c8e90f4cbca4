from __future__ import annotations

from pathlib import Path

import pytest

from appliance.audit import disk
from appliance.errors import AuditUnavailable

MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:40 / /mnt/with\\040blank rw - cifs //server/share rw
31 22 0:41 / /mnt/nfs rw,relatime shared:2 - nfs4 server:/export rw
32 31 254:1 / /mnt/nfs/local rw - xfs /dev/vdb rw
33 22 0:42 / /mnt/over rw - xfs /dev/vdc rw
34 22 0:43 / /mnt/over rw - nfs server:/other rw
"""


@pytest.mark.parametrize(
    ("directory", "kind"),
    [
        ("/var/lib/dispatch", "ext4"),
        ("/mnt", "ext4"),
        ("/mnt/nfs/audit", "nfs4"),
        ("/mnt/nfs/local/audit", "xfs"),
        ("/mnt/with blank/audit", "cifs"),
        ("/mnt/over", "nfs"),
        ("/mnt/nfs-not", "ext4"),
    ],
)
def test_the_deepest_and_latest_mount_decides(directory: str, kind: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert disk._file_system(Path(directory), mounts) == kind


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 0:1 / / rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(disk, "_MOUNTS", mounts)
    with pytest.raises(AuditUnavailable, match="nfs4 is a network file system"):
        disk.require_local(tmp_path)


def test_where_mounts_are_not_listed_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "_MOUNTS", tmp_path / "missing")
    disk.require_local(tmp_path)


def test_the_ballast_is_taken_once_and_given_back(tmp_path: Path) -> None:
    disk.keep_ballast(tmp_path)
    made = (tmp_path / "ballast").stat()
    disk.keep_ballast(tmp_path)
    assert (tmp_path / "ballast").stat().st_mtime_ns == made.st_mtime_ns
    disk.drop_ballast(tmp_path)
    disk.drop_ballast(tmp_path)
    assert not (tmp_path / "ballast").exists()
