"""The service as mypy sees it: every module's tree, and the type of every expression.

What is used of mypy is what its own tools use. Should a release change it, nothing is found any more, and the tests that look for
what must be found say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from mypy.build import BuildResult, BuildSource, build
from mypy.nodes import CallExpr, Decorator, Expression, FuncDef, MemberExpr, MypyFile, NameExpr, OverloadedFuncDef, TypeInfo
from mypy.options import Options
from mypy.traverser import NameAndMemberCollector
from mypy.types import CallableType, Instance, TupleType, Type, TypeType, TypeVarType, UnionType, get_proper_type

SERVICE = Path(__file__).parents[2] / "service"
FUNCTIONS = FuncDef | Decorator | OverloadedFuncDef
Name = NameExpr | MemberExpr


def built(examples: Mapping[str, str]) -> BuildResult:
    """The service as it is written now, with modules that are only examples: their names and sources."""
    sources = [BuildSource(str(path), dotted(place(path))) for path in sorted(SERVICE.rglob("*.py"))]
    sources += [BuildSource(f"{name.replace('.', '/')}.py", name, text) for name, text in examples.items()]
    return build(sources, _options())


def place(path: Path) -> str:
    """Where a module is, from `service/`."""
    return path.relative_to(SERVICE).as_posix()


def dotted(place: str) -> str:
    """The name of the module at a place."""
    return f"service.{place.removesuffix('.py').replace('/', '.')}".removesuffix(".__init__")


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


def modules(result: BuildResult) -> dict[str, MypyFile]:
    """Our own modules, and the examples."""
    return {name: tree for name, tree in result.files.items() if name.partition(".")[0] == "service"}


def names(tree: MypyFile) -> list[Name]:
    """Every name in a module, and every attribute that is asked for."""
    collector = NameAndMemberCollector()
    tree.accept(collector)
    return [*collector.name_exprs, *collector.member_exprs]


def is_module(node: Expression) -> bool:
    """Whether an expression is a module, which has no type of its own."""
    return isinstance(node, NameExpr | MemberExpr) and isinstance(node.node, MypyFile)


def classes(type_: Type | None) -> Iterator[TypeInfo]:
    """The classes that something of this type may be of; a class stands for its objects."""
    match get_proper_type(type_):
        case UnionType(items=items):
            for each in items:
                yield from classes(each)
        case TypeVarType(upper_bound=bound):
            yield from classes(bound)
        case TypeType(item=item):
            yield from classes(item)
        case TupleType(partial_fallback=tuple_):
            yield from classes(tuple_)
        case CallableType(ret_type=made) as callable_ if callable_.is_type_obj():
            yield from classes(made)
        case Instance(type=info):
            yield info


def text(node: Expression) -> str:
    """An expression as it is written, near enough."""
    match node:
        case NameExpr(name=name):
            return name
        case MemberExpr(expr=inner, name=name):
            return f"{text(inner)}.{name}"
        case CallExpr(callee=callee):
            return f"{text(callee)}(…)"
    return "…"
