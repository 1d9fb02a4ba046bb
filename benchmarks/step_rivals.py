"""Who steps a cell besides us: torch's cell and layer, a NumPy version and, where it is installed, ONNX Runtime."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unrolled import to_torch

Step = Callable[[], Any]
TORCH_CELLS = {"RNN": nn.RNNCell, "LSTM": nn.LSTMCell, "GRU": nn.GRUCell}
ONNX_ORDER = {"RNN": (0,), "GRU": (1, 0, 2), "LSTM": (0, 3, 1, 2)}
"""Where ONNX has torch's gates: z r n for r z n, and i o f c for i f c o."""


def rivals(cell: Any, x: Tensor) -> dict[str, Step]:
    """Return what steps a cell's weights on x (B, F) again and again, each from the state that it reached before."""
    found = {
        "torch cell": torch_cell(cell, x),
        "torch layer": torch_layer(cell, x),
        "numpy": numpy_cell(cell, x),
    }
    if all(map(importlib.util.find_spec, ("onnx", "onnxruntime"))):
        found["onnxruntime"] = onnx_cell(cell, x)
    return found


def torch_cell(cell: Any, x: Tensor) -> Step:
    module = TORCH_CELLS[type(cell).__name__](cell.input_size, cell.hidden_size)
    module.load_state_dict(cell.state_dict())
    state: Any = None

    def step() -> Any:
        nonlocal state
        with torch.no_grad():
            state = module(x, state)
        return state[0] if isinstance(state, tuple) else state

    return step


def torch_layer(cell: Any, x: Tensor) -> Step:
    module, state, xs = to_torch(cell), None, x.unsqueeze(1)

    def step() -> Any:
        nonlocal state
        with torch.no_grad():
            y, state = module(xs, state)
        return y[:, 0]

    return step


def numpy_cell(cell: Any, x: Tensor) -> Step:
    w_ih, w_hh, b_ih, b_hh = (parameter.detach().numpy() for parameter in cell.parameters())
    w_ih, w_hh, given = w_ih.T.copy(), w_hh.T.copy(), x.numpy()
    h = c = np.zeros((len(x), cell.hidden_size), np.float32)
    name = type(cell).__name__

    def sigmoid(a: Any) -> Any:
        return 1 / (1 + np.exp(-a))

    def step() -> Any:
        nonlocal h, c
        from_x, from_h = given @ w_ih + b_ih, h @ w_hh + b_hh
        if name == "RNN":
            h = np.tanh(from_x + from_h)
        elif name == "LSTM":
            i, f, g, o = np.split(from_x + from_h, 4, 1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        else:
            (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(from_x, 3, 1), np.split(from_h, 3, 1)
            z, n = sigmoid(x_z + h_z), np.tanh(x_n + sigmoid(x_r + h_r) * h_n)
            h = n + z * (h - n)
        return torch.from_numpy(h)

    return step


def onnx_cell(cell: Any, x: Tensor) -> Step:
    onnx, runtime = importlib.import_module("onnx"), importlib.import_module("onnxruntime")
    helper, name, hidden = onnx.helper, type(cell).__name__, cell.hidden_size
    gates = len(ONNX_ORDER[name])

    def in_their_order(parameter: Tensor) -> Tensor:
        parts = parameter.detach().chunk(gates)
        return torch.cat([parts[gate] for gate in ONNX_ORDER[name]])

    w_ih, w_hh, *biases = map(in_their_order, cell.parameters())
    states = ["h", "c"][: 2 if name == "LSTM" else 1]
    weights = {"W": w_ih[None], "R": w_hh[None], "B": torch.cat(biases)[None]}
    options = {"linear_before_reset": 1} if name == "GRU" else {}
    after = [f"{state}_after" for state in states]
    given = ["x", "W", "R", "B", "", *states]
    node = helper.make_node(name, given, ["", *after], hidden_size=hidden, **options)
    shapes = {"x": (1, *x.shape)} | dict.fromkeys(states, (1, len(x), hidden))
    graph = helper.make_graph(
        [node],
        name,
        [helper.make_tensor_value_info(k, onnx.TensorProto.FLOAT, v) for k, v in shapes.items()],
        [helper.make_tensor_value_info(k, onnx.TensorProto.FLOAT, None) for k in after],
        [onnx.numpy_helper.from_array(v.numpy(), k) for k, v in weights.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    feed = {"x": x.numpy()[None]} | {k: np.zeros(shapes[k], np.float32) for k in states}

    def step() -> Any:
        results = session.run(after, feed)
        feed.update(zip(states, results, strict=True))
        return torch.from_numpy(results[0][0])

    return step
