"""Other libraries, where they are installed, with the same weights on the same numbers.

oneDNN is not among them: it has no way in from Python but torch, whose padded LSTM runs it.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

import torch

from unrolled.bench.contestants import Bout, Contestant, Outcome

ONNX_ORDER = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 3, 1, 2)}
"""Where ONNX has torch's gates: z r n for r z n, and i o f c for i f c o."""
ONNX_OPSET, ONNX_FORMAT = 17, 8


def flax(bout: Bout) -> Contestant | None:
    """Return flax's RNN of a GRU or LSTM cell under jit, on the padded batch.

    Its LSTM has one bias, so both of ours are its gradient; its GRU is given the second bias that torch's has.
    """
    if bout.case.cell not in ("gru", "lstm"):
        return None
    jax, nnx = importlib.import_module("jax"), importlib.import_module("flax.nnx")
    jnp, problem = jax.numpy, bout.problem
    cell = _flax_cell(nnx, bout)
    initial = cell.initialize_carry((bout.case.batch, bout.case.hidden), nnx.Rngs(0))
    model = nnx.RNN(cell, rngs=False)
    definition, params, rest = nnx.split(model, nnx.Param, ...)
    x, grad = jnp.asarray(problem.x.numpy()), jnp.asarray(problem.grad.numpy())

    def forward(params: Any, x: Any) -> Any:
        return nnx.merge(definition, params, rest)(x, initial_carry=initial)

    def loss(params: Any, x: Any) -> Any:
        y = forward(params, x)
        return (y * grad).sum(), y

    run = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True) if bout.case.trains else forward)

    def compute() -> Any:
        return jax.block_until_ready(run(params, x))

    def outcome(given: Any) -> Outcome:
        if not bout.case.trains:
            return (_tensor(given),)
        (by_weight, by_x), y = given
        by_name = by_weight["cell"]
        weights = [_tensor(by_name[name]["kernel"][...]).T for name in ("dense_i", "dense_h")]
        bias_hh = _tensor(by_name["dense_h"]["bias"][...])
        # An LSTM adds the input's and the state's bias, so that either has the gradient of the sum.
        one_bias = bout.case.cell == "lstm"
        bias_ih = bias_hh if one_bias else _tensor(by_name["dense_i"]["bias"][...])
        return (_tensor(y), _tensor(by_x), *weights, bias_ih, bias_hh)

    return Contestant("flax", compute, outcome=outcome)


def onnxruntime(bout: Bout) -> Contestant | None:
    """Return ONNX Runtime on a graph of its own RNN, LSTM or GRU operator, told the lengths; inference only."""
    if bout.case.trains:
        return None
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(
        _onnx_graph(bout), options, providers=["CPUExecutionProvider"]
    )
    feed = {"x": bout.problem.x.numpy()}
    if bout.problem.lengths is not None:
        feed["lengths"] = bout.problem.lengths.to(torch.int32).numpy()

    def compute() -> Any:
        return session.run(None, feed)[0]

    return Contestant("onnxruntime", compute, outcome=lambda y: (torch.from_numpy(y),))


PEERS: Mapping[str, tuple[Callable[[Bout], Contestant | None], tuple[str, ...]]] = {
    "flax": (flax, ("jax", "flax")),
    "onnxruntime": (onnxruntime, ("onnxruntime", "onnx")),
}
"""Name -> what makes it for a case (None where it cannot take it), and the modules it needs."""


def installed() -> dict[str, str]:
    """Return the version of each peer that can run here."""
    return {
        name: version(name)
        for name, (_, modules) in PEERS.items()
        if all(importlib.util.find_spec(module) for module in modules)
    }


def _flax_cell(nnx: Any, bout: Bout) -> Any:
    weight_ih, weight_hh, bias_ih, bias_hh = (
        weight.detach().numpy() for weight in bout.module.parameters()
    )
    hidden, rngs = bout.case.hidden, nnx.Rngs(0)
    if bout.case.cell == "gru":
        cell = nnx.GRUCell(hidden, hidden, rngs=rngs)
        cell.dense_h = nnx.Linear(hidden, 3 * hidden, rngs=rngs)
        cell.dense_i.bias[...] = bias_ih
        cell.dense_h.bias[...] = bias_hh
    else:
        cell = nnx.OptimizedLSTMCell(hidden, hidden, rngs=rngs)
        cell.dense_h.bias[...] = bias_ih + bias_hh
    cell.dense_i.kernel[...] = weight_ih.T
    cell.dense_h.kernel[...] = weight_hh.T
    return cell


def _onnx_graph(bout: Bout) -> bytes:
    onnx = importlib.import_module("onnx")
    helper, constant = onnx.helper, onnx.numpy_helper.from_array
    name, hidden = bout.case.cell, bout.case.hidden

    def in_their_order(weight: torch.Tensor) -> torch.Tensor:
        gates = weight.detach().chunk(len(ONNX_ORDER[name]))
        return torch.cat([gates[gate] for gate in ONNX_ORDER[name]])

    weight_ih, weight_hh, *biases = map(in_their_order, bout.module.parameters())
    weights = {"W": weight_ih[None], "R": weight_hh[None], "B": torch.cat(biases)[None]}
    inputs = [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, bout.problem.x.shape)]
    lengths = ""
    if bout.problem.lengths is not None:
        lengths = "lengths"
        shape = (bout.case.batch,)
        inputs.append(helper.make_tensor_value_info(lengths, onnx.TensorProto.INT32, shape))
    options = {"linear_before_reset": 1} if name == "gru" else {}
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        helper.make_node(
            name.upper(),
            ["steps", "W", "R", "B", lengths],
            ["states"],
            hidden_size=hidden,
            **options,
        ),
        helper.make_node("Squeeze", ["states", "direction"], ["outputs"]),
        helper.make_node("Transpose", ["outputs"], ["y"], perm=[1, 0, 2]),
    ]
    initial = [constant(weight.numpy(), key) for key, weight in weights.items()]
    initial.append(constant(torch.tensor([1]).numpy(), "direction"))
    output = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, name, inputs, [output], initial)
    opset = helper.make_opsetid("", ONNX_OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=ONNX_FORMAT)
    return bytes(model.SerializeToString())


def _tensor(array: Any) -> torch.Tensor:
    return torch.from_dlpack(array)
