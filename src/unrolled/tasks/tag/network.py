"""The network of a tagger with what reads whole sequences of tags: losses, best tags and their probabilities."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.core.seq import Seq
from unrolled.models.crf import Allowed, LinearChainCRF
from unrolled.models.tag_network import TagNetwork
from unrolled.tasks.tag.codes import TagCodes


class TagModel(nn.Module):
    """A `TagNetwork` whose scores (B, T, C) are read tag by tag, or as whole sequences of tags.

    Args:
        network: gives the scores.
        codes: of the C tags; those of spans are always read as a whole, so that each span has its beginning and end.
        chained: whether it is also learned which tags follow which (a CRF). Else it is only known what may not be.
    """

    def __init__(self, network: TagNetwork, codes: TagCodes, *, chained: bool) -> None:
        super().__init__()
        self.network, self.chained = network, chained
        self.crf = None
        if chained or codes.has_spans:
            may = torch.from_numpy(codes.allowed())
            allowed = Allowed(may[:-1, :-1], may[-1, :-1], may[:-1, -1])
            self.crf = LinearChainCRF(len(codes), allowed if codes.has_spans else None)
            self.crf.requires_grad_(chained)

    def scores(self, xs: Seq) -> Seq:
        """Return the scores (B, T, C) of all tags."""
        ys: Seq = self.network(xs)[0]
        return ys

    def loss(self, xs: Seq, tags: Seq) -> Tensor:
        """Return () what the true tags (B, T) cost, of all rows together: -log of their probability."""
        scores = self.scores(xs)
        if self.chained and self.crf is not None:
            return self.crf.nll(scores, tags)[0]
        return F.cross_entropy(scores.valid(), tags.valid(), reduction="sum")

    def best(self, scores: Seq) -> Seq:
        """Return the tags (B, T) int64 of the highest score that are allowed."""
        if self.crf is None:
            return scores.with_data(scores.data.argmax(-1))
        return self.crf.viterbi(scores)[0]

    def probabilities(self, scores: Seq, tags: Seq) -> Seq:
        """Return the probability (B, T) of each of these tags."""
        each = self.all_probabilities(scores).data
        return scores.with_data(each.gather(-1, tags.data.unsqueeze(-1)).squeeze(-1))

    def all_probabilities(self, scores: Seq) -> Seq:
        """Return the probabilities (B, T, C) of all tags; of a chain, in the light of the whole row."""
        if self.chained and self.crf is not None:
            return self.crf.marginals(scores)
        return scores.with_data(scores.data.softmax(-1))
