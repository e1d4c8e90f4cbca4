"""An OCI image, written by hand: a layer, a configuration, a manifest, an index, in one archive.

The format is four JSON files and blobs that are named by their SHA-256 (OCI image specification
1.1): no daemon, registry or base image takes part. The same tree gives the same bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

TYPE = "application/vnd.oci.image"
BLOCK = 1 << 20


class LayerFailed(Exception):
    """The files cannot be packed; the message says why."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The packed file, and the hash of what is packed."""

    file: Path
    diff_id: str


def layer(tree: Path, work: Path, moment: int, *, left_out: Sequence[str], renamed: str) -> Layer:
    """`left_out` as GNU tar's patterns, `renamed` as its --transform. Raises LayerFailed."""
    whole, packed = work / "layer.tar", work / "layer.tar.gz"
    command = ["tar", "--create", f"--file={whole}", f"--directory={tree}", "--format=gnu"]
    command += ["--sort=name", f"--mtime=@{moment}", "--numeric-owner", "--no-xattrs"]
    command += [f"--exclude={pattern}" for pattern in left_out]
    command += [f"--transform={renamed}", "--anchored", "."]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise LayerFailed(f"tar: {done.stderr.strip()[-500:]}")
    with whole.open("rb") as source, packed.open("wb") as target:
        with gzip.GzipFile(
            filename="", mode="wb", compresslevel=6, fileobj=target, mtime=0
        ) as squeezed:
            shutil.copyfileobj(source, squeezed, BLOCK)
        source.seek(0)
        diff_id = f"sha256:{hashlib.file_digest(source, 'sha256').hexdigest()}"
    whole.unlink()
    return Layer(packed, diff_id)


def write(
    target: Path,
    layer: Layer,
    settings: Mapping[str, Any],
    *,
    architecture: str,
    tag: str,
    moment: int,
    labels: Mapping[str, str],
) -> str:
    """An archive for `docker load`, `podman load` or `skopeo`; the digest of its manifest."""
    created = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    configuration = _json(
        {
            "created": created,
            "architecture": architecture,
            "os": "linux",
            "config": {**settings, "Labels": dict(labels)},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
            "history": [{"created": created, "created_by": "packaging/oci/make_oci.py"}],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{TYPE}.manifest.v1+json",
            "config": _described(f"{TYPE}.config.v1+json", configuration),
            "layers": [_described_file(f"{TYPE}.layer.v1.tar+gzip", layer.file)],
            "annotations": dict(labels),
        }
    )
    entry = _described(f"{TYPE}.manifest.v1+json", manifest)
    names = {"org.opencontainers.image.ref.name": tag, "io.containerd.image.name": tag}
    listed = [{**entry, "annotations": names}]
    index = {"schemaVersion": 2, "mediaType": f"{TYPE}.index.v1+json", "manifests": listed}
    with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}), moment)
        _add(archive, "index.json", _json(index), moment)
        for blob in (configuration, manifest):
            _add(archive, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob, moment)
        with layer.file.open("rb") as stream:
            name = _described_file("", layer.file)["digest"].replace("sha256:", "blobs/sha256/")
            archive.addfile(_info(name, layer.file.stat().st_size, moment), stream)
    return str(entry["digest"])


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _described(kind: str, blob: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(blob).hexdigest()
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(blob)}


def _described_file(kind: str, file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": file.stat().st_size}


def _add(archive: tarfile.TarFile, name: str, content: bytes, moment: int) -> None:
    archive.addfile(_info(name, len(content), moment), io.BytesIO(content))


def _info(name: str, size: int, moment: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, moment, 0o644
    return info
