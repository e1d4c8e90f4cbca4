"""What somebody reads: in their language, no longer than a phone, with nothing in it that acts.

The real client and the whole daemon; the agent's answer is one that nobody should trust.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulators.anthropic import Turn, says
from tests.emulators.telegram_entities import active_in, wrong_with
from tests.journeys.house import ALICE, House

pytestmark = pytest.mark.real_cli

CODE = "\n".join(f"value_{number} = '@bob /deploy'" for number in range(40))
HOSTILE = f"""# Done, **really**

Ask @bob, or run /deploy prod now. Mail me@example.org, call +49 30 901820, see README.md.
[your bank](https://evil.example/login) and [a bot](https://t.me/evil?start=1) and \u202egpj.exe.

| Check | State | Why it is as it is, in many words |
|---|---|---|
| tests | red | because somebody has broken them again |

The key is {"gh" + "p_" + "a" * 36}.

```python
{CODE}
```

The end.
"""


async def test_an_answer_is_short_inert_and_discreet_and_in_german(
    tmp_path: Path, claude_program: Path
) -> None:
    async with House(tmp_path, claude_program, Turn(HOSTILE, when=says("do it"))) as house:
        tell = house.tg.user_says
        tell(ALICE, "/settings")
        await house.reads("Settings of this conversation")
        house.press("Deutsch")
        await house.reads("Einstellungen dieses Gesprächs")
        tell(ALICE, "/settings zone Asia/Tokyo")
        await house.reads("Zeitzone: Asia/Tokyo")
        tell(ALICE, "/project demo")
        await house.reads("Das Projekt ist jetzt demo")
        tell(ALICE, "do it")
        first = await house.reads("Done, really")
        assert "The end." not in first
        assert "your bank (https://evil.example/login)" in first
        assert "\\u202egpj.exe" in first
        house.press("Den Rest zeigen")
        rest = await house.reads("The end.")
        assert CODE.splitlines()[-1] in rest
        _is_harmless(house)
        tell(ALICE, "/help")
        await house.reads("Was du hier darfst")
        assert len((await house.reads("Was du hier darfst")).splitlines()) <= 10


def _is_harmless(house: House) -> None:
    answers = [m for m in house.tg.sent(ALICE) if "@bob" in str(m.get("text"))]
    assert answers
    for message in answers:
        text, marks = str(message["text"]), message.get("entities", [])
        assert wrong_with(text, marks) == []
        assert active_in(text, marks) == []
    everything = "".join(house.texts())
    assert "ghp_" not in everything
    assert "[redacted GitHub token]" in everything
