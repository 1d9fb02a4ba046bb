"""The benchmark of language models: plain torch is the same network, and both are timed on the same."""

from __future__ import annotations

import pytest
import torch

from benchmarks import language_speed
from benchmarks.language_plain import (
    PlainLanguageModel,
    step_cells,
    train_plainly,
    write_with_cells,
    write_with_layers,
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in {"VOCABULARY": 9, "HIDDEN": 8, "ROWS": 3, "STEPS": 4}.items():
        monkeypatch.setattr(language_speed, name, size)


@pytest.mark.parametrize("cell", language_speed.CELLS)
def test_plain_torch_is_the_same_network(cell: str) -> None:
    network = language_speed.network_of(cell)
    plain = PlainLanguageModel(network)
    first, second = language_speed.drawn_windows(2)
    assert torch.equal(first.targets[:, -1], second.tokens[:, 0])
    assert language_speed.apart(network, plain, first)["loss"] < 1e-5
    assert language_speed.check_scores(network, plain) < 1e-5
    plain.eval()
    cells = step_cells(plain)
    torch.manual_seed(0)
    by_layers = write_with_layers(plain, 9)
    torch.manual_seed(0)
    torch.testing.assert_close(write_with_cells(plain, cells, 9), by_layers)
    train_plainly(plain, [first, second], learning_rate=0.1, clip_norm=1.0)
    with pytest.raises(RuntimeError, match="differ"):
        language_speed.apart(network, plain, first)
    with pytest.raises(RuntimeError, match="differ"):
        language_speed.check_scores(network, plain)


def test_both_are_timed() -> None:
    key = {"cell": "gru", "threads": 1}
    trained = language_speed.measure_training("gru", 1, pairs=2, windows=2)
    assert trained["pairs"] == 2
    ratio = trained["tokens_per_second"] / trained["torch_tokens_per_second"]
    assert ratio == pytest.approx(trained["seconds"] / trained["ours_seconds"])
    assert "characters/s; torch" in language_speed.shown("training", key | trained)
    written = language_speed.measure_writing("gru", 1, pairs=2, tokens=5)
    assert set(written["against"]) == {"layers", "cells"}
    assert "torch cells" in language_speed.shown("writing", key | written)
