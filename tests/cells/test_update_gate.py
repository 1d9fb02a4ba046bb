"""The two meanings of the GRU's update gate are one function in two sets of weights."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils import parametrize

from unrolled import GRU, LayerNormGRU, OptionError, watch

OTHER = {"keep": "write", "write": "keep"}


def trained(cell):
    """Stand in for training: no parameter is at its beginning."""
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(torch.randn_like(parameter))
    return cell.double()


@pytest.mark.parametrize("update", OTHER)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        lambda **o: GRU(3, 5, **o),
        lambda **o: GRU(3, 5, reset="before", **o),
        lambda **o: LayerNormGRU(3, 5, **o),
    ],
    ids=["after", "before", "layer norm"],
)
def test_conversion_keeps_the_function(make, bias, update) -> None:
    cell = trained(make(bias=bias, update=update))
    twin = cell.with_update(OTHER[update])
    assert twin.update == OTHER[update]
    xs = torch.randn(2, 6, 3, dtype=torch.float64)
    with watch(cell) as of_cell, watch(twin) as of_twin:
        expected, found = cell(xs)[0], twin(xs)[0]
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(
        of_twin[""].gates.update, 1 - of_cell[""].gates.update, atol=1e-12, rtol=0
    )
    # There and back are the weights it had.
    back = twin.with_update(update)
    assert all(map(torch.equal, back.parameters(), cell.parameters()))
    # The conversion is a copy: training one leaves the other.
    assert {p.data_ptr() for p in twin.parameters()}.isdisjoint(
        p.data_ptr() for p in cell.parameters()
    )


def test_the_same_meaning_is_a_copy() -> None:
    cell = trained(GRU(3, 5))
    twin = cell.with_update("keep")
    assert twin is not cell
    assert all(map(torch.equal, twin.parameters(), cell.parameters()))


def test_parametrized_cells_are_refused() -> None:
    cell = GRU(3, 5)
    parametrize.register_parametrization(cell, "weight_hh", torch.nn.Tanh())
    with pytest.raises(OptionError, match="parametrized"):
        cell.with_update("write")
