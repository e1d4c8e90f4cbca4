"""A model of whisper.cpp that has learnt nothing: small, random, and read like a real one.

What it understands is noise: words such as "w4711". That it is loaded, listens and gives words back
is all there is to see.
The format is that of `models/convert-pt-to-ggml.py` in whisper.cpp.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

VOCABULARY, CONTEXT, TEXT_CONTEXT, STATE, HEADS, LAYERS, MELS, BINS = (
    51_865, 1_500, 448, 64, 1, 4, 80, 201,
)  # fmt: skip
WIDE, EXACT = 1, 0  # 16-bit floats, 32-bit floats


def write(path: Path) -> None:
    """Write the model's file, 10 MB."""
    import numpy as np

    random = np.random.default_rng(2)
    with path.open("wb") as file:
        sizes = (VOCABULARY, CONTEXT, STATE, HEADS, LAYERS, TEXT_CONTEXT, STATE, HEADS, LAYERS)
        file.write(struct.pack("<I11i", 0x67676D6C, *sizes, MELS, WIDE))
        file.write(struct.pack("<2i", MELS, BINS))
        file.write(random.random((MELS, BINS), dtype=np.float32).tobytes())
        words = [b" ", *(f" w{number}".encode() for number in range(50_256))]
        file.write(struct.pack("<i", len(words)))
        file.writelines(struct.pack("<I", len(word)) + word for word in words)
        for name, shape, kind in _tensors():
            values = random.normal(0, 0.6, shape).astype(np.float32 if kind == EXACT else "<f2")
            file.write(struct.pack("<3i", len(shape), len(name), kind))
            file.write(struct.pack(f"<{len(shape)}i", *reversed(shape)))
            file.write(name.encode() + values.tobytes())


Tensor = tuple[str, tuple[int, ...], int]


def _tensors() -> Iterator[Tensor]:
    yield "encoder.positional_embedding", (CONTEXT, STATE), EXACT
    yield "encoder.conv1.weight", (STATE, MELS, 3), WIDE
    yield "encoder.conv1.bias", (STATE, 1), EXACT
    yield "encoder.conv2.weight", (STATE, STATE, 3), WIDE
    yield "encoder.conv2.bias", (STATE, 1), EXACT
    yield from _both("encoder.ln_post", (STATE,))
    yield "decoder.positional_embedding", (TEXT_CONTEXT, STATE), EXACT
    yield "decoder.token_embedding.weight", (VOCABULARY, STATE), WIDE
    yield from _both("decoder.ln", (STATE,))
    for layer in range(LAYERS):
        yield from _block(f"encoder.blocks.{layer}", "attn")
        yield from _block(f"decoder.blocks.{layer}", "attn", "cross_attn")


def _block(name: str, *attentions: str) -> Iterator[Tensor]:
    yield from _both(f"{name}.mlp_ln", (STATE,))
    yield from _both(f"{name}.mlp.0", (4 * STATE, STATE))
    yield from _both(f"{name}.mlp.2", (STATE, 4 * STATE))
    for attention in attentions:
        yield from _both(f"{name}.{attention}_ln", (STATE,))
        for part in ("query", "value", "out"):
            yield from _both(f"{name}.{attention}.{part}", (STATE, STATE))
        yield f"{name}.{attention}.key.weight", (STATE, STATE), WIDE


def _both(name: str, shape: tuple[int, ...]) -> Iterator[Tensor]:
    yield f"{name}.weight", shape, WIDE if len(shape) > 1 else EXACT
    yield f"{name}.bias", shape[:1], EXACT
