"""torch.compile for the network's forward and backward pass: whether it can work here, and what to say where it does not."""

import os
import shutil
import sys
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from components.errors import ConfigError


def check_compiler() -> None:
    """Refuse where no C++ compiler is; torch's code generator calls one, also for what surrounds a GPU's kernels.

    Raises:
        ConfigError: if there is none.
    """
    name = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    if shutil.which(name) is None:
        raise ConfigError(f"training.compile needs a C++ compiler, and {name} is not here: install g++ or set training.compile to false")


def compiled(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The same function, compiled when it is first called."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch's own, when it loads its compiler
        return torch.compile(function)


def failures() -> type[Exception]:
    """What torch raises when it cannot compile."""
    from torch._dynamo.exc import TorchDynamoException  # its compiler takes seconds to load, which only those who use it wait for

    failure: type[Exception] = TorchDynamoException
    return failure


def not_compiled(error: Exception) -> ConfigError:
    """What to do when the compiler that is here fails, for lack of Python's headers for instance."""
    said = next((line.strip() for line in str(error).splitlines() if "error:" in line), str(error).strip().splitlines()[0])
    return ConfigError(f"training.compile: torch could not compile the network ({said[:200]}): set training.compile to false")
