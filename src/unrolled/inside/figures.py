"""The pictures of `look` as figures of matplotlib: for a notebook, a paper, a slide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from unrolled.errors import InputError, OptionError, unknown_option
from unrolled.inside import units
from unrolled.inside.attribution import attribution
from unrolled.inside.pane import Pane
from unrolled.inside.recorded import beginning_of, gates_of, main_field, states_of
from unrolled.inside.remembering import remembering
from unrolled.tasks.trace import (
    Attended,
    Expected,
    Forecasted,
    Probabilities,
    Side,
    Tags,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
)
"""Letters are looked for in these in turn, so that Chinese is written where the machine can."""
LABELS = 60
"""Steps up to which each is named."""
SIGNED = "PuOr_r"
"""From orange over white to violet: told apart with every common kind of colour blindness."""


class Figures:
    """The pictures of one pane; each method returns a figure of matplotlib.

    >>> import torch, unrolled
    >>> figures = unrolled.look(unrolled.LSTM(3, 5), torch.randn(1, 7, 3)).figures
    >>> figures.heat_map(field="forget").axes[0].get_title()
    'h1: forget'
    """

    def __init__(self, pane: Pane) -> None:
        self._pane, self._trace = pane, pane.trace

    def timeline(self) -> Figure:
        """Draw how far each cell's state moves at each step, the highest cell on top, the decoder above the encoder."""
        rows = [
            (side, name, self._changes(side, path))
            for side in reversed(self._trace.sides)
            for path, name in reversed(list(self._paths(side).items()))
        ]
        with _figure(1 + 0.5 * len(rows), rows=max(1, len(self._trace.sides))) as (made, axes):
            for axis, side in zip(axes, reversed(self._trace.sides), strict=False):
                own = [(name, change) for of, name, change in rows if of is side]
                if not own:
                    continue
                image = axis.imshow(
                    np.stack([change for _, change in own]), aspect="auto", cmap="Purples"
                )
                axis.set_yticks(range(len(own)), [name for name, _ in own])
                axis.set_title(f"{side.name + ': ' if side.name else ''}how far the state moves")
                _name_steps(axis, side.steps[0])
                made.colorbar(image, ax=axis, label="|h(t) - h(t-1)| / √U")
        return made

    def heat_map(
        self,
        cell: str | None = None,
        field: str | None = None,
        order: Literal["activity", "similarity", "output", "number"] = "activity",
        side: int = 0,
    ) -> Figure:
        """Draw a state or a gate, units x steps.

        Args:
            cell: its name ("h1 →") or path; None = the first.
            field: of the state or the gates; None = what the cell gives out.
            order: of the units.
            side: whose cell.
        """
        path, name = self._path(side, cell)
        values, field = self._values(side, path, field)
        with _figure(min(8.0, 2 + 0.06 * values.shape[1])) as (made, (axis,)):
            signed = values.min() < 0
            edge = float(np.abs(values).max()) or 1.0
            limits: dict[str, Any] = {"vmin": -edge if signed else 0.0, "vmax": edge}
            shown = values[:, self._order(side, path, order)].T
            image = axis.imshow(
                shown,
                aspect="auto",
                interpolation="nearest",
                cmap=SIGNED if signed else "Purples",
                **limits,
            )
            axis.set_title(f"{name}: {field}")
            axis.set_ylabel(f"units, by {order}")
            _name_steps(axis, self._trace.sides[side].steps[0])
            made.colorbar(image, ax=axis)
        return made

    def cell(self, step: int, cell: str | None = None, unit: int = 0, side: int = 0) -> Figure:
        """Draw the gates and the states of one cell at one step: all units as points, one of them marked.

        Args:
            step: from 0.
            cell: its name or path; None = the first.
            unit: that is marked.
            side: whose cell.
        """
        path, name = self._path(side, cell)
        steps, run = self._trace.sides[side].steps[0], self._trace.sides[side].runs[path]
        if not 0 <= step < len(steps):
            raise InputError(f"step {step}", expected=f"0 to {len(steps) - 1}")
        fields = {**gates_of(run), **states_of(run)}
        widest = max(leaf.shape[-1] for leaf in fields.values())
        if not 0 <= unit < widest:
            raise InputError(f"unit {unit}", expected=f"0 to {widest - 1}")
        with _figure(1 + 0.6 * len(fields)) as (made, (axis,)):
            for place, leaf in enumerate(fields.values()):
                at = leaf[0, step].double().numpy()
                axis.scatter(at, np.full(len(at), place), s=10, alpha=0.4, color="#7050a0")
                if unit >= len(at):
                    continue  # a field of fewer units
                axis.scatter(at[unit], place, s=60, marker="|", color="#b84a00", linewidths=3)
                axis.annotate(
                    f"{at[unit]:.3f}",
                    (at[unit], place),
                    (0, 8),
                    textcoords="offset points",
                    ha="center",
                )
            axis.set_yticks(range(len(fields)), fields)
            axis.set_title(f"{name} at step {step + 1}, {_plain(steps[step])}: unit {unit} marked")
            axis.invert_yaxis()
            axis.grid(axis="x", alpha=0.3)
        return made

    def unit(
        self, unit: int, cell: str | None = None, field: str | None = None, side: int = 0
    ) -> Figure:
        """Draw one unit over the steps."""
        path, name = self._path(side, cell)
        values, field = self._values(side, path, field)
        if not 0 <= unit < values.shape[1]:
            raise InputError(f"unit {unit}", expected=f"0 to {values.shape[1] - 1}")
        with _figure(3) as (made, (axis,)):
            axis.plot(values[:, unit], color="#1463a5", marker=".")
            axis.axhline(0, color="#b9b5ae", linewidth=0.8)
            axis.set_title(f"{name}: {field} of unit {unit}")
            _name_steps(axis, self._trace.sides[side].steps[0])
        return made

    def output(self) -> Figure:
        """Draw what came out, step by step: probabilities, surprise, tags, a forecast.

        Raises:
            InputError: nothing is known of the output, as of a bare layer.
        """
        for output in self._trace.outputs:
            draw = _DRAWN.get(type(output))
            if draw is not None:
                with _figure(4) as (made, (axis,)):
                    draw(axis, output, self._trace.sides)
                return made
        raise InputError("this trace has no output that could be drawn")

    def attention(self) -> Figure:
        """Draw where each step looked.

        Raises:
            InputError: nothing looks.
        """
        looked = [output for output in self._trace.outputs if isinstance(output, Attended)]
        if not looked:
            raise InputError("no cell of this model attends to anything")
        with _figure(5 * len(looked), rows=len(looked)) as (made, axes):
            for axis, one in zip(axes, looked, strict=True):
                image = axis.imshow(one.weights, aspect="auto", cmap="Purples", vmin=0)
                axis.set_title(one.name)
                _name_steps(axis, self._trace.sides[one.columns].steps[0])
                _name_steps(axis, self._trace.sides[one.rows].steps[0], axis.set_yticks, rotation=0)
                made.colorbar(image, ax=axis)
        return made

    def attribution(
        self, of: str | None = None, method: Literal["gradients", "occlusion"] = "gradients"
    ) -> Figure:
        """Draw what each step contributes to an output: integrated gradients, or occlusion.

        Args:
            of: what is asked, one of the trace's questions; None = the answer.
            method: "gradients" or "occlusion".
        """
        if method not in ("gradients", "occlusion"):
            raise unknown_option("method", method, ("gradients", "occlusion"))
        questions = self._trace.questions
        if not questions or (of is not None and of not in questions):
            raise InputError(
                f"nothing is known of {of!r}", expected=f"one of {', '.join(questions) or 'none'}"
            )
        found = attribution(questions[of or next(iter(questions))]())
        values = found.gradients if method == "gradients" else found.occlusion
        with _figure(3.5) as (made, (axis,)):
            axis.bar(range(len(values)), values, color=np.where(values < 0, "#b84a00", "#7050a0"))
            axis.axhline(0, color="#1d2126", linewidth=0.8)
            unit = f" ({found.question.unit})" if found.question.unit else ""
            axis.set_title(
                f"{_plain(found.question.of)}{unit}: {found.score:.3f}, {found.blank:.3f} for a blank input"
            )
            _name_steps(axis, found.question.labels)
        return made

    def reach(self) -> Figure:
        """Draw |dL/dh| against distance, beside new cells of equal size."""
        found = remembering(self._trace)
        with _figure(4) as (made, (axis,)):
            for name, norms in found.beside.items():
                axis.plot(norms, "--", alpha=0.7, label=f"new {name}")
            for name, (norms, judged) in found.cells.items():
                axis.plot(norms, linewidth=2, label=f"{name}: {judged.verdict}")
            axis.set_yscale("log")
            axis.set_xlabel("steps back from the end")
            axis.set_ylabel("|∂L/∂h(t)|, 1 at the end")
            axis.legend()
        return made

    def _paths(self, side: Side) -> dict[str, str]:
        """Return the cells that remember something by path, and what they are called."""
        return {
            path: side.names.get(path, path) for path, run in side.runs.items() if states_of(run)
        }

    def _path(self, side: int, cell: str | None) -> tuple[str, str]:
        if not 0 <= side < len(self._trace.sides):
            raise InputError(f"side {side}", expected=f"0 to {len(self._trace.sides) - 1}")
        paths = self._paths(self._trace.sides[side])
        for path, name in paths.items():
            if cell in (None, path, name):
                return path, name
        raise OptionError(
            f"cell={cell!r}", expected=f"one of {', '.join(paths.values()) or 'none'}"
        )

    def _values(self, side: int, path: str, field: str | None) -> tuple[Array, str]:
        run = self._trace.sides[side].runs[path]
        states = states_of(run)
        fields = {**states, **gates_of(run)}
        wanted = field or main_field(run, states)
        if wanted not in fields:
            raise unknown_option("field", field, fields)
        return fields[wanted][0].double().numpy(), wanted

    def _changes(self, side: Side, path: str) -> Array:
        at = self._trace.sides.index(side)
        values, _ = self._values(at, path, None)
        order = slice(None, None, -1) if side.runs[path].backward else slice(None)
        run = side.runs[path]
        states = states_of(run)
        field = main_field(run, states) or ""
        first = beginning_of(run, states)[field][0].double().numpy()
        return units.change(first, values[order])[order]

    def _order(self, side: int, path: str, order: str) -> NDArray[np.int64]:
        values, _ = self._values(side, path, None)
        if order == "number":
            return np.arange(values.shape[1])
        cells = self._pane.document.content["sides"][side]["cells"]
        orders: dict[str, list[int]] = next(cell for cell in cells if cell["path"] == path)[
            "orders"
        ]
        if order not in orders:
            raise unknown_option("order", order, (*orders, "number"))
        return np.array(orders[order])


