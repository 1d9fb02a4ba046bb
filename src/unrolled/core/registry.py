"""Fast paths by exact cell type: which kernel takes a call, and why the others do not.

A kernel is looked up by the cell's exact type, not by inheritance: a subclass that overrides `step` must not be given
its parent's kernel. One that computes whatever a family of cells declares says so when it is registered. This file
knows no cell and no kernel; `unrolled.kernels` registers them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from unrolled.core.seq import Seq
from unrolled.core.tree import State, Tree

if TYPE_CHECKING:
    from unrolled.core.layer import Cell


class Kernel(Protocol):
    """Runs the cells of the type it is registered for over a whole sequence, equal to repeating their step."""

    name: str

    def refuses(self, cell: Any, xs: Seq, state: State) -> str | None:
        """Return the reason why this call cannot be taken, or None when it can."""

    def unroll(self, cell: Any, xs: Seq, state: State) -> tuple[Seq, State]:
        """Return the outputs and the rows' final states."""


class StepKernel(Protocol):
    """Takes single steps in inference, equal to the cell's own."""

    def step(self, cell: Any, x: Tree, state: State) -> tuple[Tree, State] | None:
        """Return output and state of one step, or None where the cell's own step is to run."""


class StreamKernel(Protocol):
    """Runs a frozen layer for one `Stream`, whose state it has in its own form meanwhile."""

    def takes(self, chunk: Any) -> bool:
        """Tell whether it runs chunks such as this."""

    def begin(self, state: State, batch: int) -> bool:
        """Take over a copy of the state of so many rows, or return False when it cannot run from it."""

    def push(self, chunk: Any) -> Tensor | None:
        """Return the outputs of the next chunk, or None, with the state unchanged, where the layer itself is to run."""

    def state(self) -> State:
        """Return the state as the layer has it; to go on from there it must begin again."""

    def fork(self) -> StreamKernel:
        """Return another one with the same weights, which has not begun."""


class Choice(NamedTuple):
    """What was decided for one cell in one call: the kernel's name and the refusals of those asked before it."""

    cell: nn.Module
    kernel: str
    refusals: tuple[tuple[str, str], ...]


PLAIN = "plain loop"
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")

_kernels: dict[type, list[Kernel]] = {}
_families: dict[type, list[Kernel]] = {}
_step_kernels: dict[type, StepKernel] = {}
_stream_kernels: list[Callable[[nn.Module], StreamKernel | str]] = []
_loaded = False
_trace: ContextVar[list[Choice] | None] = ContextVar("unrolled_kernel_trace", default=None)


def register_kernel(cell_type: type[Cell], kernel: Kernel, *, subclasses: bool = False) -> None:
    """Offer ``kernel`` for exactly ``cell_type``; kernels are asked in the order of their registration.

    With ``subclasses=True`` it is offered for every subclass too, after those for exactly that type. Then the kernel must
    refuse a cell that overrides what it stands for.
    """
    offered = _families if subclasses else _kernels
    offered.setdefault(cell_type, []).append(kernel)


def kernels_for(cell_type: type) -> list[Kernel]:
    """Return the kernels that are asked for cells of this type, in order."""
    families = [kernel for base in cell_type.__mro__ for kernel in _families.get(base, ())]
    return [*_kernels.get(cell_type, ()), *families]


def has_rows_shared(cell_type: type) -> bool:
    """Tell whether a kernel for cells of this type shares whole rows out among threads, which then never wait."""
    _load_kernels()
    return any(getattr(kernel, "shares_rows", False) for kernel in kernels_for(cell_type))


def register_step_kernel(cell_type: type[Cell], kernel: StepKernel) -> None:
    """Let ``kernel`` take the steps of exactly ``cell_type`` in inference."""
    _step_kernels[cell_type] = kernel


def register_stream_kernel(make: Callable[[nn.Module], StreamKernel | str]) -> None:
    """Offer ``make(frozen layer)``, which returns the reason for a layer that it cannot run."""
    _stream_kernels.append(make)


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _load_kernels() -> bool:
    """Let our own kernels register themselves. The decorator lets torch.compile call this while it traces."""
    global _loaded  # noqa: PLW0603
    if not _loaded:
        importlib.import_module("unrolled.kernels")
        _loaded = True
    return True


def find_kernel(cell: Cell, xs: Seq, state: State) -> Kernel | None:
    """Return the first kernel that takes this call, or None for the plain loop."""
    _load_kernels()
    chosen, refusals = None, []
    for kernel in kernels_for(type_before_parametrizations(cell)):
        reason = _changed_on_instance(cell) or kernel.refuses(cell, xs, state)
        if reason is None:
            chosen = kernel
            break
        refusals.append((kernel.name, reason))
    # torch.compile cannot trace a ContextVar, and nobody asks for an explanation while it traces.
    trace = None if torch.compiler.is_dynamo_compiling() else _trace.get()
    if trace is not None:
        trace.append(Choice(cell, chosen.name if chosen else PLAIN, tuple(refusals)))
    return chosen


def packed_step(cell: Cell, x: Tree, state: State) -> tuple[Tree, State] | None:
    """Return one step from packed weights, or None where the cell's equation itself is to be computed."""
    if torch.compiler.is_dynamo_compiling():
        return None
    _load_kernels()
    kernel = _step_kernels.get(type(cell))
    return None if kernel is None else kernel.step(cell, x, state)


def find_stream_kernel(layer: nn.Module) -> tuple[StreamKernel | None, str]:
    """Return what runs a stream of this frozen layer, or None, where the layer itself does, and why."""
    _load_kernels()
    reasons = []
    for make in _stream_kernels:
        kernel = make(layer)
        if not isinstance(kernel, str):
            return kernel, ""
        reasons.append(kernel)
    return None, "; ".join(reasons)


def changed_on_instance(part: nn.Module) -> bool:
    """Tell whether hooks or replaced methods stand around what the type of this very object computes."""
    methods = ("forward", "unroll", "step", "gates", "initial_state", "check_state")
    replaced = any(name in part.__dict__ for name in methods)
    return replaced or any(getattr(part, hooks) for hooks in _HOOKS)


def _changed_on_instance(cell: Cell) -> str | None:
    """Return why this very object no longer computes what its type says, or None."""
    for name in ("step", "gates"):
        if name in cell.__dict__:
            return f"{name} is replaced on this instance"
    for name, child in cell.named_modules() if cell._modules else ():
        # Hooks on the cell itself run around its forward, whatever computes that.
        if child is not cell and any(getattr(child, hooks) for hooks in _HOOKS):
            return f"its child {name} has hooks"
    return None


@contextmanager
def traced_choices() -> Iterator[list[Choice]]:
    """Collect the choices made inside the block."""
    choices: list[Choice] = []
    token = _trace.set(choices)
    try:
        yield choices
    finally:
        _trace.reset(token)
