"""What people do on Telegram, done on the page: the whole daemon, the real CLI, a real Chromium.

Each journey looks at one part, and leaves pictures of what it saw in `build/screenshots`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload, expect

from tests.browser.web_house import PATIENCE_MS, WebHouse
from tests.emulators.anthropic import Call, Turn, returned, says
from tests.journeys.house import BOB
from tests.journeys.test_approving import COLOURS
from tests.journeys.test_diff_review import committed, edits
from tests.journeys.test_files import images, png, read

pytestmark = [
    pytest.mark.browser,
    pytest.mark.real_cli,
    pytest.mark.asyncio(loop_scope="module"),
]


async def test_conversations_go_on_and_a_question_goes_aside_and_to_the_project(
    browser: Browser, tmp_path: Path, claude_program: Path
) -> None:
    turns = (
        Turn("", (Call("Bash", {"command": "rm x"}),), says("begin")),
        Turn("Heard: also that.", when=lambda asked: "also that" in asked.text),
        Turn("In blue.", when=says("paint it blue")),
        Turn("Once more.", when=says("and once more")),
        Turn("Frank Herbert.", when=says(DUNE)),
        Turn("It is in the README.", when=says(DUNE)),
    )
    async with (
        WebHouse(tmp_path, claude_program, *turns) as house,
        house.phone(browser) as phone,
    ):
        await phone.says("/run begin")
        await phone.reads("May this run?")
        await phone.says("do also that")
        await expect(phone.own("do also that").locator(".sign")).to_have_text("👀")

        await phone.says("/run paint it red")
        await phone.reads("Job 2 is waiting")
        await phone.own("paint it red").get_by_role("button", name="Edit").tap()
        await phone.says("/run paint it blue")
        await phone.reads("Job 2 has the changed text")
        await phone.press("Deny")
        await phone.reads("Heard: also that.")
        await phone.reads("In blue.")

        await phone.reply("Heard: also that.", "and once more")
        await phone.reads("Once more.")
        await expect(phone.own("and once more").locator(".quote")).to_contain_text("Heard")
        assert "begin" in house.api.requests[-1].text  # the same session
        assert not any("paint it red" in request.text for request in house.api.requests)
        assert house.kinds().count("message.edited") == 1

        await phone.says(f"/ask {DUNE}")
        await phone.reads("Frank Herbert.")
        await phone.reads("Job 4 ✓ done · workspace")
        await phone.press("Move to the project")
        await phone.reads("It is in the README.")
        await phone.reads("Job 5 ✓ done · demo")


DUNE = "who wrote Dune?"


async def test_a_job_is_watched_and_files_go_there_and_come_back(
    browser: Browser, tmp_path: Path, claude_program: Path
) -> None:
    held, inbox = asyncio.Event(), tmp_path / "state-inbox/2"
    readme = str(tmp_path / "project/README.md")
    edit = {"file_path": readme, "old_string": "hello from the project", "new_string": "hi\nyou"}
    turns = (
        Turn("I look.", (Call("Read", {"file_path": readme}),), says("tidy up")),
        Turn("", (Call("Edit", edit),), returned("hello")),
        Turn("", (Call("Bash", {"command": "make test"}),), returned("updated")),
        Turn("All **tidy**: the greeting is short now, and the tests pass.\n\nThe file is "
             "`README.md`.", when=returned("12 passed"), hold=held),
        Turn("I look.", (read(inbox / "chart.png"),), says("what are these?")),
        Turn("", (read(inbox / "list.csv"),), lambda asked: bool(images(asked))),
        Turn("", (Call("Bash", {"command": "make chart"}),), returned("1,2")),
        Turn("Orange, and two columns. I drew `drawn.png`.", when=returned("")),
        Turn("I looked.", when=says("Look at the files")),
    )  # fmt: skip
    async with (
        WebHouse(tmp_path, claude_program, *turns, rules=MAKE) as house,
        house.phone(browser) as phone,
    ):
        (house.project / "Makefile").write_text(MAKEFILE)
        (house.project / "seed.png").write_bytes(png(320, 200))
        await phone.says("/run tidy up the greeting in the README, and see whether the tests pass")
        live = phone.page.locator("#log > li.live")
        await expect(live).to_contain_text("3 steps", timeout=PATIENCE_MS)
        assert (await live.locator(".words").inner_text()).startswith("Job 1 is running · demo")
        await expect(live.get_by_role("button", name="Stop")).to_be_visible()
        await phone.photograph("1-running")

        held.set()
        answer = await phone.reads("the greeting is short now")
        assert "1 file changed +2 −1\ntests: 12 passed in 0.1s" in answer
        assert "All **tidy**" not in answer
        await phone.reads("Job 1 ✓ done")
        await phone.press("README.md")
        await expect(phone.page.get_by_role("link", name="README.md")).to_be_visible()
        await phone.photograph("2-answer-and-file")

        await phone.says("/run what are these?", CHART, TABLE)
        await expect(phone.own("what are these?").locator("img")).to_be_visible()
        await phone.reads("Orange, and two columns.")
        assert sorted(path.name for path in inbox.iterdir()) == ["chart.png", "list.csv"]
        await phone.press("drawn.png")
        await expect(phone.message("drawn.png").locator("img")).to_be_visible()
        await phone.photograph("files")
        await phone.says("", TABLE)
        await phone.reads("What shall be done with this?")
        await phone.press("Look at it")
        await phone.reads("I looked.")
        assert house.kinds().count("file.received") == 3
        assert house.kinds().count("file.sent") == 2


MAKE = ("p, owner, *, bash, make test, allow", "p, owner, *, bash, make chart, allow")
MAKEFILE = "test:\n\t@echo 12 passed in 0.1s\nchart:\n\t@cp seed.png drawn.png\n"
CHART: FilePayload = {"name": "chart.png", "mimeType": "image/png", "buffer": png(240, 160)}
TABLE: FilePayload = {"name": "../list.csv", "mimeType": "text/csv", "buffer": b"1,2\n"}


async def test_steps_are_approved_and_questions_answered(
    browser: Browser, tmp_path: Path, claude_program: Path
) -> None:
    readme = str(tmp_path / "project/README.md")
    edit = {"file_path": readme, "old_string": "hello from", "new_string": "goodbye to"}
    step = {"command": "rm -rf build && make all", "description": "build it anew"}
    turns = (
        Turn(calls=(Call("AskUserQuestion", {"questions": [COLOURS]}),), when=says("paint")),
        Turn(calls=(Call("Bash", step),), when=returned("Which colour?")),
        Turn(calls=(Call("Read", {"file_path": readme}),), when=returned("not before noon")),
        Turn(calls=(Call("Edit", edit),), when=returned("hello")),
        Turn("Painted.", when=returned()),
    )
    rules = ["p, owner, *, write, README.md, approve"]
    async with (
        WebHouse(tmp_path, claude_program, *turns, rules=rules) as house,
        house.phone(browser) as phone,
    ):
        await phone.says("/run paint the house")
        assert "Blue" in await phone.reads("Which colour?")
        await phone.photograph("5-question")
        await phone.press("Blue")
        question = await phone.reads("May this run?")
        assert "rm -rf build && make all" in question
        await phone.photograph("3-approval")
        await phone.press("Deny with a reason")
        await phone.reply("Why not?", "not before noon")
        await phone.reads("✗ Denied by me at ")

        held = phone.message("goodbye to")
        await expect(held).to_be_visible(timeout=PATIENCE_MS)
        await phone.photograph("4-approval-of-a-diff")
        await phone.press("Approve")
        await phone.reads("Painted.")
        await phone.reads("✓ Allowed by me at ")
        assert (house.project / "README.md").read_text() == "goodbye to the project\n"
        refused = next(r for r in house.records() if r["kind"] == "approval.refused")
        assert refused["d"]["reason"] == "not before noon"


async def test_a_change_is_read_and_taken_back(
    browser: Browser, tmp_path: Path, claude_program: Path
) -> None:
    project = tmp_path / "project"
    committed(project)
    async with (
        WebHouse(tmp_path, claude_program, *edits(project, "mend it")) as house,
        house.phone(browser) as phone,
    ):
        await phone.says("/run mend it")
        await phone.reads("It is done.")
        await phone.says("/diff 1")
        assert "1. README.md +1 −1\n2. wide.py +3 new" in await phone.reads(
            "demo · 2 files changed"
        )
        await phone.photograph("6-diff-list")
        await phone.press("1")
        assert "+goodbye from the project" in await phone.reads("1/2 · README.md")
        await phone.press("▶")
        await phone.reads("2/2 · wide.py")
        picture = phone.message("2/2 · wide.py").locator("img")
        await expect(picture).to_be_visible()
        assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        await phone.photograph("7-diff-picture")
        await phone.says("/revert 1")
        await phone.press("Yes, revert")
        await phone.reads("2 files are as before.")
        assert (project / "README.md").read_text() == "hello from the project\n"
        assert "intact" in house.verify()


ANSWER = """\
## Where the time goes

