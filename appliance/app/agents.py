"""What does the work, as the settings say: Claude Code, and who starts its tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from appliance.agent.absent import AbsentAgent
from appliance.agent.claude import ClaudeAgent
from appliance.agent.launchers import ChildLaunchers, ConnectedLaunchers, Launchers
from appliance.agent.program import Account
from appliance.agent.recipes import RecipeAgent
from appliance.agent.task_link import Secret, TaskLink
from appliance.app.directories import private
from appliance.app.programs import claude_path
from appliance.app.project_list import CANARY, canary_directory, project_list
from appliance.config import Settings, read_credential
from appliance.core.model import Program, Project, ProjectName, Prompt
from appliance.ports import Agent, Audit
from appliance.task import launcher_command

KEY_VARIABLES = {
    "api_key": "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "oauth_token": "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
}
NO_AGENT = "Claude Code is not set up"
RECIPES_WORK = "the recipes work: /help"


def claude_of(
    settings: Settings,
    directories: Sequence[str],
    link: TaskLink,
    audit: Audit,
) -> ClaudeAgent | None:
    configured = settings.claude
    if configured is None:
        return None
    key = None
    if configured.login:
        secret = read_credential(configured.login, directories)
        key = Secret(KEY_VARIABLES[configured.login_kind], secret.encode())
    canary = Project(ProjectName(CANARY), str(canary_directory(settings)))
    account = Account(key=key, api_base_url=configured.api or None)
    return ClaudeAgent(
        link, claude_path(configured), canary=canary, record=audit.append, account=account
    )


def agents_of(claude: ClaudeAgent | None, link: TaskLink) -> dict[type, Agent]:
    """By the kind of work that they do."""
    missing = AbsentAgent(
        NO_AGENT, f"install it and add [claude] to the settings; until then {RECIPES_WORK}"
    )
    return {Prompt: claude or missing, Program: RecipeAgent(link)}


def launchers_of(settings: Settings, state_directory: Path) -> Launchers:
    if settings.daemon.task_socket:
        return ConnectedLaunchers(Path(settings.daemon.task_socket))
    return ChildLaunchers(launcher_command(_projects_file(settings, state_directory)))


def _projects_file(settings: Settings, state_directory: Path) -> Path:
    """The list from which the launcher takes directories: never from what a task says."""
    private(canary_directory(settings))
    private(Path(settings.workspace.path))
    file = state_directory / "projects.json"
    file.write_text(project_list(settings).encode())
    return file
