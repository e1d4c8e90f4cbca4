"""Files that came with tasks, on disk: one directory for each job, below one root.

    ROOT/12/report.pdf    readable by the agent's group, writable by nobody, never executable
    ROOT/.12/report.pdf   still coming in; nobody else can look inside

A directory gets its number when everything in it is whole, and never changes afterwards. Under
systemd the root is made with the agent's group and the set-group-id bit, which its directories
and files inherit; where daemon and agent are one user, nobody else can open the root.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from appliance.core.model import JobId
from appliance.errors import StorageUnavailable

FILE_MODE, DIRECTORY_MODE = 0o440, 0o550

Write = Callable[[bytes], None]


class DirectoryInboxes:
    """See `appliance.ports.InboxStore`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, job: JobId) -> str:
        return str(self._root / str(job))

    def begin(self, job: JobId) -> None:
        self.remove(job)
        with _errors(self._root):
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._unfinished(job).mkdir(mode=0o700)

    @contextmanager
    def writing(self, job: JobId, name: str) -> Iterator[Write]:
        path = self._unfinished(job) / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with _errors(path), os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            yield lambda chunk: _write(file.write, chunk, path)

    def publish(self, job: JobId) -> None:
        directory = self._unfinished(job)
        with _errors(directory):
            for path in directory.iterdir():
                path.chmod(FILE_MODE)
            # only now: for a group that is not ours, this takes the set-group-id bit away
            directory.chmod(DIRECTORY_MODE)
            directory.rename(self.path(job))

    def remove(self, job: JobId) -> None:
        for directory in (Path(self.path(job)), self._unfinished(job)):
            if directory.is_dir():
                with _errors(directory):
                    directory.chmod(0o700)
                    shutil.rmtree(directory)

    def sizes(self) -> Mapping[JobId, int]:
        found: dict[JobId, int] = {}
        with _errors(self._root):
            for directory in self._root.iterdir() if self._root.is_dir() else ():
                name = directory.name.removeprefix(".")
                if name.isdecimal() and directory.is_dir():
                    size = sum(path.lstat().st_size for path in directory.iterdir())
                    found[JobId(int(name))] = found.get(JobId(int(name)), 0) + size
        return found

    def _unfinished(self, job: JobId) -> Path:
        return self._root / f".{job}"


def _write(write: Callable[[bytes], object], chunk: bytes, path: Path) -> None:
    with _errors(path):
        write(chunk)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageUnavailable(f"cannot keep files in {path.parent}: {error.strerror}") from error
