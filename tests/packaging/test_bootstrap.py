"""Set-up without a network: what is recognised, what is said. CI's own set-up is the other half."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
GROUPS = ("build", "runtime")
NOBODY_LISTENS = "http://127.0.0.1:9/simple"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of what set-up reads, in a directory whose name has a blank."""
    copy = tmp_path / "a checkout"
    shutil.copytree(ROOT / "packaging", copy / "packaging", symlinks=True)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def load(checkout: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "bootstrap", checkout / "packaging" / "bootstrap.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bootstrap(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.delitem(sys.modules, "bootstrap", raising=False)
    return load(checkout)


@pytest.fixture
def complete(bootstrap: ModuleType) -> ModuleType:
    """As if everything had been installed."""
    (bootstrap.ENVIRONMENT / "bin").mkdir(parents=True)
    bootstrap.write_stamp(bootstrap.wanted_stamp(GROUPS))
    return bootstrap


def test_a_complete_environment_is_left_alone(
    complete: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    complete.prepare(GROUPS)
    assert capsys.readouterr().out == ""
    assert not complete.LOG.parent.exists()


@pytest.mark.parametrize("change", ["python", "place"])
def test_an_environment_of_another_python_or_place_is_not_kept(
    complete: ModuleType, change: str
) -> None:
    stamp = json.loads(complete.STAMP.read_text())
    complete.STAMP.write_text(json.dumps({**stamp, change: "another"}))
    assert not complete.may_stay(complete.read_stamp(), complete.wanted_stamp(GROUPS))


def test_an_environment_of_another_lock_is_not_kept(complete: ModuleType) -> None:
    with complete.lock_of("runtime").open("a") as lock:
        lock.write("\n")
    assert not complete.may_stay(complete.read_stamp(), complete.wanted_stamp(("build",)))


@pytest.mark.parametrize("stamp", ["", "{", "[]", '{"python": "3.11"}', '{"more": 1}'])
def test_a_damaged_stamp_is_no_stamp(complete: ModuleType, stamp: str) -> None:
    complete.STAMP.write_text(stamp)
    assert complete.read_stamp() is None


def test_a_further_group_keeps_what_is_there(complete: ModuleType) -> None:
    wanted = complete.wanted_stamp((*GROUPS, "dev"))
    assert complete.may_stay(complete.read_stamp(), wanted)
    assert not complete.is_complete(complete.read_stamp(), wanted)


def test_an_edited_project_only_writes_its_programs(complete: ModuleType) -> None:
    (complete.ROOT / "pyproject.toml").write_text(
        '[project.scripts]\ntry-it = "appliance.app.try_it:main"\n'
    )
    complete.prepare(GROUPS)
    program = (complete.ENVIRONMENT / "bin" / "try-it").read_text()
    assert "from appliance.app.try_it import main" in program
    assert complete.is_complete(complete.read_stamp(), complete.wanted_stamp(GROUPS))


def test_a_program_runs_from_a_directory_with_a_blank(complete: ModuleType, checkout: Path) -> None:
    (checkout / "try_it.py").write_text("def main():\n    print('it runs')\n    return 3\n")
    (complete.ENVIRONMENT / "bin" / "python").symlink_to(sys.executable)
    (checkout / "pyproject.toml").write_text('[project.scripts]\ntry-it = "try_it:main"\n')
    complete.write_programs()
    done = subprocess.run(
        [complete.ENVIRONMENT / "bin" / "try-it"],
        env={"PYTHONPATH": str(checkout), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("it runs\n", 3)


def set_up(checkout: Path, *groups: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it as `make` does, on a machine whose package index cannot be reached."""
    away = {
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": NOBODY_LISTENS,
        "PIP_NO_CACHE_DIR": "1",
    }
    return subprocess.run(
        [sys.executable, "-S", checkout / "packaging" / "bootstrap.py", *groups],
        env={**away, "HOME": str(checkout), **environment},
        capture_output=True,
        text=True,
    )


def test_no_network_is_said_in_one_sentence_and_tried_anew_next_time(checkout: Path) -> None:
    for _ in range(2):
        done = set_up(checkout, "runtime")
        assert done.returncode == 1
        assert "Setting up .venv" in done.stdout
        error, hint = done.stderr.splitlines()
        assert error.startswith("error: the build packages could not be installed")
        assert "index cannot be reached" in error
        assert hint.startswith("hint: ")
    assert not (checkout / ".venv" / "stamp.json").exists()


def test_an_unknown_group_is_refused(checkout: Path) -> None:
    done = set_up(checkout, "nonsense")
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot read")
    assert "nonsense.txt" in done.stderr
