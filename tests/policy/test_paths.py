"""Paths are judged as what they are, and protected names are out of reach for wide rules."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest

from appliance.core.model import Act
from appliance.policy.atoms import Care, Unclear
from appliance.policy.paths import Guard, Place, as_kept, is_protected, is_within


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = (tmp_path / "demo").resolve()
    (project / "src").mkdir(parents=True)
    (project / "out").symlink_to("/etc")
    (project / "hidden").symlink_to(project / ".git")
    return project


@pytest.mark.parametrize(
    ("path", "real", "care"),
    [
        ("src/a.py", "{root}/src/a.py", Care.PLAIN),
        ("src/../b", "{root}/b", Care.PLAIN),
        ("", "{root}", None),
        ("../other", "{parent}/other", Care.PLAIN),
        ("out/passwd", "/etc/passwd", Care.PLAIN),
        ("src/.GIT/config", "{root}/src/.GIT/config", Care.PROTECTED),
        ("hidden/config", "{root}/.git/config", Care.PROTECTED),
        (".env.local", "{root}/.env.local", Care.PROTECTED),
        ("k.PEM", "{root}/k.PEM", Care.PROTECTED),
        ("id_ed25519.pub", "{root}/id_ed25519.pub", Care.PROTECTED),
        ("\u017frc/../.\u017fsh/x", "{root}/.\u017fsh/x", Care.PROTECTED),
        ("\uff0egit/config", "{root}/\uff0egit/config", Care.PROTECTED),
        ("out/../x", "", None),
        ("hidden/../x", "{root}/x", Care.PLAIN),
        ("id_map.py", "{root}/id_map.py", Care.PLAIN),
        (".github/workflows/x", "{root}/.github/workflows/x", Care.PLAIN),
        (".gitignore", "{root}/.gitignore", Care.PLAIN),
        ("~/x", "", None),
        ("a\nb", "", None),
        ("a\x00b", "", None),
        (".g\u200cit/x", "", None),
        ("x" * 5_000, "", None),
    ],
)
def test_paths_are_resolved_before_they_are_judged(
    root: Path, path: str, real: str, care: Care | None
) -> None:
    guard = Guard(())
    if care is None:
        with pytest.raises(Unclear):
            guard.atom(Act.WRITE, path, cwd=str(root), root=str(root))
        return
    atom = guard.atom(Act.WRITE, path, cwd=str(root), root=str(root))
    assert atom.object == real.format(root=root, parent=root.parent)
    assert atom.care is care


def test_reading_is_freer_than_writing_but_not_for_secrets() -> None:
    assert not is_protected(Act.READ, ".git")
    assert not is_protected(Act.READ, ".env.example")
    assert is_protected(Act.WRITE, ".env.example")
    for name in (".env", ".ssh", "server.key", "ID_RSA", ".netrc"):
        assert is_protected(Act.READ, name)


def test_our_own_directories_are_protected_even_where_a_rule_reaches(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "state")
    guard = Guard((str(tmp_path / "link"),))
    for act in (Act.READ, Act.WRITE):
        atom = guard.atom(act, f"{tmp_path}/state/db", cwd="/", root="/srv")
        assert atom.care is Care.PROTECTED


def test_a_project_below_a_protected_name_can_be_worked_in(tmp_path: Path) -> None:
    root = str((tmp_path / ".config" / ".claude").resolve())
    atom = Guard(()).atom(Act.WRITE, "a.py", cwd=root, root=root)
    assert atom.care is Care.PLAIN


def test_a_link_is_judged_where_it_stands_and_where_it_leads(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "infra").mkdir()
    (root / "infra/main").symlink_to("../a")
    (root / ".env").symlink_to("a")
    place = Place(str(root), str(root), Guard(()))
    said = [(atom.object, atom.care) for atom in place.files(Act.WRITE, "infra/main")]
    assert said == [(f"{root}/a", Care.PLAIN), (f"{root}/infra/main", Care.PLAIN)]
    assert place.files(Act.READ, ".env/")[-1].care is Care.PROTECTED
    assert len(place.files(Act.READ, "a")) == len(place.files(Act.READ, "/")) == 1


@pytest.mark.parametrize("path", ["/proc/self/environ", "/proc/1/fd/3", "/dev/fd/3", "//proc/x/y"])
def test_a_path_that_depends_on_who_opens_it_is_unclear(path: str) -> None:
    with pytest.raises(Unclear, match="depends on who opens it"):
        Guard(()).atom(Act.READ, path, cwd="/", root="/")


def test_names_that_other_systems_take_for_protected_ones_are_protected() -> None:
    for name in (".git.", ".git ", "GIT~1", ".git::$INDEX_ALLOCATION", "\uff0egit"):
        assert is_protected(Act.WRITE, name)
    for name in ("prod.env", ".env-prod", ".env~", ".bash_history", "a.kdbx"):
        assert is_protected(Act.READ, name)
    assert not is_protected(Act.READ, "environment.py")


def test_within_ends_at_a_slash() -> None:
    assert is_within("/a/b", "/a")
    assert not is_within("/ab", "/a")
    assert is_within("/a", "/")


KEPT = {
    "/": ["srv", "Users"],
    "/srv": ["app"],
    "/srv/app": ["secrets", "SRC", "src", "\u00e9t\u00e9"],
}


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("/srv/app/SECRETS/key", "/srv/app/secrets/key"),
        ("/SRV/App/Secrets", "/srv/app/secrets"),
        ("/srv/app/SRC/a", "/srv/app/SRC/a"),
        ("/srv/app/src/a", "/srv/app/src/a"),
        ("/srv/app/New.py", "/srv/app/New.py"),
        ("/srv/app/E\u0301T\u00c9", "/srv/app/\u00e9t\u00e9"),
        ("/srv/app/123", "/srv/app/123"),
        ("/", "/"),
    ],
)
def test_a_path_is_judged_in_the_letters_that_the_file_system_keeps(path: str, kept: str) -> None:
    def is_there(wanted: str) -> bool:
        directory, _, name = wanted.rpartition("/")
        names = next((KEPT[d] for d in KEPT if d.casefold() == (directory or "/").casefold()), [])
        return any(_same(name, other) for other in names)

    def names_in(directory: str) -> list[str]:
        return KEPT[directory]

    assert as_kept(path, is_there, names_in) == kept


def _same(one: str, other: str) -> bool:
    return normalize("NFKD", one).casefold() == normalize("NFKD", other).casefold()


def test_where_case_matters_a_path_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "Both").mkdir()
    (tmp_path / "bOTH").mkdir()
    for name in ("Both", "bOTH", "both", "new"):
        assert as_kept(f"{tmp_path}/{name}/x") == f"{tmp_path}/{name}/x"


@pytest.mark.parametrize(
    ("path", "meant", "care"),
    [
        (".dispatch/worktrees/12/src/a.py", "/src/a.py", Care.PLAIN),
        (".dispatch/worktrees/12", "", Care.PLAIN),
        (".dispatch/worktrees/12/.git", "/.git", Care.PROTECTED),
        (".dispatch/worktrees/12/.env", "/.env", Care.PROTECTED),
        (".dispatch/worktrees/12x/a", "/.dispatch/worktrees/12x/a", Care.PLAIN),
        ("src/.dispatch/worktrees/1/a", "/src/.dispatch/worktrees/1/a", Care.PLAIN),
        (".dispatch/.git/config", "/.dispatch/.git/config", Care.PROTECTED),
    ],
)
def test_a_file_of_a_worktree_is_judged_as_the_projects(
    root: Path, path: str, meant: str, care: Care
) -> None:
    atom = Guard(()).atom(Act.WRITE, path, cwd=str(root), root=str(root))
    assert (atom.object, atom.text, atom.care) == (f"{root}{meant}", f"{root}/{path}", care)
