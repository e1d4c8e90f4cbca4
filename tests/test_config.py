"""The settings file: what loads, what is refused and how it is told; secrets as files."""

from __future__ import annotations

import os
import pwd
import re
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.app.config_commands import as_toml, example
from appliance.config import MetricsSettings, ProjectRow, load, read_credential
from appliance.core.model import Ceiling, Isolation, Platform, Sender
from appliance.errors import ConfigError

GOOD = """
[web]
[users.alice]
web = true
[projects.demo]
path = "{path}"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "demo"
    path.mkdir()
    return path


def _write(tmp_path: Path, content: str) -> Path:
    file = tmp_path / "dispatch.toml"
    file.write_text(content.replace("{path}", str(tmp_path / "demo")))
    return file


def _mistakes(tmp_path: Path, content: str) -> list[str]:
    file = _write(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert caught.value.exit_status == 78
    return caught.value.message.replace(f"{file}:", "f:").splitlines()


def test_a_small_file_is_enough(tmp_path: Path, project: Path) -> None:
    settings = load(_write(tmp_path, GOOD))
    assert settings.daemon.max_parallel == 2
    assert settings.daemon.minimum_isolation is Isolation.BUBBLEWRAP
    assert settings.telegram is None
    assert settings.web is not None
    assert [p.path for p in settings.projects.values()] == [str(project.resolve())]
    assert settings.people() == {Sender(Platform.WEB, "alice"): "alice"}


def test_the_log_is_with_the_state_unless_told_otherwise(tmp_path: Path, project: Path) -> None:
    state = '[daemon]\nstate = "/srv/state"\n'
    assert load(_write(tmp_path, GOOD + state)).audit_directory == Path("/srv/state/audit")
    elsewhere = load(_write(tmp_path, GOOD + state + '[audit]\ndirectory = "/srv/log"\n'))
    assert elsewhere.audit_directory == Path("/srv/log")


def test_a_witness_may_have_a_path(tmp_path: Path, project: Path) -> None:
    content = GOOD + '[audit]\nwitnesses = ["https://w.example/log/"]\n'
    assert load(_write(tmp_path, content)).audit.witnesses == ("https://w.example/log/",)


def test_a_witness_may_have_a_key(tmp_path: Path, project: Path) -> None:
    witness = f"https://w.example w.example/w1+0123abcd+{'A' * 44}"
    content = GOOD + f'[audit]\nwitnesses = ["{witness}"]\n'
    assert load(_write(tmp_path, content)).audit.witnesses == (witness,)


def test_checkpoints_go_to_the_first_user_whose_chat_keeps_them(
    tmp_path: Path, project: Path
) -> None:
    chats = "[terminal]\n[telegram]\n[users.bob]\nunix = [7]\n[users.carl]\ntelegram = [8]\n"
    people = GOOD.replace("[users.alice]", chats + "[users.alice]")
    assert load(_write(tmp_path, people)).anchor_user == "carl"
    named = people + '[audit]\nanchor_user = "alice"\n'
    assert load(_write(tmp_path, named)).anchor_user == "alice"
    only_terminal = GOOD.replace("web = true", "unix = [7]").replace("[web]", "[terminal]")
    assert load(_write(tmp_path, only_terminal)).anchor_user is None


def test_a_host_that_can_be_woken_has_an_address(tmp_path: Path, project: Path) -> None:
    nas = '[hosts.nas]\nmac = "02:00:5E:10:00:ff"\n'
    found = load(_write(tmp_path, GOOD + nas)).hosts
    assert [(host.mac, host.broadcast) for host in found.values()] == [
        ("02:00:5E:10:00:ff", "255.255.255.255")
    ]
    assert _mistakes(
        tmp_path, GOOD + '[hosts.nas]\nmac = "02-00"\nbroadcast = "nas.example"\n[hosts.tv]\n'
    ) == [
        'f:8:1: "mac" in [hosts.nas] must be a hardware address, such as 02:00:00:00:00:01',
        'f:9:1: "broadcast" in [hosts.nas] must be an IPv4 address',
        'f:10:2: [hosts.tv] needs "mac": a hardware address, such as 02:00:00:00:00:01',
    ]


def test_the_machine_is_kept_awake_unless_told_otherwise(tmp_path: Path, project: Path) -> None:
    awake = load(_write(tmp_path, GOOD)).awake
    assert (awake.enabled, awake.lid, awake.battery_percent) == (True, False, 20)
    changed = GOOD + "[awake]\nenabled = false\nbattery_percent = 0\n"
    assert not load(_write(tmp_path, changed)).awake.enabled


def test_the_example_loads_with_every_line_commented_in(tmp_path: Path, project: Path) -> None:
    written = example().replace('"/srv/demo"', '"{path}"')
    lines = [
        line[2:] if re.match(r"# (\[\w+\]$|.* = )", line) else line for line in written.split("\n")
    ]
    everything = load(_write(tmp_path, "\n".join(lines)))
    assert everything.metrics == MetricsSettings()
    as_written = load(_write(tmp_path, written))
    assert replace(everything, metrics=None) == as_written, "an example must show the defaults"
    assert everything.people()[Sender(Platform.TELEGRAM, "4711")] == "me"


def test_what_is_shown_loads_again_as_the_same(tmp_path: Path, project: Path) -> None:
    settings = load(_write(tmp_path, example().replace('"/srv/demo"', '"{path}"')))
    assert load(_write(tmp_path, as_toml(settings))) == settings


def test_all_mistakes_are_told_at_once_in_the_order_of_lines(tmp_path: Path, project: Path) -> None:
    assert _mistakes(
        tmp_path,
        """[daemon]
