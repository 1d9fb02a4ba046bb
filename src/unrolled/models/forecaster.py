"""The network of a forecaster: it knows tensors only.

The look-back is cut into segments and a recurrent layer runs over the segments, not over the steps (SegRNN, Lin et al.
2023, arXiv:2308.11200): few steps, each with much in it, are fast and easy to train. From the final state one more
step of the same layer for every segment of the horizon gives what is added to a linear map of the look-back and of the
season's lags (the autoregressive part of LSTNet, Lai et al. 2018, arXiv:1703.07015). So the network contains the linear
forecasts that are hard to beat, and has to learn only what they cannot say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.core.layer import Layer
from unrolled.core.tree import State, tree_map
from unrolled.errors import OptionError, unknown_option
from unrolled.models.heads import Head

Decode = Literal["direct", "autoregressive"]

HIDDEN_SERIES = 0.05
"""Share of the training windows whose series is hidden, so that an unknown one means something."""


class ForecastInputs(Protocol):
    """What the network reads of B windows; the target is centred and scaled window by window."""

    @property
    def past(self) -> Tensor:
        """(B, L) the look-back, 0 where it was not observed."""

    @property
    def past_mask(self) -> Tensor:
        """(B, L) 1 where it was observed."""

    @property
    def past_features(self) -> Tensor:
        """(B, L, P) covariates, the K known ones first."""

    @property
    def future_features(self) -> Tensor:
        """(B, H, F) what is known of the horizon in advance, the K known covariates last."""

    @property
    def seasonal(self) -> Tensor:
        """(B, H, S) lags of the seasons."""

    @property
    def seasonal_mask(self) -> Tensor:
        """(B, H, S) 1 where those were observed."""

    @property
    def static(self) -> Tensor:
        """(B, C) what does not change over time."""

    @property
    def series(self) -> Tensor:
        """(B,) the series; any number that is not 0 to series - 1 is one that was not trained on."""


@dataclass(frozen=True)
class NetworkSizes:
    """The sizes of a `ForecastNetwork`.

    Attributes:
        lookback: L, steps.
        horizon: H, steps; an autoregressive network takes any other, too.
        segment: steps of a segment.
        hidden_size: features that the recurrent layer is given, and gives back.
        past_features: P.
        future_features: F.
        known: K, covariates among both.
        lags: S.
        static: C.
        series: how many series there are; with one it needs no embedding.
        embedding: numbers that are learned for every series.
    """

    lookback: int
    horizon: int
    segment: int
    hidden_size: int
    past_features: int = 0
    future_features: int = 0
    known: int = 0
    lags: int = 0
    static: int = 0
    series: int = 1
    embedding: int = 8

    @property
    def past_segments(self) -> int:
        """Segments of the look-back; the first is filled up with steps that were not observed."""
        return -(-self.lookback // self.segment)

    @property
    def future_segments(self) -> int:
        """Segments of the horizon; the last one's excess is cut off."""
        return -(-self.horizon // self.segment)


class ForecastNetwork(nn.Module):
    """Forecasts from windows: ``network(inputs) -> (B, H, head.width)``, the parameters of the head's distribution.

        e_i = relu(W_e [values, mask, features of segment i]),   _, s = layer(e_1, ..., e_n)
        u_j = relu(W_u [features, lags and their mask of segment j, static, series] + position_j)
        y_j, _ = layer.step(u_j, s),   numbers of segment j = W_o y_j
        centre = W [past, its covariates] + sum over lags (a_h lag_h) + sum over features (c_h feature_h) + b

    ``decode="direct"`` takes every step of the horizon from the state at the origin. ``"autoregressive"`` forecasts one
    segment, reads its own median as if it had been observed (with 0 as its mask), and goes on, to any horizon.

    Args:
        layer: a causal layer from ``hidden_size`` to ``hidden_size`` features.
        head: what the output says.
        sizes: of everything else.
        decode: "direct" or "autoregressive".
        dropout: probability of dropping a feature before and after the layer.

    >>> from types import SimpleNamespace as Inputs
    >>> from unrolled import GRU
    >>> from unrolled.models.heads import QuantileHead
    >>> network = ForecastNetwork(GRU(16, 16), QuantileHead(), NetworkSizes(12, 5, segment=4, hidden_size=16))
    >>> none = torch.zeros(2, 12, 0), torch.zeros(2, 5, 0)
    >>> inputs = Inputs(past=torch.zeros(2, 12), past_mask=torch.ones(2, 12), past_features=none[0],
    ...     future_features=none[1], seasonal=none[1], seasonal_mask=none[1], static=torch.zeros(2, 0),
    ...     series=torch.tensor([0, 0]))
    >>> network(inputs).shape
    torch.Size([2, 5, 7])
    """

    def __init__(
        self,
        layer: Layer,
        head: Head,
        sizes: NetworkSizes,
        decode: Decode = "direct",
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if decode not in get_args(Decode):
            raise unknown_option("decode", decode, get_args(Decode))
        if not layer.causal:
            raise OptionError(
                f"a forecaster cannot decode with {type(layer).__name__}, which needs the whole sequence",
                expected="a causal layer",
                fix="leave out the backward direction",
            )
        self.layer, self.head, self.sizes, self.decode = layer, head, sizes, decode
        width, hidden = sizes.segment, sizes.hidden_size
        reach, positions = sizes.horizon, sizes.future_segments
        if decode == "autoregressive":
            reach, positions = width, 1
        embedding = sizes.embedding if sizes.series > 1 else 0
        self.read = nn.Linear(width * (2 + sizes.past_features), hidden)
        known = width * (sizes.future_features + 2 * sizes.lags) + sizes.static + embedding
        self.ask = nn.Linear(known, hidden, bias=False) if known else None
        self.position = nn.Parameter(0.1 * torch.randn(positions, hidden))
        self.series = nn.Embedding(sizes.series + 1, embedding) if embedding else None
        self.dropout = nn.Dropout(dropout)
        self.answer = nn.Linear(hidden, width * head.width)
        self.from_past = nn.Linear(sizes.lookback * (1 + sizes.past_features), reach)
        self.from_lags = nn.Parameter(torch.zeros(reach, sizes.lags))
        self.from_features = nn.Parameter(torch.zeros(reach, sizes.future_features))
        self._begin()

    @torch.no_grad()
    def _begin(self) -> None:
        """Begin with the centre 0, the window's level, and a spread around it that hardly depends on the input."""
        nn.init.zeros_(self.from_past.weight)
        nn.init.zeros_(self.from_past.bias)
        self.answer.weight.mul_(0.1)
        self.answer.bias.copy_(self.head.begin().repeat(self.sizes.segment))
        if self.series is not None:
            nn.init.normal_(self.series.weight, std=0.1)

    def forward(self, inputs: ForecastInputs) -> Tensor:
        state = self.encode(inputs)
        past = torch.cat((inputs.past.unsqueeze(-1), inputs.past_features), -1)
        if self.decode == "autoregressive":
            return self._decode_one_by_one(inputs, past, state)
        return self._decode(inputs, past, state, 0, inputs.future_features.shape[1])

    def encode(self, inputs: ForecastInputs) -> State:
        """Return the layer's state at the origin."""
        steps = (inputs.past.unsqueeze(-1), inputs.past_mask.unsqueeze(-1), inputs.past_features)
        _, state = self.layer(self._read(torch.cat(steps, -1), self.sizes.past_segments))
        return state

    def _decode_one_by_one(self, inputs: ForecastInputs, past: Tensor, state: State) -> Tensor:
        width, horizon = self.sizes.segment, inputs.future_features.shape[1]
        parts: list[Tensor] = []
        for start in range(0, horizon, width):
            stop = min(start + width, horizon)
            parts.append(self._decode(inputs, past, state, start, stop))
            if stop < horizon:
                own = self._own(self.head.point(parts[-1]), inputs.future_features[:, start:stop])
                past = torch.cat((past, own), 1)[:, width:]
                unseen = torch.zeros_like(own[..., :1])
                steps = torch.cat((own[..., :1], unseen, own[..., 1:]), -1)
                _, state = self.layer.step(self._read(steps, 1).squeeze(1), state)
        return torch.cat(parts, 1)

    def _own(self, values: Tensor, features: Tensor) -> Tensor:
        """Return (B, h, 1 + P): forecast values and their covariates; 0 for those known only in the past."""
        sizes = self.sizes
        known = features[..., sizes.future_features - sizes.known :]
        known = F.pad(known, (0, sizes.past_features - sizes.known))
        return torch.cat((values.unsqueeze(-1), known), -1)

    def _decode(
        self, inputs: ForecastInputs, past: Tensor, state: State, start: int, stop: int
    ) -> Tensor:
        """Return the distributions of the steps from ``start`` to ``stop``, all from one state and past (B, L, 1 + P)."""
        numbers = self._answers(self._asked(inputs, start, stop), state)
        return self.head(numbers[:, : stop - start], self._linear(inputs, past, start, stop))

    def _read(self, steps: Tensor, segments: int) -> Tensor:
        """Return (B, segments, hidden_size) of steps (B, T, *); what is missing in the first segment is 0."""
        steps = F.pad(steps, (0, 0, segments * self.sizes.segment - steps.shape[1], 0))
        return self.dropout(self.read(steps.reshape(len(steps), segments, -1)).relu())

    def _asked(self, inputs: ForecastInputs, start: int, stop: int) -> Tensor:
        """Return (B, segments, hidden_size): what is known of the segments of the steps from start to stop."""
        sizes = self.sizes
        segments = -(-(stop - start) // sizes.segment)
        known = (inputs.future_features, inputs.seasonal, inputs.seasonal_mask)
        steps = torch.cat(known, -1)[:, start:stop]
        steps = F.pad(steps, (0, 0, 0, segments * sizes.segment - steps.shape[1]))
        parts = [steps.reshape(len(steps), segments, sizes.segment * steps.shape[-1])]
        fixed = [inputs.static]
        if self.series is not None:
            fixed.append(self.dropout(self.series(self._known_series(inputs.series))))
        parts += [part.unsqueeze(1).expand(-1, segments, -1) for part in fixed]
        position = self.position[:segments].expand(len(steps), -1, -1)
        asked = position if self.ask is None else position + self.ask(torch.cat(parts, -1))
        return asked.relu()

    def _known_series(self, series: Tensor) -> Tensor:
        """Return the rows of the embedding; that of a series not trained on is the last, trained by hiding some."""
        unknown = self.sizes.series
        if self.training:
            series = series.masked_fill(torch.rand(len(series)) < HIDDEN_SERIES, unknown)
        return series.masked_fill((series < 0) | (series >= unknown), unknown)

    def _answers(self, asked: Tensor, state: State) -> Tensor:
        """Return (B, segments * width, head.width): one step of the layer for every segment, each from ``state``."""
        rows, segments, _ = asked.shape
        states = tree_map(lambda leaf: leaf.repeat_interleave(segments, 0), state, constants=True)
        y, _ = self.layer.step(asked.reshape(rows * segments, -1), states)
        return self.answer(self.dropout(y)).reshape(rows, -1, self.head.width)

    def _linear(self, inputs: ForecastInputs, past: Tensor, start: int, stop: int) -> Tensor:
        """Return the centre (B, stop - start)."""
        steps = stop - start
        lags, features = inputs.seasonal[:, start:stop], inputs.future_features[:, start:stop]
        centre = self.from_past(past.flatten(1))[:, :steps]
        centre = centre + (lags * self.from_lags[:steps]).sum(-1)
        return centre + (features * self.from_features[:steps]).sum(-1)
