"""What can be counted by reading the source: lines, names, who queries which table, what names a wait.

Packages, tables, settings and waits are found, not listed: the same script counts an older commit too.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PRODUCT = ("ivr", "flows", "gateways")
_LADDER_MIN = 3
_TYPE = re.compile(r"[A-Z][a-z]\w*")
_WORD = re.compile(r"[A-Z][a-z0-9]*")
NO_PARTICIPLES = frozenset(
    (
        "Encoding",
        "Ending",
        "Greeting",
        "Listing",
        "Ring",
        "Setting",
        "Speed",
        "Spelling",
        "String",
        "Thing",
        "Timing",
        "Wording",
    )
)
"""Nouns that end as a participle does."""
_QUERY = r"\b(FROM|JOIN|INTO|UPDATE)\s+{}\b"


@dataclass(frozen=True)
class Module:
    """One file of Python, read and parsed."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @property
    def package(self) -> str:
        """`ivr/payments/refunds/store.py` -> `ivr.payments`; a file beside the packages is one of its own."""
        parts = self.path.removesuffix(".py").split("/")
        return ".".join(parts[:2])

    @property
    def is_migration(self) -> bool:
        return "/migrations/" in self.path

    @cached_property
    def lines(self) -> int:
        return self.text.count("\n")

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Every name that the code uses: not those in texts and comments."""
        found = {node.id for node in self.nodes if isinstance(node, ast.Name)}
        found |= {node.attr for node in self.nodes if isinstance(node, ast.Attribute)}
        found |= {node.name for node in self.nodes if isinstance(node, ast.ClassDef | ast.FunctionDef)}
        for node in self.nodes:
            if isinstance(node, ast.ImportFrom | ast.Import):
                found |= {alias.name.rpartition(".")[2] for alias in node.names}
        return frozenset(found)

    @cached_property
    def types(self) -> set[str]:
        """Public classes at the top of the file, and aliases of types (`Answer = Approved | Declined`)."""
        found = {node.name for node in self.tree.body if isinstance(node, ast.ClassDef)}
        for node in self.tree.body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)]) if _TYPE.fullmatch(name):
                    found.add(name)
        return {name for name in found if not name.startswith("_")}

    @cached_property
    def functions(self) -> set[str]:
        """Public functions at the top of the file."""
        found = {node.name for node in self.tree.body if isinstance(node, ast.FunctionDef)}
        return {name for name in found if not name.startswith("_")}

    @cached_property
    def docstring_lines(self) -> int:
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        nodes = [node for node in self.nodes if isinstance(node, documented)]
        texts = [node.body[0] for node in nodes if ast.get_docstring(node)]
        return sum((text.end_lineno or text.lineno) - text.lineno + 1 for text in texts)


def read(root: Path, folder: str) -> list[Module]:
    """Every module below a folder, by its path."""
    paths = sorted((root / folder).rglob("*.py"))
    return [Module(str(path.relative_to(root)), path.read_text()) for path in paths]


def product(root: Path) -> list[Module]:
    """The product's modules, without migrations."""
    return [module for folder in PRODUCT for module in read(root, folder) if not module.is_migration]


def duplicates(modules: Iterable[Module], kind: str) -> dict[str, int]:
    """Names of types (or functions) that more than one module defines, and how many do."""
    by_module = [module.types if kind == "types" else module.functions for module in modules]
    names = Counter(name for defined in by_module for name in defined)
    return {name: count for name, count in names.most_common() if count > 1}


def participles(modules: Iterable[Module], ending: str) -> list[str]:
    """Types named by one participle that ends so (Charging, Asked), not those with a noun behind it."""
    types = {name for module in modules for name in module.types}
    single = {name for name in types - NO_PARTICIPLES if len(_WORD.findall(name)) == 1}
    return sorted(name for name in single if name.endswith(ending) and not name.endswith("eed"))


def may_import(modules: Iterable[Module]) -> int:
    """Modules whose docstring says what they may import."""
    texts = [ast.get_docstring(module.tree) or "" for module in modules]
    return sum(bool(re.search(r"\bmay\s+import\b", text, re.IGNORECASE)) for text in texts)


def docstring_share(modules: Iterable[Module]) -> float:
    """The part of all lines that are not blank which docstrings take."""
    given = list(modules)
    filled = sum(bool(line.strip()) for module in given for line in module.text.splitlines())
    return sum(module.docstring_lines for module in given) / filled


