from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from appliance.app.audit_commands.pins import add_pins, pins_of
from appliance.audit.checkpoint import Note, PublicKey
from appliance.audit.database import PUBLIC_KEY, reading
from appliance.errors import ApplianceError
from tests.audit.logs import sample


def parsed(*arguments: object) -> tuple[PublicKey | None, list[Note]]:
    parser = argparse.ArgumentParser()
    add_pins(parser)
    return pins_of(parser.parse_args([*map(str, arguments)]))


def test_nothing_given_is_nothing_to_compare_with() -> None:
    assert parsed() == (None, [])


def test_a_key_is_given_as_text_or_as_a_file(tmp_path: Path) -> None:
    sample(tmp_path)
    file = tmp_path / PUBLIC_KEY
    key, _ = parsed("--pubkey", file)
    assert key is not None
    assert str(key) == file.read_text().strip()
    assert parsed("--pubkey", str(key)) == (key, [])


def test_checkpoints_are_read_from_files(tmp_path: Path) -> None:
    with reading(sample(tmp_path)) as connection:
        notes = [note for (note,) in connection.execute("SELECT note FROM ckpt ORDER BY size")]
    files = [tmp_path / f"{number}.txt" for number in range(2)]
    for file, note in zip(files, notes[:2], strict=True):
        file.write_text(note)
    _, anchors = parsed("--anchor", files[0], "--anchor", files[1])
    assert [str(anchor) for anchor in anchors] == notes[:2]


@pytest.mark.parametrize("option", ["--pubkey", "--anchor"])
@pytest.mark.parametrize("content", [None, b"no key+and+no note", b"\xff"])
def test_what_is_none_is_refused(option: str, content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "given"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ApplianceError, match=r"given|cannot read"):
        parsed(option, file)
