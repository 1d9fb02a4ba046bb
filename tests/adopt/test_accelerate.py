"""accelerate and restore: what is taken, what is left and why, and that a module goes on being one of torch's."""

from __future__ import annotations

import copy
import importlib
import io
import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from tests.adopt.modules import assert_same, beside, counted, results
from tests.kernels.compiled import needs_extension
from unrolled import InputError, accelerate, restore

pytestmark = needs_extension

ROOM = importlib.import_module("unrolled.adopt.accelerate")
XS = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))


class OwnForward(nn.GRU):
    def forward(self, *arguments: Any) -> Any:
        return super().forward(*arguments)


class Named(nn.GRU):
    """A subclass that leaves forward as it is."""


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.GRU(3, 4, num_layers=2, dropout=0.5)
        self.decoder = nn.LSTM(4, 4, bidirectional=True)
        self.head = nn.Linear(8, 2)

    def forward(self, xs: Tensor) -> Tensor:
        return self.head(self.decoder(self.encoder(xs)[0])[0])


def takes(module: nn.Module, xs: Any = XS) -> int:
    """Return how many calls of our kernels the module makes."""
    with counted() as calls:
        module(xs)
    return len(calls)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_report_names_every_recurrent_module() -> None:
    wide, patched = nn.GRU(3, 4).double(), nn.RNN(3, 4)
    patched.forward = lambda xs: xs
    model = nn.ModuleDict(
        {
            "plain": Model(),
            "cell": nn.LSTMCell(3, 4),
            "named": Named(3, 4),
            "own": OwnForward(3, 4),
            "projected": nn.LSTM(3, 4, proj_size=2),
            "normed": parametrizations.weight_norm(nn.GRU(3, 4), "weight_hh_l0"),
            "text": torch.jit.script(nn.Sequential(nn.LSTM(3, 4))),
            "wide": wide,
            "elsewhere": nn.GRU(3, 4, device="meta"),
            "patched": patched,
        }
    )
    report = accelerate(model)
    assert report.accelerated == ("plain.encoder", "plain.decoder", "cell", "named")
    assert dict(report.left) == {
        "own": "OwnForward has a forward of its own",
        "projected": "LSTM has a projection",
        "normed": "GRU has parametrised weights",
        "text.0": "LSTM is scripted or traced",
        "wide": "GRU has weights of torch.float64 on cpu",
        "elsewhere": "GRU has weights of torch.float32 on meta",
        "patched": "RNN has a forward of its own",
    }
    assert str(report).splitlines()[:2] == [
        "accelerated: plain.encoder, plain.decoder, cell, named",
        "left as it is: own (OwnForward has a forward of its own)",
    ]
    assert accelerate(model) == report


def test_without_the_extension_all_is_left(monkeypatch) -> None:
    monkeypatch.setattr(ROOM, "extension", None)
    report = accelerate(nn.GRU(3, 4))
    assert report.accelerated == ()
    assert "compiled kernels" in report.left[""]
    assert "the model itself" in str(report)


def test_a_torch_with_another_forward_is_left(monkeypatch) -> None:
    class Other(nn.GRU):
        def forward(self, xs: Any) -> Any:
            return xs

    monkeypatch.setattr(ROOM, "KINDS", (Other,))
    assert f"torch {torch.__version__} has another Other" in accelerate(Other(3, 4)).left.values()


@pytest.mark.parametrize("function", [accelerate, restore])
def test_what_is_no_module_is_named(function) -> None:
    with pytest.raises(InputError, match=f"{function.__name__} was given list; expected an nn"):
        function([nn.GRU(3, 4)])


def test_class_weights_and_state_dict_stay() -> None:
    theirs, ours = beside(Model())
    assert type(ours.encoder) is nn.GRU
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.load_state_dict(theirs.state_dict()).missing_keys == []
    assert takes(theirs) == 0
    assert takes(ours) == 4


def test_restored_it_is_as_it_was() -> None:
    theirs, ours = beside(Model())
    restore(ours)
    assert takes(ours) == 0
    assert vars(ours.encoder).keys() == vars(theirs.encoder).keys()
    for found, expected in zip(results(ours, XS), results(theirs, XS), strict=True):
        assert torch.equal(found, expected)
    accelerate(ours)
    assert takes(ours) == 4


def saved_and_loaded(model: nn.Module) -> nn.Module:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), saved_and_loaded],
    ids=["copy", "deepcopy", "pickle", "torch.save"],
)
def test_copies_stay_accelerated(copied) -> None:
    theirs, ours = beside(Model())
    again = copied(ours)
    assert takes(again) == 4
    assert_same(results(again, XS), results(theirs, XS))


def test_a_replica_stays_accelerated() -> None:
    _, ours = beside(nn.GRU(3, 4))
    replica = ours._replicate_for_data_parallel()
    replica._flat_weights = list(ours._flat_weights)
    for name, parameter in ours.named_parameters():
        setattr(replica, name, parameter.detach().clone())
    assert takes(replica) == 1
    torch.testing.assert_close(replica(XS), ours(XS))


