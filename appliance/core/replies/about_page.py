"""What the local web page says by itself. Its scripts have these words in English, too."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.core.languages import SENTENCES
from appliance.core.preferences import Language
from appliance.core.words import phrase

NOTHING = phrase("There is nothing to send.")
FILES_GONE = phrase("These files are not here any more. Attach them again.")
NOT_THERE = phrase("That message is not there any more.")

PAGE = (
    NOTHING,
    FILES_GONE,
    NOT_THERE,
    # logging in
    phrase("Logging in…"),
    phrase("Login link"),
    phrase("Log in"),
    phrase("For a new link, run this on the machine:"),
    phrase("Each link works once, for ten minutes."),
    phrase("Open the login link that this machine printed."),
    phrase("This link was used already, or is too old."),
    phrase("The appliance does not answer. Is it running?"),
    # around the conversation
    phrase("Connecting…"),
    phrase("Connected"),
    phrase("Reconnecting…"),
    phrase("Notify me"),
    phrase("From now on you are told here."),
    phrase("Conversation"),
    phrase("Messages"),
    phrase("Running now"),
    phrase("Suggestions"),
    phrase("Show earlier messages"),
    phrase("↓ New messages"),
    phrase("What should be done?"),
    phrase(
        "Write it in your own words. The agent works on this machine, inside its limits, and asks "
        "here before anything that needs your consent."
    ),
    # a message
    phrase("You:"),
    phrase("Appliance:"),
    phrase("What this answers"),
    phrase("Show all"),
    phrase("Reply"),
    phrase("Edit"),
    phrase("edited"),
    phrase("stored"),
    phrase("Sending…"),
    phrase("Not sent: {reason}"),
    phrase("Waiting: {reason}"),
    # writing one
    phrase("Message"),
    phrase("Message, or /help"),
    phrase("Send"),
    phrase("Cancel"),
    phrase("Commands"),
    phrase("Files"),
    phrase("Attach files"),
    phrase("Remove {name}"),
    phrase("Reply to: {text}"),
    phrase("Your message, in other words:"),
    phrase("At most {count} files go with a message."),
    phrase("{name} has {size}; {most} is the most that can be taken here."),
    phrase("{name} did not arrive: {reason}"),
    phrase("{name} did not arrive. Attach it again."),
    phrase("Nobody listens to sound on this page. Write what to do, or say it on Telegram."),
    phrase("This has {size} kB; a message may have {most}. Attach the long part as a file."),
)


def sentences(language: Language) -> Mapping[str, str]:
    """In that language, by the English words; nothing for English."""
    known = SENTENCES[language]
    return {said.key: known[said.key] for said in PAGE if said.key in known}
