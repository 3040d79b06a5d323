"""Programs from files: what runs where PyTensor and PyMC are not installed."""

import os

import numpy as np

from gemmule import _core


def load(path) -> "Program":
    """The program in a file that `gemmule.export` wrote. Neither PyTensor nor PyMC is needed.

    Raises FileNotFoundError and other OSErrors for a file that cannot be read, ValueError for one
    that is damaged, ends early, or was written by a newer Gemmule.
    """
    return Program(_core.Program.load(os.fspath(path)))


class Program:
    """A compiled function, or the density of a model.

    It never changes; threads may call at once.
    """

    def __init__(self, core: _core.Program):
        #: What calls by address need: `logp_address`, `expand_address` and `model_address`.
        self.core = core
        self._single = core.metadata.get("single_output") == "true"

    def __repr__(self) -> str:
        names = ", ".join(self.core.functions)
        return f"<gemmule.Program: {names}; data: {', '.join(self.data) or 'none'}>"

    # -- of a function -----------------------------------------------------------------------------

    def __call__(self, *inputs):
        """What the function that was exported returns for NumPy arrays and numbers.

        Raises ValueError with the message of a check that does not hold, TypeError and ValueError
        for dtypes and shapes that do not fit.
        """
        results = self.run("main", *inputs)
        return results[0] if self._single else results

    @property
    def inputs(self) -> list[tuple[str, str, tuple]]:
        """(name, dtype, shape) of every input; None is a size that a call decides."""
        return self.core.inputs("main")

    @property
    def outputs(self) -> list[tuple[str, str, tuple]]:
        """(name, dtype, shape) of every output."""
        return self.core.outputs("main")

    # -- of a model --------------------------------------------------------------------------------

    @property
    def variables(self) -> dict[str, tuple]:
        """Names and shapes of the variables in the flat vector that `logp_and_gradient` takes."""
        return dict(self.core.parts("logp"))

    @property
    def initial_point(self) -> np.ndarray:
        """The point that PyMC starts from, float64[dim]."""
        return self.run("initial_point")[0]

    def logp_and_gradient(self, x) -> tuple[float, np.ndarray]:
        """The log density at x, float64[dim], and its gradient."""
        logp, gradient = self.run("logp", np.asarray(x, dtype="float64"))
        return float(logp), gradient

    def expand(self, x) -> dict[str, np.ndarray]:
        """All unobserved variables and deterministics, by name, at x, float64[dim]."""
        [flat] = self.run("expand", np.asarray(x, dtype="float64"))
        result, end = {}, 0
        for name, shape in self.core.parts("expand"):
            begin, end = end, end + int(np.prod(shape, dtype=int))
            result[name] = flat[begin:end].reshape(shape)
        return result

    # -- of both -----------------------------------------------------------------------------------

    def run(self, function: str, *inputs) -> list[np.ndarray]:
        """The outputs of a function of the program; ``core.functions`` names them."""
        return self.core.run(function, list(inputs))

    @property
    def data(self) -> dict[str, np.ndarray]:
        """Values of shared variables and `pymc.Data`, by name."""
        return self.core.data

    def with_data(self, **updates) -> "Program":
        """The same program with other data of the same numbers of dimensions.

        Raises ValueError for a name that is none of the data's and for a shape that a function
        does not take, TypeError for a value that is not of the datum's kind.
        """
        old = self.core.data
        arrays = {}
        for name, value in updates.items():
            array = np.asarray(value)
            if name in old and np.can_cast(array.dtype, old[name].dtype, "same_kind"):
                array = array.astype(old[name].dtype)
            arrays[name] = array
        return Program(self.core.with_data(**arrays))

    def save(self, path) -> None:
        """Writes the file as a whole or not at all."""
        self.core.save(os.fspath(path))

    def __reduce__(self):
        return _from_bytes, (self.core.to_bytes(),)


def _from_bytes(data: bytes) -> Program:
    return Program(_core.Program.from_bytes(data))
