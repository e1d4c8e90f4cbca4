"""Spoken messages: fetched, written down, and shown to whoever spoke before anything is done.

What is to be heard is a row before its message is handled, and goes on after a crash. Listening
takes seconds: it happens beside everything else, one message at a time.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from appliance.core.events import SpeechHeard, Who
from appliance.core.files import FileLimits, objection
from appliance.core.hidden import readable
from appliance.core.model import Actor, Message, Place, Platform, Reply
from appliance.core.replies import about_files
from appliance.core.words import say
from appliance.errors import (
    AuditUnavailable,
    ChatRefused,
    ChatUnavailable,
    NotHeard,
    StorageUnavailable,
)
from appliance.ports import Audit, Clock, FileSource, Ready, Speech, State, Transcriber
from appliance.services.cases import Case, answer
from appliance.services.fetching import fetched
from appliance.services.outbox import Outbox

log = logging.getLogger(__name__)

FETCH_SECONDS = 120.0
STORAGE_PAUSE_SECONDS = 5.0
MAX_CHARACTERS = 3_000
"""Of what was understood; what is longer does not fit on a screen to be checked."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What is listened to."""

    limits: FileLimits
    max_seconds: int = 600


class Voices:
    """`transcriber` None: nobody can listen on this machine."""

    def __init__(
        self,
        state: State,
        audit: Audit,
        sources: Mapping[Platform, FileSource],
        transcriber: Transcriber | None,
        hearing: Hearing,
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self._state = state
        self._audit = audit
        self._sources = sources
        self._transcriber = transcriber
        self._hearing = hearing
        self._outbox = outbox
        self._clock = clock
        self._wake = asyncio.Event()

    # what people ask

    def take(self, case: Case) -> None:
        """Promise to listen to a message, or say why not."""
        message = case.incoming
        assert isinstance(message, Message), "nobody speaks by a button"
        if (why := self._why_not(message)) is not None:
            return answer(case, why, self._state, self._outbox)
        with self._state.transaction():
            speech = Speech(
                number=0,
                key=message.key,
                place=message.place,
                actor=case.actor,
                file=message.files[0],
                at=self._clock.now(),
            )
            speech = self._state.files.add_speech(speech)
            self._outbox.put(message.place, about_files.listening(), label=_label(speech.number))
            self._state.mark_handled(message.key)
        self._wake.set()
        return None

    def settle(self, number: int, text: str) -> None:
        """It has become a task; in the transaction that adds it."""
        self._state.files.forget_speech(number)
        self._outbox.edit_labelled(_label(number), about_files.running_it(text))

    def supersede(self, place: Place, actor: Actor) -> None:
        """Its sender has written a task there, better or other; in the transaction that takes it.

        A button that stayed would do the same work twice.
        """
        for speech in self._state.files.heard(place, actor.name):
            self._state.files.forget_speech(speech.number)
            text = about_files.written_instead(speech.text or "")
            self._outbox.edit_labelled(_label(speech.number), text)

    def discard(self, case: Case, number: int) -> None:
        speech = self._of(number, case.incoming.place, case.actor)
        with self._state.transaction():
            if speech is None:
                return answer(case, say(about_files.gone()), self._state, self._outbox)
            self._state.files.forget_speech(number)
            self._outbox.edit_labelled(_label(number), about_files.discarded())
            answer(case, about_files.discarded(), self._state, self._outbox)
        return None

    def _of(self, number: int, place: Place, actor: Actor) -> Speech | None:
        """Nobody else's words are run or thrown away."""
        speech = self._state.files.speech(number)
        return speech if speech is not None and speech.is_of(place, actor) else None

    def _why_not(self, message: Message) -> Reply | None:
        if self._transcriber is None or message.sender.platform not in self._sources:
            return about_files.no_ears()
        if message.files[0].seconds > self._hearing.max_seconds:
            return about_files.too_long_to_hear(self._hearing.max_seconds // 60)
        why = objection(message.files, self._hearing.limits)
        return say(why) if why is not None else None

    # listening

    async def run(self, ready: Ready) -> None:
        """Write down what waits, until cancelled."""
        ready()
        while True:
            self._wake.clear()
            try:
                for speech in self._state.files.unheard():
                    await self._hear(speech)
            except StorageUnavailable as error:
                log.error("speech waits: %s", error.message)
                await self._clock.sleep(STORAGE_PAUSE_SECONDS)
                self._wake.set()
            await self._wake.wait()

    async def _hear(self, speech: Speech) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                sound = await self._fetch(speech)
            text = await self._words(speech, sound)
            if text:
                await self._audit.append(_heard(speech, sound, text))
            self._show(speech, text)
        except (NotHeard, AuditUnavailable) as error:
            self._give_up(speech, about_files.not_heard(error.message))
        except TimeoutError:
            self._give_up(speech, about_files.not_heard("it did not arrive in time"))

    async def _fetch(self, speech: Speech) -> bytes:
        source = self._sources[speech.place.platform]
        try:
            return await fetched(lambda: self._received(source, speech), "speech", self._clock)
        except (ChatRefused, ChatUnavailable) as error:
            raise NotHeard(error.message) from None

    async def _received(self, source: FileSource, speech: Speech) -> bytes:
        sound = bytearray()
        async for chunk in source.fetch(speech.file):
            sound += chunk
            if len(sound) > self._hearing.limits.max_bytes:
                raise NotHeard("it is larger than it was said to be")
        return bytes(sound)

    async def _words(self, speech: Speech, sound: bytes) -> str:
        if self._transcriber is None:
            raise NotHeard("dispatch-appliance[voice] is not installed any more")
        language = self._state.preferences(speech.place).language
        text = await self._transcriber.transcribe(sound, language)
        return readable(" ".join(text.split()))[:MAX_CHARACTERS]

    def _show(self, speech: Speech, text: str) -> None:
        if not text:
            return self._give_up(speech, about_files.heard_nothing())
        with self._state.transaction():
            self._state.files.save_speech(replace(speech, text=text))
            self._outbox.edit_labelled(
                _label(speech.number), about_files.heard(text, speech.number)
            )
        return None

    def _give_up(self, speech: Speech, reply: Reply) -> None:
        with self._state.transaction():
            self._state.files.forget_speech(speech.number)
            self._outbox.edit_labelled(_label(speech.number), reply)


def _label(number: int) -> str:
    return f"speech:{number}"


def _heard(speech: Speech, sound: bytes, text: str) -> SpeechHeard:
    return SpeechHeard(
        who=Who.user(speech.actor),
        cause=(speech.key,),
        size=len(sound),
        sha256=hashlib.sha256(sound).hexdigest(),
        text=text,
    )
