from __future__ import annotations

import pytest

from appliance.core.tested import MAX_RESULT_CHARACTERS, result_line, runs_tests


@pytest.mark.parametrize(
    "command",
    [
        "pytest",
        ".venv/bin/pytest -q tests/core",
        "cd /srv/demo && python -m pytest -x",
        "python3.12 -m unittest discover",
        "uv run pytest",
        "CI=1 npx vitest run",
        "npm test",
        "npm run test:unit -- --ci",
        "pnpm -r test",
        "yarn test",
        "go test ./...",
        "cargo test --all",
        "cargo nextest run",
        "make test",
        "make -j4 check",
        "./gradlew :app:test 2>&1 | tail -20",
        "timeout 60 make test",
        "(cd web; npm t)",
        "node --test",
        "mvn -q verify",
        "bundle exec rspec spec/a_spec.rb",
    ],
)
def test_a_test_runner_is_recognised(command: str) -> None:
    assert runs_tests(command)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "ls tests",
        "git commit -m 'test'",
        "cat pytest.ini",
        "make build",
        "npm install jest",
        "python manage.py",
        "python -m http.server",
        "echo pytest",
        "sudo",
        "go build ./cmd/test",
    ],
)
def test_other_commands_are_not(command: str) -> None:
    assert not runs_tests(command)


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("..F\n======= 1 failed, 12 passed in 0.31s =======\n", "1 failed, 12 passed in 0.31s"),
        ("12 passed in 0.05s\n", "12 passed in 0.05s"),
        ("\x1b[32m12 passed\x1b[0m in 1s", "12 passed in 1s"),
        ("Ran 12 tests in 0.003s\n\nFAILED (failures=1)\n", "Ran 12 tests in 0.003s"),
        (
            "test result: ok. 3 passed; 0 failed; 0 ignored\n\n   Doc-tests demo\n",
            "test result: ok. 3 passed; 0 failed; 0 ignored",
        ),
        ("ok  \texample.com/a\t0.01s\nok  \texample.com/b\t0.02s\n", "ok example.com/b 0.02s"),
        ("Tests:       1 failed, 2 passed\nTime: 2 s\n", "Tests: 1 failed, 2 passed"),
        ("  12 passing (30ms)\n  1 failing\n\n  1) adds\n", "1 failing"),
        ("# tests 3\n# pass 3\n# fail 0\n# duration_ms 12\n", "# fail 0"),
        ("Tests run: 12, Failures: 0\n[INFO] BUILD SUCCESS", "Tests run: 12, Failures: 0"),
        ("all tests passed\n", "all tests passed"),
        ("\n\n", ""),
        ("", ""),
    ],
)
def test_the_result_is_what_the_tool_printed(output: str, line: str) -> None:
    assert result_line(output) == line


def test_a_long_line_is_cut() -> None:
    line = result_line("12 passed " + "x" * 500)
    assert len(line) == MAX_RESULT_CHARACTERS
    assert line.endswith("…")
