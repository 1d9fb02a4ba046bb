"""The benchmarks' own parts: runs that are kept and reused, and the tables made of the results. None is run here."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import accelerate, kernels, runs, step, tables
from unrolled import GRU, LSTM, RNN
from unrolled.bench import timing
from unrolled.bench.cases import Case, grid
from unrolled.bench.measure import Settings, measure
from unrolled.errors import OptionError
from unrolled.kernels.extension import extension

MARKS = f"before\n<!-- table: classify -->\nold\n{tables.END}\nbetween\n<!-- table: depth -->\n{tables.END}\nafter\n"


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for module in (runs, tables):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    return tmp_path


def test_finished_runs_are_reused_for_the_same_code_and_options(results: Path) -> None:
    first = runs.Finished("classify_x", {"layers": 1}, code="a")
    assert first.get({"seed": 0}) is None
    assert first.add({"seed": 0, "fold": 1}, {"scores": {"accuracy": 0.5}})["fold"] == 1
    again = runs.Finished("classify_x", {"layers": 1}, code="a")
    found = again.get({"seed": 0, "fold": 1})
    assert found is not None
    assert found["scores"] == {"accuracy": 0.5}
    assert again.get({"seed": 0, "fold": 2}) is None
    other = runs.Finished("classify_x", {"layers": 2}, code="a")
    assert other.get({"seed": 0, "fold": 1}) is None
    other.add({"seed": 0, "fold": 1}, {})
    other.clear()
    assert runs.Finished("classify_x", {"layers": 1}, code="a").get({"seed": 0, "fold": 1})
    assert runs.Finished("classify_x", {"layers": 1}, code="b").get({"seed": 0, "fold": 1}) is None
    again.clear()
    assert list(results.iterdir()) == []


def arguments(monkeypatch: pytest.MonkeyPatch, *given: str) -> runs.Arguments:
    monkeypatch.setattr(sys, "argv", ["benchmark", *given])
    return runs.read_arguments("", {"one": 1, "two": 2}, options_of="Classifier")


def test_options_are_read_as_json_or_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNROLLED_DATA", "data")
    given = ("layers=2", "units=words", "cell=tanh", "season=[24, 168]", "bidirectional=false")
    read = arguments(monkeypatch, "all", "--seeds", "3", "--set", *given)
    assert read.names == ("one", "two")
    assert (read.data, read.seeds) == (Path("data"), 3)
    assert read.overrides == {
        "layers": 2,
        "units": "words",
        "cell": "tanh",
        "season": [24, 168],
        "bidirectional": False,
    }


@pytest.mark.parametrize("wrong", [["three"], ["one", "--seeds", "0"], ["one", "--set", "layers"]])
def test_wrong_usage_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    monkeypatch.setenv("UNROLLED_DATA", "data")
    with pytest.raises(SystemExit) as stop:
        arguments(monkeypatch, *wrong)
    assert stop.value.code == 2
    assert capsys.readouterr().err


def scores(accuracy: float) -> dict[str, float]:
    return {"accuracy": accuracy, "macro_f1": accuracy - 0.1}


def put(results: Path, name: str, content: dict[str, Any]) -> None:
    (results / f"{name}.json").write_text(json.dumps(content))


def test_best_of_a_row_is_bold_also_when_it_is_a_baseline(results: Path) -> None:
    baselines = {"majority": scores(0.5), "tfidf_logistic": scores(0.91)}
    put(results, "classify_subj", {"model": {"scores": scores(0.9)}, "baselines": baselines})
    baselines = {"majority": scores(0.1), "logistic": scores(0.3)}
    put(results, "classify_mnist1d", {"model": {"scores": scores(0.9)}, "baselines": baselines})
    text = tables.with_tables(MARKS, "en")
    assert "| SUBJ, 10 folds | LSTM about 93 | 90.0 | 50.0 | **91.0** |" in text
    assert "| GRU 91 | **90.0** | 10.0 | 30.0 |" in text
    assert "\nold\n" not in text
    assert text.startswith("before\n") and "\nbetween\n" in text and text.endswith("\nafter\n")
    assert "多数类" in tables.with_tables(MARKS, "zh")
    assert tables.with_tables(text, "en") == text


def test_depth_stands_beside_direction(results: Path) -> None:
    variants = [
        {
            "layers": layers,
            "bidirectional": both,
            "mean": 0.8 + 0.01 * layers + 0.05 * both,
            "runs": [{"training_seconds": 10.0, "facts": {"parameters": 1000 * layers}}],
        }
        for layers in (1, 2)
        for both in (False, True)
    ]
    put(results, "classify_depth", {"variants": variants})
    text = tables.with_tables(MARKS, "en")
    assert "| 1 | 81.0 | 1,000 | 10 s | 86.0 | 1,000 | 10 s |" in text
    assert "| 2 | 82.0 | 2,000 | 10 s | **87.0** | 2,000 | 10 s |" in text


def test_kernels_go_on_where_they_were_stopped(
    monkeypatch: pytest.MonkeyPatch, results: Path
) -> None:
    monkeypatch.setattr("unrolled.bench.run.PEAK_SECONDS", 0.001)
    cases = grid(["lstm", "gru"], [8], [8], ["lengths"], ["inference"], steps=5)
    monkeypatch.setattr(kernels, "CASES", cases)
    measured: list[Case] = []

    def stops_before_the_second(case: Case, settings: Settings) -> dict[str, Any]:
        measured.append(case)
        if len(measured) == 2:
            raise KeyboardInterrupt
        return measure(case, settings)

    monkeypatch.setattr(kernels, "measure", stops_before_the_second)
    assert kernels.run(Settings(pairs=2), threads=1) is None
    result = kernels.run(Settings(pairs=2), threads=1)
    assert measured == [cases[0], cases[1], cases[1]]
    assert result is not None
    assert [row["case"] for row in result["cases"]] == list(map(str, cases))
    assert {"commit", "date", "wall_seconds", "options"} <= result.keys()
    assert {"load", "peak_gflops", "threads"} <= result["machine"].keys()
    assert list(results.iterdir()) == []
    runs.write_result(result)
    text = tables.with_tables(f"<!-- table: kernels_8 -->\n{tables.END}", "zh")
    ratio = result["cases"][1]["against"]["torch packed"]["ratio"]
    assert "| GRU (compiled) | 8 | 8 | 不等长 (推理) |" in text
    assert f"{ratio:.2f}" in text
    assert "GRU" not in tables.with_tables(f"<!-- table: kernels_32 -->\n{tables.END}", "en")


def test_cases_of_the_kernels_have_a_table_and_a_name_each() -> None:
    assert {case.batch for case in kernels.CASES} == set(tables.KERNEL_BATCHES)
    assert len(set(map(str, kernels.CASES))) == len(kernels.CASES)


def test_document_without_marks_is_left_alone(results: Path) -> None:
    assert tables.with_tables("no table\n", "en") == "no table\n"
    with pytest.raises(OptionError, match="classify"):
        tables.with_tables(f"<!-- table: clasify -->\n{tables.END}", "en")


def test_both_sides_of_accelerate_train_from_the_same_seed() -> None:
    seen = []

    def train(accelerated: bool, seed: int) -> Any:
        seen.append((accelerated, seed))
        return lambda: 2.0 + 0.01 * accelerated

    case = accelerate.Case("a model", None, train)
    result = accelerate.measured(case, rounds=2)
    assert sorted(seen) == [(side, seed) for side in (False, True) for seed in range(3)]
    assert result["loss_apart"] == pytest.approx(0.005)
    assert not result["same_loss"]
    assert len(result["torch"]) == len(result["accelerated"]) == 2


def test_a_package_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    case = accelerate.CASES["recurrent_ppo"]._replace(needs="no_such_package")
    monkeypatch.setitem(accelerate.CASES, "recurrent_ppo", case)
    monkeypatch.setattr(sys, "argv", ["accelerate", "recurrent_ppo"])
    accelerate.main()
    assert "not installed: no_such_package" in capsys.readouterr().out


@pytest.mark.skipif(extension is None, reason="no compiler on this machine")
@pytest.mark.parametrize("make", [RNN, LSTM, GRU])
def test_steps_are_compared_before_they_are_timed(
    monkeypatch: pytest.MonkeyPatch, make: Any
) -> None:
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-5)
    row = step.measure(make, batch=2, hidden=3, pairs=3)
    assert {"Cell.step", "torch cell", "torch layer", "numpy"} <= set(row["against"])
    assert all(
        fought["low"] <= fought["ratio"] <= fought["high"] for fought in row["against"].values()
    )
    assert "torch layers" in step.shown(step.token(5, pairs=3))
    monkeypatch.setattr(step, "TOLERANCE", -1.0)
    with pytest.raises(SystemExit, match="is off by"):
        step.measure(make, batch=2, hidden=3, pairs=3)
