"""The forecast network: every input reaches the output, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from unrolled import GRU, LSTM, RNN, Bidirectional, Layer, LayerNormGRU, PeepholeLSTM, deep
from unrolled.errors import OptionError
from unrolled.models.forecaster import ForecastNetwork, NetworkSizes
from unrolled.models.heads import HEADS, QuantileHead

SIZES = NetworkSizes(
    lookback=10, horizon=7, segment=4, hidden_size=8, past_features=3, future_features=3, known=1,
    lags=2, static=2, series=3, embedding=4,
)  # fmt: skip


class Inputs(NamedTuple):
    past: Tensor
    past_mask: Tensor
    past_features: Tensor
    future_features: Tensor
    seasonal: Tensor
    seasonal_mask: Tensor
    static: Tensor
    series: Tensor


def inputs(sizes: NetworkSizes = SIZES, batch: int = 2, seed: int = 0) -> Inputs:
    g = torch.Generator().manual_seed(seed)
    past, horizon = (batch, sizes.lookback), (batch, sizes.horizon)
    return Inputs(
        torch.randn(past, generator=g),
        torch.ones(past),
        torch.randn(*past, sizes.past_features, generator=g),
        torch.randn(*horizon, sizes.future_features, generator=g),
        torch.randn(*horizon, sizes.lags, generator=g),
        torch.ones(*horizon, sizes.lags),
        torch.randn(batch, sizes.static, generator=g),
        torch.arange(batch) % sizes.series,
    )


def network(
    layer: Layer | None = None, decode: str = "direct", output: str = "quantile"
) -> ForecastNetwork:
    torch.manual_seed(0)
    made = ForecastNetwork(layer or GRU(8, 8), HEADS[output](), SIZES, decode)  # type: ignore[arg-type]
    for parameter in made.parameters():  # the linear part begins at 0
        torch.nn.init.normal_(parameter, std=0.3)
    return made.eval()


@pytest.mark.parametrize("decode", ["direct", "autoregressive"])
@pytest.mark.parametrize("output", HEADS)
def test_the_output_has_a_distribution_for_every_step(decode: str, output: str) -> None:
    made = network(decode=decode, output=output)
    assert made(inputs()).shape == (2, 7, made.head.width)


@pytest.mark.parametrize("decode", ["direct", "autoregressive"])
@pytest.mark.parametrize("name", [n for n in Inputs._fields if n != "series"])
def test_every_input_reaches_every_step(decode: str, name: str) -> None:
    made, given = network(decode=decode), inputs()
    changed = given._replace(**{name: getattr(given, name) + 0.5})
    moved = (made(changed) - made(given)).abs().amax((0, 2))
    assert (moved > 1e-6).all()


@pytest.mark.parametrize("decode", ["direct", "autoregressive"])
def test_every_parameter_gets_a_gradient(decode: str) -> None:
    made = network(decode=decode)
    made(inputs()).square().sum().backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_rows_do_not_know_of_each_other() -> None:
    made, given = network(), inputs(batch=3)
    alone = Inputs(*(tensor[1:2] for tensor in given))
    assert torch.allclose(made(given)[1:2], made(alone), atol=1e-6)


def test_direct_gives_the_first_steps_alike_for_a_shorter_horizon() -> None:
    made, given = network(), inputs()
    short = given._replace(
        **{n: getattr(given, n)[:, :3] for n in ("future_features", "seasonal", "seasonal_mask")}
    )
    # The segment is then filled up with zeros in place of what is known of its later steps.
    assert made(short).shape == (2, 3, 7)


def test_autoregressive_goes_to_any_horizon_and_agrees_on_the_steps_before() -> None:
    made = network(decode="autoregressive")
    longer = inputs(replace(SIZES, horizon=23))
    names = ("future_features", "seasonal", "seasonal_mask")
    first = longer._replace(**{name: getattr(longer, name)[:, :8] for name in names})
    assert made(longer).shape == (2, 23, 7)
    assert torch.allclose(made(longer)[:, :8], made(first), atol=1e-6)


def test_an_unknown_series_has_its_own_embedding() -> None:
    made, given = network(), inputs()
    one, other = (made(given._replace(series=torch.tensor([n, n]))) for n in (-1, 99))
    assert torch.equal(one, other)
    assert not torch.allclose(one, made(given))


def test_a_single_series_has_no_embedding() -> None:
    made = ForecastNetwork(GRU(8, 8), QuantileHead(), replace(SIZES, series=1))
    assert made.series is None


@pytest.mark.parametrize(
    "layer",
    [RNN(8, 8), LSTM(8, 8), PeepholeLSTM(8, 8), LayerNormGRU(8, 8), deep(LSTM, 8, 8, layers=2)],
    ids=lambda layer: type(layer).__name__,
)
@pytest.mark.parametrize("decode", ["direct", "autoregressive"])
def test_any_causal_layer_will_do(layer: Layer, decode: str) -> None:
    assert network(layer, decode)(inputs()).isfinite().all()


def test_a_layer_that_needs_the_whole_sequence_is_refused() -> None:
    layer = Bidirectional(GRU(8, 4), GRU(8, 4))
    with pytest.raises(OptionError, match=r"Bidirectional.*causal"):
        network(layer)


def test_a_misspelt_decoding_is_refused_with_the_nearest() -> None:
    with pytest.raises(OptionError, match="'autoregressive'"):
        network(decode="autoregresive")


def test_an_untrained_network_forecasts_about_the_last_value() -> None:
    torch.manual_seed(0)
    made = ForecastNetwork(GRU(8, 8), QuantileHead(), SIZES).eval()
    assert made.head.point(made(inputs())).abs().max() < 0.3
