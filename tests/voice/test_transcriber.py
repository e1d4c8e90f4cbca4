"""Speech to words: the real libraries where they are installed, up to where a model is needed."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from appliance.core.model import Project, ProjectName
from appliance.errors import AgentFailed, NotHeard
from appliance.ports import Output
from appliance.voice.transcriber import PROGRAM, WhisperTranscriber, is_installed, places
from tests.fakes_workbench import LocalWorkbench

needs_libraries = pytest.mark.skipif(not is_installed(), reason="dispatch-appliance[voice]")


class ScriptedWorkbench:
    """Answers with an output."""

    def __init__(self, status: int, stdout: bytes = b"") -> None:
        self.output = Output(status, stdout, "", is_cut=False)
        self.ran: list[tuple[tuple[str, ...], bytes]] = []

    async def run(
        self,
        project: Project,
        argv: Sequence[str],
        *,
        directory: str = ".",
        limit_bytes: int = 1 << 20,
        stdin: bytes = b"",
    ) -> Output:
        self.ran.append((tuple(argv), stdin))
        return self.output


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    (tmp_path / "empty").mkdir()
    return Project(ProjectName("empty"), str(tmp_path / "empty"))


def note(seconds: float = 0.5) -> bytes:
    """As a phone records one: Opus in Ogg."""
    import av
    import numpy as np

    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        wave = np.sin(np.arange(int(48_000 * seconds)) / 20).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = 48_000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


async def test_the_words_come_back_in_the_language_that_was_asked_for(empty: Project) -> None:
    workbench = ScriptedWorkbench(0, b" fix the bug \n")
    said = await WhisperTranscriber(workbench, empty, "/m/base").transcribe(b"sound", "de")
    assert said == "fix the bug"
    argv = (sys.executable, "-I", str(PROGRAM), "/m/base", "de")
    assert workbench.ran == [(argv, b"sound")]


@pytest.mark.parametrize(
    ("status", "words"),
    [(3, "is not installed"), (4, "no sound"), (5, "the model"), (1, "failed"), (-1, "failed")],
)
async def test_why_nothing_was_understood_is_one_sentence(
    empty: Project, status: int, words: str
) -> None:
    with pytest.raises(NotHeard, match=words):
        await WhisperTranscriber(ScriptedWorkbench(status), empty, "/m").transcribe(b"", None)


async def test_a_sandbox_that_breaks_off_is_told(empty: Project) -> None:
    workbench = LocalWorkbench(failure=AgentFailed("stopped: it used more memory than it may"))
    with pytest.raises(NotHeard, match="more memory"):
        await WhisperTranscriber(workbench, empty, "/m").transcribe(b"", None)


def test_the_program_is_seen_where_it_runs() -> None:
    assert {"/m/base", str(PROGRAM.parent), sys.prefix} <= set(places("/m/base"))


@needs_libraries
@pytest.mark.parametrize("sound", [b"", b"no sound at all", b"OggS" + bytes(500)])
async def test_what_is_no_sound_is_refused(empty: Project, sound: bytes) -> None:
    with pytest.raises(NotHeard, match="no sound"):
        await WhisperTranscriber(LocalWorkbench(), empty, "/m").transcribe(sound, None)


@needs_libraries
async def test_a_voice_note_is_decoded_before_the_model_is_missed(empty: Project) -> None:
    with pytest.raises(NotHeard, match="the model of"):
        await WhisperTranscriber(LocalWorkbench(), empty, "/nowhere").transcribe(note(), None)


@needs_libraries
async def test_a_file_that_is_no_model_is_told(empty: Project, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"no model")
    transcriber = WhisperTranscriber(LocalWorkbench(), empty, str(tmp_path / "model"))
    with pytest.raises(NotHeard, match="the model of"):
        await transcriber.transcribe(note(), None)


@needs_libraries
@pytest.mark.parametrize("language", ["en", "de"])
async def test_a_model_gives_words_back(empty: Project, tmp_path: Path, language: str) -> None:
    from tests.voice import tiny_model

    tiny_model.write(tmp_path / "model")
    transcriber = WhisperTranscriber(LocalWorkbench(), empty, str(tmp_path / "model"))
    assert re.fullmatch(r"(w[0-9]+ ?)+", await transcriber.transcribe(note(), language))
