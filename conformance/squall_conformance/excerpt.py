"""Copies out of the project's own modules exactly the definitions that some names need, so that they stand alone.

Names are followed by ``ast``: through module-level functions, classes, constants and imports, from one project module into
the next. Annotations are not followed, since the excerpt is meant for a file with ``from __future__ import annotations``.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

_MARKS: Final = re.compile(r"\s+# (noqa|type: ignore)\b.*$")
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


class ExcerptError(Exception):
    """Something cannot be copied out: the message names it and says why."""


@dataclass(slots=True)
class Source:
    """One project module: its lines, and what each of its global names is bound by."""

    module: str
    lines: list[str]
    bound: dict[str, ast.stmt]


@dataclass(slots=True)
class Excerpt:
    """Collects imports and definitions, dependencies first.

    Modules below the packages in ``foreign`` are imported by the excerpt, all other ``squall*`` modules are copied. Of classes
    in ``pruned`` only those methods are copied whose names occur as attributes in what is copied.
    """

    foreign: tuple[str, ...] = ()
    pruned: frozenset[str] = frozenset()
    attributes: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)
    pieces: dict[tuple[str, str], str] = field(default_factory=dict)
    _owners: dict[str, tuple[str, str]] = field(default_factory=dict)

    def take(self, module: str, name: str) -> None:
        """Take in the definition of that name and all it needs. ExcerptError when that cannot be done."""
        source = read(module)
        statement = source.bound.get(name)
        if statement is None:
            raise ExcerptError(f"{module} has no global name {name!r}")
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            self._take_import(statement, name)
        elif self._claim(name, module):
            pruned = isinstance(statement, ast.ClassDef) and name in self.pruned
            nodes = list(self._kept(statement)) if pruned and isinstance(statement, ast.ClassDef) else [statement]
            for node in nodes:
                self._follow(source, node, name)
            parts = [
                _text(source, node, apart=pruned and (place == 2 or isinstance(node, _FUNCTION)))
                for place, node in enumerate(nodes)
            ]
            self.pieces[module, name] = "\n".join(parts)

    def _claim(self, name: str, module: str) -> bool:
        """Say whether the name is new here. ExcerptError when another module has taken it."""
        owner = self._owners.setdefault(name, (module, name))
        if owner != (module, name):
            raise ExcerptError(f"{module} and {owner[0]} both define {name!r}")
        new = (module, name) not in self.pieces
        self.pieces.setdefault((module, name), "")
        return new

    def _follow(self, source: Source, node: ast.AST, own_name: str) -> None:
        for used in ast.walk(node):
            if isinstance(used, ast.Attribute):
                self.attributes.add(used.attr)
        for needed in sorted(_globals_used(node) - {own_name}):
            if needed in source.bound:
                self.take(source.module, needed)
            elif not hasattr(builtins, needed) and needed not in {"__file__", "__name__"}:
                raise ExcerptError(f"{source.module}: {own_name} uses {needed!r}, which is bound nowhere at module level")
        self._move_to_end(source.module, own_name)

    def _move_to_end(self, module: str, name: str) -> None:
        self.pieces[module, name] = self.pieces.pop((module, name))

    def _take_import(self, statement: ast.Import | ast.ImportFrom, name: str) -> None:
        alias = next(alias for alias in statement.names if _bound_by(alias) == name)
        if isinstance(statement, ast.Import) or not _is_ours(statement.module or ""):
            if isinstance(statement, ast.Import) and _is_ours(alias.name):
                raise ExcerptError(f"'import {alias.name}' cannot be copied out: import the names from it instead")
            self._import(statement, alias, name)
        elif (statement.module or "").startswith(self.foreign or ("\0",)):
            self._import(statement, alias, name)
        else:
            self.take(statement.module or "", alias.name)
            if alias.asname and self._claim(alias.asname, f"{statement.module}.{alias.name}"):
                self.pieces[f"{statement.module}.{alias.name}", alias.asname] = f"{alias.asname} = {alias.name}"

    def _import(self, statement: ast.Import | ast.ImportFrom, alias: ast.alias, name: str) -> None:
        only = ast.Import([alias]) if isinstance(statement, ast.Import) else ast.ImportFrom(statement.module, [alias], 0)
        self.imports[name] = ast.unparse(only)

    def _kept(self, definition: ast.ClassDef) -> Iterator[ast.stmt]:
        """Yield the first lines of the class, and then the parts of its body that are needed."""
        wanted = _reachable(definition, self.attributes)
        methods = [node for node in definition.body if isinstance(node, _FUNCTION)]
        dropped = {node.name for node in methods} - wanted
        kept = [node for node in definition.body if not (isinstance(node, _FUNCTION) and node.name in dropped)]
        yield _Header.of(definition)
        yield from kept

    def import_lines(self) -> list[str]:
        """Return the import statements, plain ones first, each module once."""
        plain = sorted({line for line in self.imports.values() if line.startswith("import ")})
        grouped: dict[str, set[str]] = {}
        for line in self.imports.values():
            if line.startswith("from "):
                module, _, names = line.removeprefix("from ").partition(" import ")
                grouped.setdefault(module, set()).add(names)
        return plain + [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(grouped.items())]


class _Header(ast.ClassDef):
    """The first lines of a class: decorators, name and bases."""

    @classmethod
    def of(cls, definition: ast.ClassDef) -> _Header:
        header = cls(definition.name, definition.bases, definition.keywords, [], definition.decorator_list)
        first = definition.body[0]
        header.lineno, header.end_lineno = definition.lineno, _first_line(first) - 1
        return header


def _reachable(definition: ast.ClassDef, attributes: Iterable[str]) -> set[str]:
    """Return the methods that those attribute names, or the methods reached by them, speak of; special ones always."""
    methods = {node.name: node for node in definition.body if isinstance(node, _FUNCTION)}
    found: set[str] = set()
    todo = [name for name in methods if name in attributes or (name.startswith("__") and name.endswith("__"))]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            used = {node.attr for node in ast.walk(methods[name]) if isinstance(node, ast.Attribute)}
            todo += used & methods.keys()
    return found


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in {"squall", "squall_loops", "squall_conformance"}


def _bound_by(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


@cache
def read(module: str) -> Source:
    """Return the module's source without importing it. ExcerptError when there is none."""
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise ExcerptError(f"the source of {module} is not here")
    text = Path(spec.origin).read_text(encoding="utf-8")
    bound = {name: statement for statement in ast.parse(text).body for name in _names_bound(statement)}
    return Source(module, text.splitlines(), bound)


