from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from appliance.task.starter import Command, Starter

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@contextmanager
def output_pipe() -> Iterator[tuple[int, int]]:
    read_end, write_end = os.pipe()
    try:
        yield read_end, write_end
    finally:
        os.close(read_end)


def output_of(argv: tuple[str, ...], directory: Path, more: Mapping[int, int]) -> str:
    """What a command prints that was started by a process in waiting."""
    with closing(Starter()) as starter, output_pipe() as (read_end, write_end):
        pid = starter.start(
            Command(argv, directory, {"PATH": os.defpath, "WORD": "hello"}, {1: write_end, **more})
        )
        os.close(write_end)
        assert pid == starter.pid
        with os.fdopen(os.dup(read_end)) as output:
            text = output.read()
    return text


def test_it_becomes_the_program_with_its_directory_and_variables(tmp_path: Path) -> None:
    text = output_of(("sh", "-c", "echo $WORD; pwd; echo $$"), tmp_path, {})
    assert text.split()[:2] == ["hello", str(tmp_path)]


def test_descriptors_have_the_numbers_that_were_asked_for(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("4711")
    with secret.open() as file:
        assert output_of(("sh", "-c", "cat <&7"), tmp_path, {7: file.fileno()}) == "4711"


def test_a_number_may_be_one_that_it_used_itself(tmp_path: Path) -> None:
    words = {name: tmp_path / name for name in "abc"}
    for name, path in words.items():
        path.write_text(name)
    descriptors = [os.open(path, os.O_RDONLY) for path in words.values()]
    numbers = dict(zip((5, 3, 4), descriptors, strict=True))
    assert output_of(("sh", "-c", "cat <&3; cat <&4; cat <&5"), tmp_path, numbers) == "bca"
    for descriptor in descriptors:
        os.close(descriptor)


@LINUX
def test_the_program_has_nothing_else_open(tmp_path: Path) -> None:
    text = output_of(("ls", "/proc/self/fd"), tmp_path, {})
    assert text.split() == ["0", "1"]  # 0 is ls reading the directory


@LINUX
def test_a_broken_pipe_ends_the_program_although_python_ignores_it(tmp_path: Path) -> None:
    text = output_of(("grep", "SigIgn", "/proc/self/status"), tmp_path, {})
    ignored = int(text.split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1))
    assert not ignored & (1 << (signal.SIGXFSZ - 1))


@pytest.mark.parametrize(
    ("argv", "directory", "number"),
    [
        (("/no/such/program",), "/", errno.ENOENT),
        (("no-such-program",), "/", errno.ENOENT),
        (("/etc/passwd",), "/", errno.EACCES),
        (("true",), "/no/such/directory", errno.ENOENT),
    ],
)
def test_what_cannot_be_started_is_an_error(
    argv: tuple[str, ...], directory: str, number: int
) -> None:
    with closing(Starter()) as starter:
        with pytest.raises(OSError, match=argv[0]) as raised:
            starter.start(Command(argv, Path(directory), {"PATH": os.defpath}, {1: 1}))
        assert raised.value.errno == number


def test_one_that_is_not_needed_ends_by_itself() -> None:
    starter = Starter()
    starter.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(starter.pid, 0)
