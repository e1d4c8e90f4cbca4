"""A release: whole, the same each time, and verified with what people have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import __version__
from tests.packaging.programs import PACKAGING, program

release, signature = program("release"), program("signature")

WHERE = "https://example.invalid/releases/download/v1"
CHEAP = ("python", "formula")
NAME = f"dispatch_appliance-{__version__}"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("ssh-keygen") is None:
        assert os.getenv("CI") != "true", "CI installs openssh-client"
        pytest.skip("SKIPPED: there is no ssh-keygen on this machine")
    file = tmp_path_factory.mktemp("key") / "release"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "release", "-f", str(file))
    return file


@pytest.fixture(scope="module")
def dist(key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What can be built in seconds, signed."""
    place = tmp_path_factory.mktemp("release") / "dist"
    release.build(release.Order(CHEAP, key, None, WHERE), [], place)
    return place


@pytest.fixture
def downloaded(dist: Path, tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "downloaded"
    shutil.copytree(dist, place)
    yield place
    shutil.rmtree(place)


def run(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, **options)  # type: ignore[call-overload,no-any-return]


def told(place: Path) -> list[str]:
    """The commands that VERIFY.md tells people to type."""
    lines = (place / "VERIFY.md").read_text().splitlines()
    return [line.strip() for line in lines if line.startswith("    ") and "SHA256SUMS" in line]


def verified(place: Path) -> list[int]:
    return [run("sh", "-c", line, cwd=place).returncode for line in told(place)]


def change_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


# --- what there is, and what can be said of it


def test_twice_gives_the_same(dist: Path, key: Path, tmp_path: Path) -> None:
    again = tmp_path / "dist"
    release.build(release.Order(CHEAP, key, None, WHERE), [], again)
    for name in ("SHA256SUMS", "SHA256SUMS.sig"):
        assert (again / name).read_bytes() == (dist / name).read_bytes()


def test_every_file_but_those_about_the_sums_is_in_the_sums(dist: Path) -> None:
    summed = {line.split("  ")[1] for line in (dist / "SHA256SUMS").read_text().splitlines()}
    there = {path.name for path in dist.iterdir()}
    assert there - summed == {"SHA256SUMS", "SHA256SUMS.sig", "allowed_signers", "VERIFY.md"}
    assert {f"{NAME}.tar.gz", f"{NAME}-py3-none-any.whl", "RELEASE_NOTES.md"} <= summed
    assert "dispatch-appliance.rb" in summed


def test_what_people_are_told_to_type_verifies_it(downloaded: Path) -> None:
    assert len(told(downloaded)) == 2
    assert verified(downloaded) == [0, 0]


def test_who_downloads_one_file_can_verify_that_one(downloaded: Path) -> None:
    for other in {*downloaded.glob("*.whl"), *downloaded.glob("*.rb")}:
        other.unlink()
    assert verified(downloaded) == [0, 0]


@pytest.mark.parametrize(
    ("file", "step"), [("SHA256SUMS", 0), ("SHA256SUMS.sig", 0), (f"{NAME}.tar.gz", 1)]
)
def test_one_changed_bit_is_found(downloaded: Path, file: str, step: int) -> None:
    change_a_bit(downloaded / file)
    assert verified(downloaded)[step] != 0


def test_a_signature_for_another_purpose_is_none(downloaded: Path, key: Path) -> None:
    sums = downloaded / "SHA256SUMS"
    (downloaded / "SHA256SUMS.sig").unlink()
    run("ssh-keygen", "-Y", "sign", "-f", str(key), "-n", "git", str(sums))
    with pytest.raises(signature.BadKey):
        signature.verify(sums)


# --- what is refused


def test_a_key_that_others_can_read_is_refused(key: Path, tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    shutil.copy(key, loose)
    loose.chmod(0o640)
    with pytest.raises(signature.BadKey, match=f"not yours alone: chmod 600 {loose}"):
        signature.check(loose)
    with pytest.raises(signature.BadKey, match="cannot be read"):
        signature.check(tmp_path / "none")
    with pytest.raises(signature.BadKey, match="is no file"):
        signature.check(tmp_path)


def test_a_release_is_signed_or_said_to_be_none() -> None:
    done = run(sys.executable, str(PACKAGING / "release.py"), "--parts", "python")
    assert done.returncode == 2
    assert "one of the arguments --key --unsigned is required" in done.stderr


def test_what_is_not_ready_is_not_signed(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text(f"## Unreleased ({__version__})\n\n- New.\n")
    monkeypatch.setattr(release.version, "CHANGELOG", changelog)
    with pytest.raises(release.NoRelease, match="has no section"):
        release.release(release.Order(("python",), key, None, ""), tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


def test_a_trial_says_so_in_the_names_of_its_files_and_why(tmp_path: Path) -> None:
    place = tmp_path / "dist"
    place.mkdir()
    (place / "SHA256SUMS").touch()  # of an earlier release
    release.build(release.Order(("python",), None, None, ""), ["the moon is full"], place)
    assert {path.name for path in place.iterdir()} == {
        *(f"{NAME}.tar.gz", f"{NAME}-py3-none-any.whl"),
        *("RELEASE_NOTES.md", "SHA256SUMS.unsigned", "UNSIGNED.md"),
    }
    assert "- the moon is full" in (place / "UNSIGNED.md").read_text()


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        (("formula",), "add python to PARTS"),
        (("python", "formula"), "RELEASE_URL="),
        (("python", "deb", "formula", "image", "oci"), "there is no|cannot build|RELEASE_URL="),
    ],
)
def test_what_cannot_be_built_is_not_left_out(
    parts: tuple[str, ...], why: str, tmp_path: Path
) -> None:
    with pytest.raises((release.NoRelease, release.deb.BuildFailed), match=why):
        release.release(release.Order(parts, None, None, ""), tmp_path / "dist")
    assert not (tmp_path / "dist").exists()