def _names_bound(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (*_FUNCTION, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from (_bound_by(alias) for alias in statement.names)
    elif not (isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test)):
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from (_bound_by(alias) for alias in node.names)


def _globals_used(node: ast.AST) -> set[str]:
    """Return the names read in the node that nothing in it binds; annotations do not count."""
    loaded: set[str] = set()
    bound: set[str] = set()
    todo: list[ast.AST] = [node]
    while todo:
        here = todo.pop()
        if isinstance(here, ast.Name):
            (loaded if isinstance(here.ctx, ast.Load) else bound).add(here.id)
        elif isinstance(here, ast.arg):
            bound.add(here.arg)
        elif isinstance(here, ast.ExceptHandler) and here.name:
            bound.add(here.name)
        elif isinstance(here, (ast.Import, ast.ImportFrom)):
            if isinstance(here, ast.ImportFrom) and _is_ours(here.module or ""):
                raise ExcerptError(f"'from {here.module} import' inside a function cannot be copied out")
            bound.update(_bound_by(alias) for alias in here.names)
        if isinstance(here, (*_FUNCTION, ast.ClassDef)) and here is not node:
            bound.add(here.name)
        todo += _children(here)
    return loaded - bound


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the node's children but for annotations and for the mark that enters a clause."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"} or (name == "decorator_list" and isinstance(node, _FUNCTION)):
            yield from (mark for mark in value if not _is_mark(mark)) if name == "decorator_list" else ()
        elif isinstance(value, ast.AST):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, ast.AST))


def _is_mark(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Name) and called.id == "clause"


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _text(source: Source, node: ast.stmt, *, apart: bool) -> str:
    """Return the lines of the node as written, without the clause's mark and the marks for our own tools.

    ``apart`` sets a blank line before it.
    """
    first = _first_line(node)
    while first > 1 and source.lines[first - 2].lstrip().startswith("#"):
        first -= 1
    skipped = {
        line
        for decorator in getattr(node, "decorator_list", [])
        if _is_mark(decorator)
        for line in range(decorator.lineno, (decorator.end_lineno or decorator.lineno) + 1)
    }
    lines = [source.lines[number - 1] for number in range(first, (node.end_lineno or first) + 1) if number not in skipped]
    return "\n".join([""] * apart + [_MARKS.sub("", line) for line in lines])
