"""What is a store, and what it gives out: of every name in the service, whether it is one, and whether a record comes of it.

Nothing is listed by hand. A class of `service.store` is a store unless it is a mere value; a member of it gives rows when its
annotation says so. A store is one under any name: the types tell, not the spelling.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType as UnionKind

from mypy.build import BuildResult
from mypy.nodes import CallExpr, Decorator, Expression, FuncDef, MypyFile, NameExpr, TypeInfo, Var
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    Overloaded,
    TupleType,
    Type,
    TypedDictType,
    TypeOfAny,
    TypeVarType,
    UnionType,
    get_proper_type,
)

from tests.structure.typed import FUNCTIONS, Name, classes, is_module, modules, names, text

STORE = "service.store."
QUERY = "service.fhir.query.Query"
COROUTINE = "typing.Coroutine"


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a module, or an attribute. `stores` are the classes of the store it may be, `of` those it is an attribute of;
    None is of either what has no known type. `gives` says that it gives out rows."""

    line: int
    text: str
    name: str
    stores: frozenset[str] | None
    of: frozenset[str] | None = frozenset()
    gives: bool = False


@dataclass(frozen=True, slots=True)
class Stores:
    """The mentions of each module; of each store, the members that give rows, methods and all; and each call of a module that a
    store is given to, though it does not say that it takes one."""

    mentions: Mapping[str, tuple[Mention, ...]]
    members: Mapping[str, frozenset[str]]
    methods: Mapping[str, frozenset[str]]
    lost: Mapping[str, tuple[Mention, ...]]


def stores(result: BuildResult) -> Stores:
    """All of it, without mypy's trees."""
    found = {name: names(tree) for name, tree in modules(result).items()}
    known = [info for tree in modules(result).values() for info in _stores(tree)]
    lost = _lost(result, {each: name for name, several in found.items() for each in several})
    return Stores(
        {name: tuple(_mention(each, result) for each in several) for name, several in found.items()},
        {info.name: frozenset(_members(info, object)) for info in known},
        {info.name: frozenset(_members(info, FUNCTIONS)) for info in known},
        {name: tuple(calls) for name, calls in lost.items()},
    )


def _mention(node: Name, result: BuildResult) -> Mention:
    stores = frozenset[str]() if is_module(node) else _known_stores(result.types.get(node))
    if isinstance(node, NameExpr) or is_module(node.expr):
        return Mention(node.line, text(node), node.name, stores, gives=_is_source(node))
    of = _known_stores(result.types.get(node.expr))
    return Mention(node.line, text(node), node.name, stores, of, bool(of) and gives(result.types.get(node)))


def _known_stores(type_: Type | None) -> frozenset[str] | None:
    return None if type_ is None or isinstance(get_proper_type(type_), AnyType) else frozenset(_stores_in(type_))


def _is_source(node: Name) -> bool:
    """A function of a module of the store, or something kept there, that gives rows: imported, or looked up in the module."""
    return node.fullname.startswith(STORE) and isinstance(node.node, FUNCTIONS | Var) and carries(_declared(node.node))


def _stores_in(type_: Type | None) -> Iterator[str]:
    return (each.name for info in classes(type_) for each in info.mro if is_store(each))


def is_store(info: TypeInfo) -> bool:
    """A class of the store that is no mere value: a dataclass or an exception that waits for nothing."""
    value = "dataclass" in info.metadata or info.has_base("builtins.BaseException")
    own = (each.node.func if isinstance(each.node, Decorator) else each.node for each in info.names.values())
    waits = any(isinstance(each, FuncDef) and each.is_coroutine for each in own)
    return info.fullname.startswith(STORE) and (waits or not value)


def gives(type_: Type | None) -> bool:
    """Whether a member of a store gives rows, or something of the driver, or answers a Query: how many there are tells, too."""
    proper = get_proper_type(type_)
    asked = proper.arg_types if isinstance(proper, CallableType) else ()
    return any(True for _ in leaves(type_)) or any(str(each) == QUERY for each in asked)


def carries(type_: Type | None) -> bool:
    """Whether a value of this type may hold what a record says."""
    return any(not (isinstance(each, AnyType) and each.type_of_any == TypeOfAny.from_unimported_type) for each in leaves(type_))


def leaves(type_: Type | None, within: tuple[TypeInfo, ...] = ()) -> Iterator[Type]:
    """What a record may be in, wherever it is in a type: JSON of any kind is Any; so is, to us, what others' packages give."""
    match proper := get_proper_type(type_):
        case None:
            yield AnyType(TypeOfAny.unannotated)
        case AnyType() | TypeVarType():
            yield proper
        case UnionType(items=items) | TupleType(items=items) | Overloaded(items=items):
            for each in items:
                yield from leaves(each, within)
        case TypedDictType(items=members):
            for each in members.values():
                yield from leaves(each, within)
        case CallableType(ret_type=answer):
            yield from leaves(answer, within)
        case Instance(type=info, args=args):
            for each in args[-1:] if info.fullname == COROUTINE else args:
                yield from leaves(each, within)
            yield from _fields(proper, within)


def _fields(instance: Instance, within: tuple[TypeInfo, ...]) -> Iterator[Type]:
    """A dataclass of the store holds what its fields hold; a mere object may be anything."""
    info = instance.type
    if info.fullname == "builtins.object":
        yield instance
    if info.fullname.startswith(STORE) and "dataclass" in info.metadata and info not in within:
        for name, each in info.names.items():
            if isinstance(each.node, Var) and not name.startswith("__"):
                yield from leaves(each.node.type, (*within, info))


def _stores(tree: MypyFile) -> Iterator[TypeInfo]:
    """The stores that a module makes."""
    for symbol in tree.names.values():
        if isinstance(info := symbol.node, TypeInfo) and info.module_name == tree.fullname and is_store(info):
            yield info


def _members(info: TypeInfo, kind: type | UnionKind) -> Iterator[str]:
    """The public members of this kind that give rows."""
    for name, symbol in info.names.items():
        if isinstance(symbol.node, kind) and not name.startswith("_") and gives(_declared(symbol.node)):
            yield name


def _declared(node: object) -> Type | None:
    if isinstance(node, Decorator):
        return node.var.type
    return node.type if isinstance(node, FUNCTIONS | Var) else None


def _lost(result: BuildResult, modules: Mapping[Expression, str]) -> Mapping[str, list[Mention]]:
    """What a call that does not take a store does with one is not seen."""
    found: dict[str, list[Mention]] = defaultdict(list)
    for call in (node for node in result.types if isinstance(node, CallExpr)):
        for given in (each for each in call.args if each in modules):
            given_stores = frozenset(_stores_in(result.types.get(given)))
            if given_stores and given_stores.isdisjoint(_taken(result.types.get(call.callee))):
                found[modules[given]].append(Mention(call.line, f"{text(call.callee)}({text(given)})", "", given_stores))
    return found


def _taken(type_: Type | None) -> Iterator[str]:
    """The stores that a callable takes."""
    match get_proper_type(type_):
        case CallableType(arg_types=several):
            for each in several:
                yield from _stores_in(each)
        case Overloaded(items=several):
            for each in several:
                yield from _taken(each)