def tables(modules: Iterable[Module]) -> dict[str, set[str]]:
    """Each table of SQLAlchemy, and the packages that query it, beside the one that declares it alone.

    A package queries a table whose variable it uses, or which it names in SQL of its own. Two processes have
    tables of one name (`lockout`): whoever imports a variable means that of the module it comes from.
    """
    given = list(modules)
    paths = {module.path for module in given}
    found: dict[str, set[str]] = {}
    for home in given:
        for variable, name in _declared(home):
            origins = _modules_of(home, variable, paths)
            users = {m.package for m in given if m is not home and _queries(m, home, origins, variable, name)}
            found[f"{name} ({home.package})" if name in found else name] = users
    return found


def _declared(module: Module) -> Iterator[tuple[str, str]]:
    for node in module.tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=variable)],
                value=ast.Call(func=ast.Attribute(attr="Table"), args=[ast.Constant(value=str(name)), *_]),
            ):
                yield variable, name


def _queries(module: Module, home: Module, origins: set[str], variable: str, name: str) -> bool:
    """Not a package's list of its own names (`__init__.py`): it hands them on."""
    if module.path.endswith("__init__.py") and home.path.startswith(module.path.removesuffix("__init__.py")):
        return False
    for node in module.nodes:
        match node:
            case ast.ImportFrom(module=source, names=names) if source in origins:
                found = any(alias.name == variable for alias in names)
            case ast.Attribute(attr=attribute, value=ast.Name(id=owner)) if attribute == variable:
                found = _imported_as(module, owner) in origins
            case ast.Constant(value=str(text)):
                found = bool(re.search(_QUERY.format(name), text))
            case _:
                found = False
        if found:
            return True
    return False


def _modules_of(home: Module, variable: str, paths: set[str]) -> set[str]:
    """The module itself, and the package that hands its names on: unless a module of the table's name stands
    in it, which is then what `from package import name` means.
    """
    dotted = home.path.removesuffix(".py").replace("/", ".")
    package = dotted.rpartition(".")[0]
    is_a_module = f"{package.replace('.', '/')}/{variable}.py" in paths
    return {dotted} if is_a_module else {dotted, package}


def _imported_as(module: Module, name: str) -> str | None:
    """The dotted module that a name stands for."""
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return f"{node.module}.{alias.name}"
    return None


def waits(root: Path) -> list[str]:
    """The kinds of wait: the classes of `flows/language/waits.py`, or of the files of that folder."""
    of_waits = [m for m in read(root, "flows/language") if m.path.startswith("flows/language/waits")]
    classes = [node for module in of_waits for node in module.tree.body if isinstance(node, ast.ClassDef)]
    return sorted({node.name for node in classes if not node.name.startswith("_")} - {"Wait"})


def files_naming(modules: Iterable[Module], identifier: str) -> list[str]:
    return [module.path for module in modules if identifier in module.identifiers]


def settings(root: Path) -> list[str]:
    """Every setting's environment variable, as docs/settings.md lists it (a test holds it to the code)."""
    return re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", (root / "docs/settings.md").read_text(), re.MULTILINE)


def modules_naming(modules: Iterable[Module], word: str) -> list[str]:
    """Modules in which a word stands, be it in code, a text or a comment."""
    return [module.path for module in modules if re.search(rf"\b{word}\b", module.text)]


def ladders(modules: Iterable[Module]) -> list[str]:
    """Where a growing delay is written by hand: three or more seconds that never fall, or a doubling."""
    return [f"{m.path}:{node.lineno}" for m in modules for node in m.nodes if _is_ladder(node)]


def _is_ladder(node: ast.AST) -> bool:
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple(elts=elements)) if name.endswith("_S"):
            values = [_number(element) for element in elements]
            known = [value for value in values if value is not None]
            return len(elements) >= _LADDER_MIN and known == sorted(known)
        case ast.BinOp(op=ast.Pow(), left=ast.Constant(value=2)):
            return True
    return False


def _number(node: ast.AST) -> float | None:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.BinOp(op=ast.Mult(), left=left, right=right):
            one, other = _number(left), _number(right)
            return None if one is None or other is None else one * other
    return None


def retries(modules: Iterable[Module]) -> list[str]:
    """Functions that decide by themselves whether to try again: they hold the time that has passed, or the
    tries, against a limit (`..._AFTER_S`, `..._TRIES...`), or take the next step of a ladder.
    """
    functions = [(m.path, node) for m in modules for node in m.nodes if isinstance(node, ast.FunctionDef)]
    return [f"{path}:{node.lineno} {node.name}" for path, node in functions if _decides_to_retry(node)]


def _decides_to_retry(function: ast.FunctionDef) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and any(_names_a_limit(part) for part in ast.walk(node)):
            return True
        if isinstance(node, ast.Subscript) and _names_a_limit(node.value):
            return True
    return False


def _names_a_limit(node: ast.AST) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return bool(re.search(r"_AFTER_S$|(^|_)TRIES_MAX$|PAUSES_S$", name))
