"""dispatch.toml replaced by another text of it: at once, and only by one that can be used."""

from __future__ import annotations

from pathlib import Path

from appliance.app.files import remove, rewrite, write
from appliance.config import Settings, load
from appliance.errors import ConfigError

NEW_MODE = 0o640


def replaced(file: Path, text: str) -> Settings:
    """The settings of the new text, which now is the file's. Raises ConfigError instead."""
    candidate = file.with_name(f".{file.name}.candidate")
    write(candidate, text, mode=0o600)
    try:
        load(candidate)
    except ConfigError as error:
        said = error.message.replace(str(candidate), str(file))
        raise ConfigError(f"nothing was changed, because then\n{said}") from error
    finally:
        remove(candidate)
    if file.exists():
        rewrite(file, text)
    else:
        write(file, text, mode=NEW_MODE)
    return load(file)
