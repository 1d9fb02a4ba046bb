"""What a checkpoint holds of a run, and how a run goes on from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.core.tree import State, leaves, tree_map
from unrolled.errors import ModelFileError
from unrolled.train.checkpoint import CHECKPOINT
from unrolled.train.generators import generator_states, set_generator_states
from unrolled.train.run import Run
from unrolled.train.settings import TrainSettings, refuse_other_settings


def checkpoint_content(
    run: Run, model: nn.Module, optimizer: torch.optim.Optimizer, settings: TrainSettings
) -> dict[str, Any]:
    """Return everything that the run needs to go on: nothing but tensors, numbers and strings."""
    return {
        "settings": asdict(settings),
        "numbers": run.numbers(),
        "model": dict(model.state_dict()),
        "optimizer": optimizer.state_dict(),
        "best_weights": run.best_weights,
        "carried": None if run.carried is None else list(leaves(run.carried, constants=True)),
        "generators": generator_states(),
    }


class Resumed:
    """A checkpoint that was read, and the parts of it that must wait for the first batch."""

    def __init__(self, content: Mapping[str, Any], folder: Path) -> None:
        self.content, self.where = content, str(folder / CHECKPOINT)
        self._carried: list[Tensor] | None = content["carried"]

    def restore(
        self, run: Run, model: nn.Module, optimizer: torch.optim.Optimizer, settings: TrainSettings
    ) -> None:
        """Put run, weights and optimizer where they were; the generators wait for `restore_generators`.

        Raises:
            OptionError: the run was begun with other settings.
            ModelFileError: the checkpoint is that of another model.
        """
        refuse_other_settings(self.content["settings"], settings, self.where)
        self._refuse_other_model(model)
        model.load_state_dict(self.content["model"])
        optimizer.load_state_dict(self.content["optimizer"])
        run.set_numbers(self.content["numbers"])
        best = self.content["best_weights"]
        if best is not None:
            now = model.state_dict()
            run.best_weights = {name: value.to(now[name].device) for name, value in best.items()}

    def restore_generators(self) -> None:
        """Put the generators where they were, once the batches that are done have been passed over."""
        set_generator_states(self.content["generators"])

    def carried(self, like: State) -> State | None:
        """Return the carried state in the shape of ``like``, or None when there was none. To be asked once."""
        saved, self._carried = self._carried, None
        if saved is None:
            return None
        shapes = [leaf.shape for leaf in leaves(like, constants=True)]
        if shapes != [leaf.shape for leaf in saved]:
            raise ModelFileError(
                f"the carried state has shapes {[tuple(leaf.shape) for leaf in saved]}",
                where=self.where,
                expected=f"those of this model and batch, {[tuple(shape) for shape in shapes]}",
                fix="resume with the data that the run was begun with",
            )
        rest = iter(saved)
        return tree_map(lambda leaf: next(rest).to(leaf.device), like, constants=True)

    def _refuse_other_model(self, model: nn.Module) -> None:
        saved = {name: tuple(value.shape) for name, value in self.content["model"].items()}
        given = {name: tuple(value.shape) for name, value in model.state_dict().items()}
        if saved == given:
            return
        names = sorted(n for n in saved.keys() | given.keys() if saved.get(n) != given.get(n))
        name = names[0]
        raise ModelFileError(
            f"{name} is {saved.get(name, 'missing')} there and {given.get(name, 'missing')} in this model"
            + (f", and {len(names) - 1} more differ" if len(names) > 1 else ""),
            where=self.where,
            expected="the checkpoint of the same model",
            fix="build the model with the options it had, or start again without resume",
        )
