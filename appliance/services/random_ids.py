"""How we name what people are asked: it cannot be guessed, and reads like no word."""

from __future__ import annotations

import secrets

# without vowels, so that no id reads like a word; 10 of 25 characters are 46 bits, and an id is
# useless without being somebody who may answer
_ALPHABET = "bcdfghjkmnpqrstvwxz234679"
_LENGTH = 10


def random_id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