def test_unpickled_in_a_new_process_it_is_torchs_until_accelerated(tmp_path) -> None:
    _, ours = beside(nn.GRU(3, 4))
    torch.save((ours, XS, ours(XS)[0].detach()), tmp_path / "model")
    code = (
        "import sys, torch\n"
        "model, xs, ys = torch.load(sys.argv[1], weights_only=False)\n"
        "assert 'unrolled' not in sys.modules\n"
        "torch.testing.assert_close(model(xs)[0], ys)\n"
        "from unrolled import accelerate\n"
        "assert accelerate(model).accelerated == ('',)\n"
        "torch.testing.assert_close(model(xs)[0], ys)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "model"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("options", [{}, {"foreach": True}, {"fused": True}], ids=str)
def test_it_learns_the_same(options) -> None:
    def losses(model: nn.Module) -> list[float]:
        torch.manual_seed(3)
        optimiser = torch.optim.Adam(model.parameters(), 0.02, **options)
        found = []
        for _ in range(10):
            optimiser.zero_grad()
            loss = (model(XS) - 1).square().mean()
            loss.backward()
            optimiser.step()
            found.append(loss.item())
        return found

    theirs, ours = beside(Model())
    found, expected = losses(ours), losses(theirs)
    assert expected[-1] < expected[0]
    assert found == pytest.approx(expected, rel=1e-4)


def test_evaluation_draws_no_dropout() -> None:
    theirs, ours = beside(Model())
    assert not torch.equal(ours(XS), ours(XS))
    theirs.eval(), ours.eval()
    assert torch.equal(ours(XS), ours(XS))
    torch.testing.assert_close(ours(XS), theirs(XS))


def test_hooks_run() -> None:
    _, ours = beside(nn.GRU(3, 4))
    seen: list[Any] = []
    ours.register_forward_pre_hook(lambda module, inputs: seen.append("before"))
    ours.register_forward_hook(lambda module, inputs, outputs: seen.append(outputs[0].shape))
    ours.register_full_backward_hook(lambda *_: seen.append("backward"))
    ours.weight_hh_l0.register_hook(lambda gradient: seen.append(gradient.shape))
    ours(XS.clone().requires_grad_())[0].sum().backward()
    assert seen[:2] == ["before", (5, 2, 4)]
    assert set(seen[2:]) == {"backward", (12, 4)}


def test_other_weights_are_used_at_once() -> None:
    theirs, ours = beside(nn.GRU(3, 4))
    other = {name: torch.randn_like(leaf) for name, leaf in theirs.named_parameters()}
    expected = torch.func.functional_call(theirs, other, XS)
    assert_same(list(torch.func.functional_call(ours, other, XS)), list(expected))
    ours.load_state_dict(other)
    torch.testing.assert_close(ours(XS), expected)
    ours.weight_hh_l0 = nn.Parameter(torch.zeros(12, 4))
    theirs.load_state_dict(other)
    theirs.weight_hh_l0 = nn.Parameter(torch.zeros(12, 4))
    torch.testing.assert_close(ours(XS), theirs(XS))


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    "norm", [parametrizations.weight_norm, nn.utils.weight_norm, parametrizations.orthogonal]
)
def test_parametrised_after_it_computes_the_same(norm) -> None:
    def normed(module: nn.Module) -> nn.Module:
        torch.manual_seed(4)
        return norm(module, "weight_hh_l0")

    theirs, ours = beside(nn.RNN(3, 4))
    assert_same(results(normed(ours), XS), results(normed(theirs), XS))


def test_moved_it_follows() -> None:
    theirs, ours = beside(nn.GRU(3, 4))
    ours.double(), theirs.double()
    assert torch.equal(ours(XS.double())[0], theirs(XS.double())[0])
    ours.float(), theirs.float()
    assert takes(ours) == 1
    torch.testing.assert_close(ours(XS), theirs(XS))


class Packed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4)

    def forward(self, xs: PackedSequence) -> Tensor:
        return self.lstm(xs)[0].data


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scripted_it_computes_the_same() -> None:
    theirs, ours = beside(nn.Sequential(nn.Linear(3, 3), nn.GRU(3, 4)))
    torch.testing.assert_close(torch.jit.script(ours)(XS), theirs(XS))
    theirs, ours = beside(Packed())
    packed = pack_padded_sequence(XS, torch.tensor([5, 2]))
    torch.testing.assert_close(torch.jit.script(ours)(packed), theirs(packed))


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_compiled_it_computes_the_same() -> None:
    torch._dynamo.reset()
    theirs, ours = beside(Model().eval())
    compiled = torch.compile(ours, backend="eager")
    assert_same(results(compiled, XS), results(theirs, XS))
    assert takes(compiled) == 4


@pytest.mark.filterwarnings("ignore:.*_flat_weights:UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("strict", [True, False])
def test_exported_it_computes_the_same(strict: bool) -> None:
    theirs, ours = beside(Model().eval())
    program = torch.export.export(ours, (XS,), strict=strict)
    torch.testing.assert_close(program.module()(XS), theirs(XS))


def test_checkpointed_it_computes_the_same() -> None:
    theirs, ours = beside(Model())

    def checkpointed(module: nn.Module) -> list[Tensor]:
        torch.manual_seed(5)
        ys = torch.utils.checkpoint.checkpoint(module, XS, use_reentrant=False)
        return list(torch.autograd.grad(ys.sin().sum(), list(module.parameters())))

    assert_same(checkpointed(ours), checkpointed(theirs))
