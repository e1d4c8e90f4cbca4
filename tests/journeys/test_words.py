"""What somebody reads: in their language, no longer than a phone, with nothing in it that acts.

The real client and the whole daemon; the agent's answer is one that nobody should trust.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulators.anthropic import Turn, says
from tests.emulators.telegram_entities import active_in, wrong_with
from tests.journeys.house import ALICE, House
from tests.journeys.story import Story

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
    turns = (Turn(HOSTILE, when=says("do it")), Turn("Es ist getan.", when=says("räum auf")))
    title = "What the agent says is shown short, and nothing in it acts."
    async with House(tmp_path, claude_program, *turns, owner="alice") as house:
        async with Story(house, "words", title) as story:
            await story.says("do it")
            await story.reads("Job 1 ✓ done")
            assert "The end." not in await story.reads("Done, really")
            await story.presses("Show the rest")
            assert CODE.splitlines()[-1] in await story.reads("The end.")
            _is_harmless(house)
            await story.says("/help")
            await story.presses("Work")
            await story.says("/settings")
            await story.presses("Time zone")
            await story.says("/settings zone Asia/Tokio")
            await story.says("/settings zone Asia/Tokyo")
        async with Story(house, "german", "The same, in German.") as story:
            await story.says("/settings")
            await story.presses("Deutsch")
            await story.says("/project demo")
            await story.says("räum auf")
            await story.reads("Es ist getan.")
            await story.says("/log 2")
            await story.says("/help")
            await story.says("/stopp")


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
