"""Compares an integer model with the float model that it was made from, op by op.

For each op three things are told: how much noise it adds itself, with inputs that differ by their
quantisation alone; how much has gathered behind it; and how many answers are lost when it alone
computes in integers and all others in float. The last says which op loses the accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from tinygauge import accuracy, graph
from tinygauge.accuracy import Dataset, Limits, Run
from tinygauge.accuracy.jobs import Progress, at_once, silent
from tinygauge.diagnosis.alone import Alone, find_counterparts, real_values, run_both
from tinygauge.diagnosis.doctor import base_run, choose_inputs, gather
from tinygauge.diagnosis.pairing import OpPair, pair_ops
from tinygauge.diagnosis.trace import Array, Trace, run_rest, shaped, trace
from tinygauge.errors import ConfigError
from tinygauge.graph import Model
from tinygauge.quantity import Basis, Evidence, Interval, Method, Missing, Provenance, Quantity
from tinygauge.units import Unit

__all__ = ["Noise", "OpNoise", "compare_with_float", "noise_ratio_db"]

DEFAULT_INPUTS = 500

_LEVEL = 0.95
# Of what ops make in float: those of which the results are kept at a time.
_BUNDLE_BYTES = 16 << 20
_DOING = "ops alone in integers"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpNoise:
    """What computing one op in integers does.

    Parameters
    ----------
    op, float_op : int
        In the integer and in the float model.
    kind : str
    alone_db : float or Missing
        Signal-to-quantisation-noise ratio of what it adds itself, decibels; infinite for none.
    in_model_db : float
        The same of all that has gathered behind it.
    lost : Quantity or Missing
        The share of inputs whose right answer is lost with this op alone in integers, less that
        of those won.
    """

    op: int
    float_op: int
    kind: str
    alone_db: float | Missing
    in_model_db: float
    lost: Quantity | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What an integer model loses against its float model.

    Parameters
    ----------
    model, model_sha256, float_model, float_sha256, dataset : str
    runner, float_runner : str
        The programs that ran them.
    n : int
        Inputs.
    right, float_right : Quantity or Missing
        The share of them that each answers right.
    lost : Quantity or Missing
        As in `OpNoise`, with all ops in integers.
    ops : tuple of OpNoise
        Ops of both models that belong together.
    unpaired : tuple of str
        Ops of the integer model without a partner, quantising aside.
    notes : tuple of str
        What bounds that which can be told.
    """

    model: str
    model_sha256: str
    float_model: str
    float_sha256: str
    dataset: str
    runner: str
    float_runner: str
    n: int
    right: Quantity | Missing
    float_right: Quantity | Missing
    lost: Quantity | Missing
    ops: tuple[OpNoise, ...]
    unpaired: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def culprit(self) -> OpNoise | None:
        """The op that alone loses most answers, where that is more than chance.

        With many ops, one seems to lose some by chance: each is held to a level so much higher.

        References
        ----------
        O. J. Dunn, "Multiple comparisons among means", J. Am. Stat. Assoc. 56 (1961) 52-64
        (Bonferroni's inequality).
        """
        stricter = _normal(1 - (1 - _LEVEL) / max(1, len(self.ops))) / _normal(_LEVEL)
        surely = [
            (op.lost.value, op)
            for op in self.ops
            if isinstance(op.lost, Quantity)
            and op.lost.value > (op.lost.interval.high - op.lost.value) * stricter
        ]
        return max(surely, key=lambda each: each[0])[1] if surely else None

    @property
    def loses(self) -> bool:
        """Whether answers are lost beyond chance, by one op or by all together."""
        together = isinstance(self.lost, Quantity) and self.lost.interval.low > 0
        return together or self.culprit is not None

    @property
    def noisiest(self) -> OpNoise | None:
        """The op that adds most noise to what it makes."""
        known = [(op.alone_db, op) for op in self.ops if not isinstance(op.alone_db, Missing)]
        return min(known, key=lambda each: each[0])[1] if known else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Both:
    """The two models on the same inputs, and what each made of them."""

    integer: Run
    float_: Run
    made: Trace
    float_made: Trace
    counterparts: Mapping[int, int]
    truth: npt.NDArray[np.int64] | Missing
    limits: Limits | None
    progress: Progress

    def answers(self, outputs: Array) -> npt.NDArray[np.int64]:
        """Return the answers of outputs of the float model."""
        return accuracy.answers_of(self.float_.model, outputs.reshape(len(outputs), -1))

    def lost(self, answers: npt.NDArray[np.int64], what: str) -> Quantity | Missing:
        """Return the share of right answers lost against the float model."""
        if isinstance(self.truth, Missing):
            return self.truth
        before = self.answers(self.float_made[self.float_.model.main.outputs[0]]) == self.truth
        after = answers == self.truth
        lost, won = int((before & ~after).sum()), int((after & ~before).sum())
        interval = _net_interval(lost, won, len(after))
        return Quantity((lost - won) / len(after), Unit.RATIO, interval, self._provenance(what))

    def right(self, answers: npt.NDArray[np.int64], run: Run) -> Quantity | Missing:
        """Return the share of right answers."""
        if isinstance(self.truth, Missing):
            return self.truth
        right, n = int((answers == self.truth).sum()), len(answers)
        interval = accuracy.wilson_interval(right, n)
        return Quantity(right / n, Unit.RATIO, interval, self._provenance(run.runner.label))

    def _provenance(self, what: str) -> Provenance:
        evidence = (
            Evidence("model", self.integer.model.name, self.integer.model.sha256),
            Evidence("model", self.float_.model.name, self.float_.model.sha256),
        )
        return Provenance(Method.SIMULATED, what, self.integer.runner.label, evidence)


