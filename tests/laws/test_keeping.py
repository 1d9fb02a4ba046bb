"""Law 8: saving, copying, pickling and changing the dtype keep the results, after kernels have been used."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
import torch.utils._pytree as pytree

from tests.laws.examples import Example
from tests.laws.harness import (
    assert_same,
    both_modes,
    each_example,
    everything,
    prepare,
    typical,
    whole,
)

RAGGED = typical._replace(dtype=torch.float32)


def saved_and_loaded(layer, example: Example):
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    fresh = example.make(RAGGED.features, RAGGED.hidden)
    fresh.load_state_dict(torch.load(file, weights_only=True))
    return fresh.train(layer.training)


def pickled(layer, example: Example):
    if not example.pickles:
        pytest.skip("torch cannot pickle it")
    return pickle.loads(pickle.dumps(layer))


def copied(layer, example: Example):
    return copy.deepcopy(layer)


@each_example
@both_modes
@pytest.mark.parametrize("keep", [saved_and_loaded, pickled, copied])
def test_8_a_copy_gives_the_same_bits(example: Example, training: bool, keep) -> None:
    setting = prepare(example, RAGGED, training)
    before = everything(whole(setting), setting)
    twin = keep(setting.layer, example)
    assert_same(everything(whole(setting), setting._replace(layer=twin)), before, tolerance=0.0)
    # The copy is a copy: changing it leaves the first as it is.
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert_same(everything(whole(setting), setting), before, tolerance=0.0)


@each_example
@both_modes
def test_8_double_precision_gives_the_same_numbers(example: Example, training: bool) -> None:
    setting = prepare(example, RAGGED, training)
    before = everything(whole(setting), setting)
    setting.layer.to(torch.float64)
    data, state = pytree.tree_map(to_double, (setting.data, setting.state))
    after = everything(whole(setting), setting._replace(data=data, state=state))
    assert_same(after, pytree.tree_map(to_double, before), tolerance=2e-5)
    # And back, the weights being what they were.
    setting.layer.to(torch.float32)
    assert_same(everything(whole(setting), setting), before, tolerance=0.0)


def to_double(leaf: torch.Tensor) -> torch.Tensor:
    if leaf.is_complex():
        return leaf.to(torch.complex128)
    return leaf.double() if leaf.is_floating_point() else leaf


@each_example
def test_8_nothing_but_what_was_learned_is_saved(example: Example) -> None:
    # States and noise are values: a module that has run is the module that was made.
    setting = prepare(example, RAGGED, training=True)
    before = dict(setting.layer.__dict__)
    learned = {name for name, _ in setting.layer.named_parameters()}
    counted = {name: buffer.clone() for name, buffer in setting.layer.named_buffers()}
    everything(whole(setting), setting)
    assert {name.removesuffix(".original") for name in setting.layer.state_dict()} == {
        name.removesuffix(".original") for name in learned | counted.keys()
    }
    for name, buffer in setting.layer.named_buffers():
        assert torch.equal(buffer, counted[name]), f"{name} changes with what is read"
    assert setting.layer.__dict__ == before
