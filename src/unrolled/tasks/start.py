"""Starting from a trained language model: its tokens, its embedding and its layers, which a task goes on to train."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from unrolled.core.compose import Stack
from unrolled.core.layer import Layer
from unrolled.data.text_tokenizer import TextTokenizer
from unrolled.errors import InputError, OptionError
from unrolled.models.language import LanguageSizes
from unrolled.tasks.generate import Generator
from unrolled.tasks.generate.network import make_network, saved_name
from unrolled.tasks.generate.settings import GenerateSettings
from unrolled.tasks.recurrent import CellChoice
from unrolled.tasks.saving import read_file
from unrolled.train.thaw import Part

TOKENIZER = "tokenizer.json"
FALL = 1.3
"""By which the learning rate is divided from a layer to the one below it. Howard and Ruder's 2.6 is for a model of much more
text, and hardly changes a small one."""
THAWED, ALL_THAWED = 0.1, 0.5
"""The share of the run after which the next lower layer is trained, too, and after which all are at the latest."""


@dataclass(frozen=True, eq=False)
class Start:
    """A language model that the network of another task begins with.

    Dai and Le 2015, arXiv:1511.01432; Howard and Ruder 2018 (ULMFiT), arXiv:1801.06146.

    Attributes:
        source: the folder of the Generator, or what it was otherwise.
        digest: of its weights.
        cell: of its layers.
        settings: of the Generator.
        sizes: of its network.
        tokenizer: of its texts.
        weights: of its network; None where a model that began with it was saved and loaded: it has its own.
    """

    source: str
    digest: str
    cell: CellChoice
    settings: GenerateSettings
    sizes: LanguageSizes
    tokenizer: TextTokenizer
    weights: Mapping[str, Tensor] | None = None

    @classmethod
    def of(cls, given: Any) -> Self | None:
        """Return the start that is given: a Generator, or the folder of a saved one; None of None.

        Raises:
            OptionError: it is something else.
            ModelFileError: there is no Generator in the folder.
            InputError: the Generator is not fitted.
        """
        if given is None or isinstance(given, cls):
            return given
        if isinstance(given, str | PathLike):
            source, generator = str(given), Generator.load(given)
        elif isinstance(given, Generator):
            source, generator = "a Generator", given
        else:
            raise OptionError(
                f"start={given!r}", expected="a Generator, or the folder of a saved one"
            )
        fitted = generator.fitted
        weights = {name: t.detach().clone() for name, t in fitted.network.state_dict().items()}
        return cls(
            source,
            _digest(weights),
            generator.cell,
            fitted.settings,
            fitted.network.sizes,
            fitted.reader.tokenizer,
            weights,
        )

    def options(self, cell: CellChoice | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a task's options, with those that the language model decides.

        Raises:
            OptionError: one of these was given as something else.
        """
        decided = {
            "embedding": self.sizes.embedding,
            "hidden_size": self.settings.hidden_size,
            "layers": self.settings.layers,
            "bidirectional": False,
        }
        of_tokens = {"units": self.settings.units, "vocabulary": len(self.tokenizer)}
        for name, value in {**decided, **of_tokens}.items():
            if given.get(name) not in (None, value):
                raise self._refused(name, given[name], f"{value!r}, as there")
        if given.get("vectors") is not None:
            raise self._refused("vectors", given["vectors"], "none: it has vectors of its own")
        named = saved_name(self.cell)
        if cell not in (None, self.cell) and (named is None or saved_name(cell) != named):
            raise self._refused("cell", cell, f"{named or self.cell!r}, as there")
        return {n: v for n, v in given.items() if n not in of_tokens} | decided

    def _refused(self, name: str, value: object, expected: str) -> OptionError:
        return OptionError(
            f"{name}={value!r} with the language model {self.source}",
            expected=expected,
            fix="leave it out",
        )

    def body(self, dropout: float | None = None) -> tuple[nn.Module, Layer]:
        """Return how tokens are read and the layers above, new ones with the weights of the language model.

        Args:
            dropout: probability of dropping a feature between layers; None = as it was, as is that of weights and tokens.
        """
        settings = self.settings if dropout is None else replace(self.settings, dropout=dropout)
        network = make_network(self.cell, settings, self.sizes, seed=0)
        if self.weights is not None:
            network.load_state_dict(dict(self.weights))
        return network.read, network.layer

    def require_weights(self) -> None:
        """Raise where the weights of the language model are not at hand.

        Raises:
            InputError: a model that began with it was loaded, and is to begin again.
        """
        if self.weights is None:
            raise InputError(
                f"this model began with the language model {self.source}, which is not saved with it",
                fix="make a new one to train it again: start=... (--from)",
            )

    def to_dict(self) -> dict[str, Any]:
        """Return it as config.json holds it, without tokenizer and weights."""
        return {
            "cell": saved_name(self.cell),
            "source": self.source,
            "digest": self.digest,
            "settings": self.settings.as_dict(),
            "sizes": asdict(self.sizes),
        }

    @classmethod
    def from_dict(
        cls, saved: Mapping[str, Any], cell: CellChoice, tokenizer: TextTokenizer
    ) -> Self:
        """Return the start of which `to_dict` gave this; ``cell`` is its own where that has no name."""
        return cls(
            saved["source"],
            saved["digest"],
            saved["cell"] or cell,
            GenerateSettings(**saved["settings"]),
            LanguageSizes(**saved["sizes"]),
            tokenizer,
        )


def read_start(
    config: Mapping[str, Any], cell: CellChoice, folder: str | PathLike[str]
) -> Start | None:
    """Return what a saved model began with, if it began with something.

    Raises:
        ModelFileError: the tokenizer is not there, or not the one that was saved with it.
    """
    saved = config.get("start")
    if saved is None:
        return None
    text, where = read_file(folder, TOKENIZER, config), str(Path(folder) / TOKENIZER)
    units = str(saved["settings"]["units"])
    return Start.from_dict(saved, cell, TextTokenizer.from_text(text, units, where))


def thawing(read: nn.Module, layer: Layer) -> list[Part]:
    """Return the parts that are trained one after the other, from the top layer down to the embedding.

    What is new is trained from the beginning; each layer begins later than what is above it, and learns more slowly
    (gradual unfreezing and discriminative rates; Howard and Ruder 2018, sections 3.2 and 3.3).
    """
    from_the_top = [*reversed(depths(layer)), list(read.parameters())]
    share = min(THAWED, ALL_THAWED / len(from_the_top))
    return [
        Part(parameters, rate=FALL**-depth, begins=share * depth)
        for depth, parameters in enumerate(from_the_top, start=1)
    ]


def depths(layer: Layer) -> list[list[nn.Parameter]]:
    """Return the parameters of each layer of a stack, the lowest first; what has no state belongs to the one below it.

    >>> from unrolled import GRU
    >>> [len(found) for found in depths(Stack(GRU(2, 3), GRU(3, 3), nn.Linear(3, 2)))]
    [4, 6]
    """
    found: list[list[nn.Parameter]] = []
    for part in layer if isinstance(layer, Stack) else [layer]:
        parameters = list(part.parameters())
        if found and not isinstance(part, Layer):
            found[-1] += parameters
        elif parameters:
            found.append(parameters)
    return found


def _digest(weights: Mapping[str, Tensor]) -> str:
    """Return a hash of weights by name."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in weights.items():
        digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
