"""Each cell's step beside its equation, written out in numpy unit by unit from the papers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unrolled import GRU, LSTM, RNN, LayerNormGRU, LayerNormLSTM, MinGRU, MinLSTM, PeepholeLSTM

BATCH, FEATURES, HIDDEN = 3, 4, 5


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def normal(rows, gain, shift=0.0):
    """Layer normalisation (Ba et al. 2016, eq. 3), with torch's epsilon."""
    centred = rows - rows.mean(1, keepdims=True)
    return gain * centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) + shift


def ready(cell):
    """Return the cell in float64 with random parameters, and these as numpy arrays ("w_i" for rows i of weight_ih...)."""
    cell = cell.double()
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw, dtype=torch.float64))
    arrays = {name: parameter.detach().numpy() for name, parameter in cell.named_parameters()}
    if not cell.bias:
        arrays["bias_ih"] = arrays["bias_hh"] = np.zeros(len(arrays["weight_ih"]))
    return cell, arrays


def rows_of(arrays, gates):
    """Cut every parameter of torch's layout into its gates: {"W": {"i": ..., ...}, "U": ..., "b": ..., "d": ...}."""
    names = {"W": "weight_ih", "U": "weight_hh", "b": "bias_ih", "d": "bias_hh"}
    return [
        dict(zip(gates, np.split(arrays[name], len(gates)), strict=True)) for name in names.values()
    ]


def inputs(states):
    draw = np.random.default_rng(1)
    return draw.normal(size=(BATCH, FEATURES)), *draw.normal(size=(states, BATCH, HIDDEN))


def step(cell, x, *state):
    y, after = cell.step(torch.tensor(x), cell.state_type(*map(torch.tensor, state)))
    return y.detach().numpy(), [leaf.detach().numpy() for leaf in after]


BIAS = pytest.mark.parametrize("bias", [True, False])


@BIAS
@pytest.mark.parametrize(
    ("name", "function"), [("tanh", np.tanh), ("relu", lambda a: np.maximum(a, 0))]
)
def test_rnn(name, function, bias) -> None:
    cell, p = ready(RNN(FEATURES, HIDDEN, nonlinearity=name, bias=bias))
    x, h = inputs(1)
    expected = function(x @ p["weight_ih"].T + p["bias_ih"] + h @ p["weight_hh"].T + p["bias_hh"])
    y, (after,) = step(cell, x, h)
    np.testing.assert_allclose(y, expected, atol=1e-12)
    np.testing.assert_array_equal(after, y)


@BIAS
def test_lstm(bias) -> None:
    cell, p = ready(LSTM(FEATURES, HIDDEN, bias=bias))
    W, U, b, d = rows_of(p, "ifgo")
    x, h, c = inputs(2)
    a = {k: x @ W[k].T + b[k] + h @ U[k].T + d[k] for k in "ifgo"}
    new_c = sigmoid(a["f"]) * c + sigmoid(a["i"]) * np.tanh(a["g"])
    y, after = step(cell, x, h, c)
    np.testing.assert_allclose(y, sigmoid(a["o"]) * np.tanh(new_c), atol=1e-12)
    np.testing.assert_allclose(after, [y, new_c], atol=1e-12)


@BIAS
def test_peephole_lstm(bias) -> None:
    cell, p = ready(PeepholeLSTM(FEATURES, HIDDEN, bias=bias))
    W, U, b, d = rows_of(p, "ifgo")
    see_i, see_f, see_o = p["weight_peephole"]
    x, h, c = inputs(2)
    a = {k: x @ W[k].T + b[k] + h @ U[k].T + d[k] for k in "ifgo"}
    new_c = sigmoid(a["f"] + see_f * c) * c + sigmoid(a["i"] + see_i * c) * np.tanh(a["g"])
    y, after = step(cell, x, h, c)
    np.testing.assert_allclose(y, sigmoid(a["o"] + see_o * new_c) * np.tanh(new_c), atol=1e-12)
    np.testing.assert_allclose(after, [y, new_c], atol=1e-12)


@BIAS
def test_layer_norm_lstm(bias) -> None:
    cell, p = ready(LayerNormLSTM(FEATURES, HIDDEN, bias=bias))
    x, h, c = inputs(2)
    total = (
        normal(x @ p["weight_ih"].T, p["norm_ih.weight"], p["bias_ih"])
        + normal(h @ p["weight_hh"].T, p["norm_hh.weight"], p["bias_hh"])
    )  # fmt: skip
    i, f, g, o = np.split(total, 4, axis=1)
    new_c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    shift = p["norm_c.bias"] if bias else 0.0
    y, after = step(cell, x, h, c)
    expected = sigmoid(o) * np.tanh(normal(new_c, p["norm_c.weight"], shift))
    np.testing.assert_allclose(y, expected, atol=1e-12)
    np.testing.assert_allclose(after, [y, new_c], atol=1e-12)