max_parallel = 0
state = "relative"
[telegram]
tokn = "x"
[tele]
[users.Alice]
[users.bob]
telegram = ["@bob"]
[projects.demo]
""",
    ) == [
        'f:2:1: "max_parallel" in [daemon] must be a whole number from 1 to 64',
        'f:3:1: "state" in [daemon] must be an absolute path, such as /srv/demo',
        'f:5:1: unknown key "tokn" in [telegram], did you mean "token"?',
        'f:6:2: unknown section "tele" in the file, did you mean "telegram"?',
        'f:7:2: "Alice" is no name for one of the users: a small letter, then up to 31 small '
        "letters, digits and -",
        'f:9:1: "telegram" in [users.bob] must be a list in [ ], each a whole number from 1 to '
        "4503599627370496",
        'f:10:2: [projects.demo] needs "path": an existing directory'.replace(
            "an existing directory", "an absolute path, such as /srv/demo"
        ),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no users"),
        (GOOD.replace("[web]", ""), "no way in"),
        (
            GOOD.replace("web = true", "unix = [7]\nautomation = true") + "[terminal]\n[telegram]",
            "[telegram] lets nobody in: no user is a person",
        ),
        (GOOD.replace("web = true", ""), "[web] lets nobody in"),
        (GOOD + "[terminal]", "[terminal] lets nobody in"),
        (GOOD + "[users.bob]\nunix = [1, 1]", "stands twice"),
        (GOOD + "[users.a]\nunix = [1]\n[users.b]\nunix = [1]", "belongs to a already"),
        (GOOD + '[projects.other]\npath = "{path}"', "lie inside each other"),
        (GOOD + '[projects.other]\npath = "{path}/.."', "lie inside each other"),
        (GOOD + '[projects.other]\npath = "/nonexistent"', "there is no directory /nonexistent"),
        (GOOD + '[projects.other]\npath = "/"', "/ belongs to the system"),
        (GOOD + '[projects.other]\npath = "/home"', "/home belongs to the system"),
        (GOOD + '[projects.other]\npath = "/usr/share"', "/usr/share belongs to the system"),
        (GOOD + '[projects.other]\npath = "/dev/null"', "/dev/null belongs to the system"),
        (GOOD + '[projects.other]\npath = "{file}"', "is no directory"),
        (GOOD + '[daemon]\nstate = "{path}/state"', "lies inside the project demo"),
        (GOOD + '[daemon]\npolicies = "{path}"', "lies inside the project demo"),
        (GOOD + '[telegram]\napi = "http://example.org"', "must be an https:// address"),
        (GOOD + '[claude]\nlogin_kind = "password"', 'must be "api_key" or "oauth_token"'),
        (GOOD + '[audit]\nsocket = "relative"', 'must be an absolute path, or ""'),
        (GOOD + '[audit]\nuser = "-x"', "must be the name or number of a user"),
        (GOOD + '[audit]\nanchor_user = "alise"', 'no user "alise", did you mean "alice"?'),
        (
            GOOD + '[terminal]\n[users.b]\nunix = [1]\n[audit]\nanchor_user = "b"',
            "b has neither Telegram nor the chat page",
        ),
        (GOOD + '[audit]\nwitnesses = ["https://w.example key"]', "a blank and NAME+ID+KEY"),
        (GOOD + '[audit]\ndirectory = "{path}/log"', "the audit log {path}/log lies inside"),
        (GOOD + '[audit]\nanchor_file = "{path}/a"', "the anchor file {path}/a lies inside"),
        (GOOD + '[audit]\nwitnesses = ["http://w.example"]', "must be a list in [ ], each an http"),
        ("users = 3", "no users"),
        ("[users\n", "f:1:7: "),
    ],
)
def test_dangerous_or_useless_settings_are_refused(
    tmp_path: Path, project: Path, content: str, said: str
) -> None:
    (tmp_path / "file").touch()
    content = content.replace("{file}", str(tmp_path / "file"))
    assert said.replace("{path}", str(project)) in "\n".join(_mistakes(tmp_path, content))


def test_a_home_is_no_project(tmp_path: Path, project: Path) -> None:
    home = pwd.getpwuid(os.getuid()).pw_dir
    (mistake,) = _mistakes(tmp_path, GOOD + f'[projects.other]\npath = "{home}"')
    assert "somebody's home" in mistake or "belongs to the system" in mistake


def test_a_link_out_of_a_project_does_not_hide_that_it_holds_our_state(
    tmp_path: Path, project: Path
) -> None:
    (project / "inside").mkdir()
    (tmp_path / "link").symlink_to(project / "inside")
    mistakes = _mistakes(tmp_path, GOOD + f'[daemon]\nstate = "{tmp_path}/link"')
    assert "lies inside the project demo" in mistakes[0]


def test_a_missing_file_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the settings") as caught:
        load(tmp_path / "none.toml")
    assert caught.value.hint is not None
    assert "config example" in caught.value.hint


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    file = tmp_path / "dispatch.toml"
    file.write_bytes(b"# ok\n\xff\n")
    with pytest.raises(ConfigError, match=r"dispatch\.toml:2:1: not UTF-8"):
        load(file)


def _secret(directory: Path, content: bytes = b"s3cret\n", mode: int = 0o600) -> Path:
    directory.mkdir(exist_ok=True)
    file = directory / "token"
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_the_first_directory_with_the_credential_wins(tmp_path: Path) -> None:
    _secret(tmp_path / "systemd", b"first", mode=0o400)
    _secret(tmp_path / "etc", b"second\n")
    assert read_credential("token", [tmp_path / "systemd", tmp_path / "etc"]) == "first"
    assert read_credential("token", [tmp_path / "none", tmp_path / "etc"]) == "second"


def test_systemd_gives_names_that_tell_how_a_credential_was_kept(tmp_path: Path) -> None:
    directory = tmp_path / "systemd"
    _secret(directory, b"encrypted", mode=0o400).rename(directory / "sealed_token")
    _secret(directory, b"plain", mode=0o400).rename(directory / "plain_token")
    assert read_credential("token", [directory]) == "encrypted"
    (directory / "sealed_token").unlink()
    assert read_credential("token", [directory]) == "plain"


@pytest.mark.skipif(os.getuid() != 0, reason="systemd's credentials are root's")
def test_a_credential_that_systemd_shows_by_an_acl_is_private(tmp_path: Path) -> None:
    _secret(tmp_path / "systemd", b"shown", mode=0o440)
    assert read_credential("token", [tmp_path / "systemd"]) == "shown"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_credential_others_can_read_is_refused_with_the_chmod(tmp_path: Path, mode: int) -> None:
    file = _secret(tmp_path / "etc", mode=mode)
    with pytest.raises(ConfigError, match="can be read by others") as caught:
        read_credential("token", [tmp_path / "etc"])
    assert caught.value.hint == f"make it private with: chmod 600 {file}"
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"a\nb\n", b"\xff", b"x" * 20_000])
def test_a_credential_that_is_no_one_line_of_text_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    _secret(tmp_path / "etc", content)
    with pytest.raises(ConfigError, match="the credential"):
        read_credential("token", [tmp_path / "etc"])


def test_links_pipes_and_directories_are_no_credentials(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    _secret(tmp_path / "outside")
    etc.mkdir()
    (etc / "token").symlink_to(tmp_path / "outside" / "token")
    os.mkfifo(etc / "pipe", 0o600)
    (etc / "folder").mkdir(mode=0o700)
    for name, said in (("token", "symbolic link"), ("pipe", "regular"), ("folder", "regular")):
        with pytest.raises(ConfigError, match=said):
            read_credential(name, [etc])
    with pytest.raises(ConfigError, match='no credential "other"'):
        read_credential("other", [etc])


def test_a_project_says_what_its_tasks_may_use(tmp_path: Path, project: Path) -> None:
    text = GOOD.replace("[projects.demo]\n", "[projects.demo]\nmemory_mib = 512\ncpu_minutes = 5\n")
    (demo,) = load(_write(tmp_path, text)).projects.values()
    assert demo.ceiling == Ceiling(
        memory_bytes=512 * 1024**2,
        cpu_seconds=300,
        file_bytes=Ceiling().file_bytes,
        processes=Ceiling().processes,
    )
    assert ProjectRow.of(demo).ceiling() == demo.ceiling


# --- metrics


def test_nothing_is_told_to_a_monitoring_system_unless_asked_for(
    tmp_path: Path, project: Path
) -> None:
    assert load(_write(tmp_path, GOOD)).metrics is None
    asked_for = load(_write(tmp_path, GOOD + "[metrics]\n")).metrics
    assert asked_for is not None
    assert asked_for.listen == "127.0.0.1:9750"
    assert "\n# [metrics]\n" in example()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:65535", "/run/dispatch/metrics.sock"])
def test_metrics_are_for_this_machine(tmp_path: Path, project: Path, address: str) -> None:
    metrics = load(_write(tmp_path, GOOD + f'[metrics]\nlisten = "{address}"\n')).metrics
    assert metrics is not None
    assert metrics.listen == address


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0:9750", "[::]:9750", "192.0.2.1:9750", ":9750", "9750", "localhost:9750"),
        *("127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:097", "127.0.0.2:1", "::1:1"),
        *("metrics.sock", "unix:/run/x", "127.0.0.1:97 ", "evil.example:9750", ""),
    ],
)
def test_metrics_are_for_nobody_else(tmp_path: Path, project: Path, address: str) -> None:
    (mistake,) = _mistakes(tmp_path, GOOD + f'[metrics]\nlisten = "{address}"\n')
    assert "listen" in mistake
    assert "for this machine alone" in mistake
