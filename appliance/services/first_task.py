"""What somebody may try with one tap as soon as they are paired: something without effect."""

from __future__ import annotations

from appliance.core.model import (
    Actor,
    Allowed,
    Button,
    CommandRequest,
    Place,
    ProjectName,
    Projects,
    Recipe,
)
from appliance.core.replies import about_pairing
from appliance.ports import Clock, Policy, State
from appliance.services.ongoing import project_here

PREFERRED = "git status"


class FirstTask:
    """Called with who was paired: a recipe that only reads, or /help where there is none."""

    def __init__(self, state: State, policy: Policy, projects: Projects, clock: Clock) -> None:
        self._state = state
        self._policy = policy
        self._projects = projects
        self._clock = clock

    def __call__(self, actor: Actor) -> Button:
        place = Place(actor.sender.platform, actor.sender.id)
        project = project_here(place, self._state, self._projects)
        harmless = [r for r in self._policy.recipes() if self._is_harmless(r, actor, project)]
        if project is None or not harmless:
            return about_pairing.try_help()
        chosen = min(harmless, key=lambda recipe: recipe.name != PREFERRED)
        return about_pairing.try_recipe(chosen.name)

    def _is_harmless(self, recipe: Recipe, actor: Actor, project: ProjectName | None) -> bool:
        """Whether it only reads, asks for nothing, and the policy lets them."""
        needs_words = any(p.default is None for p in recipe.parameters)
        if not recipe.parallel or recipe.approval or needs_words:
            return False
        words, now = f"/{recipe.name}", self._clock.now()
        request = CommandRequest(actor.name, project, words, actor.sender.platform, now)
        return isinstance(self._policy.decide(request), Allowed)
