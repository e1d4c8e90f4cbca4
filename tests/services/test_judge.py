"""What was judged is what is shown, approved, recorded and run."""

from __future__ import annotations

from appliance.core.approvals import fingerprint
from appliance.core.events import ApprovalAsked, RequestAllowed
from appliance.core.model import Asks
from tests.services.rig import RULE, Puppet, Rig


async def test_the_line_in_our_own_words_is_all_that_anybody_sees(rig: Rig) -> None:
    async def script(puppet: Puppet) -> None:
        await puppet.call("Bash", command="git  pu''sh")

    rig.policy.as_written = {"git  pu''sh": {"command": "git push"}}
    rig.policy.table["Bash"] = Asks(RULE)
    rig.agent.script = script
    await rig.says("push it")
    assert "git push" in await rig.chat.until("May this run?")
    await rig.clicks(rig.button("Approve"))
    await rig.chat.until("all done")
    assert rig.agent.ran == ["Bash {'command': 'git push'}"]
    (asked,) = [event for event in rig.audit.events if isinstance(event, ApprovalAsked)]
    allowed = [e for e in rig.audit.events if isinstance(e, RequestAllowed) and e.act == "Bash"]
    sha256 = fingerprint("Bash", {"command": "git push"})
    assert asked.input_sha256 == sha256
    assert [event.input_sha256 for event in allowed] == [sha256]
    assert "pu''sh" not in str(rig.audit.events)
