"""What somebody wants, understood whole: from words and files, for the place where it is done."""

from __future__ import annotations

from appliance.core.model import Actor, Incoming, Projects
from appliance.ports import Policy, State
from appliance.services.drafts import placed
from appliance.services.parcels import Parcels
from appliance.services.routing import Routing
from appliance.services.wishes import Wish, wish_of


class Understanding:
    """The same when a message comes in as when its turn has come, by the recipes of the moment."""

    def __init__(
        self,
        state: State,
        policy: Policy,
        projects: Projects,
        parcels: Parcels,
        routing: Routing,
    ) -> None:
        self._state = state
        self._policy = policy
        self._projects = projects
        self._parcels = parcels
        self._routing = routing

    def of(self, incoming: Incoming, actor: Actor) -> Wish:
        wish = wish_of(incoming, actor, self._state, self._projects, self._policy.recipes())
        wish = self._parcels.opened(wish, incoming, actor)
        wish = self._routing.routed(wish, incoming, actor)
        return placed(wish, self._state, self._projects)
