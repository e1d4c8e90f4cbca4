"""What a place is about: its project, and the session that plain text goes on with."""

from __future__ import annotations

import difflib

from appliance.core.commands import OpenSession, ShowSessions, StartAfresh, UseProject
from appliance.core.model import Actor, ProjectName, Projects, Reply
from appliance.core.replies import about_conversations, about_projects
from appliance.ports import Clock, Conversation, Policy, State
from appliance.services.cases import Case, answer, turn_page
from appliance.services.outbox import Outbox
from appliance.services.permission import may_say

SESSIONS_SHOWN = 8

Turn = UseProject | StartAfresh | ShowSessions | OpenSession
"""The commands that look at the conversation, or turn it."""


class Conversations:
    """`follow` carries out one of `Turn`."""

    def __init__(
        self, state: State, policy: Policy, projects: Projects, outbox: Outbox, clock: Clock
    ) -> None:
        self._state = state
        self._policy = policy
        self._projects = projects
        self._outbox = outbox
        self._clock = clock

    def follow(self, case: Case, turn: Turn) -> None:
        with self._state.transaction():
            match turn:
                case UseProject(name=name) if name is not None:
                    reply = self._use_project(case, name)
                case UseProject(page=page):
                    names = self.visible(case.actor)
                    reply = about_projects.projects(case.project, names, page)
                    return turn_page(case, reply, self._state, self._outbox)
                case StartAfresh():
                    self._turn(case, case.project)
                    reply = about_conversations.fresh_start()
                case ShowSessions():
                    reply = self._sessions(case)
                case OpenSession():
                    reply = self._open(case)
            answer(case, reply, self._state, self._outbox)
        return None

    def visible(self, actor: Actor) -> list[ProjectName]:
        """The projects in which this person may do anything at all."""
        asked = (self._policy, self._clock)
        return [name for name in self._projects if may_say("/project", actor, name, *asked)]

    def _use_project(self, case: Case, name: ProjectName) -> Reply:
        visible = self.visible(case.actor)
        if name not in visible:
            near = difflib.get_close_matches(name, visible, n=1)
            return about_projects.no_such_project(name, near[0] if near else None)
        self._turn(case, name)
        return about_projects.project_chosen(self._projects[name])

    def _sessions(self, case: Case) -> Reply:
        if case.project is None:
            return about_projects.no_project()
        place = case.incoming.place
        past = self._state.past_sessions(place, case.project, SESSIONS_SHOWN)
        current = self._state.conversation(place).session
        return about_conversations.sessions(case.project, past, current, self._clock.now())

    def _open(self, case: Case) -> Reply:
        job = case.wish.about
        # what was said elsewhere stays there: a session holds all that its agent has read
        if job is None or job.place != case.incoming.place or not job.session:
            return about_conversations.no_such_session()
        self._turn(case, job.project, job.session)
        return about_conversations.session_opened(job)

    def _turn(self, case: Case, project: ProjectName | None, session: str = "") -> None:
        since = self._state.number_of(case.incoming.key)
        turned = Conversation(project, session, since)
        self._state.save_conversation(case.incoming.place, turned)
