"""Long answers in two parts: nothing is lost, nothing leaks, and nobody else gets the rest."""

from __future__ import annotations

from appliance.core.model import Markdown, Place, Platform, Reply
from appliance.core.words import say
from tests.examples import ALICE
from tests.services.rig import Rig

HERE = Place(Platform.TELEGRAM, ALICE.sender.id)


async def test_a_long_answer_waits_behind_a_button(rig: Rig) -> None:
    long = "\n\n".join(f"Paragraph {number}. " + "word " * 20 for number in range(12))
    with rig.state.transaction():
        rig.outbox.put(HERE, Reply(Markdown(long)))
    first = await rig.chat.until("Paragraph 0")
    assert "Paragraph 11" not in first
    await rig.clicks(rig.button("Show the rest"))
    assert "Paragraph 3" in await rig.chat.until("Paragraph 11")


async def test_what_was_cut_in_the_midst_of_code_comes_as_a_file_too(rig: Rig) -> None:
    long = "```py\n" + "\n".join(f"x = {number}" for number in range(60)) + "\n```"
    with rig.state.transaction():
        rig.outbox.put(HERE, Reply(Markdown(long)))
    await rig.chat.until("x = 3")
    await rig.clicks(rig.button("Show the rest"))
    await rig.chat.until("All of it, as a file.")
    file = next(p.reply.attachment for p in rig.chat.posts if p.reply.attachment)
    assert file.content.decode() == long


async def test_the_rest_is_for_the_place_where_it_was_left_out(rig: Rig) -> None:
    elsewhere = Place(Platform.TELEGRAM, "99")
    with rig.state.transaction():
        rig.outbox.put(elsewhere, Reply(Markdown("secret of another place\n\n" * 40)))
    await rig.says("/more 1")
    await rig.chat.until("There is nothing more of that.")


async def test_no_secret_leaves_whole_or_cut_in_two(rig: Rig) -> None:
    lines = "\n".join("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo" for _ in range(40))
    key = f"-----BEGIN PRIVATE{' '}KEY-----\n{lines}\n-----END PRIVATE KEY-----"
    with rig.state.transaction():
        rig.outbox.put(HERE, Reply(Markdown(f"```\n{key}\n```\n" + "word " * 300)))
        rig.outbox.put(HERE, say("token {it}", it="gh" + "p_" + "a" * 36))
    await rig.chat.until("token [redacted GitHub token]")
    await rig.clicks(rig.button("Show the rest"))
    await rig.chat.until("See below.")
    assert not any("QUJD" in post.reply.body.text for post in rig.chat.posts)
