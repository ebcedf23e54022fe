"""Many candidates made of a few real ones, for tests of what a large report costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tinygauge.evaluation import Results
from tinygauge.quantity import Missing, Quantity
from tinygauge.records import Evaluation, Latency, Memory, ModelSummary
from tinygauge.selection import select

__all__ = ["many_candidates"]


def many_candidates(results: Results, models: int, boards: int) -> Results:
    """Vary the evaluations until there are so many models on so many boards.

    No two models share an op table, a plan or a number, so that nothing can be stored once for
    several, as it could not be of real models.
    """
    by_model: dict[str, list[Evaluation]] = {}
    for each in results.evaluations:
        by_model.setdefault(each.model.sha256, []).append(each)
    bases = list(by_model.values())
    made = [
        each
        for number in range(models)
        for each in _of_one_model(bases[number % len(bases)], number, boards)
    ]
    selection = select(made, results.region, results.selection.ranking)
    return replace(results, selection=selection)


def _of_one_model(bases: list[Evaluation], number: int, boards: int) -> Iterator[Evaluation]:
    factor = 1.0 + number / 700
    model = _vary_model(bases[0].model, number)
    plans = {
        id(each.memory): _vary_memory(each.memory, number)
        for each in bases
        if isinstance(each.memory, Memory)
    }
    for board in range(boards):
        base = bases[board % len(bases)]
        own = factor * (1.0 + board / 13)
        target = replace(base.target, board=f"board-{board}-{base.target.board}")
        latency, energy = base.latency, base.energy
        assert isinstance(latency, Latency)
        assert not isinstance(energy, Missing)
        yield replace(
            base,
            model=model,
            target=target,
            memory=plans.get(id(base.memory), base.memory),
            latency=_vary_latency(latency, own),
            energy=replace(energy, per_inference=_scaled(energy.per_inference, own)),
        )


def _scaled(quantity: Quantity, factor: float) -> Quantity:
    return replace(
        quantity, value=quantity.value * factor, interval=quantity.interval.scaled(factor)
    )


def _vary_model(model: ModelSummary, number: int) -> ModelSummary:
    ops = tuple(replace(op, macs=op.macs + number) for op in model.op_table)
    name = f"{model.name}_{number:03}"
    return replace(model, name=name, sha256=f"{number:064x}", op_table=ops)


def _vary_memory(memory: Memory, number: int) -> Memory:
    placements = tuple(
        replace(each, offset_bytes=each.offset_bytes + 16 * number) for each in memory.placements
    )
    ram = replace(memory.ram, value=memory.ram.value + number)
    parts = tuple(
        replace(part, size=replace(part.size, value=part.size.value + number))
        for part in memory.parts
    )
    return replace(memory, ram=ram, parts=parts, placements=placements)


def _vary_latency(latency: Latency, factor: float) -> Latency:
    by_op = tuple(replace(op, value=_scaled(op.value, factor)) for op in latency.by_op)
    return replace(latency, per_inference=_scaled(latency.per_inference, factor), by_op=by_op)
