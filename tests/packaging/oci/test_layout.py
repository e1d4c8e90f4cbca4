"""The container image is what the OCI specification says, and the same bytes each time."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.image.modules import module

layout = module("layout")

MOMENT = 1_700_000_000


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    files = {
        "usr/bin/dispatchd": "#!/usr/bin/python3\n",
        "usr/lib/modules/6.1/x.ko": "a module",
        "usr/share/factory/var/lib/x/y": "state",
        "boot/linux": "a kernel",
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (root / "usr/bin/dispatchd").chmod(0o755)
    (root / "usr/bin/link").symlink_to("dispatchd")
    (root / "var").mkdir()
    return root


def built(tree: Path, place: Path) -> Path:
    place.mkdir()
    packed = layout.layer(
        tree,
        place,
        MOMENT,
        left_out=("./boot/*", "./usr/lib/modules"),
        renamed="s,^./usr/share/factory/var,./var,",
    )
    archive = place / "image.tar"
    layout.write(
        archive,
        packed,
        {"Entrypoint": ["/usr/bin/dispatchd"]},
        architecture="amd64",
        tag="x:1",
        moment=MOMENT,
        labels={"org.opencontainers.image.title": "x"},
    )
    return archive


def contents(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {x.name: read(tar, x) for x in tar.getmembers()}


def read(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    assert file is not None
    return file.read()


def blob(found: dict[str, bytes], described: dict[str, Any]) -> bytes:
    content = found[described["digest"].replace("sha256:", "blobs/sha256/")]
    assert len(content) == described["size"]
    assert hashlib.sha256(content).hexdigest() == described["digest"].removeprefix("sha256:")
    return content


def test_every_part_is_found_by_its_hash(tree: Path, tmp_path: Path) -> None:
    found = contents(built(tree, tmp_path / "one"))
    assert json.loads(found["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads(found["index.json"])["manifests"]
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == "x:1"
    manifest = json.loads(blob(found, entry))
    settings = json.loads(blob(found, manifest["config"]))
    assert settings["config"]["Entrypoint"] == ["/usr/bin/dispatchd"]
    (described,) = manifest["layers"]
    layer = gzip.decompress(blob(found, described))
    assert settings["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        names = {name.removeprefix("./") for name in tar.getnames()}
        program = tar.getmember("./usr/bin/dispatchd")
    assert {"usr/bin/dispatchd", "usr/bin/link", "var/lib/x/y", "boot"} <= names
    assert not {name for name in names if "modules" in name or "linux" in name}
    assert (program.mode, program.mtime) == (0o755, MOMENT)


def test_the_same_files_give_the_same_bytes_whenever_they_were_written(
    tree: Path, tmp_path: Path
) -> None:
    first = built(tree, tmp_path / "one")
    (tree / "usr/bin/dispatchd").touch()
    (tree / "usr/bin").touch()
    assert first.read_bytes() == built(tree, tmp_path / "two").read_bytes()


def test_what_cannot_be_packed_is_told(tmp_path: Path) -> None:
    with pytest.raises(layout.LayerFailed, match="tar: "):
        layout.layer(tmp_path / "none", tmp_path, MOMENT, left_out=(), renamed="s,x,x,")
