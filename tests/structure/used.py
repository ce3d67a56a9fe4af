"""What of the service nothing in the service uses: functions, methods and classes that are named by nobody but themselves.

A method is found by the class that it is asked of; where that is not known, or is a protocol, by its name alone.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from mypy.build import BuildResult
from mypy.nodes import CallExpr, Decorator, FuncDef, MemberExpr, MypyFile, NameExpr, TypeInfo

from tests.structure.typed import Name, classes, is_module, modules, names

Places = Mapping[str, list[tuple[str, int]]]
"""Modules and lines where something is named."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A function, a method with its `owner`, or a class."""

    module: str
    name: str
    fullname: str
    first: int
    last: int
    owner: TypeInfo | None = None

    def named(self, places: list[tuple[str, int]]) -> bool:
        """Whether it is named anywhere but in itself."""
        return any(module != self.module or not self.first <= line <= self.last for module, line in places)


def unused(result: BuildResult, apart: Collection[str]) -> tuple[str, ...]:
    """The full names of what is not used. Modules `apart` use nothing, and need no use."""
    trees = {name: tree for name, tree in modules(result).items() if name not in apart}
    known = [each for tree in trees.values() for each in _definitions(tree)]
    used, by_name = _uses(trees, result)
    return tuple(sorted(each.fullname for each in known if not _is_used(each, known, used, by_name)))


def _is_used(definition: Definition, known: list[Definition], used: Places, by_name: Places) -> bool:
    if definition.named(used.get(definition.fullname, [])) or definition.named(by_name.get(definition.name, [])):
        return True
    if (owner := definition.owner) is None:
        return False
    kin = [each for each in known if each.owner and each.name == definition.name and _are_kin(owner, each.owner)]
    return any(each.named(used.get(each.fullname, [])) for each in kin) or _overrides(owner, definition.name)


def _are_kin(one: TypeInfo, other: TypeInfo) -> bool:
    return one is not other and (one in other.mro or other in one.mro)


def _overrides(owner: TypeInfo, name: str) -> bool:
    """Whether a library has it, which then asks for it."""
    if any(name in base.names for base in owner.mro if not base.fullname.startswith("service.")):
        return True
    bases = getattr(importlib.import_module(owner.module_name), owner.name).__mro__ if owner.fallback_to_any else ()
    return any(hasattr(base, name) for base in bases if not base.__module__.startswith("service."))


def _definitions(tree: MypyFile) -> Iterator[Definition]:
    for name, symbol in tree.names.items():
        node = symbol.node
        if isinstance(node, FuncDef | Decorator | TypeInfo) and node.fullname == f"{tree.fullname}.{name}":
            yield from _of(node, tree.fullname)


def _of(node: FuncDef | Decorator | TypeInfo, module: str, owner: TypeInfo | None = None) -> Iterator[Definition]:
    """What a name of a module or of a class defines. A protocol, and what is called by Python or registered, needs no use."""
    if isinstance(node, TypeInfo):
        if not node.is_protocol:
            yield Definition(module, node.name, node.fullname, node.defn.line, node.defn.end_line or 0)
            for each in node.names.values():
                if isinstance(each.node, FuncDef | Decorator) and not (node.is_named_tuple and each.node.name.startswith("_")):
                    yield from _of(each.node, module, node)
    elif not node.name.startswith("__") and not _is_registered(node):
        function = node.func if isinstance(node, Decorator) else node
        yield Definition(module, node.name, node.fullname, function.line, function.end_line or 0, owner)


def _is_registered(node: FuncDef | Decorator) -> bool:
    """`@partner.command("add")`: typer calls it. `@model_validator(…)`: pydantic does."""
    given = (
        [each.callee for each in node.original_decorators if isinstance(each, CallExpr)] if isinstance(node, Decorator) else []
    )
    return any(
        isinstance(each, MemberExpr | NameExpr) and each.name in ("command", "callback", "model_validator") for each in given
    )


def _uses(trees: Mapping[str, MypyFile], result: BuildResult) -> tuple[Places, Places]:
    """Where everything is named: by its full name, and by its own name alone where it is asked of nothing that is known."""
    used: dict[str, list[tuple[str, int]]] = defaultdict(list)
    by_name: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for module, tree in trees.items():
        for node in names(tree):
            for fullname in _meant(node, result):
                used[fullname].append((module, node.line))
            if _is_vague(node, result):
                by_name[node.name].append((module, node.line))
    return used, by_name


def _asked_of(node: Name, result: BuildResult) -> list[TypeInfo] | None:
    """The classes that an attribute is asked of; None for a name that says by itself what it means."""
    if not isinstance(node, MemberExpr) or is_module(node.expr):
        return None
    return [*classes(result.types.get(node.expr))]


def _meant(node: Name, result: BuildResult) -> Iterator[str]:
    of = _asked_of(node, result)
    symbols = [info.get(node.name) for info in of or ()]
    yield from (each.node.fullname for each in symbols if each is not None and each.node is not None)
    if of is None:
        yield node.fullname


def _is_vague(node: Name, result: BuildResult) -> bool:
    of = _asked_of(node, result)
    return of is not None and (not of or any(info.is_protocol for info in of))
