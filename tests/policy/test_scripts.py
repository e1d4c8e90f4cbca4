"""Scripts for awk, sed and jq that only read and print pass; all that could do more is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from appliance.policy.atoms import Unclear
from appliance.policy.scripts import check_awk, check_jq, check_sed


@pytest.mark.parametrize(
    "script",
    [
        "{print $1}", "/a|b/ {n++} END {print n}", "NR>5", "$3 > 100 {print $1, $2}",
        '{print "a > b"}',
        'BEGIN{FS=","} {s+=$1} END{print s/NR}', "{printf \"%s\\n\", $2}", "!seen[$0]++",
        "{if ($1 > 2) print}", "/[^/]x/ ~ $1"[:0] + "$1 ~ /^a[bc]$/",
        'length($0) > 80 {print FILENAME": "FNR}',
        "NR==1,NR==5 {print substr($0, 1, 20)}", "{a[$1]+=$2} END {for (k in a) print k, a[k]}",
        "/a/ && !/b/", "{print $1/2}", "{gsub(/\\//, \"-\"); print}",
    ],
)  # fmt: skip
def test_a_reading_awk_script_passes(script: str) -> None:
    check_awk(script)


@pytest.mark.parametrize(
    "script",
    [
        'BEGIN{system("x")}', '{print "x" > ".mcp.json"}', '{print > $1}', '{print "x" >> "f"}',
        '{print | "sh"}', '{print |& "sh"}', '"x" | getline',
        'length /"/ {system("x")} /"/', 'BEGIN{extension("x", "y")}',
        'BEGIN{getline < "/etc/passwd"}',
        '/"/ {system("x")} /"/', 'a / system("x") / c', '{print ENVIRON["HOME"]}',
        'BEGIN{ARGV[1]="/etc/passwd"; ARGC=2}', "@include \"x\"",
        '@load "x"', 'BEGIN{f="system"; @f("x")}',
        "{print x|y}", "/[/]/ {x}", "{printf(\"x\") > \"f\"}", "function f() {}",
        '{print (1)(2) > "f"}',
        "# x", '{ print $0 > "/dev/tcp/x/1" }', "`x`", "BEGIN { awk::system(\"x\") }", 'close("x")',
        "{print \"a\\\nb\"}", "PROCINFO[1]", '/x[/"]/ {system("x")} /"/',
    ],
)  # fmt: skip
def test_an_awk_script_that_could_do_more_is_refused(script: str) -> None:
    with pytest.raises(Unclear, match=r"awk script is not reviewed at character \d"):
        check_awk(script)


@pytest.mark.parametrize(
    "script",
    [
        "p", "1,5p", "$p", "5q", "/a/,/b/p", "s/a/b/g", "s|a/b|c|", "1d;$d", "s/[[:space:]]*$//",
        "/^#/d", "10,+5p", "s/\\//-/2p", "/x/!d", "1~2p", "y/abc/xyz/", "=", "{p}",
        "5{p;q}", "/a/{s/b/c/;p}",
    ],
)  # fmt: skip
def test_a_printing_sed_script_passes(script: str) -> None:
    check_sed(script)


@pytest.mark.parametrize(
    "script",
    [
        "1e touch x", "s/.*/x/e", "w .bashrc", "s/a/b/w x", "s/a/b/gw x", "r /etc/passwd", "R x",
        "1,2w x", "e", "{w x}", "}e x", "a text", "s/[/]/x/e", "s/a/b/;e x", "s/[/x/e]/y/", "p;w x",
        "W x",
        "s/a/b/m e", "/a/e x", "\\xaxe", "s\na\nb\ne", "F", "{e x\n}", "b", ":a",
    ],
)  # fmt: skip
def test_a_sed_script_that_could_do_more_is_refused(script: str) -> None:
    with pytest.raises(Unclear, match=r"sed script is not reviewed at character \d"):
        check_sed(script)


@pytest.mark.parametrize("script", [".a|keys", ".env", '.[] | select(.x=="y") | @base64', "."])
def test_a_jq_filter_of_its_input_passes(script: str) -> None:
    check_jq(script)


@pytest.mark.parametrize(
    "script", ["env", "$ENV.X", "$ ENV", 'include "x"; .', 'import "x" as y;', '"\\(env)"', "[env]"]
)
def test_a_jq_filter_of_more_than_its_input_is_refused(script: str) -> None:
    with pytest.raises(Unclear, match=r"jq script is not reviewed at character \d"):
        check_jq(script)


@pytest.mark.parametrize("check", [check_awk, check_sed, check_jq])
def test_no_script_takes_long(check: Callable[[str], None]) -> None:
    for script in ("s/" * 5_000, "a" * 10_000, '"' * 9_999, "/[" * 5_000, "1," * 5_000):
        try:
            check(script)
        except Unclear:
            continue
