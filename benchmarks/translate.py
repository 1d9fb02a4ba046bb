"""Translation and headlines: the model beside simple methods, and one network beside another, on public data sets.

    UNROLLED_DATA=DIR python -m benchmarks.translate multi30k_de_en --seeds 3 --cell transformer
    UNROLLED_DATA=DIR python -m benchmarks.translate multi30k_de_en --seeds 1 --vary attention=none

DIR holds translate/multi30k/tok/{train,val,test_2016_flickr}.lc.norm.tok.{de,en,fr}, translate/tatoeba_cmn_eng/cmn.txt,
translate/classical_modern_zh/BOOK.tsv.xz and translate/reuters_headlines/{training,test}.tsv.xz. What is trained with which
options stands in `benchmarks.translate_data`, how runs are kept and gone on with in `benchmarks.variants`.
"""

from __future__ import annotations

from benchmarks import variants
from benchmarks.translate_data import RECIPES, options_of
from benchmarks.translate_run import score_baselines, train_and_score
from benchmarks.variants import Study

STUDY = Study(
    "translate",
    RECIPES,
    options_of,
    train_and_score,
    score_baselines,
    told=("rows", "signatures"),
)


def main() -> None:
    variants.main(STUDY)


if __name__ == "__main__":
    main()
