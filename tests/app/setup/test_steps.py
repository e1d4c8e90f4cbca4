"""What setup changes, what it leaves alone, and what it says when it cannot go on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance.app.setup import bot
from appliance.app.setup.answers import Answers, BotAnswers, ProjectAnswers, UserAnswers, read
from appliance.app.setup.screen import Screen
from appliance.app.setup.settings_text import at, beginning, sections_of
from appliance.app.setup.steps import carry_out
from appliance.config import load
from appliance.core.model import UserName
from appliance.errors import ConfigError
from tests.emulators.telegram import TelegramEmulator

TOKEN = "123456:TEST"


class Site:
    """A directory for everything, and what setup says about it."""

    def __init__(self, home: Path, telegram: TelegramEmulator) -> None:
        self.file = home / "conf/dispatch.toml"
        self.project = home / "project"
        self.project.mkdir(exist_ok=True)
        self.telegram = telegram
        self.said: list[str] = []

    def answers(self, token: str = TOKEN, **changes: object) -> Answers:
        telegram = BotAnswers(api=self.telegram.url, **changes)  # type: ignore[arg-type]
        users = {"alice": UserAnswers(unix=(4711,))}
        projects = {"demo": ProjectAnswers(path=str(self.project))}
        return Answers(telegram, users, projects, token)

    async def set_up(self, answers: Answers, listen_seconds: int = 0) -> int:
        """How many things were changed."""
        screen = Screen(self.said.append, can_ask=False)
        await carry_out(self.file, answers, screen, listen_seconds=listen_seconds)
        return screen.changed


async def test_it_goes_from_nothing_to_everything_once(tmp_path: Path) -> None:
    async with TelegramEmulator(TOKEN) as telegram:
        site = Site(tmp_path, telegram)
        assert await site.set_up(site.answers(name="Dispatch")) > 5
        settings = load(site.file)
        assert settings.users[UserName("alice")].unix == (4711,)
        assert telegram.about.said["name", ""] == "Dispatch"
        assert telegram.about.said["description", "de"].startswith("Gib dem Coding-Agenten")
        assert telegram.menus["all_private_chats", "de"] != telegram.menus["all_private_chats", ""]
        secret = Path(settings.daemon.credentials) / "telegram-token"
        assert secret.stat().st_mode & 0o777 == 0o600
        assert TOKEN not in "\n".join(site.said) + site.file.read_text()
        calls = len(telegram.calls)
        assert await site.set_up(site.answers(name="Dispatch", token="")) == 0
        assert not [c for c in telegram.calls[calls:] if c["method"].startswith("set")]


async def test_what_is_set_stays(tmp_path: Path) -> None:
    async with TelegramEmulator(TOKEN) as telegram:
        site = Site(tmp_path, telegram)
        await site.set_up(site.answers())
        changed = site.file.read_text().replace("[4711]", "[815]  # mine")
        site.file.write_text(changed)
        assert await site.set_up(site.answers()) == 0
        assert site.file.read_text() == changed
        assert any("stays as it is: change unix" in line for line in site.said)


async def test_a_second_person_gets_the_role_that_is_wanted(tmp_path: Path) -> None:
    async with TelegramEmulator(TOKEN) as telegram:
        site = Site(tmp_path, telegram)
        await site.set_up(site.answers())
        more = Answers(users={"bob": UserAnswers(role="owner")})
        assert await site.set_up(more) == 2
        people = site.file.parent / "policies/people.csv"
        assert people.read_text() == "g, bob, owner\n"
        assert await site.set_up(more) == 0


async def test_a_wrong_token_is_one_sentence_and_is_not_kept(tmp_path: Path) -> None:
    async with TelegramEmulator(TOKEN) as telegram:
        site = Site(tmp_path, telegram)
        with pytest.raises(ConfigError, match="does not know this bot's token"):
            await site.set_up(site.answers(token="123456:OTHER"))
        assert list((site.file.parent / "credentials").iterdir()) == []


async def test_no_way_to_telegram_is_one_sentence(tmp_path: Path) -> None:
    async with TelegramEmulator(TOKEN) as telegram:
        site = Site(tmp_path, telegram)
    with pytest.raises(ConfigError, match="cannot be reached") as caught:
        await site.set_up(site.answers())
    assert "proxy" in str(caught.value.hint)


async def test_a_webhook_is_taken_only_when_that_is_wanted(tmp_path: Path) -> None:
    async with TelegramEmulator(TOKEN) as telegram:
        telegram.webhook = "https://other.example/\x1b[31mhook"
        site = Site(tmp_path, telegram)
        with pytest.raises(ConfigError, match="go to that webhook"):
            await site.set_up(site.answers())
        assert telegram.webhook
        await site.set_up(site.answers(claim=True))
        assert telegram.webhook == ""
        assert "! another program has set a webhook for this bot, at other.example" in site.said


async def test_another_poller_is_told_of(tmp_path: Path) -> None:
    async with TelegramEmulator(TOKEN) as telegram:
        site = Site(tmp_path, telegram)
        async with bot.client_of(TOKEN, telegram.url) as other, asyncio.TaskGroup() as group:

            async def poll() -> None:
                while True:
                    try:
                        await other.updates(0, 30)
                    except Exception:  # noqa: BLE001 - it asks again, as such programs do
                        continue

            polling = group.create_task(poll())
            await telegram.until(lambda: telegram.poller > 0)
            with pytest.raises(ConfigError, match="another program receives"):
                await site.set_up(site.answers(), listen_seconds=5)
            polling.cancel()


def test_answers_are_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "answers.toml"
    file.write_text('[telegram]\ntoken = "1:x"\n[user.alice]\n[projects.Demo]\npath = "/x"\n')
    with pytest.raises(ConfigError) as caught:
        read(file)
    said = caught.value.message
    assert 'unknown key "token" in [telegram], did you mean "token_file"?' in said
    assert 'unknown section "user", did you mean "users"?' in said
    assert '"Demo" is no name' in said
    assert "1:x" not in said


@pytest.mark.parametrize(("platform", "wall"), [("linux", None), ("darwin", "seatbelt")])
def test_a_mac_is_content_with_the_only_wall_that_it_has(platform: str, wall: str | None) -> None:
    file = Path("/opt/homebrew/etc/dispatch/dispatch.toml")
    daemon = at(sections_of(file, beginning(file, platform)), ("daemon",))
    assert daemon is not None
    assert daemon.get("minimum_isolation") == wall
