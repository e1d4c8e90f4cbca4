"""Who is paired, who cannot be, and where we work."""

from __future__ import annotations

from appliance.core.model import Button, ButtonKind, Phrase, Reply, Sender, UserName, Wording
from appliance.core.pairing import Pairing, PairingState
from appliance.core.words import Words, phrase, say

TOKEN_SURE = "u:me"  # noqa: S105 - a button's, and no secret


def paired(user: UserName, host: str, first_task: Button) -> Reply:
    words = Words().bold("You are paired as {user} on host {host}.", user=user, host=host)
    words.verbatim("\n").line("Write what to do, as you would to a colleague, or try it first.")
    return words.line("/help shows what you may do. /unpair ends it.").reply([first_task])


def try_recipe(words: str) -> Button:
    """A first task without effect, such as /git status."""
    return Button(phrase("Try it: /{words}", words=words), f"t:{words}", ButtonKind.APPROVE)


def try_help() -> Button:
    return Button(phrase("Try it: /help"), "t:help", ButtonKind.APPROVE)


def code_is_over(pairing: Pairing) -> Reply:
    """To somebody who has a code of ours that does not work any more."""
    return say("{why} Ask at the host for a new one: dispatchctl pair NAME", why=_over(pairing))


def _over(pairing: Pairing) -> Phrase:
    match pairing.state:
        case PairingState.USED:
            return phrase("This code has been used.")
        case PairingState.GUESSED_AT:
            return phrase("This code was blocked after too many wrong ones.")
        case PairingState.EXPOSED:
            return phrase("This code was blocked, because it was written in a group.")
        case PairingState.WITHDRAWN:
            return phrase("This code was taken back.")
        case PairingState.EXPIRED | PairingState.OPEN:
            return phrase("This code has expired.")


def user_is_gone(pairing: Pairing) -> Reply:
    return say("There is no {user} on this host any more.", user=pairing.user)


def belongs_to(user: UserName) -> Reply:
    return say(
        "This account is paired as {user}, and one account is one person. End that first: /unpair",
        user=user,
    )


def not_recorded(reason: str) -> Reply:
    return say(
        "You were not paired: the audit log cannot be written ({reason}). "
        "Look at the host: dispatchctl doctor",
        reason=reason,
    )


# --- ending it


def really_unpair(user: UserName) -> Reply:
    words = Words().plain("From then on I do not hear this account any more. ")
    words.plain("To come back, {user} needs a new code from the host.", user=user)
    return words.reply([Button(phrase("Unpair this account"), TOKEN_SURE, ButtonKind.DENY)])


def unpaired(user: UserName) -> Reply:
    return say("This account is no longer paired as {user}. Goodbye.", user=user)


def stands_in_settings(account: Sender) -> Reply:
    return say(
        "This account ({account}) stands in dispatch.toml, so only there it can be taken out.",
        account=account.id,
    )


def only_telegram() -> Reply:
    return say("Only Telegram accounts are paired, and this is none: nothing to end.")


# --- groups


def not_paired_here() -> Phrase:
    return phrase("I do not work in this group yet. An owner can change that: /pair")


def group_paired(*, is_topic: bool, by: UserName) -> Reply:
    if is_topic:
        return say(
            "From now on I work in this topic, for everybody whom I know ({user} said so).", user=by
        )
    return say(
        "From now on I work in this group, for everybody whom I know ({user} said so).", user=by
    )


def group_unpaired(*, is_topic: bool) -> Reply:
    if is_topic:
        return say("I do not work in this topic any more, and say nothing more here.")
    return say("I do not work in this group any more, and say nothing more here.")


def topic_of_paired_group() -> Reply:
    return say("The whole group is paired, not this topic. To end that, write: /unpair group")


def nothing_paired_here() -> Reply:
    return say("I do not work here anyway.")


def pair_is_for_groups() -> Reply:
    return say("/pair is for groups. A new account is paired at the host: dispatchctl pair NAME")


def text_of(reply: Reply) -> str:
    """What is recorded of an answer: its English."""
    assert isinstance(reply.body, Wording)
    return reply.body.text


def account_shown(account: Sender, called: str) -> str:
    """ "telegram:4711 (Alice)"."""
    return f"{account} ({called})" if called else str(account)
