"""The program that understands speech: `listen.py MODEL LANGUAGE < SOUND`.

It stands alone: it is run by path, behind a wall, by the interpreter that has the libraries.
Exit status 3: they are not installed, 4: this is no sound, 5: the model cannot be used.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

NO_LIBRARIES, NO_SOUND, NO_MODEL = 3, 4, 5
HERTZ = 16_000
"""What whisper wants to hear: one channel of floating-point samples."""

MAGIC = (0x67676D6C).to_bytes(4, "little")
"""How models of whisper.cpp begin: "ggml"."""


def main(model: str, language: str) -> int:
    """Print what is said in the sound of standard input."""
    try:
        import av
        import numpy as np
        from pywhispercpp.model import Model
    except ImportError:
        return NO_LIBRARIES
    try:
        with av.open(io.BytesIO(sys.stdin.buffer.read()), "r") as container:
            to_samples = av.AudioResampler(format="flt", layout="mono", rate=HERTZ)
            frames = [*container.decode(audio=0), None]  # None: give out what is left
            heard = [part for frame in frames for part in to_samples.resample(frame)]
            pieces = [part.to_ndarray()[0] for part in heard]
    except (av.FFmpegError, IndexError, ValueError, MemoryError):
        return NO_SOUND
    if not pieces:
        return NO_SOUND
    if not _is_model(Path(model)):
        return NO_MODEL
    try:
        whisper = Model(model, redirect_whispercpp_logs_to=None, print_progress=False)
        found = whisper.transcribe(np.concatenate(pieces), language=language)
    except (OSError, RuntimeError, MemoryError, ValueError, LookupError):
        return NO_MODEL
    sys.stdout.buffer.write(" ".join(segment.text.strip() for segment in found).encode())
    return 0


def _is_model(path: Path) -> bool:
    """The library crashes on another file, and a name that is no file's it would download."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
