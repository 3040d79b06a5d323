"""What FILE names: a program, or a model or function of a Python file or module."""

import importlib
import importlib.util
import sys
from pathlib import Path

from gemmule.cli.errors import CommandError, UsageError
from gemmule.cli.values import is_program

#: Names that are looked for first.
USUAL = ("model", "f")


def load(text: str, name: str | None = None):
    """A `gemmule.Program`, or what a Python file or module calls ``name``.

    Raises CommandError where there is none, UsageError where it is not clear which is meant, and
    whatever the Python file raises.
    """
    path = Path(text)
    if path.is_file():
        if is_program(path):
            return _program(path, name)
        if path.suffix == ".py":
            return _object(_run_file(path), name, text)
        raise CommandError(f"{text} is neither a program of gemmule.export nor a Python file")
    if path.is_dir():
        raise CommandError(f"{text} is a folder")
    place, separator, after = text.rpartition(":")
    if not separator:
        if path.suffix == "" and path.parent == Path() and _is_module(text):
            return _object(_import(text), name, text)
        raise CommandError(f"{text}: no such file")
    if name is not None:
        raise UsageError(f"{text} names {after!r} and --name {name!r}")
    if Path(place).suffix == ".py":
        if not Path(place).is_file():
            raise CommandError(f"{place}: no such file")
        return _object(_run_file(Path(place)), after, place)
    return _object(_import(place), after, place)


def _program(path: Path, name: str | None):
    if name is not None:
        raise UsageError("--name is for Python files; a function of a program is --function")
    import gemmule

    return gemmule.load(path)


def _run_file(path: Path):
    """The module of a file. Its `if __name__ == "__main__":` does not run."""
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))  # what lies beside it can be imported
    # Pickling and dataclasses look a module up; one that there is already stays.
    sys.modules.setdefault(path.stem, module)
    try:
        spec.loader.exec_module(module)
    except SystemExit as error:
        raise CommandError(f"{path} ends the process: sys.exit({error.code!r})") from error
    return module


def _is_module(name: str) -> bool:
    _add_current_folder()
    return name.isidentifier() and importlib.util.find_spec(name) is not None


def _import(name: str):
    _add_current_folder()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise CommandError(f"no module is called {name!r}") from error
        raise


def _add_current_folder() -> None:
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)


# -- which variable -------------------------------------------------------------------------------


def _object(module, name: str | None, text: str):
    if name is not None:
        value = module
        for part in name.split("."):
            if not hasattr(value, part):
                raise UsageError(f"{text} has no {name!r}; it has: {_candidates_text(module)}")
            value = getattr(value, part)
        return _made(value, name)
    for usual in USUAL:
        if kind_of(getattr(module, usual, None)) is not None:
            return getattr(module, usual)
        if callable(getattr(module, usual, None)):
            return _made(getattr(module, usual), usual)
    found = _candidates(module)
    if len(found) == 1:
        return getattr(module, found[0])
    if found:
        raise UsageError(f"{text} has several: choose with --name: {', '.join(found)}")
    raise CommandError(
        f"{text} has no pymc.Model and no PyTensor function: call it `model` or `f`, or choose "
        "what makes one with --name"
    )


def _made(value, name: str):
    """The value, or what it returns where it is a function that makes one."""
    if kind_of(value) is None and callable(value):
        value = value()
    if kind_of(value) is None:
        raise CommandError(
            f"{name!r} is a {type(value).__name__}: neither a pymc.Model, a PyTensor function or "
            "expression, nor a function that returns one"
        )
    return value


def _candidates(module) -> list[str]:
    # An expression may be a step on the way to another: it has to be named.
    names = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and kind_of(value) in ("model", "function", "program")
    ]
    different = {id(getattr(module, name)): name for name in reversed(names)}
    return sorted(different.values(), key=names.index)


def _candidates_text(module) -> str:
    return ", ".join(_candidates(module)) or "no model and no function"


def kind_of(value) -> str | None:
    """ "model", "function", "expression", "program", or None for anything else."""
    if _is_a(value, "pymc.model.core", "Model"):
        return "model"
    if _is_a(unwrapped(value), "pytensor.compile.executor", "Function"):
        return "function"
    if _is_a(value, "pytensor.graph.basic", "Variable"):
        return "expression"
    if isinstance(value, list | tuple) and value:
        kinds = {kind_of(item) for item in value}
        return "expression" if kinds == {"expression"} else None
    if _is_a(value, "gemmule.runtime", "Program"):
        return "program"
    return None


def unwrapped(value):
    """The PyTensor function in what PyMC makes of one: ``model.compile_logp()`` and the like."""
    if _is_a(value, "pymc.pytensorf", "PointFunc"):
        return value.f
    if _is_a(value, "pymc.model.core", "ValueGradFunction"):
        return value._pytensor_function
    return value


def _is_a(value, module: str, name: str) -> bool:
    """Without importing what nobody has imported: nothing can be of its classes then."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(value, kind)
