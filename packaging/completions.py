"""Write what completes the words of dispatchctl on Tab, for bash and zsh: build/completions.

The programs' own parser is asked, so that no command is forgotten; shtab knows the shells.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import shtab

from appliance.app import dispatchctl

PROGRAM = "dispatchctl"
BUILT = Path(__file__).resolve().parents[1] / "build" / "completions"
PLACES: Mapping[str, Path] = {
    "bash": Path("usr/share/bash-completion/completions", PROGRAM),
    "zsh": Path("usr/share/zsh/vendor-completions", f"_{PROGRAM}"),
}
"""Where Debian's shells look."""


def main(arguments: list[str]) -> int:
    install(Path(arguments[0]) if arguments else BUILT)
    return 0


def install(root: Path) -> None:
    for shell, place in PLACES.items():
        file = root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(script(shell))


def script(shell: str) -> str:
    parser = dispatchctl.build_parser()
    for action in _actions(parser):
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # as shtab wants to be told
    written: str = shtab.complete(parser, shell)
    return written if written.endswith("\n") else f"{written}\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every argument of every command."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
