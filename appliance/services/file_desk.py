"""What people ask about files and speech, once it is allowed."""

from __future__ import annotations

from appliance.core.commands import Ask, Run
from appliance.core.file_requests import (
    DiscardHeard,
    ForgetFiles,
    HandleFiles,
    KeepFiles,
    LookAtFiles,
    RunHeard,
    SendFile,
    WriteDown,
    pressed,
)
from appliance.core.jobs import Job
from appliance.core.model import Click, Message, Prompt
from appliance.core.replies import about_files
from appliance.ports import State
from appliance.services.cases import Case, answer
from appliance.services.outbox import Outbox
from appliance.services.parcels import Parcels
from appliance.services.sending import Sending
from appliance.services.voices import Voices


class FileDesk:
    """The part of the desk for what is more than words."""

    def __init__(
        self,
        state: State,
        parcels: Parcels,
        voices: Voices,
        sending: Sending,
        outbox: Outbox,
    ) -> None:
        self._state = state
        self._parcels = parcels
        self._voices = voices
        self._sending = sending
        self._outbox = outbox

    async def act(self, case: Case, request: HandleFiles) -> None:
        """Every way through marks the request handled."""
        match request:
            case KeepFiles():
                self._ask(case)
            case ForgetFiles():
                with self._state.transaction():
                    self._state.files.forget(case.incoming.place, case.actor.name)
                    answer(case, about_files.forgotten(), self._state, self._outbox)
            case WriteDown():
                self._voices.take(case)
            case DiscardHeard(speech=number):
                self._voices.discard(case, number)
            case SendFile() as wanted:
                await self._sending.send(case, wanted)
            case LookAtFiles() | RunHeard():
                raise AssertionError("they have become a task before")

    def _ask(self, case: Case) -> None:
        waiting = self._parcels.kept(case.incoming, case.actor)
        if waiting:
            return answer(case, about_files.what_to_do(waiting), self._state, self._outbox)
        return self._state.mark_handled(case.incoming.key)  # its task came before we could ask

    def written(self, case: Case) -> None:
        """Somebody's task in words is taken; in the transaction that takes it."""
        if isinstance(case.incoming, Message) and isinstance(case.command, Run | Ask):
            self._voices.supersede(case.incoming.place, case.actor)

    def taken(self, case: Case, job: Job) -> None:
        """A button made a job of what waited; in the transaction that adds it."""
        if not isinstance(case.incoming, Click) or not isinstance(job.work, Prompt):
            return
        match pressed(case.incoming.token):
            case LookAtFiles():
                self._state.files.forget(case.incoming.place, case.actor.name)
            case RunHeard(speech=number):
                self._voices.settle(number, job.work.text)
            case _:
                pass
