"""`dispatchctl policy apply DIR`: the policy of another directory takes the place of this one.

For who brings whole policies from elsewhere, such as Ansible. It is checked first, like an edit in
place would be, and then the two directories change places in one step, or file by file where the
file system cannot: at no moment is half of each a policy, which could allow what neither does.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.app.control_commands import add_config, connect
from appliance.app.files import exchange, remove, sync, write
from appliance.app.policy_commands.check import OK, WRONG, tell_mistakes
from appliance.app.policy_commands.reload import WORDS
from appliance.app.policy_commands.shared import print_json, settings_of
from appliance.errors import ApplianceError, ChatUnavailable, ConfigError, PolicyError

if TYPE_CHECKING:  # read only when a command runs, so that dispatchctl starts at once
    from appliance.config import Settings
    from appliance.policy.loaded import LoadedPolicy

REFUSED = 1
AWAY = "away"
"""Beside the outcomes of a reload: nobody was there to reload, or root may not ask for it."""
NO_SWAP = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
UNFINISHED = "unfinished.csv"
HOLDS = ("", AWAY, "taken", "same")
MAX_INPUT_BYTES = 32 * 1024 * 1024
NOBODY_ASKED = "it holds when dispatchd looks next, or starts"


def add_parser(actions: argparse._SubParsersAction[Any]) -> None:
    parser = actions.add_parser(
        "apply",
        help="put the policy of another directory in the place of the one that holds",
        description="Check the policy in DIR; if it can be used, put it in the place of the one "
        "of the settings, all of it or nothing, and have the running daemon take it over.",
        epilog="Exit status: 0 it holds, 1 dispatchd does not take it, 2 it cannot be used and "
        "nothing was changed, 78 the settings are wrong.",
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "directory",
        type=Path,
        metavar="DIR",
        help="a policy directory; -: its files from the standard input, as one JSON object of "
        "names and texts",
    )
    add_config(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="change nothing, say what would become different"
    )
    parser.add_argument("--json", action="store_true", help="answer as JSON")


def run(arguments: argparse.Namespace) -> int:
    with _given(arguments.directory) as directory:
        return _apply(arguments, directory)


def _apply(arguments: argparse.Namespace, directory: Path) -> int:
    from appliance.app.policy_files import policy_in
    from appliance.policy.explain import selftest

    settings = settings_of(arguments)
    try:
        policy = policy_in(directory, settings)
        selftest(policy)
    except PolicyError as error:
        tell_mistakes(error.message.splitlines(), as_json=arguments.json)
        return WRONG
    before = _policy_before(settings)
    changed = before is None or before.sha256 != policy.sha256
    differences = _differences(before, policy) if changed else []
    if arguments.dry_run or not changed:
        return _tell(arguments, changed, differences)
    put_in_place(directory, Path(settings.daemon.policies), policy, settings)
    return _tell(arguments, changed, differences, _reloaded(arguments.config))


@contextmanager
def _given(directory: Path) -> Iterator[Path]:
    """The directory, or one with what comes by the standard input. Raises ApplianceError."""
    if directory != Path("-"):
        yield directory
        return
    with tempfile.TemporaryDirectory() as place:
        unpacked = Path(place, "policies")
        unpacked.mkdir()
        for name, text in _texts(sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)).items():
            write(unpacked / name, text, mode=0o600)
        yield unpacked


def _texts(raw: bytes) -> Mapping[str, str]:
    try:
        texts = json.loads(raw)
    except ValueError as error:
        raise ApplianceError(f"the standard input is no JSON: {error}") from error
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise ApplianceError("the standard input is no JSON object of names and texts")
    if wrong := [name for name in texts if "/" in name or "\0" in name or name[:1] in ("", ".")]:
        raise ApplianceError(f"{wrong[0]!r} is no name of a policy file")
    return texts


def put_in_place(source: Path, directory: Path, policy: LoadedPolicy, settings: Settings) -> None:
    """Make `directory` what `source` is, which was found to be `policy`.

    Raises ConfigError; then nothing was changed.
    """
    from appliance.app.policy_files import policy_in

    directory = directory.resolve()
    fresh = directory.with_name(f".{directory.name}.new")
    try:
        _copy(source, fresh, like=directory)
        if policy_in(fresh, settings).sha256 != policy.sha256:
            raise ConfigError(f"{source} was written to meanwhile", hint="try again")
        _swap(fresh, directory)
    except OSError as error:
        raise ConfigError(f"cannot replace {directory}: {error.strerror}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: Path, directory: Path) -> None:
    """Raises OSError or ConfigError."""
    if not directory.exists():
        fresh.rename(directory)
        sync(directory.parent)
        return
    try:
        exchange(fresh, directory)
    except OSError as error:
        if error.errno not in NO_SWAP:
            raise
        replace_one_by_one(fresh, directory)


def replace_one_by_one(fresh: Path, directory: Path) -> None:
    """For a file system on which directories cannot change places, such as a container's.

    A file that is not complete keeps everybody from taking half of it for a policy, also after a
    cut of the power. Raises OSError or ConfigError.
    """
    mark = directory / UNFINISHED
    write(mark, "# dispatchctl policy apply was cut off: do it again", mode=0o644)
    for file in directory.iterdir():
        if file.is_file() and file != mark and not (fresh / file.name).exists():
            remove(file)
    for file in fresh.iterdir():
        file.replace(directory / file.name)
    sync(directory)
    remove(mark)


def _copy(source: Path, fresh: Path, *, like: Path) -> None:
    """Readable by whoever can read what it takes the place of. Raises OSError or ConfigError."""
    model = like.stat() if like.exists() else like.parent.stat()
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    for file in sorted(source.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            write(fresh / file.name, file.read_bytes(), mode=stat.S_IMODE(model.st_mode) & 0o644)
            os.chown(fresh / file.name, model.st_uid, model.st_gid)
    os.chown(fresh, model.st_uid, model.st_gid)
    fresh.chmod(stat.S_IMODE(model.st_mode))


def _policy_before(settings: Settings) -> LoadedPolicy | None:
    """What is there now, None when it cannot be read as a policy."""
    from appliance.app.policy_files import policy_in

    try:
        return policy_in(Path(settings.daemon.policies), settings, is_tried=False)
    except PolicyError:
        return None


def _differences(before: LoadedPolicy | None, after: LoadedPolicy) -> Sequence[str]:
    from appliance.policy.difference import between

    return [] if before is None else [str(change) for change in between(before, after)]


def _reloaded(config: Path) -> dict[str, Any]:
    """What the running daemon made of it."""
    from appliance.app.control_client import Refused

    try:
        with connect(config) as client:
            return client.ask("reload")
    except (ChatUnavailable, ConfigError, Refused):
        return {"outcome": AWAY, "mistakes": []}  # it looks by itself, every second


def _tell(
    arguments: argparse.Namespace,
    changed: bool,
    differences: Sequence[str],
    reloaded: dict[str, Any] | None = None,
) -> int:
    """`reloaded` is None when nothing was put in place."""
    outcome = reloaded["outcome"] if reloaded else ""
    mistakes = reloaded["mistakes"] if reloaded else []
    if arguments.json:
        facts = {"ok": True, "changed": changed, "differences": differences}
        print_json({**facts, "outcome": outcome, "mistakes": mistakes})
    else:
        for line in (*differences, *_summary(changed, outcome), *mistakes):
            print(line)
    return OK if outcome in HOLDS else REFUSED


def _summary(changed: bool, outcome: str) -> Sequence[str]:
    if not changed:
        return ["nothing to change"]
    if not outcome:
        return ["it would take the place of the policy that holds"]
    return [WORDS.get(outcome, NOBODY_ASKED)]
