"""Which calls torch's own code computes as fast or faster: those it keeps.

All figures are torch's time / ours on one thread.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from unrolled.kernels import cpu


class Sizes(NamedTuple):
    """On what it depends who is faster, as the rules of the kernels read it too."""

    hidden_size: int
    batch: int
    steps: int
    shortest: int
    packed: bool

    @property
    def outputs(self) -> int:
        """Return how many numbers come out of a layer, were all rows full."""
        return self.batch * self.steps * self.hidden_size


def torch_gru_is_faster(sizes: Sizes) -> bool:
    """Tell it of a GRU.

    Of 3 steps without gradients: H = 16, 8 rows 0.91; H = 64, 8 rows 0.94; H = 128, 8 rows 1.0. Of 10 steps 1.3 and more.
    """
    return cpu.few_steps(sizes, sizes) or (sizes.steps < 4 and sizes.outputs < 2**11)


def torch_rnn_is_faster(sizes: Sizes) -> bool:
    """Tell it of a vanilla RNN, where a call costs more than its few steps.

    Without gradients, 8 rows, H = 16: 0.56 of 3 steps, 1.0 of 10, 1.6 of 20; H = 64: 0.62, 1.3, 1.9. With gradients 0.8
    of 3 steps, 1.8 of 10.
    """
    few = sizes.steps < (4 if torch.is_grad_enabled() else 12)
    return cpu.few_steps(sizes, sizes) or (few and sizes.outputs < 2**13)


def torch_lstm_is_faster(sizes: Sizes) -> bool:
    """Tell it of an LSTM, where torch has oneDNN for full rows; of packed ones only without gradients.

    Full rows without gradients: 0.95 (32 rows of 24 steps, I = 1, H = 128), 0.96 (64 of 50, I = 100), packed 0.96 (8 of
    30, H = 256) and 0.8 (H = 512). With gradients 1.03, 1.17, 2.0 and 1.45. One packed row: H = 256 2.1 and 3.0.
    """
    full = sizes.shortest == sizes.steps
    if sizes.packed:
        without_gradients = full and sizes.batch > 1 and not torch.is_grad_enabled()
        return cpu.few_steps(sizes, sizes) or without_gradients
    return not torch.is_grad_enabled() or cpu.torch_lstm_is_faster(sizes, sizes)


def gated_step_pays(batch: int, hidden: int) -> bool:
    """Tell whether a single step of an LSTM or GRU is faster than torch's.

    Inference and training: 16 rows of H = 128 0.87 and 1.05, of 512 0.8 and 0.5; 32 rows of 128 1.1 and 1.2; 64 rows of
    64 1.4 and 1.3; 256 rows of 128 2.0 and 2.0.
    """
    return batch >= 32 and batch * hidden >= 4096


def plain_step_pays(batch: int, hidden: int) -> bool:
    """Tell the same of a vanilla RNN: 32 rows of H = 128 1.05 and 0.87, of 256 1.1 and 1.05; 64 rows of 128 1.4 and 1.1."""
    return batch >= 64 and hidden >= 128
