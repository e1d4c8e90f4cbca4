"""What a reply to a question of ours means.

A reason for a no is said in a message of its own. It is one only if its writer has pressed "Deny
with a reason", and if it replies to that question or to what we asked for the reason with. What
an agent asks is answered by any reply. All other messages are what they always are.
"""

from __future__ import annotations

from appliance.core.approvals import ApprovalState
from appliance.core.commands import Answer, AnswerQuestion, Command
from appliance.core.hidden import readable
from appliance.core.model import Actor, ApprovalId, Incoming, Message
from appliance.core.questions import QuestionId
from appliance.ports import State
from appliance.services import approvals, questions

REASON = "reason"
"""The message that asks for a reason is labelled with this and the approval's id."""
MAX_REASON = 500


def replies_to_question(message: Message, state: State) -> bool:
    """Whether a message may turn out to be an answer when its turn has come."""
    if not message.reply_to:
        return False
    kind = state.label_at(message.place, message.reply_to).partition(":")[0]
    return kind in (approvals.LABEL, REASON, questions.LABEL)


def answer_by_reply(incoming: Incoming, actor: Actor, state: State) -> Command | None:
    """The answer that a message is, because of what it replies to; None: it is no answer."""
    if not isinstance(incoming, Message) or not incoming.reply_to or not incoming.text.strip():
        return None
    if incoming.text.lstrip().startswith("/"):
        return None
    label = state.label_at(incoming.place, incoming.reply_to)
    kind, _, name = label.partition(":")
    text = readable(incoming.text.strip())
    if kind == questions.LABEL:
        return AnswerQuestion(QuestionId(name), None, text)
    if kind not in (approvals.LABEL, REASON):
        return None
    approval = state.approval(ApprovalId(name))
    if approval is None or not state.questions.awaits_reason(actor.name, approval.id):
        return None
    if kind == approvals.LABEL and approval.state is not ApprovalState.PENDING:
        return None
    return Answer(approval.id, is_granted=False, reason=text[:MAX_REASON])