def compare_with_float(
    model: Model,
    float_model: Model,
    dataset: Dataset,
    *,
    profile: str = "two-rounding",
    inputs: int = DEFAULT_INPUTS,
    limits: Limits | None = None,
    progress: Progress = silent,
) -> Noise:
    """Compare an integer model with the float model that it was made from.

    Parameters
    ----------
    model, float_model : Model
        With one input and one output each. Integer weights of the latter are run as float32, as
        runtimes would else quantise what they are multiplied with.
    dataset : Dataset
        Real inputs.
    profile : str
        The numeric profile of the integer model.
    inputs : int
        How many inputs are run, evenly spread over the data; fewer where their tensors would
        fill the memory.
    limits : Limits, optional
        Of each run.
    progress : callable, optional
        Called with what is being done, and how far it is.

    Returns
    -------
    Noise

    Raises
    ------
    ConfigError
        If one is no integer or no float model, or they are not of one architecture.
    DatasetError
        If the data don't fit one of them.
    RunnerError
        If one can't be run.
    """
    pairs, unpaired = _pairs(model, float_model)
    partner = graph.with_float_weights(float_model)
    # LiteRT also runs float models with integer weights, which TFLM does not.
    runs = base_run(model, dataset, profile), base_run(partner, dataset, "one-rounding")
    # Equal outputs: then inputs are chosen evenly.
    even = (np.zeros((len(dataset), 1), np.int8),) * 2
    places = min((choose_inputs(run.model, even, inputs) for run in runs), key=len)
    made = [
        trace(run.model, gather(run, places), run.runner, limits=limits, progress=progress)
        for run in runs
    ]
    both = _Both(
        integer=runs[0],
        float_=runs[1],
        made=made[0],
        float_made=made[1],
        counterparts=find_counterparts(model, float_model, pairs),
        truth=dataset.right_answers(places),
        limits=limits,
        progress=progress,
    )
    outputs = [run.model.main.outputs[0] for run in runs]
    flat = made[0][outputs[0]].reshape(len(places), -1)
    answers = accuracy.answers_of(model, flat), both.answers(made[1][outputs[1]])
    return Noise(
        model=model.name,
        model_sha256=model.sha256,
        float_model=float_model.name,
        float_sha256=float_model.sha256,
        dataset=dataset.name,
        runner=runs[0].runner.label,
        float_runner=runs[1].runner.label,
        n=len(places),
        right=both.right(answers[0], runs[0]),
        float_right=both.right(answers[1], runs[1]),
        lost=both.lost(answers[0], "all ops in integers against all in float"),
        ops=_each_op(both, pairs),
        unpaired=unpaired,
        notes=_notes(float_model, partner),
    )


def _pairs(model: Model, float_model: Model) -> tuple[tuple[OpPair, ...], tuple[str, ...]]:
    for each, wanted in ((model, False), (float_model, True)):
        made = graph.shown_tensors(each.main)
        if all(tensor.dtype.is_float for tensor in made) is not wanted:
            problem = "it computes in integers" if wanted else "it computes in floating point"
            advice = "Write: tinygauge diff INTEGER.tflite FLOAT.tflite"
            raise ConfigError(each.path or each.name, problem, advice)
    pairs, unpaired = pair_ops(model, float_model)
    if len(pairs) <= len(unpaired):
        problem = f"only {len(pairs)} of its ops are those of {float_model.name}"
        raise ConfigError(model.path or model.name, problem, "Give the model that it was made from")
    return pairs, unpaired


def _notes(float_model: Model, partner: Model) -> tuple[str, ...]:
    """Say what is not float in a float model, and what was done about it."""
    count, left = (len(graph.hybrid_weights(each)) for each in (float_model, partner))
    notes: tuple[str, ...] = ()
    if count > left:
        notes = (
            f"{float_model.name} is hybrid: {count - left} of its weights are integers, for which "
            "runtimes quantise the activations too; here they were run as float32. They stay "
            "rounded: where the integer model rounds them otherwise, noise holds both roundings",
        )
    if left:
        notes += (
            f"{left} integer weights of {float_model.name} could not be run as float32: where "
            "they are used, noise includes what the float model's own runtime adds",
        )
    return notes


