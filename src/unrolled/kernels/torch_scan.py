"""h_t = a_t * h_{t-1} + b_t in plain torch: any dtype, device and transform, with torch's own gradients."""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 16
"""Steps that are taken one after the other, in all chunks at once."""


def torch_scan(a: Tensor, b: Tensor, h: Tensor) -> Tensor:
    """Return h after every step, (B, T, *S), of a and b (B, T, *S) and the state before them (B, *S).

    Blocked: the steps inside a chunk run one after the other for all chunks together, then the chunks' ends are a
    sequence of T / 16 steps of the same kind (Blelloch 1990). Work is linear in T, and the operations that wait for each
    other grow with its logarithm. Nothing is divided, so a product of decays that underflows does no harm.
    """
    steps = a.shape[1]
    if steps <= 2 * CHUNK:
        hs = []
        for decay, term in zip(a.unbind(1), b.unbind(1), strict=True):
            h = decay * h + term
            hs.append(h)
        return torch.stack(hs, 1) if hs else a * b
    missing = -steps % CHUNK
    if missing:
        room = (a.shape[0], missing, *a.shape[2:])
        a, b = torch.cat((a, a.new_ones(room)), 1), torch.cat((b, b.new_zeros(room)), 1)
    decays, locals_ = _within_chunks(a.unflatten(1, (-1, CHUNK)), b.unflatten(1, (-1, CHUNK)))
    ends = torch_scan(decays[:, :, -1], locals_[:, :, -1], h)
    before = torch.cat((h.unsqueeze(1), ends[:, :-1]), 1)
    return (decays * before.unsqueeze(2) + locals_).flatten(1, 2)[:, :steps]


def _within_chunks(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return for (B, chunks, steps, *S) each step's decay since its chunk began, and its state if that began at 0."""
    decays, locals_ = [a[:, :, 0]], [b[:, :, 0]]
    for step in range(1, CHUNK):
        decays.append(a[:, :, step] * decays[-1])
        locals_.append(a[:, :, step] * locals_[-1] + b[:, :, step])
    return torch.stack(decays, 2), torch.stack(locals_, 2)