| part | before | after |
|---|---:|---:|
| parse | 1.20 s | 0.31 s |
| render | 0.80 s | 0.79 s |

Most of it was **one loop**:

```python
for line in lines:
    total += len(line)
```

See [the guide](https://example.org/guide), or <b>this</b>.
"""
LONG = "\n\n".join(f"{number}. A finding that takes a line or two to tell." for number in range(30))


async def test_words_are_read_as_they_are_meant_and_in_ones_own_language(
    browser: Browser, tmp_path: Path, claude_program: Path
) -> None:
    turns = (
        Turn(ANSWER, when=says("where does the time go?")),
        Turn(LONG, when=says("and in detail?")),
    )
    async with (
        WebHouse(tmp_path, claude_program, *turns) as house,
        house.phone(browser) as phone,
    ):
        await phone.says("/run where does the time go?")
        await phone.reads("Where the time goes")
        words = phone.message("Where the time goes").locator(".words")
        await expect(words.locator("pre").first).to_contain_text("parse")
        await expect(words.locator("pre").last).to_have_attribute("data-language", "python")
        await expect(words.get_by_role("link")).to_have_attribute(
            "href", "https://example.org/guide"
        )
        await expect(words).to_contain_text("<b>this</b>")
        await phone.photograph("8-table-and-code")

        await phone.says("and in detail?")
        assert "29. " not in await phone.reads("0. A finding")
        await phone.press("Show the rest")
        await phone.reads("29. A finding")

        await phone.says("/settings language de")
        await phone.reads("Deutsch")
        await expect(phone.page.locator("#text")).to_have_attribute(
            "placeholder", "Nachricht oder /help"
        )
        await phone.says("/status")
        await phone.photograph("status-german")


async def test_the_appliance_is_looked_after_and_nobody_else_gets_in(
    browser: Browser, tmp_path: Path
) -> None:
    rules = ["g, bob, owner"]
    async with (
        WebHouse(tmp_path, None, rules=rules) as house,
        house.phone(browser, color_scheme="dark") as phone,
    ):
        await phone.photograph("welcome")
        house.tg.user_says(BOB, "/status")
        await house.reads("dispatch-appliance 0", BOB)
        await phone.says("/help")
        await phone.reads("/status")
        await phone.photograph("help")
        await phone.says("/status")
        await phone.reads("dispatch-appliance 0")
        await phone.photograph("9-help-and-status")
        await phone.says("/users")
        await phone.reads("bob · owner")
        await phone.says("/grant carol /test in demo")
        await phone.reads("Nothing changes before bob confirms it.")
        await house.reads("Nothing changes before you confirm it.", BOB)
        house.press("Confirm", BOB)
        await phone.reads("confirmed by bob. It holds now.")
        await phone.says("/audit bob")
        assert "✓ bob /status" in await phone.reads("signed ✓")
        await phone.photograph("audit")

        await phone.says("/lockdown lost my phone")
        await phone.reads("Lock down?")
        await phone.photograph("10-lockdown")
        await phone.press("Lock down now")
        await expect(phone.page.locator("#toast")).to_have_text("Everything is stopped.")
        await phone.says("/test")
        await phone.reads("nothing is done until the host lifts it")
        house.ctl("lockdown", "lift", "--config", str(house.home / "dispatch.toml"))
        await phone.reads("Lockdown lifted by me")

        await phone.page.context.clear_cookies()
        await phone.page.goto(house.login_link().partition("#")[0] + "#" + "0" * 43)
        await expect(phone.page.get_by_label("Login link")).to_be_visible()
        await expect(phone.page.locator("#state")).to_have_text(
            "This link was used already, or is too old."
        )
        await phone.photograph("login")
        phone.problems.clear()  # Chromium complains of the refusal