@BIAS
@pytest.mark.parametrize("update", ["keep", "write"])
@pytest.mark.parametrize("reset", ["after", "before"])
def test_gru(reset, update, bias) -> None:
    cell, p = ready(GRU(FEATURES, HIDDEN, reset=reset, update=update, bias=bias))
    W, U, b, d = rows_of(p, "rzn")
    x, h = inputs(1)
    r, z = (sigmoid(x @ W[k].T + b[k] + h @ U[k].T + d[k]) for k in "rz")
    if reset == "after":
        n = np.tanh(x @ W["n"].T + b["n"] + r * (h @ U["n"].T + d["n"]))
    else:  # Cho et al. 2014: one matrix over the reset state and the input
        W_h = np.concatenate([U["n"], W["n"]], 1)
        n = np.tanh(np.concatenate([r * h, x], 1) @ W_h.T + b["n"] + d["n"])
    y, (after,) = step(cell, x, h)
    expected = z * h + (1 - z) * n if update == "keep" else (1 - z) * h + z * n
    np.testing.assert_allclose(y, expected, atol=1e-12)
    np.testing.assert_array_equal(after, y)


@BIAS
@pytest.mark.parametrize("update", ["keep", "write"])
def test_layer_norm_gru(update, bias) -> None:
    cell, p = ready(LayerNormGRU(FEATURES, HIDDEN, update=update, bias=bias))
    W, U, b, d = rows_of(p, "rzn")
    x, h = inputs(1)

    def two(rows, kind):
        gain = p[f"norm_{kind}.gates.weight"]
        return np.split(normal(np.concatenate([rows["r"], rows["z"]], 1), gain), 2, axis=1)

    from_x = two({k: x @ W[k].T for k in "rz"}, "ih")
    from_h = two({k: h @ U[k].T for k in "rz"}, "hh")
    r = sigmoid(from_x[0] + b["r"] + from_h[0] + d["r"])
    z = sigmoid(from_x[1] + b["z"] + from_h[1] + d["z"])
    n = np.tanh(
        normal(x @ W["n"].T, p["norm_ih.new.weight"], b["n"])
        + r * normal(h @ U["n"].T, p["norm_hh.new.weight"], d["n"])
    )
    y, _ = step(cell, x, h)
    expected = z * h + (1 - z) * n if update == "keep" else (1 - z) * h + z * n
    np.testing.assert_allclose(y, expected, atol=1e-12)


def test_the_gates_are_those_of_the_step() -> None:
    x, h, c = inputs(2)
    for kind in (LSTM, PeepholeLSTM):
        cell, _ = ready(kind(FEATURES, HIDDEN))
        _, (_, new_c) = step(cell, x, h, c)
        gates = cell.gates(torch.tensor(x), cell.state_type(torch.tensor(h), torch.tensor(c)))
        i, f, g, o = (gate.detach().numpy() for gate in gates)
        np.testing.assert_allclose(f * c + i * g, new_c, atol=1e-12)
        assert ((i > 0) & (i < 1) & (f > 0) & (f < 1) & (o > 0) & (o < 1) & (abs(g) < 1)).all()


@BIAS
@pytest.mark.parametrize("candidate", ["positive", "identity"])
@pytest.mark.parametrize("kind", [MinGRU, MinLSTM])
def test_minimal_cells(kind, candidate, bias) -> None:
    cell = kind(FEATURES, HIDDEN, bias=bias, candidate=candidate).double()
    x, h = inputs(1)
    draw = np.random.default_rng(2)
    W = draw.normal(size=(cell.gate_count * HIDDEN, FEATURES))
    b = draw.normal(size=len(W)) if bias else np.zeros(len(W))
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor(W))
        if bias:
            cell.bias_ih.copy_(torch.tensor(b))
    *gates, u = np.split(x @ W.T + b, cell.gate_count, axis=1)
    n = u if candidate == "identity" else np.where(u >= 0, u + 0.5, sigmoid(u))
    if kind is MinGRU:
        z = sigmoid(gates[0])
        expected = (1 - z) * h + z * n
    else:
        i, f = map(sigmoid, gates)
        expected = f / (f + i) * h + i / (f + i) * n
    y, (after,) = step(cell, x, h)
    np.testing.assert_allclose(y, expected, atol=1e-12)
    np.testing.assert_array_equal(after, y)
