from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import BaseModel

from appliance.chat.telegram.unbuilt import build, unbuilt_models

IMPORT = """
import pydantic
original = pydantic.BaseModel.__dict__["model_rebuild"]
from appliance.chat.telegram import client
assert pydantic.BaseModel.__dict__["model_rebuild"] is original
assert all(model.__pydantic_complete__ for model in client.MODELS)
unbuilt = [name for name in dir(client.aiogram.types)
           if getattr(getattr(client.aiogram.types, name), "__pydantic_complete__", True) is False]
assert len(unbuilt) > 300, unbuilt
"""


class Later(BaseModel):
    name: Missing  # type: ignore[name-defined]  # noqa: F821


def test_pydantic_is_as_before_afterwards() -> None:
    original = BaseModel.__dict__["model_rebuild"]
    with unbuilt_models():
        assert Later.model_rebuild() is None
        assert BaseModel.__dict__["model_rebuild"] is not original
    assert BaseModel.__dict__["model_rebuild"] is original


def test_pydantic_is_as_before_after_an_import_that_failed() -> None:
    original = BaseModel.__dict__["model_rebuild"]
    with pytest.raises(ImportError), unbuilt_models():
        raise ImportError
    assert BaseModel.__dict__["model_rebuild"] is original


def test_a_model_is_built_with_the_names_it_is_given() -> None:
    assert not Later.__pydantic_complete__
    build((Later,), {"Missing": str})
    assert Later(name="x").name == "x"


def test_importing_the_client_builds_only_what_we_use_without_a_warning() -> None:
    command = [sys.executable, "-W", "error", "-c", IMPORT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_port_itself_does_not_import_aiogram() -> None:
    code = "import sys, appliance.chat.telegram.chat; assert 'aiogram' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
