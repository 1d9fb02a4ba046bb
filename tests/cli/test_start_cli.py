"""The command from texts to a language model, and from it to a classifier."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.cli.command import Command
from tests.cli.reviews import ENGLISH, reviews, write

LANGUAGE = (
    "--hidden-size",
    "8",
    "--layers",
    "1",
    "--embedding",
    "8",
    "--units",
    "words",
    "--kind",
    "documents",
)
SMALL = ("--max-steps", "10", "--threads", "1")


def test_a_language_model_of_labelled_and_other_texts_starts_a_classifier(
    run: Command, tmp_path: Path
) -> None:
    data = write(tmp_path / "reviews.csv", reviews(ENGLISH))
    more = write(tmp_path / "more.csv", reviews(ENGLISH, seed=1))
    language, model = tmp_path / "language", tmp_path / "model"
    answer = run("train", "generate", data, more, "-o", language, *LANGUAGE, *SMALL)
    assert answer.status == 0, answer.err
    answer = run("train", "classify", data, "--from", language, "--bidirectional", "-o", model)
    assert answer.status == 2
    assert f"bidirectional=True with the language model {language}; expected False" in answer.err
    assert not model.exists()
    answer = run("train", "classify", data, "--from", language, "-o", model, *SMALL, "--json")
    assert answer.status == 0, answer.err
    assert list(json.loads(answer.out)["scores"]) == ["model", "majority", "tfidf_logistic"]
    assert "began with" in (model / "report.html").read_text()
    shutil.rmtree(language)
    answer = run("evaluate", model, data, "--json")
    assert answer.status == 0, answer.err
    assert json.loads(answer.out)["rows"] == 200