def _probabilities(axis: Axes, output: Probabilities, sides: Sequence[Side]) -> None:
    for place, name in enumerate(output.names):
        axis.plot(
            output.at,
            output.values[:, place],
            label=_plain(name),
            linewidth=2 if place == output.answer else 1,
        )
    axis.set_ylim(0, 1)
    axis.set_title("probability of each class, as it is read")
    axis.legend()
    _name_steps(axis, sides[output.side].steps[0])


def _expected(axis: Axes, output: Expected, sides: Sequence[Side]) -> None:
    axis.bar(range(len(output.surprise)), np.nan_to_num(output.surprise), color="#7050a0")
    axis.set_title("surprise, bits")
    _name_steps(axis, sides[output.side].steps[0])


def _tags(axis: Axes, output: Tags, sides: Sequence[Side]) -> None:
    axis.imshow(output.values.T, aspect="auto", cmap="Purples", vmin=0, vmax=1)
    axis.set_yticks(range(len(output.names)), output.names)
    axis.set_title("probability of each tag")
    _name_steps(axis, sides[output.side].steps[0])


def _forecasted(axis: Axes, output: Forecasted, sides: Sequence[Side]) -> None:
    del sides
    past, future = np.arange(len(output.past)), len(output.past) + np.arange(len(output.future))
    axis.plot(past, output.past_values, color="#1d2126", label="past")
    for level, low, high in output.bands:
        axis.fill_between(future, low, high, alpha=0.2, color="#7050a0", label=f"{level:.0%}")
    axis.plot(future, output.median, color="#7050a0", linewidth=2, label="median")
    if output.happened is not None:
        axis.plot(future, output.happened, color="#1d2126", linestyle=":", label="what happened")
    for name, values in output.baselines.items():
        axis.plot(future, values, "--", linewidth=1, label=name.replace("_", " "))
    axis.set_title(_plain(output.series))
    axis.legend()
    _name_steps(axis, (*output.past, *output.future))


_DRAWN: dict[type, Any] = {
    Probabilities: _probabilities,
    Expected: _expected,
    Tags: _tags,
    Forecasted: _forecasted,
}


@contextmanager
def _figure(height: float, rows: int = 1) -> Iterator[tuple[Figure, tuple[Axes, ...]]]:
    """Make a figure that belongs to the caller alone: pyplot does not know it."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Made

    with mpl.rc_context(
        {"font.family": _fonts(), "axes.spines.top": False, "axes.spines.right": False}
    ):
        made = Made(figsize=(11, height), layout="constrained")
        FigureCanvasAgg(made)
        yield made, tuple(made.subplots(rows, 1, squeeze=False)[:, 0])


def _fonts() -> list[str]:
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return [name for name in FONTS if name in there]


def _name_steps(axis: Axes, steps: Sequence[str], ticks: Any = None, rotation: int = 60) -> None:
    every = max(1, -(-len(steps) // LABELS))
    places = range(0, len(steps), every)
    (ticks or axis.set_xticks)(places, [_plain(steps[at]) for at in places], rotation=rotation)


def _plain(text: str) -> str:
    """Return a label that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")
