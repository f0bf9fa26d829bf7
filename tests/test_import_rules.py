"""The import rules of the code map, read from the source: who may import whom, and where TensorFlow may be imported."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("zoo", "recipes", "export")

# For every part of zoo, the other parts it may import. A new part is added here with its own rule.
MAY_IMPORT = {
    "library_messages": set(),
    "errors": {"library_messages"},
    "writing": {"errors"},
    "ranges": {"errors"},
    "layers": {"errors", "ranges", "weights"},
    "weights": {"errors"},
    "adapters": {"errors", "ranges", "layers", "weights"},
    "models": {"errors", "layers", "weights", "adapters"},
    "architectures": {"errors", "layers", "models"},
    "generation": {"errors"},
    "tokenizers": {"errors", "writing"},
    "data": {"errors", "ranges"},
    "metrics": {"errors", "writing", "data"},
    "training": {"errors", "ranges", "writing", "layers", "data", "metrics"},
    "checkpoints": {"errors", "writing", "layers", "models", "architectures", "adapters", "tokenizers"},
    "assignments": {"errors"},
    "predict": {"errors", "ranges", "writing", "assignments", "data", "tasks"},
    "evaluate": {"errors", "ranges", "writing", "assignments", "predict", "data", "metrics", "training", "tasks"},
    "convert": {"errors", "tokenizers", "checkpoints", "tasks"},
    "tasks": {"errors", "ranges", "layers", "models", "generation", "tokenizers", "data", "metrics", "checkpoints"},
}
IMPORTS_TENSORFLOW = ("zoo.tokenizers", "zoo.data", "zoo.tasks", "zoo.checkpoints.original_tensorflow", "export")
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "misc"}


def module_name(path, root):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def source_trees(root=ROOT):
    """The syntax tree of every module by dotted name."""
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    return {module_name(path, root): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def imported_names(nodes):
    """Dotted names that import statements among the nodes name; `from a import b` gives a.b."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_module_level(tree):
    """The nodes that run when the module is imported: all but function bodies."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def that_run(tree):
    """All nodes but those `if TYPE_CHECKING`, which packages have that import their names when asked."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            waiting.extend(ast.iter_child_nodes(node))


def within(name, package):
    return name == package or name.startswith(package + ".")


def rule_breakers(trees):
    """Imports against the rules, as "importer imports imported"."""
    found = []
    for module, tree in trees.items():
        for name in imported_names(that_run(tree)):
            package, _, rest = name.partition(".")
            if package not in PACKAGES:
                continue
            own, _, part = module.partition(".")
            part, imported = part.split(".")[0], rest.split(".")[0]
            if own == "zoo":
                allowed = package == "zoo" and (not part or imported == part or imported in MAY_IMPORT[part])
            else:
                allowed = package in ("zoo", own)
            if not allowed:
                found.append(f"{module} imports {name}")
    return found


def early_imports(trees, framework, allowed):
    """Modules outside `allowed` that import a framework as soon as they are imported."""
    return [
        module
        for module, tree in trees.items()
        if not any(within(module, package) for package in allowed)
        and any(
            within(name, framework) or name.startswith(f"{framework}_")
            for name in imported_names(at_module_level(tree))
        )
    ]


def cycles(trees):
    """Modules that import themselves through others."""
    edges = {}
    for module, tree in trees.items():
        names = imported_names(that_run(tree))
        edges[module] = {name if name in trees else name.rpartition(".")[0] for name in names} & trees.keys() - {module}

    def reachable(start):
        seen, waiting = set(), list(edges[start])
        while waiting:
            module = waiting.pop()
            if module not in seen:
                seen.add(module)
                waiting.extend(edges[module])
        return seen

    return [module for module in trees if module in reachable(module)]


@pytest.fixture(scope="module")
def trees():
    return source_trees()


def test_every_part_of_zoo_has_a_rule(trees):
    parts = {module.split(".")[1] for module in trees if module.startswith("zoo.")}
    assert parts - MAY_IMPORT.keys() == set()
    assert len(trees) > 50


def test_imports_follow_the_rules(trees):
    assert rule_breakers(trees) == []


def test_tensorflow_is_imported_early_only_where_text_is_read_or_models_are_exported(trees):
    assert early_imports(trees, "tensorflow", IMPORTS_TENSORFLOW) == []


@pytest.mark.parametrize("framework", ["jax", "torch"])
def test_other_backends_are_imported_where_they_are_used(trees, framework):
    assert early_imports(trees, framework, ()) == []


def test_there_are_no_cycles(trees):
    assert cycles(trees) == []


def test_there_are_no_vague_modules(trees):
    assert [module for module in trees if VAGUE_NAMES & set(module.split("."))] == []


def test_the_checks_notice_what_they_are_for():
    def parsed(**sources):
        return {name.replace("__", "."): ast.parse(source) for name, source in sources.items()}

    bad = parsed(
        zoo__layers__a="def f():\n    from zoo.models import EncoderDecoder",
        zoo__tokenizers__b="import zoo.tasks",
        zoo__models__c="from zoo import tasks",
        zoo__tasks__d="import recipes.translation",
        export__e="from recipes import translation",
        recipes__f="import export.saved_model",
        zoo__metrics="from zoo.training.loop import train",
    )
    assert len(rule_breakers(bad)) == len(bad)
    assert rule_breakers(parsed(zoo__models__a="from zoo.layers import FeedForward", export__b="import zoo")) == []
    early = parsed(
        zoo__layers__a="try:\n    import tensorflow as tf\nexcept ImportError:\n    tf = None",
        zoo__models__b="class A:\n    from tensorflow_text import x",
        zoo__models__c="def f():\n    import tensorflow",
        export__d="import tensorflow",
    )
    assert early_imports(early, "tensorflow", IMPORTS_TENSORFLOW) == ["zoo.layers.a", "zoo.models.b"]
    loop = parsed(
        zoo__a="from zoo.b import x", zoo__b="def f():\n    import zoo.c", zoo__c="import zoo.a", zoo__d="import zoo.a"
    )
    assert cycles(loop) == ["zoo.a", "zoo.b", "zoo.c"]
