"""accelerate and restore: torch's own recurrent modules on our kernels, where they stand."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from unrolled.adopt.functions import stand_in
from unrolled.errors import InputError
from unrolled.kernels.extension import extension, extension_status

FLAG = "_unrolled_accelerated"
"""The attribute of an accelerated module. A plain one: it goes through pickle, deepcopy and replication."""

KINDS = (nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell)


@dataclass(frozen=True)
class Report:
    """What `accelerate` did.

    Args:
        accelerated: paths of the modules that run on our kernels now, as ``named_modules`` calls them.
        left: paths of the recurrent modules that stay as they are, and why.
    """

    accelerated: tuple[str, ...]
    left: Mapping[str, str]

    def __str__(self) -> str:
        lines = [f"accelerated: {', '.join(map(_shown, self.accelerated)) or 'nothing'}"]
        lines += [f"left as it is: {_shown(path)} ({reason})" for path, reason in self.left.items()]
        return "\n".join(lines)


def accelerate(model: nn.Module) -> Report:
    """Run every nn.RNN, nn.LSTM, nn.GRU and Cell of them inside ``model`` on our kernels; class and weights stay.

    It works in place, and a second call changes nothing. What a module is called with decides at each call: float32 on
    the CPU, padded or a PackedSequence, goes to our kernels; all else (another dtype, autocast, torch.func, torch.jit)
    and what torch computes faster goes to torch, in the same forward. So do errors. Results differ by rounding only;
    dropout between layers draws the same numbers.

    Deep copies, pickles and replicas stay accelerated. In a new process, call `accelerate` once on what was unpickled:
    before, it runs as torch's own.

    Args:
        model: any module; it may be an nn.GRU itself.

    Returns:
        a report of what was accelerated, and of what was left as it is, with the reason: an LSTM with a projection, a
        scripted or parametrised module, a subclass with a forward of its own, weights of another dtype or device.

    >>> model = nn.Sequential(nn.GRU(3, 5), nn.LSTM(4, 8, proj_size=2))
    >>> print(accelerate(model))
    accelerated: 0
    left as it is: 1 (LSTM has a projection)
    >>> type(model[0]).__name__, model[0](torch.zeros(7, 2, 3))[0].shape
    ('GRU', torch.Size([7, 2, 5]))
    """
    _check_is_module(model, "accelerate")
    accelerated, left = [], {}
    for path, module in model.named_modules():
        if not _is_recurrent(module):
            continue
        reason = _why_not(module)
        if reason is None:
            setattr(module, FLAG, True)
            accelerated.append(path)
        else:
            left[path] = reason
    return Report(tuple(accelerated), types.MappingProxyType(left))


def restore(model: nn.Module) -> None:
    """Undo `accelerate`: every module inside ``model`` runs on torch's own code again.

    >>> model = nn.GRU(3, 5)
    >>> _ = accelerate(model)
    >>> restore(model)
    >>> sorted(vars(model)) == sorted(vars(nn.GRU(3, 5)))
    True
    """
    _check_is_module(model, "restore")
    for module in model.modules():
        vars(module).pop(FLAG, None)


def _check_is_module(model: Any, name: str) -> None:
    if not isinstance(model, nn.Module):
        raise InputError(f"{name} was given {type(model).__name__}", expected="an nn.Module")


def _is_recurrent(module: nn.Module) -> bool:
    if isinstance(module, torch.jit.ScriptModule):
        return module.original_name in {kind.__name__ for kind in KINDS}
    return isinstance(module, KINDS)


def _why_not(module: nn.Module) -> str | None:
    """Return why a recurrent module stays as it is, or None when it can run on our kernels."""
    if isinstance(module, torch.jit.ScriptModule):
        return f"{module.original_name} is scripted or traced"
    name = type(module).__name__
    if parametrize.is_parametrized(module):
        return (
            f"{parametrize.type_before_parametrizations(module).__name__} has parametrised weights"
        )
    kind = next(kind for kind in KINDS if isinstance(module, kind))
    if extension is None:
        return extension_status()
    if not _can_be_wrapped(kind):
        return f"torch {torch.__version__} has another {kind.__name__}"
    if "forward" in vars(module) or type(module).forward is not kind.forward:
        return f"{name} has a forward of its own"
    if getattr(module, "proj_size", 0) > 0:
        return f"{name} has a projection"
    for parameter in module.parameters():
        if parameter.dtype is not torch.float32 or not parameter.is_cpu:
            return f"{name} has weights of {parameter.dtype} on {parameter.device}"
    return None


def _can_be_wrapped(kind: type[nn.Module]) -> bool:
    """Wrap the class's forward, once; return whether it is wrapped."""
    forward = kind.forward
    if hasattr(forward, FLAG):
        return True
    if "_VF" not in forward.__code__.co_names:
        return False
    kind.forward = _wrapped(forward)  # type: ignore[method-assign]
    return True


def _wrapped(original: Any) -> Any:
    """Return a forward that runs the original on our functions where the module carries the flag.

    It is torch's own code in both cases, with its own handling and checks of the arguments.
    """
    ours = _with_names(original, {**original.__globals__, "_VF": stand_in()})
    # What is traced is torch's own; torch.compile leaves out nn.GRU and its like, and comes upon our functions.
    is_tracing = torch.jit.is_tracing
    is_exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)
    flag = FLAG

    @functools.wraps(original)
    def forward(self: nn.Module, *arguments: Any, **named: Any) -> Any:
        if flag in self.__dict__ and not is_tracing() and not is_exporting():
            return ours(self, *arguments, **named)
        return original(self, *arguments, **named)

    # torch.jit.script reads the original's text and looks names up where this function looks.
    wrapped = _with_names(forward, original.__globals__)
    functools.update_wrapper(wrapped, original)
    setattr(wrapped, FLAG, True)
    return wrapped


def _with_names(function: Any, names: dict[str, Any]) -> Callable[..., Any]:
    """Return the same function, which looks up global names elsewhere."""
    changed = types.FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    changed.__kwdefaults__ = function.__kwdefaults__
    return changed


def _shown(path: str) -> str:
    return path or "the model itself"
