"""What mypy knows of the service: of every name in it, whether it is a store, and whether it gives out what a record says.

Nothing is listed by hand. A class of `service.store` is a store unless it is a mere value; a member of it gives rows when its
annotation says so. A store is one under any name: the types tell, not the spelling. What is used of mypy is what its own tools
use; should a release change it, the examples are not caught any more, and the tests say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType as UnionKind

from mypy.build import BuildResult, BuildSource, build
from mypy.nodes import CallExpr, Decorator, Expression, FuncDef, MemberExpr, MypyFile, NameExpr, OverloadedFuncDef, TypeInfo, Var
from mypy.options import Options
from mypy.traverser import NameAndMemberCollector
from mypy.types import (
    AnyType,
    CallableType,
    Instance,
    Overloaded,
    TupleType,
    Type,
    TypedDictType,
    TypeOfAny,
    TypeType,
    TypeVarType,
    UnionType,
    get_proper_type,
)

SERVICE = Path(__file__).parents[2] / "service"
STORE = "service.store."
QUERY = "service.fhir.query.Query"
COROUTINE = "typing.Coroutine"
FUNCTIONS = FuncDef | Decorator | OverloadedFuncDef


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
class Program:
    """The mentions of each module; of each store, the members that give rows, methods and all; and each call of a module that a
    store is given to, though it does not say that it takes one."""

    mentions: Mapping[str, tuple[Mention, ...]]
    members: Mapping[str, frozenset[str]]
    methods: Mapping[str, frozenset[str]]
    lost: Mapping[str, tuple[Mention, ...]]


def program(examples: Mapping[str, str]) -> Program:
    """The service as it is written now, with modules that are only examples: their names and sources."""
    sources = [BuildSource(str(path), _module(path)) for path in sorted(SERVICE.rglob("*.py"))]
    sources += [BuildSource(f"{name.replace('.', '/')}.py", name, text) for name, text in examples.items()]
    result = build(sources, _options())
    kept = {name: tree for name, tree in result.files.items() if name.partition(".")[0] == "service"}
    names = {name: _names(tree) for name, tree in kept.items()}
    stores = [info for tree in kept.values() for info in _stores(tree)]
    lost = _lost(result, {each: name for name, found in names.items() for each in found})
    return Program(
        {name: tuple(_mention(each, result) for each in found) for name, found in names.items()},
        {info.name: frozenset(_members(info, object)) for info in stores},
        {info.name: frozenset(_members(info, FUNCTIONS)) for info in stores},
        {name: tuple(found) for name, found in lost.items()},
    )


def _module(path: Path) -> str:
    return ".".join(path.relative_to(SERVICE.parent).with_suffix("").parts).removesuffix(".__init__")


def _options() -> Options:
    """Every body is checked, and the packages of others are not looked at: what they give is Any, and Any is watched."""
    options = Options()
    options.incremental = False
    options.cache_dir = "/dev/null"
    options.python_executable = None
    options.no_site_packages = True
    options.ignore_missing_imports = True
    options.check_untyped_defs = True
    options.export_types = True
    options.preserve_asts = True
    return options


def _names(tree: MypyFile) -> list[NameExpr | MemberExpr]:
    collector = NameAndMemberCollector()
    tree.accept(collector)
    return [*collector.name_exprs, *collector.member_exprs]


def _mention(node: NameExpr | MemberExpr, result: BuildResult) -> Mention:
    stores = frozenset[str]() if _is_module(node) else _known_stores(result.types.get(node))
    if isinstance(node, NameExpr) or _is_module(node.expr):
        return Mention(node.line, _text(node), node.name, stores, gives=_is_source(node))
    of = _known_stores(result.types.get(node.expr))
    return Mention(node.line, _text(node), node.name, stores, of, bool(of) and gives(result.types.get(node)))


def _known_stores(type_: Type | None) -> frozenset[str] | None:
    return None if type_ is None or isinstance(get_proper_type(type_), AnyType) else frozenset(_stores_in(type_))


def _is_source(node: NameExpr | MemberExpr) -> bool:
    """A function of a module of the store, or something kept there, that gives rows: imported, or looked up in the module."""
    return node.fullname.startswith(STORE) and isinstance(node.node, FUNCTIONS | Var) and carries(_declared(node.node))


def _is_module(node: Expression) -> bool:
    return isinstance(node, NameExpr | MemberExpr) and isinstance(node.node, MypyFile)


def _text(node: Expression) -> str:
    match node:
        case NameExpr(name=name):
            return name
        case MemberExpr(expr=inner, name=name):
            return f"{_text(inner)}.{name}"
        case CallExpr(callee=callee):
            return f"{_text(callee)}(…)"
    return "…"


def _stores_in(type_: Type | None) -> Iterator[str]:
    """The stores that something of this type may be; a class stands for its objects."""
    match get_proper_type(type_):
        case UnionType(items=items):
            for each in items:
                yield from _stores_in(each)
        case TypeVarType(upper_bound=bound):
            yield from _stores_in(bound)
        case TypeType(item=item):
            yield from _stores_in(item)
        case CallableType(ret_type=made) as callable_ if callable_.is_type_obj():
            yield from _stores_in(made)
        case Instance(type=info):
            yield from (each.name for each in info.mro if is_store(each))


def is_store(info: TypeInfo) -> bool:
    """A class of the store that is no mere value: a dataclass or an exception that waits for nothing."""
    value = "dataclass" in info.metadata or info.has_base("builtins.BaseException")
    waits = any(isinstance(each.node, FuncDef) and each.node.is_coroutine for each in info.names.values())
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
    for node in result.types:
        for given in node.args if isinstance(node, CallExpr) else ():
            stores = frozenset(_stores_in(result.types.get(given))) if given in modules else frozenset()
            if stores and not stores & set(_taken(result.types.get(node.callee))):
                found[modules[given]].append(Mention(node.line, f"{_text(node.callee)}({_text(given)})", "", stores))
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
