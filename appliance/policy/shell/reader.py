"""The syntax tree to a script. An allow-list: a node that has no branch here is Unclear."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from appliance.policy.atoms import Unclear
from appliance.policy.shell import script as tree
from appliance.policy.shell.guards import check_text, check_tree, has_dash, unclear
from appliance.policy.shell.script import LOOP_VARIABLE, Glob, Late, Redirect, Script, quoted
from appliance.policy.shell.words import Context, heredoc_text, word, words
from appliance.policy.shell.wrappers import PROGRAM, RESERVED

if TYPE_CHECKING:
    from tree_sitter import Language, Node

MAX_COMMANDS = 2_500
"""Unrolled loops included; a line of 10,000 characters cannot have more without one."""

MAX_WORDS = 5_000
"""In the same way: with those that braces stand for."""

_OPERATORS = frozenset({"<", ">", ">>", ">|", "&>", "&>>"})
_PLAIN_WORDS = frozenset({"word", "number", "raw_string", "ansi_c_string", "string",
"concatenation",
                          "simple_expansion", "expansion", "command_substitution", "$",
                          "process_substitution", "arithmetic_expansion",
                          "brace_expression"})  # fmt: skip
_SPLIT = "run the commands one by one, each in a call of its own"
_CONSTRUCTS = {
    "&": ("a background job", "run it without &, or in the background by the tool's own option"),
    "|&": ("a pipe for errors, too", "write 2>&1 | instead"),
    "while_statement": ("a loop", _SPLIT),
    "c_style_for_statement": ("a loop", _SPLIT),
    "case_statement": ("a choice", _SPLIT),
    "function_definition": ("a function", _SPLIT),
    "declaration_command": ("a change of the shell itself", "write values where they are used"),
    "unset_command": ("a change of the shell itself", "leave it out"),
    "test_command": ("a test of more than one file", "write [ -f FILE ], or look with ls"),
}


@cache
def _grammar() -> Language:
    """Loaded at the first line: most commands of dispatchctl judge none."""
    import tree_sitter_bash
    from tree_sitter import Language

    return Language(tree_sitter_bash.language())


def read(line: str) -> Script:
    """The line as a script. Raises Unclear, with the place, for what is not wholly understood."""
    check_text(line)
    source = line.encode()
    root = _parsed(source)
    check_tree(root, source)
    reader = _Reader(source)
    body = reader.sequence(root.children)
    if not reader.commands:
        raise Unclear("a line without a command", "write the whole command")
    return Script(body)


def _parsed(source: bytes) -> Node:
    from tree_sitter import Parser

    return Parser(_grammar()).parse(source).root_node


@dataclass(slots=True)
class _Reader:
    source: bytes
    variables: dict[str, str] = field(default_factory=dict)
    commands: int = 0
    words: int = 0

    # --- lists of commands

    def sequence(self, nodes: list[Node]) -> tree.Sequence:
        parts: list[tree.Node] = []
        for node in nodes:
            if node.type == "variable_assignment":
                self._assign(node)
            elif node.type == "for_statement":
                parts += self._unrolled(node)
            elif node.type not in (";", "\n", "comment"):
                parts.append(self._statement(node))
        return tree.Sequence(tuple(parts))

    def _statement(self, node: Node) -> tree.Node:
        match node.type:
            case "command":
                return self._command(node)
            case "test_command":
                return self._test(node)
            case "declaration_command":
                return self._exported(node)
            case "list":
                return self._list(node)
            case "pipeline":
                return self._pipeline(node)
            case "redirected_statement":
                return self._redirected(node)
            case "negated_command":
                return self._negated(node)
            case "subshell" | "compound_statement" | "for_statement":
                return self._block(node)
            case "if_statement":
                return self._if(node)
            case kind:
                what, instead = _CONSTRUCTS.get(kind, ("something I do not know", _SPLIT))
                raise self._unclear(node, what, instead)

    def _scoped(self, node: Node) -> tree.Node:
        """A part that may not run, or runs elsewhere: what it assigns is not seen behind it."""
        kept = dict(self.variables)
        found = self._statement(node)
        self.variables = kept
        return found

    def _list(self, node: Node) -> tree.Node:
        rest: list[tuple[str, Node]] = []
        while node.type == "list":
            first, operator, second = self._three(node)
            rest.insert(0, (operator, second))
            node = first
        if node.type == "variable_assignment":  # `x=1 && ls`: always succeeds
            self._assign(node)
            operator, node = rest.pop(0)
            if operator != "&&":
                raise self._unclear(node, "an assignment before ||", "leave it out")
        first_part = self._statement(node)
        if not rest:
            return first_part
        return tree.AndOr(first_part, tuple((op, self._scoped(part)) for op, part in rest))

    def _three(self, node: Node) -> tuple[Node, str, Node]:
        children = [child for child in node.children if child.type not in ("\n", "comment")]
        if len(children) != 3 or children[1].type not in ("&&", "||"):
            raise self._unclear(node, "a list I do not know")
        return children[0], children[1].type, children[2]

    def _pipeline(self, node: Node) -> tree.Node:
        for child in node.children:
            if child.type == "|&":
                raise self._unclear(child, *_CONSTRUCTS["|&"])
        parts = [child for child in node.children if child.type not in ("|", "\n", "comment")]
        for part in parts:
            body = part.child_by_field_name("body") or part
            if "list" in (part.type, body.type):  # the grammar has `a || b >f | c` wrong
                raise self._unclear(part, "a list inside a pipeline", "put it in braces")
        if any(part.type == "negated_command" for part in parts[1:]):
            raise self._unclear(node, "a negation inside a pipeline")
        first, *others = map(self._scoped, parts)
        if isinstance(first, tree.Not):  # the grammar negates the first part, a shell all of them
            return tree.Not(tree.Pipeline((first.body, *others)))
        return tree.Pipeline((first, *others))

    def _negated(self, node: Node) -> tree.Node:
        body = node.children[-1]
        is_alone = self.source[node.start_byte + 1 : node.start_byte + 2].isspace()
        known = ("command", "pipeline", "subshell", "test_command")
        if len(node.children) != 2 or body.type not in known or not is_alone:
            raise self._unclear(node, "a negation of more than a command")
        return tree.Not(self._statement(body))

    def _block(self, node: Node) -> tree.Block:
        kept = dict(self.variables)
        if node.type == "for_statement":
            return tree.Block(self.sequence([node]), is_subshell=False)
        body = self.sequence(node.children[1:-1])
        self.variables = kept
        if not body.parts:
            raise self._unclear(node, "a group without a command")
        return tree.Block(body, is_subshell=node.type == "subshell")

    # --- if, for, assignments

    def _if(self, node: Node) -> tree.If:
        """`if`, or an `elif` as an `if` of its own."""
        condition: list[Node] = []
        then: list[Node] = []
        otherwise: tree.Node | None = None
        filling = condition
        for child in node.children:
            match child.type:
                case "if" | "elif" | "fi":
                    pass
                case "then":
                    filling = then
                case "elif_clause" | "else_clause":
                    pass
                case _:
                    filling.append(child)
        tails = [child for child in node.children if child.type in ("elif_clause", "else_clause")]
        kept = dict(self.variables)
        first, second = self._branch(condition, node), self._branch(then, node)
        for tail in reversed(tails):
            otherwise = self._tail(tail, otherwise)
        self.variables = kept
        return tree.If(first, second, otherwise)

    def _tail(self, node: Node, otherwise: tree.Node | None) -> tree.Node:
        if node.type == "elif_clause":
            return replace(self._if(node), otherwise=otherwise)
        if otherwise is not None:
            raise self._unclear(node, "an else before the last branch")
        return self._branch(node.children[1:], node)

    def _branch(self, nodes: list[Node], whole: Node) -> tree.Node:
        kept = dict(self.variables)
        body = self.sequence(nodes)
        self.variables = kept
        if not body.parts:
            raise self._unclear(whole, "an if without a command in a branch")
        return body

    def _unrolled(self, node: Node) -> list[tree.Node]:
        """`for x in a b; do …; done` as its rounds, one after the other; over globs, as a loop."""
        body = node.child_by_field_name("body")
        name = node.child_by_field_name("variable")
        given = node.children_by_field_name("value")
        values = [value for one in given for value in self._words(one)]
        known = ("for", "variable_name", "in", ";", "\n", "do_group", *_PLAIN_WORDS)
        odd = [child for child in node.children if child.type not in known]
        if body is None or name is None or not values or odd or node.children[0].type != "for":
            raise self._unclear(node, "a loop over more than literal words", _SPLIT)
        is_in_loop = any(isinstance(value, Glob | Late) for value in self.variables.values())
        is_over_files = any(isinstance(value, Glob) for value in values)
        if any(isinstance(value, Late) for value in values) or (is_in_loop and is_over_files):
            raise self._unclear(node, "a loop over what is known only when it runs", _SPLIT)
        rounds = tuple(self._round(name, value, body) for value in values)
        if not is_over_files:
            return [part for one in rounds for part in one.parts]
        each = Late.of(f"${LOOP_VARIABLE}", f'"${LOOP_VARIABLE}"')
        loop = tree.Loop(tuple(values), self._round(name, each, body), rounds)
        del self.variables[self._text(name)]
        return [loop]

    def _round(self, name: Node, value: str, body: Node) -> tree.Sequence:
        self._set(name, value)
        return self.sequence(body.children[1:-1])

    def _assign(self, node: Node) -> None:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None or len(node.children) != 2 + (value is not None) or self._is_added(node):
            raise self._unclear(node, "an odd assignment", "write the value where it is used")
        text = self._word(value) if value is not None else ""
        if isinstance(text, Glob | Late):
            raise self._unclear(node, "an assignment of what is known only when it runs")
        self._set(name, text)

    def _is_added(self, node: Node) -> bool:
        return any(child.type == "+=" for child in node.children)

    def _set(self, node: Node, value: str) -> None:
        """Only for names that no program looks for: the assignment itself is not run."""
        name = self._text(node)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name.endswith("_proxy"):
            raise self._unclear(node, "a variable that programs may look for", "write the value")
        self.variables[name] = value

    # --- simple commands

    def _command(self, node: Node) -> tree.Node:
        self._count(node)
        settings: list[tuple[str, str]] = []
        found: list[str] = []
        redirects: list[Redirect] = []
        for child in node.children:
            if child.type == "variable_assignment":
                settings.append(self._setting(child))
            elif child.type == "command_name":
                found.append(self._program(child))
            elif child.type in ("file_redirect", "herestring_redirect"):
                if not found:
                    raise self._unclear(child, "a redirection before the command", "put it behind")
                redirects.append(self._redirect(child))
            elif child.type in _PLAIN_WORDS:
                found += self._words(child)
            else:
                raise self._unclear(child, "something that is no plain word")
        if not found:
            raise self._unclear(node, "a line without a command")
        return tree.Command(tuple(found), tuple(redirects), tuple(settings))

    def _test(self, node: Node) -> tree.Node:
        """`[ -f x ]` as `test -f x`, `[ ! -f x ]` as `! test -f x`."""
        parts = self._unary(node, node.children[1:-1])
        if parts[0].type == "!":
            return tree.Not(self._test_of(node, self._unary(node, parts[1:])))
        return self._test_of(node, parts)

    def _unary(self, node: Node, inside: list[Node]) -> list[Node]:
        """Both parts of an operator with one operand."""
        is_one = len(inside) == 1 and inside[0].type == "unary_expression"
        if is_one and len(inside[0].children) == 2:
            return inside[0].children
        raise self._unclear(node, *_CONSTRUCTS["test_command"])

    def _test_of(self, node: Node, parts: list[Node]) -> tree.Command:
        if parts[0].type != "test_operator" or parts[1].type not in _PLAIN_WORDS:
            raise self._unclear(node, *_CONSTRUCTS["test_command"])
        self._count(node)
        return tree.Command(("test", self._text(parts[0]), self._word(parts[1])))

    def _setting(self, node: Node) -> tuple[str, str]:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        text = self._word(value) if value is not None else ""
        if name is None or self._is_added(node) or isinstance(text, Late):
            raise self._unclear(node, "an odd assignment", "leave it out")
        return self._text(name), str(text)  # a glob means itself here

    def _exported(self, node: Node) -> tree.Command:
        """`export CI=1`; whether the variable may be set is for `wrappers` to say."""
        first, *others = node.children
        if first.type != "export" or any(child.type != "variable_assignment" for child in others):
            raise self._unclear(node, *_CONSTRUCTS["declaration_command"])
        self._count(node)
        settings = [f"{name}={value}" for name, value in map(self._setting, others)]
        if any(quoted(setting) != setting for setting in settings):
            raise self._unclear(node, *_CONSTRUCTS["declaration_command"])
        return tree.Command(("export", *settings))

    def _program(self, node: Node) -> str:
        if len(node.children) != 1:
            raise self._unclear(node, "an odd program name", "write the plain name of a program")
        name = self._word(node.children[0])
        if self._text(node) in RESERVED or name in RESERVED:
            raise self._unclear(node, f'the shell word "{name}"', _SPLIT)
        if isinstance(name, Glob | Late) or not PROGRAM.fullmatch(name):
            raise self._unclear(node, "an odd program name", "write the plain name of a program")
        return name

    # --- redirections

    def _redirected(self, node: Node) -> tree.Node:
        body = node.child_by_field_name("body")
        others = [child for child in node.children if body is None or child.id != body.id]
        documents = [child for child in others if child.type == "heredoc_redirect"]
        if body is None or len(documents) > 1:
            raise self._unclear(node, "a redirection without a command of its own")
        found = self._statement(body)
        if documents and has_dash(documents[0], self.source):
            before = documents[0].prev_sibling
            if not isinstance(found, tree.Command) or before is None or before.id != body.id:
                raise self._unclear(documents[0], "a here-document in the middle of a line", _SPLIT)
            found = replace(found, words=(*found.words, "-"))
        for child in others:
            if child.type == "heredoc_redirect":
                found = tree.redirected(found, self._heredoc(child))
            else:
                found = tree.redirected(found, (self._redirect(child),))
        return self._continued(found, body, documents[0]) if documents else found

    def _heredoc(self, node: Node) -> tuple[Redirect, ...]:
        text = heredoc_text(node, self.source)
        first = Redirect("", "<<<", text[:-1]) if text else Redirect("", "<", "/dev/null")
        files = [child for child in node.children if child.type == "file_redirect"]
        return (first, *map(self._redirect, files))

    def _continued(self, found: tree.Node, body: Node, document: Node) -> tree.Node:
        """What stands behind `<<EOF` in its line: the grammar puts it inside."""
        known = ("<<", "heredoc_start", "heredoc_body", "heredoc_end", "file_redirect")
        more = [child for child in document.children if child.type not in known]
        if not more:
            return found
        if len(more) == 1 and more[0].type == "pipeline" and body.type == "command":
            parts = [child for child in more[0].children if child.type != "|"]
            if all(part.type in ("command", "redirected_statement") for part in parts):
                return tree.Pipeline((found, *map(self._scoped, parts)))
        if len(more) == 2 and more[0].type in ("&&", "||") and more[1].type == "command":
            behind = ((more[0].type, self._scoped(more[1])),)
            if isinstance(found, tree.AndOr):
                return replace(found, rest=found.rest + behind)
            return tree.AndOr(found, behind)
        raise self._unclear(document, "a here-document in the middle of a line", "write a file")

    def _redirect(self, node: Node) -> Redirect:
        if node.type == "herestring_redirect":
            return Redirect("", "<<<", self._literal(node.named_children[-1]))
        descriptor = node.child_by_field_name("descriptor")
        target = node.child_by_field_name("destination")
        if node.type != "file_redirect" or target is None:
            raise self._unclear(node, "a redirection I do not know")
        number = self._text(descriptor) if descriptor else ""
        operator = next(child.type for child in node.children if not child.is_named)
        text = self._literal(target)
        if number not in ("", "1", "2") or (number and operator in ("<", "&>", "&>>")):
            raise self._unclear(node, "a redirection of another descriptor than 1 and 2")
        if operator == ">&" and text in ("1", "2"):
            return Redirect(number, operator, text)
        if operator not in _OPERATORS or not text:
            raise self._unclear(node, "a redirection I do not know", "use > FILE or 2>&1")
        return Redirect(number, operator, text)

    def _literal(self, node: Node) -> str:
        text = self._word(node)
        if isinstance(text, Glob | Late):
            raise self._unclear(node, "a redirection to what is known only when it runs")
        return text

    def _word(self, node: Node) -> str:
        return word(node, self._context())

    def _words(self, node: Node) -> list[str]:
        found = words(node, self._context())
        self.words += len(found)
        if self.words > MAX_WORDS:
            raise self._unclear(node, "too many words in one line")
        return found

    def _count(self, node: Node) -> None:
        self.commands += 1
        if self.commands > MAX_COMMANDS:
            raise self._unclear(node, "too many commands in one line")

    def _context(self) -> Context:
        return Context(self.source, self.variables, self._printing)

    def _printing(self, node: Node) -> tree.Sequence:
        """The commands in `$(…)`."""
        kept = dict(self.variables)
        body = self.sequence(node.children[1:-1])
        self.variables = kept
        if not body.parts:
            raise self._unclear(node, "a substitution without a command")
        return body

    def _text(self, node: Node) -> str:
        return self.source[node.start_byte : node.end_byte].decode()

    def _unclear(self, node: Node, what: str, instead: str = _SPLIT) -> Unclear:
        return unclear(node, self.source, what, instead)
