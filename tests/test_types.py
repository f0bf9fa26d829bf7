"""Every public function says what it takes and gives; pyright (`make types`) checks that it is so."""

import importlib
import inspect
import pkgutil

import export
import recipes
import zoo


def public_names():
    """Yields the objects that packages list in `__all__`, each once, with a name for messages."""
    seen = set()
    for root in (zoo, export, recipes):
        packages = [root.__name__]
        packages += [found.name for found in pkgutil.walk_packages(root.__path__, f"{root.__name__}.") if found.ispkg]
        for package in map(importlib.import_module, packages):
            for name in getattr(package, "__all__", ()):
                value = getattr(package, name)
                home = getattr(value, "__module__", "")
                if home.split(".")[0] == root.__name__ and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{home}.{name}", value


def functions_of(value):
    """Yields a function, or the functions that a class has itself, by name."""
    if inspect.isfunction(value):
        yield "", value
    elif inspect.isclass(value):
        for name, member in vars(value).items():
            if name.startswith("_") and name not in ("__init__", "__call__"):
                continue
            member = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if inspect.isfunction(member) and member.__module__ == value.__module__:
                yield f".{name}", inspect.unwrap(member)


def without_types(function):
    """Names of what a function takes, and "return", that have no annotation."""
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    given = {*function.__annotations__, "self", "cls"}
    missing = [name for name in names if name not in given]
    return missing if function.__name__ == "__init__" or "return" in given else [*missing, "return"]


def test_public_functions_have_types():
    found = dict(public_names())
    assert len(found) > 150
    missing = {
        f"{name}{method}": without
        for name, value in found.items()
        for method, function in functions_of(value)
        if (without := without_types(function))
    }
    assert missing == {}
