"""Static features: numbers as they are, categories as one column each."""

from __future__ import annotations

import pytest

from tests.data.tables_of import DAYS, Folder, daily


def shops(*features: tuple[str, str]) -> str:
    """Return a panel of one series for each pair of region and size."""
    rows = [
        f"shop{number},{day},{k},{region},{size}"
        for number, (region, size) in enumerate(features)
        for k, day in enumerate(DAYS)
    ]
    return daily(*rows, header="unique_id,ds,y,region,size")


def test_numbers_and_categories(folder: Folder) -> None:
    panel = folder.read(
        shops(("south", "1.5"), ("north", "2"), ("south", "3")), columns={"static": "region,size"}
    )
    assert panel.static_names == ("region=north", "region=south", "size")
    assert [series.static.tolist() for series in panel.series] == [
        [0, 1, 1.5], [1, 0, 2], [0, 1, 3],
    ]  # fmt: skip
    assert panel.form.categories == {"region": ("north", "south")}


def test_without_static_features_there_are_none(folder: Folder) -> None:
    panel = folder.read(shops(("south", "1"), ("north", "2")))
    assert panel.static_names == ()
    assert panel.series[0].static.shape == (0,)


@pytest.mark.parametrize(
    ("column", "was", "becomes"), [("region", "south", "west"), ("size", "1", "8")]
)
def test_a_feature_that_changes(folder: Folder, column: str, was: str, becomes: str) -> None:
    lines = shops(("north", "2"), ("south", "1")).splitlines()
    lines[8] = lines[8].replace(was, becomes) if column == "region" else lines[8][:-1] + becomes
    message = folder.refusal("\n".join(lines), columns={"static": column})
    assert message.startswith(
        f"sales.csv, row 9, column {column}: '{becomes}' is not what stands at the start of the series, '{was}'"
    )
    assert message.endswith(f'past="{column}" or known="{column}"')


def test_a_feature_that_is_missing(folder: Folder) -> None:
    message = folder.refusal(shops(("north", "2"), ("", "1")), columns={"static": "region"})
    assert message == (
        "sales.csv, row 7, column region: the static feature is missing; expected a value in every row; "
        "fill it in, or leave the feature out"
    )
    assert folder.refusal(shops(("north", ""), ("a", "1")), columns={"static": "size"}).startswith(
        "sales.csv, row 2, column size: the static feature is missing"
    )


def test_a_word_among_numbers_is_no_category(folder: Folder) -> None:
    message = folder.refusal(
        shops(("a", "1"), ("a", "2"), ("a", "3"), ("a", "large")), columns={"static": "size"}
    )
    assert message.startswith("sales.csv, row 17, column size: 'large' is text, not a number")
