"""Where first sentences end, and that a long line is read in one pass."""

from __future__ import annotations

import time

import pytest

from unrolled.data.sentences import first_sentence


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("  It rained.  Then it stopped.", "It rained."),
        ("The U.S. owes Mr. Doe 2.5 mln. He knows.", "The U.S. owes Mr. Doe 2.5 mln."),
        ("Really?! Yes.", "Really?!"),
        ('He said "no." Then he left.', 'He said "no."'),
        ("It rose approx. ten pct. Then it fell.", "It rose approx. ten pct."),
        ("Am 3. Mai kam er. Dann ging er.", "Am 3. Mai kam er."),
        ("In 1987. Then 1988.", "In 1987."),
        ("... And so on. The end.", "... And so on."),
        ("A headline\n\nThe text. More.", "A headline"),
        ("a line\nand the next. More", "a line\nand the next."),
        ("The end is in the U.S.", "The end is in the U.S."),
        ("下雨了。然后停了。", "下雨了。"),
        ("他说：“走吧！”大家就走了。", "他说：“走吧！”"),
        ("雨が降った。止んだ。", "雨が降った。"),
        ("पानी बरसा। फिर रुका।", "पानी बरसा।"),
        ("no end at all", None),
        ("version 2.5 of it", None),
        ("... !", None),
        ("", None),
    ],
)
def test_first_sentence(text: str, first: str | None) -> None:
    assert first_sentence(text) == first


@pytest.mark.parametrize("unit", [".", ". ", "a. ", "\n", '."', "x.)", "!x", " \n"])
def test_a_long_line_is_read_once(unit: str) -> None:
    started = time.process_time()
    first_sentence("x" + unit * 100_000 + "y")
    first_sentence(unit * 100_000)
    assert time.process_time() - started < 1.0
