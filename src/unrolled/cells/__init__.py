"""The cells: one unit a file, its equation, its parameters, its step.

A new cell is one file beside these, one line here and one line in tests/laws/examples.py.
"""

from unrolled.cells.gru import GRU as GRU
from unrolled.cells.layer_norm_gru import LayerNormGRU as LayerNormGRU
from unrolled.cells.layer_norm_lstm import LayerNormLSTM as LayerNormLSTM
from unrolled.cells.lstm import LSTM as LSTM
from unrolled.cells.peephole_lstm import PeepholeLSTM as PeepholeLSTM
from unrolled.cells.rnn import RNN as RNN

__all__ = ["GRU", "LSTM", "RNN", "LayerNormGRU", "LayerNormLSTM", "PeepholeLSTM"]
