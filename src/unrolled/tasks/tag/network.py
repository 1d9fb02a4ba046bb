"""The network of a tagger with what reads whole sequences of tags: losses, best tags and their probabilities."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.core.seq import Seq
from unrolled.models.crf import LinearChainCRF
from unrolled.models.tag_network import TagNetwork


class TagModel(nn.Module):
    """A `TagNetwork` whose scores are read one by one, or by a `LinearChainCRF`.

    Args:
        network: gives the scores (B, T, C) of the tags.
        crf: what knows which tags stand behind which; None where any may.
        trained: whether it was trained with the network. Else it only forbids what may not be: its scores are 0.
    """

    def __init__(self, network: TagNetwork, crf: LinearChainCRF | None, trained: bool) -> None:
        super().__init__()
        self.network, self.crf, self.trained = network, crf, trained
        if crf is not None and not trained:
            for parameter in crf.parameters():
                parameter.requires_grad_(False).zero_()
