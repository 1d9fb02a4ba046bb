"""One case: everyone checked against torch, then timed against ours, pair by pair."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from unrolled.bench.cases import Case
from unrolled.bench.check import check
from unrolled.bench.contestants import Bout, Contestant, make_bout, ours, packed, padded
from unrolled.bench.peers import PEERS
from unrolled.bench.timing import PAIRS, Duel, duel


@dataclass(frozen=True)
class Settings:
    """How a case is measured.

    Attributes:
        pairs: of every comparison.
        seconds: time for a comparison, after which one that is clear by then is left.
        peers: the other libraries.
        peak: floating point operations a second that this machine reaches; None where unknown.
        beside_lstm: time the GRU beside the LSTM of the same shape.
    """

    pairs: int = PAIRS
    seconds: float = math.inf
    peers: tuple[str, ...] = ()
    peak: float | None = None
    beside_lstm: bool = False


def measure(case: Case, settings: Settings) -> dict[str, Any]:
    """Check and time a case, and return its figures.

    Raises:
        UnrolledError: someone's result is not torch's; nothing of the case is reported then.
    """
    bout = make_bout(case)
    own, expected = ours(bout), padded(bout).compute()
    errors = {own.name: check(str(case), own, expected, bout.problem.live)}
    against: dict[str, Duel] = {}
    failures: dict[str, str] = {}
    for rival in _rivals(bout, settings.peers, failures):
        errors[rival.name] = check(str(case), rival, expected, bout.problem.live)
        against[rival.name] = _duel(own, rival, settings)
    first = next(iter(against.values()))
    rate = case.operations(bout.problem.live_steps) / first.ours
    return {
        **vars(case),
        "kernel": own.runs,
        "live_share": bout.problem.live_steps / (case.batch * case.steps),
        "seconds": first.ours,
        "gflops": rate / 1e9,
        "share_of_peak": rate / settings.peak if settings.peak else None,
        "against": {name: fought.as_json() for name, fought in against.items()},
        **_relations(bout, own, settings),
        "largest_difference": errors,
        **({"failed": failures} if failures else {}),
    }


def _rivals(bout: Bout, peers: Iterable[str], failures: dict[str, str]) -> Iterator[Contestant]:
    """Yield torch's ways, then the peers that take the case; why one could not run goes to ``failures``."""
    yield padded(bout)
    if bout.problem.lengths is not None:
        yield packed(bout)
    for name in peers:
        try:
            peer = PEERS[name][0](bout)
            if peer is not None:
                peer.compute()
        except Exception as error:  # noqa: BLE001  another library's; it is reported
            failures[name] = f"{type(error).__name__}: {error}".splitlines()[0]
            continue
        if peer is not None:
            yield peer


def _relations(bout: Bout, own: Contestant, settings: Settings) -> dict[str, Any]:
    """Compare ours with ours: ragged with full rows, and the GRU with the LSTM.

    ``cost_of_lengths`` is the time of the ragged batch over that of the full one, divided by the share of live steps:
    1 where only live steps cost anything. ``of_lstm`` is the GRU's time over the LSTM's, whatever kernel that runs.
    """
    relations: dict[str, Any] = {}
    case, live_share = bout.case, bout.problem.live_steps / bout.problem.live.numel()
    if case.kind == "lengths":
        full = _checked_ours(replace(case, kind="full"))
        fought = _duel(own, full, settings)
        relations["cost_of_lengths"] = _inverted(fought, 1 / live_share)
    if case.cell == "gru" and settings.beside_lstm:
        lstm = _checked_ours(replace(case, cell="lstm"))
        relations["of_lstm"] = {**_inverted(_duel(own, lstm, settings)), "kernel": lstm.runs}
    return relations


def _checked_ours(case: Case) -> Contestant:
    bout = make_bout(case)
    contestant = ours(bout)
    check(str(case), contestant, padded(bout).compute(), bout.problem.live)
    return contestant


def _duel(own: Contestant, rival: Contestant, settings: Settings) -> Duel:
    return duel(own.compute, rival.compute, pairs=settings.pairs, seconds=settings.seconds)


def _inverted(fought: Duel, scale: float = 1.0) -> dict[str, Any]:
    ratio = fought.ratio.inverse(scale)
    return {**ratio.as_json(), "pairs": fought.pairs}