def _each_op(both: _Both, pairs: tuple[OpPair, ...]) -> tuple[OpNoise, ...]:
    """Tell the noise of each op, and what is lost by it."""
    ops: dict[int, OpNoise] = {}
    both.progress(_DOING, 0, len(pairs))
    for bundle in _bundles(both, pairs):
        runs = both.integer, both.float_
        alone = run_both(runs, bundle, both.float_made, both.counterparts, both.limits)
        tasks = [(pair, alone[pair.op.index]) for pair in bundle]
        for (pair, _), noise in at_once(lambda task: _op_noise(both, *task), tasks):
            ops[pair.op.index] = noise
            both.progress(_DOING, len(ops), len(pairs))
    return tuple(ops[pair.op.index] for pair in pairs)


def _op_noise(both: _Both, pair: OpPair, alone: Alone | Missing) -> OpNoise:
    tensor = both.integer.model.main.tensors[pair.op.outputs[0]]
    signal = both.float_made[pair.float_op.outputs[0]]
    alone_db: float | Missing
    lost: Quantity | Missing
    if isinstance(alone, Missing):
        alone_db = lost = alone
    else:
        alone_db = noise_ratio_db(alone.exact, alone.rounded)
        lost = _lost_by(both, pair, alone.rounded)
    return OpNoise(
        op=pair.op.index,
        float_op=pair.float_op.index,
        kind=pair.op.kind,
        alone_db=alone_db,
        in_model_db=noise_ratio_db(signal, real_values(tensor, both.made[tensor.index])),
        lost=lost,
    )


def _bundles(both: _Both, pairs: tuple[OpPair, ...]) -> Iterator[list[OpPair]]:
    """Yield ops some at a time, so that what they make alone does not fill the memory."""
    bundle: list[OpPair] = []
    size_bytes = 0
    for pair in pairs:
        size_bytes += both.float_made[pair.float_op.outputs[0]].nbytes
        if bundle and size_bytes > _BUNDLE_BYTES:
            yield bundle
            bundle, size_bytes = [], both.float_made[pair.float_op.outputs[0]].nbytes
        bundle.append(pair)
    yield bundle


def _lost_by(both: _Both, pair: OpPair, rounded: Array) -> Quantity | Missing:
    """Tell what is lost with an op alone in integers, from running all ops behind it."""
    if isinstance(both.truth, Missing):
        return both.truth
    model, runner = both.float_.model, both.float_.runner
    tensor = model.main.tensors[pair.float_op.outputs[0]]
    replaced = {**both.float_made, tensor.index: shaped(tensor, rounded)}
    outputs = run_rest(model, pair.float_op.index + 1, replaced, runner, both.limits)
    if isinstance(outputs, Missing):
        return outputs
    what = f"op {pair.op.index} {pair.op.kind} alone in integers against all in float"
    return both.lost(both.answers(outputs), what)


def noise_ratio_db(exact: Array, rounded: Array) -> float:
    """Return a signal-to-quantisation-noise ratio.

    Parameters
    ----------
    exact, rounded : ndarray
        Real values, of equally many elements.

    Returns
    -------
    float
        10 log10 of the ratio of the sums of squares of the signal and of the difference,
        decibels; infinite where nothing differs, minus infinite where the signal is 0.

    References
    ----------
    A. V. Oppenheim, R. W. Schafer, "Discrete-Time Signal Processing", 3rd ed., 4.8.3,
    eq. 4.123.
    """
    signal = exact.astype(np.float64).ravel()
    noise = rounded.astype(np.float64).ravel() - signal
    power, error = float(signal @ signal), float(noise @ noise)
    if error == 0:
        return math.inf
    return 10 * math.log10(power / error) if power > 0 else -math.inf


def _net_interval(lost: int, won: int, n: int) -> Interval:
    """Return the interval of the share lost less the share won, of the same inputs.

    References
    ----------
    A. Agresti, "Categorical Data Analysis", 2nd ed., 10.1.1, eq. 10.2 (difference of dependent
    proportions); with nothing lost or won, as far as Wilson's interval of 0 reaches.
    """
    net = (lost - won) / n
    if lost == won == 0:
        reach = accuracy.wilson_interval(0, n).high
        return Interval(-reach, reach, _LEVEL, Basis.SAMPLING, n)
    deviation = math.sqrt((lost + won) - (lost - won) ** 2 / n) / n
    half = _normal(_LEVEL) * deviation
    return Interval(net - half, net + half, _LEVEL, Basis.SAMPLING, n)


def _normal(level: float) -> float:
    """Return how many standard deviations hold a share of a normal distribution, both sides."""
    return NormalDist().inv_cdf((1 + level) / 2)
