"""Install the checkout into a root directory, as the Debian package lays it out.

    python3 packaging/install_tree.py DESTINATION

    /usr/lib/dispatch-appliance   the package and its locked dependencies, compiled
    /usr/bin                      a program for each of [project.scripts]
    /usr/lib/systemd/system, sysusers.d, tmpfiles.d
    /usr/share/man, /usr/share/doc/dispatch-appliance, /usr/share/polkit-1
    /etc/dispatch/policies        the policy that ships, for the administrator to edit

Run it with a Python of the destination's minor version: compiled dependencies are for that one.
Everything comes from the locked wheels, which are kept in `.cache/wheels`; without a network that
is enough for a second time. Two runs give the same bytes.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "packaging" / "lock" / "runtime.txt"
NAME = "dispatch-appliance"
LIBRARY = Path("usr/lib", NAME)
UNITS = Path("usr/lib/systemd/system")
UNIT_SUFFIXES = frozenset({".service", ".slice", ".socket", ".target"})
SOURCE_DATE = 0  # in compiled files a hash stands instead of a time

# -I: nothing of the environment or of a user's own packages. The launcher needs not even the
# system's (-S), and starts in half the time.
PROGRAM = """\
#!/usr/bin/python3 {options}
import sys

sys.path.insert(0, "/{library}")
from {module} import {function}

sys.exit({function}())
"""
BARE = frozenset({"dispatch-task"})


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    install(Path(arguments[0]).resolve())
    return 0


def install(root: Path) -> None:
    """Everything the package brings. What lies there already is replaced, settings are not."""
    library = root / LIBRARY
    shutil.rmtree(library, ignore_errors=True)
    install_wheels(library)
    shutil.copytree(ROOT / "appliance", library / "appliance", ignore=_not_compiled)
    compile_all(library)
    for name, target in scripts().items():
        write_program(root / "usr/bin" / name, name, target)
    install_units(root)
    install_rules(root)
    install_pages(root)
    policies = root / "etc/dispatch/policies"
    if not policies.exists():
        shutil.copytree(ROOT / "policies", policies)


# --- the programs


def install_wheels(library: Path) -> None:
    """The locked dependencies, without what only pip itself and their own tests need."""
    pip = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheels = sorted(map(str, locked_wheels(pip).glob("*.whl")))
    exactly = ["--no-index", "--no-deps", "--no-compile", "--ignore-installed", "--no-user"]
    run([*pip, "install", *exactly, f"--target={library}", *wheels])
    for unwanted in ("bin", "pip", "setuptools", "pkg_resources"):
        shutil.rmtree(library / unwanted, ignore_errors=True)
    for directory in [*library.rglob("tests"), *library.rglob("test")]:
        shutil.rmtree(directory, ignore_errors=True)


def locked_wheels(pip: list[str]) -> Path:
    """A directory with a wheel of each package of the lock, hashes checked."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    wheels = ROOT / ".cache/wheels" / f"{sys.implementation.cache_tag}-{digest}"
    if not wheels.exists():
        unfinished = wheels.with_suffix(f".{os.getpid()}")
        exactly = ["--no-deps", "--require-hashes", "--no-build-isolation", "--no-input"]
        run([*pip, "wheel", *exactly, f"--requirement={LOCK}", f"--wheel-dir={unfinished}"])
        try:
            unfinished.rename(wheels)
        except OSError:  # somebody else was faster
            shutil.rmtree(unfinished)
    return wheels


def compile_all(library: Path) -> None:
    """Compiled once and for all, because no unit of ours may write there."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compileall.compile_dir(
        library, quiet=2, stripdir=str(library), prependdir=f"/{LIBRARY}", invalidation_mode=mode
    )


def scripts() -> dict[str, str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found: dict[str, str] = project["scripts"]
    return found


def write_program(program: Path, name: str, target: str) -> None:
    module, function = target.split(":")
    options = "-IS" if name in BARE else "-I"
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(
        PROGRAM.format(options=options, library=LIBRARY, module=module, function=function)
    )
    program.chmod(0o755)


def _not_compiled(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name == "__pycache__"]


# --- what systemd and people read


def install_units(root: Path) -> None:
    for unit in units():
        copy(unit, root / UNITS / unit.name)
    for kind in ("sysusers", "tmpfiles"):
        copy(ROOT / "systemd" / f"{NAME}.{kind}", root / f"usr/lib/{kind}.d/{NAME}.conf")
    documents = root / "usr/share/doc" / NAME
    for directory in ("systemd/examples", "packaging/grafana", "packaging/prometheus"):
        for example in (ROOT / directory).iterdir():
            copy(example, documents / "examples" / example.name)
    for guide in (ROOT / "packaging/guides").iterdir():
        copy(guide, documents / "guides" / guide.name)
    for text in ("README.md", "CHANGELOG.md", ".github/SECURITY.md"):
        copy(ROOT / text, documents / Path(text).name)


def install_rules(root: Path) -> None:
    """What dispatchd may ask of logind."""
    for rule in (ROOT / "packaging/polkit").glob("*.rules"):
        copy(rule, root / "usr/share/polkit-1/rules.d" / rule.name)


def units() -> Iterator[Path]:
    found = sorted((ROOT / "systemd").iterdir())
    return (path for path in found if path.suffix in UNIT_SUFFIXES)


def install_pages(root: Path) -> None:
    built = root / "usr/share/man"
    run([sys.executable, str(ROOT / "packaging/man/pages.py"), str(built)])
    for page in [path for path in built.iterdir() if path.is_file()]:
        section = built / f"man{page.suffix[1:]}"
        section.mkdir(exist_ok=True)
        page.rename(section / page.name)


def copy(source: Path, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, destination)


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
