"""The port `Transcriber`, over the libraries of dispatch-appliance[voice]."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from appliance.core.model import Project
from appliance.errors import AgentFailed, NotHeard, SandboxRefused
from appliance.ports import Workbench
from appliance.voice import listen

PROGRAM = Path(listen.__file__)
ANY_LANGUAGE = "auto"
MAX_WORDS_BYTES = 64 * 1024

_WHY = {
    listen.NO_LIBRARIES: "dispatch-appliance[voice] is not installed",
    listen.NO_SOUND: "there is no sound in it that I can decode",
    listen.NO_MODEL: "the model of [voice] cannot be used",
}


def is_installed() -> bool:
    """Whether the optional libraries are there."""
    return all(find_spec(name) is not None for name in ("av", "pywhispercpp"))


def places(model: str) -> Sequence[str]:
    """What has to be seen behind the wall."""
    found = [model, str(PROGRAM.parent), sys.prefix, sys.base_prefix]
    return list(dict.fromkeys(found))


class WhisperTranscriber:
    """Listens in `project`, an empty one; its ceiling is what listening may use."""

    def __init__(self, workbench: Workbench, project: Project, model: str) -> None:
        self._workbench = workbench
        self._project = project
        self._model = model

    async def transcribe(self, sound: bytes, language: str | None) -> str:
        """See `appliance.ports.Transcriber`."""
        argv = (sys.executable, "-I", str(PROGRAM), self._model, language or ANY_LANGUAGE)
        try:
            output = await self._workbench.run(
                self._project, argv, limit_bytes=MAX_WORDS_BYTES, stdin=sound
            )
        except (AgentFailed, SandboxRefused) as error:
            raise NotHeard(error.message) from error
        if output.status != 0:
            raise NotHeard(_WHY.get(output.status, "listening to it failed"))
        return output.stdout.decode("utf-8", "replace").strip()
