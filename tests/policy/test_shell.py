"""Lines become what they run, in our own words; all others are refused with reason and place."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from appliance.policy import shell
from appliance.policy.atoms import Unclear


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("git status", "git status"),
        ("  ls\t-l  ", "ls -l"),
        ("a && b || c; d | e\nf", "a && b || c\nd | e\nf"),
        ("a &&\n\n b;\n", "a && b"),
        ("git commit -m 'two\nlines'", "git commit -m 'two\nlines'"),
        ("git log --format='%h %s' HEAD~1", "git log '--format=%h %s' 'HEAD~1'"),
        ("echo '' \"\" 'it'\\''s'", "echo '' '' 'it'\"'\"'s'"),
        ("r''m -rf x", "rm -rf x"),
        ("r\\m x", "rm x"),
        ("$'ls' $'a\\tb'", "ls 'a\tb'"),
        ("rg '~/.ssh' a#b stash@{0}", "rg '~/.ssh' 'a#b' 'stash@{0}'"),
        ('echo "a \\"b\\" $?" $?', "echo 'a \"b\" '\"$?\" \"$?\""),
        ("ls -la \\\n  src", "ls -la src"),
        ("ls # list; rm -rf /", "ls"),
        ("# first\nls", "ls"),
        ("ls *.md src/*.py 'a b'/[!x]?", "ls ./*.md src/*.py 'a b'/[!x]?"),
        ("grep --include=*.py x", "grep '--include=*.py' x"),
        ("find . -exec x {} \\;", "find . -exec x '{}' ';'"),
        ("npm test 2>&1 | tail -50", "npm test 2>&1 | tail -50"),
        ("ls >a 2>>'b c' </dev/null", "ls > a 2>> 'b c' < /dev/null"),
        ("cd x && echo y >f", "cd ./x && echo y > f"),
        ("cd /x/.. && cd ..", "cd -P /x/.. && cd -P .."),
        ("a | b >f", "a | b > f"),
        ("! ls >f", "! ls > f"),
        ("! a | b", "! a | b"),
        ("(cd src && ls)", "(cd ./src && ls)"),
        ("( (a); b) >f", "( (a); b) > f"),
        ("{ a; b\n} | c", "{ a; b; } | c"),
        ("if a; then b; elif c; then d; else e; fi >f",
         "if a; then b; else if c; then d; else e; fi; fi > f"),
        ("for x in a 'b c'; do cat \"$x\"; done", "cat a\ncat 'b c'"),
        ("for x in a b; do c $x; done | d", "{ c a; c b; } | d"),
        ("x=src; ls $x ${x} \"$x/y\"", "ls src src src/y"),
        ("x=1 && ls $x", "ls 1"),
        ("cat <<'EOF' >f && ls\n$(no) `x`\nEOF", "cat <<< '$(no) `x`' > f && ls"),
        ("cat <<E | sort\na\nb\nE\n", "cat <<< 'a\nb' | sort"),
        ("cat <<'E'\nE", "cat < /dev/null"),
        ("git commit -F - <<'E'\na\nE", "git commit -F - <<< a"),
        ("v=1; echo \"$v $v $(a) $(b)\"", "echo 1' '1' '\"$(a)\"' '\"$(b)\""),
        ("git commit -m \"$(cat <<'E'\na $(b)\n\nc\nE\n)\"", "git commit -m 'a $(b)\n\nc'"),
        ("CI=1 timeout 5 ls", "CI=1 timeout 5 ls"),
        ("export CI=1 NODE_ENV=test; ls", "export CI=1 NODE_ENV=test\nls"),
        ("ls '{a',b}", "ls '{a,b}'"),
        ("cp a{,.bak} b/{1..3}", "cp a a.bak b/1 b/2 b/3"),
        ("grep --include=*.{ts,tsx} x", "grep '--include=*.ts' '--include=*.tsx' x"),
        ("grep \"^a.*;$\" 'b$' \"c$/d\"", "grep '^a.*;$' 'b$' 'c$/d'"),
        ("echo \"at $(date '+%F')\"", "echo 'at '\"$(date +%F)\""),
        ("echo $(a; (b))x", "echo $(a; (b))x"),
        ("echo \"$( (a) )\"", "echo \"$( (a))\""),
        ("for f in *.md b; do cat $f; done", "for each in ./*.md b; do cat \"$each\"; done"),
        ("for f in a*; do b \"x/$f\"; done >c",
         "{ for each in a*; do b x/\"$each\"; done; } > c"),
        ("[ -f x ] && [[ -d 'a b' ]]", "test -f x && test -d 'a b'"),
        ("[ ! -f x ] && a", "! test -f x && a"),
        ("DEBUG=app:* a", "DEBUG='app:*' a"),
        ("echo $PWD \"in $HOME\"", "echo \"$PWD\" 'in '\"$HOME\""),
        ("ls | grep py$", "ls | grep 'py$'"),
        ("echo 'café ✓'", "echo 'café ✓'"),
    ],
)  # fmt: skip
def test_a_line_is_written_again_in_plain_words(line: str, text: str) -> None:
    assert shell.read(line).text == text
    assert shell.read(text).text == text


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("echo $KEY", 'an expansion at character 6: "$KEY"'),
        ("echo `id`", "a substitution at character 6"),
        ("echo `id`x", "a substitution at character 6"),
        ("echo $()", "a part that is no complete command"),
        ("echo $(<a)", ""),
        ("x=$(id) ls", "an odd assignment"),
        ("ls > $(id)", "known only when it runs"),
        ("$(id) x", "an odd program name"),
        ("for x in $(id); do a; done", "a loop over what is known only when it runs"),
        ("for x in *; do for y in *; do a; done; done", "a loop over"),
        ("for x in *; do a; done; b $x", "an expansion"),
        ('ls "$$"', "an expansion"),
        ("ls **/*.py", "a glob that could be read in two ways"),
        ("ls " + "x{1..99}" * 3, "a brace"),
        ("ls" + " x{1..99}" * 60, "too many words"),
        ("ls {1..200}", "a brace"),
        ("a | b - <<E\nx\nE", "a here-document in the middle"),
        ("a >b - <<E\nx\nE", "a here-document in the middle"),
        ("ls {,a}", "a brace"),
        ("diff <(a) b", "a substitution at character 6"),
        ('echo "$x"', "an expansion"),
        ("echo ${x:-y}", "an expansion"),
        ("echo $((1+2))", "an expansion"),
        ('echo "$\\\n(id)"', "a continued line inside a word"),
        ("r\\\nm x", "a continued line inside a word"),
        ("ls {a,{b,c}}", "a brace"),
        ("{rm,-rf,x}", "a part that is no complete command"),
        ("ls & rm x", 'a background job at character 4: "& rm x"'),
        ("ls |& cat", "a pipe for errors, too"),
        ("ls ~", "a path that the shell expands"),
        ("ls a=~/x", "a path that the shell expands"),
        ("ls =ls", "a path that the shell expands"),
        ("echo 'open", "a part that is no complete command at character"),
        ("ls\r", "invisible character (U+000D)"),
        ("ls\u200b", "invisible character (U+200B)"),
        ("ls \u202ex", "invisible character (U+202E)"),
        ("g\u0456t status", "an odd program name"),
        ("*sh x", "an odd program name"),
        ("~/ls", "a path that the shell expands"),
        ("if", "a part that is no complete command"),
        ("ls;; rm", "something I do not know at character 3"),
        ("", "a line without a command"),
        (" \n", "a line without a command"),
        ("# x", "a line without a command"),
        ("a" * 10_001, "a line of 10001 characters"),
        ("while a; do b; done", "a loop"),
        ("for x; do b; done", "a loop over"),
        ("case x in x) a;; esac", "a choice"),
        ("f() { a; }; f", "a function"),
        ("[ ! a = b ]", "a test of more than one file"),
        ("[ ! ! -f x ]", "a test of more than one file"),
        ("[[ a == b ]]", "a test of more than one file"),
        ("!ls", "an odd program name"),
        ("!'ls'", "a negation of more than a command"),
        ("export X", "a change of the shell itself"),
        ("export CI='a b'", "a change of the shell itself"),
        ("declare X=1", "a change of the shell itself"),
        ("PATH=x; ls", "a variable that programs may look for"),
        ("x=1; y=$x$z", "an expansion"),
        ("x='a b'; ls $x", "a variable outside of quotes"),
        ("a || x=1; ls $x", "something I do not know"),
        ("(x=1; b); ls $x", "an expansion"),
        ("cat <<E\n$(x)\nE", "a here-document with expansions"),
        ("cat <<'E E'\nx\nE E", "a here-document with an odd end"),
        ("cat <<E\nx\n E\nE", "a here-document with an odd end"),
        ("ls {fd}>x", "a brace"),
        ("ls 3>x", "another descriptor"),
        ("ls >&-", "a redirection"),
        ("ls >$x", "an expansion"),
        ("ls >*", "known only when it runs"),
        ("ls >a b", "a redirection without exactly one target"),
        (">x ls", "a redirection before the command"),
        ("a || b >f | c", "a list inside a pipeline"),
        ("a | ! b", "a negation inside a pipeline"),
        ("a | b\n\n{", "a part that is no complete command"),
        ("((a))", ""),
        ("$'\\x72m' x", "an escape in $'…'"),
        ("git push - \\  origin", "text that could be read in two ways"),
        ("ls [^a]", "a glob that could be read in two ways"),
        ("(" * 60 + "ls" + ")" * 60, "nested too deeply"),
    ],
)
def test_what_could_mean_more_is_refused_by_name_and_place(line: str, named: str) -> None:
    with pytest.raises(Unclear) as caught:
        shell.read(line)
    assert named in caught.value.note
    assert caught.value.instead


def _steps(line: str) -> list[tuple[str, ...]]:
    steps = shell.steps(shell.read(line), "/p", lambda to, at: os.path.normpath(f"{at}/{to}"))
    return [
        (
            " ".join(step.run.words) if isinstance(step.run, shell.Unwrapped) else "",
            *step.directories,
        )
        for step in steps
    ]


@pytest.mark.parametrize(
    ("line", "last"),
    [
        ("cd x && ls", ("ls", "/p/x")),
        ("cd x; ls", ("ls", "/p/x", "/p")),
        ("cd x || ls", ("ls", "/p")),
        ("cd x && cd y && ls", ("ls", "/p/x/y")),
        ("cd x && cd y; ls", ("ls", "/p/x/y", "/p", "/p/x")),
        ("(cd x); ls", ("ls", "/p")),
        ("{ cd x; } && ls", ("ls", "/p/x")),
        ("! cd x && ls", ("ls", "/p")),
        ("if cd x; then a; else b; fi; ls", ("ls", "/p/x", "/p")),
        ("a | cd x; ls", ("ls", "/p", "/p/x")),
        ("git -C x -C y --no-pager log", ("git log", "/p/x/y")),
        ("make -C x test", ("make test", "/p/x")),
        ("timeout -k 5 -s KILL 60s nice -n 5 env CI=1 ls", ("ls", "/p")),
        ("time /usr/bin/git push", ("git push", "/p")),
        ("time CI=1 ls", ("ls", "/p")),
        ("python3 -m pytest -q", ("pytest -q", "/p")),
        ("CI=1 PAGER=cat npm test", ("npm test", "/p")),
        ("./ls", ("./ls", "/p")),
        ("cd ..", ("", "/")),
        ('echo "$(cd x && a)"; b', ("b", "/p")),
        ('(cd x && echo "$(a)")', ("echo $(a)", "/p/x")),
        ("for f in *; do (cd x && a $f); done", ("a *", "/p/x")),
        ("PYTHONPATH=src pytest", ("pytest", "/p")),
    ],
)
def test_each_command_is_seen_with_the_directories_it_may_run_in(
    line: str, last: tuple[str, ...]
) -> None:
    assert _steps(line)[-1] == last


@pytest.mark.parametrize(
    "line",
    [
        "sudo ls", "exec ls", "eval ls", ". x", "alias a=b", "set -k", "set -- x", "time cd x",
        "time PATH=x ls", "time *.zz", "nohup ''", "env 'a b'", "nohup CI=1 ls", "time CI=1",
        "busybox rm", "export PATH=x", "export X=1", "PYTHONPATH=/x pytest", "PYTHONPATH=src ls",
        "PYTHONPATH=a:../b pytest", "PYTHONPATH= pytest",
        "timeout ls", "timeout -x 5 ls", "timeout 5", "nice --x ls", "env", "env -i ls",
        "env -S ls",
        "env LD_PRELOAD=x ls", "PATH=x ls", "GIT_PAGER=x git log", "NODE_OPTIONS=x npm test",
        "time -p ls",
        "timeout 5 time ls", "nohup time ls", "time '{' ls", "timeout 5 cd x", "cd", "cd -",
        "cd a b",
        "cd -L x", "cd *", "pushd x", "command ls", "git -C * log", "builtin cd x",
        "ls; trap x EXIT",
    ],
)  # fmt: skip
def test_what_changes_or_hides_the_meaning_of_words_is_unclear(line: str) -> None:
    steps = shell.steps(shell.read(line), "/p", os.path.join)
    assert any(isinstance(step.run, Unclear) for step in steps)


def test_what_prints_into_a_word_is_seen_like_any_other_command() -> None:
    steps = _steps('echo "$(cd x && a; echo $(b))" | c')
    assert steps == [
        ("", "/p/x"), ("a", "/p/x"), ("b", "/p/x", "/p"), ("echo $(b)", "/p/x", "/p"),
        ("echo $(cd ./x && a; echo $(b))", "/p"), ("c", "/p"),
    ]  # fmt: skip


def test_a_loop_over_files_is_seen_with_each_of_its_words_and_stays_where_it_is() -> None:
    assert [step[0] for step in _steps("for f in *.md b; do a $f; done")] == ["a *.md", "a b"]
    with pytest.raises(Unclear, match="a change of the directory in a loop"):
        _steps("for f in *; do cd x; done")


def test_too_many_changes_of_the_directory_are_refused() -> None:
    with pytest.raises(Unclear, match="too many changes"):
        _steps(";".join(f"cd {name}" for name in "abcdefgh"))


def test_no_line_takes_long() -> None:
    started = time.perf_counter()
    hostile = (
        "true;" * 2_000, "a&&" * 3_000 + "a", "a|" * 4_900 + "a", "'" * 9_999, "(" * 9_999,
        "$(" * 4_999, "{ " * 4_999, "!" * 9_999, "<<E " * 2_000, "a\\\n" * 3_000, "[" * 9_999,
    )  # fmt: skip
    for line in hostile:
        try:
            shell.steps(shell.read(line), "/p", os.path.join)
        except Unclear:
            continue
    assert time.perf_counter() - started < 20


def test_the_grammar_is_loaded_only_when_a_line_is_read() -> None:
    code = "import sys, appliance.policy.bash; sys.exit('tree_sitter' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
