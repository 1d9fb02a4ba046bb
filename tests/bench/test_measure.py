"""What is timed computes what torch does, or nothing of it is reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from unrolled.bench import contestants, measure, run
from unrolled.bench.cases import CELLS, Case, grid, make_problem
from unrolled.bench.check import check
from unrolled.bench.contestants import Contestant, make_bout, ours, packed, padded
from unrolled.bench.measure import Settings
from unrolled.errors import OptionError, UnrolledError

SMALL = Case("gru", 8, 3, "lengths", "train", steps=12)
FAST = Settings(pairs=2)


@pytest.mark.parametrize("mode", ["inference", "train"])
@pytest.mark.parametrize("cell", CELLS)
def test_all_ways_agree_on_live_steps(cell: str, mode: str) -> None:
    bout = make_bout(replace(SMALL, cell=cell, mode=mode))
    expected = padded(bout).compute()
    assert len(expected) == (6 if mode == "train" else 1)
    for way in (ours(bout), packed(bout)):
        assert check("case", way, expected, bout.problem.live) < 2e-6


def test_ragged_rows_have_one_that_is_full() -> None:
    problem = make_problem(replace(SMALL, batch=50, steps=100))
    assert problem.lengths is not None
    assert problem.lengths.max() == 100
    assert problem.lengths.min() >= 10
    assert problem.live_steps == problem.lengths.sum()
    assert not problem.grad[~problem.live].any()
    assert problem.x[~problem.live].all()


@pytest.mark.parametrize("which", range(6))
def test_one_wrong_tensor_is_found_and_named(which: int) -> None:
    bout = make_bout(SMALL)
    expected = padded(bout).compute()

    def wrong() -> Any:
        outcome = [tensor.clone(memory_format=torch.contiguous_format) for tensor in expected]
        outcome[which].view(-1)[0] += 0.001 * outcome[which].max()
        return outcome

    names = ["outputs", "gradient of x", "weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    with pytest.raises(UnrolledError, match=rf"gru H=8 B=3 .*mine \(fast\).*{names[which]}"):
        check(str(SMALL), Contestant("mine", wrong, "fast"), expected, bout.problem.live)


def test_nan_a_missing_tensor_and_a_wrong_shape_are_no_match() -> None:
    bout = make_bout(SMALL)
    y, *gradients = padded(bout).compute()
    for outcome in ((y * torch.nan, *gradients), (y,), (y[:, :1], *gradients)):
        with pytest.raises(UnrolledError, match="does not compute what torch does"):
            check(
                "case", Contestant("mine", lambda o=outcome: o), (y, *gradients), bout.problem.live
            )  # type: ignore[misc]


def test_what_padding_holds_does_not_count() -> None:
    bout = make_bout(SMALL)
    y, *gradients = padded(bout).compute()
    other = torch.where(bout.problem.live[..., None], y, torch.nan)
    mine = Contestant("mine", lambda: (other, *gradients))
    assert check("case", mine, (y, *gradients), bout.problem.live) == 0


def test_wrong_kernel_is_an_error_before_anything_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(bout: contestants.Bout) -> Contestant:
        right = ours(bout)
        return replace(right, outcome=lambda given: (given[0] + 0.01, *given[1:]))

    monkeypatch.setattr(measure, "ours", wrong)
    monkeypatch.setattr(measure, "duel", lambda *a, **k: pytest.fail("timed"))
    with pytest.raises(UnrolledError, match="gru H=8 B=3 T=12 lengths train: unrolled"):
        run.run_cases([SMALL], settings=FAST)


def test_figures_of_a_case() -> None:
    row = measure.measure(SMALL, Settings(pairs=2, peak=1e9, beside_lstm=True))
    assert (row["cell"], row["hidden"], row["batch"], row["kind"]) == ("gru", 8, 3, "lengths")
    live = make_problem(SMALL).live_steps
    assert row["live_share"] == live / 36
    assert row["gflops"] == pytest.approx(3 * 2 * 3 * 8 * 16 * live / row["seconds"] / 1e9)
    assert row["share_of_peak"] == pytest.approx(row["gflops"])
    assert list(row["against"]) == ["torch padded", "torch packed"]
    for figures in (*row["against"].values(), row["cost_of_lengths"], row["of_lstm"]):
        assert 0 < figures["low"] <= figures["ratio"] <= figures["high"]
        assert figures["pairs"] == 2
    assert set(row["largest_difference"]) == {"unrolled", "torch padded", "torch packed"}


def test_full_rows_meet_no_packed_sequence() -> None:
    row = measure.measure(replace(SMALL, kind="full", mode="inference"), FAST)
    assert list(row["against"]) == ["torch padded"]
    assert not {"cost_of_lengths", "of_lstm"} & row.keys()
    assert row["share_of_peak"] is None


def test_peer_that_fails_is_reported_and_one_that_is_wrong_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(bout: contestants.Bout) -> Contestant:
        raise RuntimeError("no such operator\nat line 1")

    def wrong(bout: contestants.Bout) -> Contestant:
        return replace(
            padded(bout), name="theirs", outcome=lambda given: (given[0] * 2, *given[1:])
        )

    peers = {"broken": (broken, ()), "wrong": (wrong, ())}
    monkeypatch.setattr(measure, "PEERS", peers)
    row = measure.measure(SMALL, replace(FAST, peers=("broken",)))
    assert row["failed"] == {"broken": "RuntimeError: no such operator"}
    with pytest.raises(UnrolledError, match="theirs does not compute what torch does: outputs"):
        measure.measure(SMALL, replace(FAST, peers=("wrong",)))


def test_interrupted_run_returns_what_is_finished() -> None:
    done: list[Case] = []

    def stopped(case: Case, settings: Settings) -> dict[str, Any]:
        if done:
            raise KeyboardInterrupt
        done.append(case)
        return {"cell": case.cell}

    result = run.run_cases([SMALL, SMALL], settings=FAST, measure_case=stopped)
    assert result["cases"] == [{"cell": "gru"}]
    assert result["finished"] is False


def test_threads_are_set_for_the_run_and_put_back() -> None:
    seen = []

    def looking(case: Case, settings: Settings) -> dict[str, Any]:
        seen.append((torch.get_num_threads(), settings.beside_lstm))
        return {}

    cases = grid(["lstm", "gru"], [8], [2], ["full"], ["train"])
    run.run_cases(cases, settings=FAST, threads=2, measure_case=looking)
    assert seen == [(2, True), (2, True)]
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"cells": ["gruu"]}, "did you mean 'gru'"),
        ({"sizes": [0]}, "--sizes 0"),
        ({"batches": []}, "--batch is empty"),
        ({"kinds": ["ragged"]}, "full, lengths"),
        ({"modes": ["training"]}, "inference, train"),
        ({"steps": 0}, "--steps 0"),
    ],
)
def test_grid_refuses(options: dict[str, Any], expected: str) -> None:
    given = {"cells": ["gru"], "sizes": [8], "batches": [2], **options}
    with pytest.raises(OptionError, match=expected):
        grid(**given)
