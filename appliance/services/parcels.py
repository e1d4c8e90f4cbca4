"""Files and the task that they belong to, found together whichever of them comes first.

A caption is the task of its files. Files without one wait a few minutes for their sender's next
words in the same place, or for a button; nothing of them is fetched before that. A spoken message
is shown as it was understood, and is a task when somebody says that it is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from appliance.core.commands import Ask, Command, Mistake, ResumeJob, Run
from appliance.core.file_requests import KeepFiles, LookAtFiles, RunHeard
from appliance.core.files import FileLimits, is_voice, objection
from appliance.core.jobs import Job
from appliance.core.model import Actor, Edited, Incoming, IncomingFile, Message, Millis, Prompt
from appliance.core.replies import about_files
from appliance.ports import Clock, State
from appliance.services.wishes import Wish, planned

LOOK_TEXT = "Look at the files that came with this, and say in a few sentences what is in them."


class Parcels:
    """What comes in with more than words."""

    def __init__(self, state: State, limits: FileLimits, clock: Clock) -> None:
        self._state = state
        self._limits = limits
        self._clock = clock

    # coming in

    def note(self, message: Message, actor: Actor, job: Job | None) -> None:
        """When a message is stored: its files wait, or those that waited go with its job.

        In the transaction that stores both, so that no crash parts them.
        """
        if is_voice(message.files) and not message.text.strip():
            return  # it is the task itself, and no file of the next one
        if message.files and not message.text.strip():
            files = (*self.kept(message, actor), *message.files)
            if objection(files, self._limits) is None:
                self._state.files.keep(message.place, actor.name, files, self._clock.now())
        elif job is not None and job.files:
            self._state.files.forget(message.place, actor.name)

    def opened(self, wish: Wish, incoming: Incoming, actor: Actor) -> Wish:
        """The wish with the files that belong to it, or why they cannot be taken."""
        return planned(self._opened(wish, incoming, actor), self._state)

    def _opened(self, wish: Wish, incoming: Incoming, actor: Actor) -> Wish:
        command = wish.command
        match command:
            case KeepFiles() if isinstance(incoming, Message):
                return self._with(wish, command, (*self.kept(incoming, actor, incoming),))
            case LookAtFiles():
                return self._looked_at(wish, incoming, actor)
            case RunHeard(speech=number):
                return self._spoken(wish, number, incoming, actor)
            case Run() | Ask() | ResumeJob():
                return self._with(wish, command, self._files(wish, incoming, actor))
            case _:
                return wish

    def _files(self, wish: Wish, incoming: Incoming, actor: Actor) -> tuple[IncomingFile, ...]:
        stored = self._state.job_of(incoming.key)
        if stored is not None:
            return stored.files
        if wish.about is not None and isinstance(incoming, Edited):
            return wish.about.files
        if wish.about is not None and isinstance(wish.command, ResumeJob):
            return wish.about.files
        if isinstance(incoming, Message):
            return (*self.kept(incoming, actor), *incoming.files)
        return ()

    def kept(
        self, incoming: Incoming, actor: Actor, before: Message | None = None
    ) -> tuple[IncomingFile, ...]:
        """What waits in its place for this person's next words, and what came with `before`."""
        since = Millis(self._clock.now() - about_files.KEPT_MINUTES * 60_000)
        kept = self._state.files.kept(incoming.place, actor.name, since)
        if before is None or set(before.files) <= set(kept):
            return kept
        return (*kept, *before.files)

    def _with(self, wish: Wish, command: Command, files: Sequence[IncomingFile]) -> Wish:
        """Files start work of their own: what runs already cannot be given any."""
        if not files:
            return wish
        if (why := objection(files, self._limits)) is not None:
            return replace(wish, command=Mistake(why), files=(), steers=None)
        return replace(wish, command=command, files=tuple(files), steers=None)

    def _looked_at(self, wish: Wish, incoming: Incoming, actor: Actor) -> Wish:
        stored = self._state.job_of(incoming.key)
        files = stored.files if stored else self.kept(incoming, actor)
        if not files:
            return replace(wish, command=Mistake(about_files.nothing_waits()))
        session = self._state.conversation(incoming.place).session
        return self._with(replace(wish, session=session), Run(LOOK_TEXT), files)

    def _spoken(self, wish: Wish, number: int, incoming: Incoming, actor: Actor) -> Wish:
        stored = self._state.job_of(incoming.key)
        if stored is not None and isinstance(stored.work, Prompt):
            return replace(wish, command=Run(stored.work.text), session=stored.earlier_session)
        text = self._understood(number, incoming, actor)
        if text is None:
            return replace(wish, command=Mistake(about_files.gone()))
        session = self._state.conversation(incoming.place).session
        return replace(wish, command=Run(text), session=session)

    def _understood(self, number: int, incoming: Incoming, actor: Actor) -> str | None:
        """What this person said there, if it waits for a yes."""
        speech = self._state.files.speech(number)
        if speech is None or not speech.is_of(incoming.place, actor):
            return None
        return speech.text or None
