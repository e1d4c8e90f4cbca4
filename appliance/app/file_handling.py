"""Settings in, all that handles files and speech out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.agent.task_link import TaskLink
from appliance.agent.workbench import TaskWorkbench
from appliance.app.project_list import CANARY, canary_directory
from appliance.config import MIB, Settings
from appliance.core.files import FileLimits
from appliance.core.model import Ceiling, Platform, Project, ProjectName
from appliance.ports import Audit, Clock, FileSource, Policy, State, Transcriber, Workbench
from appliance.services.file_desk import FileDesk
from appliance.services.inboxes import Inboxes, Keeping
from appliance.services.outbox import Outbox
from appliance.services.parcels import Parcels
from appliance.services.refusals import Refusals
from appliance.services.sending import Sending
from appliance.services.voices import Hearing, Voices
from appliance.storage.inboxes import DirectoryInboxes
from appliance.voice.transcriber import WhisperTranscriber, is_installed


@dataclass(frozen=True, slots=True)
class FileHandling:
    """Who does what with files and speech."""

    inboxes: Inboxes
    sending: Sending
    voices: Voices
    desk: FileDesk


def limits_of(settings: Settings) -> FileLimits:
    files = settings.files
    return FileLimits(files.max_mib * MIB, files.max_count, files.types)


def file_handling(
    settings: Settings,
    state: State,
    audit: Audit,
    policy: Policy,
    parcels: Parcels,
    workbench: Workbench,
    link: TaskLink,
    refusals: Refusals,
    outbox: Outbox,
    sources: Mapping[Platform, FileSource],
    clock: Clock,
) -> FileHandling:
    limits = limits_of(settings)
    sending = Sending(state, audit, policy, settings.projects, workbench, refusals, outbox, clock)
    hearing = Hearing(limits, settings.voice.max_minutes * 60 if settings.voice else 0)
    voices = Voices(state, audit, sources, _transcriber(settings, link), hearing, outbox, clock)
    store = DirectoryInboxes(Path(settings.inbox_directory))
    keeping = Keeping(settings.files.keep_days, settings.files.disk_mib * MIB)
    return FileHandling(
        inboxes=Inboxes(state, audit, store, sources, limits, keeping, clock),
        sending=sending,
        voices=voices,
        desk=FileDesk(state, parcels, voices, sending, outbox),
    )


def _transcriber(settings: Settings, link: TaskLink) -> Transcriber | None:
    """Where tasks run, in the empty project of the test at start-up: no other has nothing in it."""
    configured = settings.voice
    if configured is None or not is_installed():
        return None
    seconds = configured.timeout_seconds
    ceiling = Ceiling(memory_bytes=configured.memory_mib * MIB, cpu_seconds=seconds * 4)
    project = Project(ProjectName(CANARY), str(canary_directory(settings)), ceiling)
    workbench = TaskWorkbench(link, settings.daemon.minimum_isolation, seconds)
    return WhisperTranscriber(workbench, project, configured.model)
