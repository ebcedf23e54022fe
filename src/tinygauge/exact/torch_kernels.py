"""The kernels in PyTorch, for a CUDA processor: the same bits, as no sum is ever rounded.

Sums of products are matrix products: in float32 where no sum can reach 2**24, else in float64,
which holds all of them. They are never a library's convolutions, which may transform the numbers
on the way (Winograd, FFT). Depthwise they are added up tap by tap, in integers, like everything
else: in int32, which wraps as C's kernels do. Rescaling would take a dozen passes over values of
64 bits; where PyTorch can compile a kernel of one's own, it takes one. What is not in `_KERNELS`,
and is little work, is left to the other kernels.

TinyGauge does not depend on PyTorch: `open_torch` imports it, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from tinygauge.errors import ConfigError, UnknownNameError
from tinygauge.exact import steps
from tinygauge.exact.fixedpoint import Reals, Shifts
from tinygauge.exact.kernels import bind
from tinygauge.exact.pairs import operands
from tinygauge.exact.plain import scale_of_mean
from tinygauge.exact.products import fits_float32
from tinygauge.exact.scales import Rounding, Scale
from tinygauge.exact.steps import Array, Step, Window

__all__ = ["Torch", "open_torch"]

Tensor = Any
Function = Callable[[Tensor], Tensor]
Run = Callable[[list[Tensor]], list[Tensor]]

_NAMES = ("cuda", "cpu")

# `fixedpoint.rescale`, or with `ties_up` its `rescale_ties_up`, of one value.
_RESCALE = """
template <typename T> T rescale(T x, T multiplier, T shift, T ties_up) {
  const int left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
  const long long shifted = (int)((unsigned)x << left);
  const long long high = (shifted * multiplier + (1LL << 30)) >> 31;
  const long long half = (1LL << right) >> 1;
  const long long away = !ties_up && high < 0 && half > 0;
  return (T)(((high > 2147483647LL ? 2147483647LL : high) + half - away) >> right);
}
"""

# A chunk should keep a GPU busy for longer than starting its kernels takes. Patches of 3 x 3 in
# float32, with sums beside them, take up to 72 times the room of an int8 image; a second process
# may work there too.
_MOST_CHUNK_BYTES = 256 << 20
_ROOM_FACTOR = 160
_CPU_CHUNK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Torch:
    """Keeps values in PyTorch, and evaluates steps there; a `tinygauge.exact.processors.Processor`.

    Parameters
    ----------
    torch : module
    name : str
        As PyTorch has it: ``"cuda"`` or ``"cpu"``.
    chunk_bytes : int
        See `tinygauge.exact.processors.Processor`, as for the next.
    most_rows : int
    fused : callable, optional
        Rescales in one kernel: takes values, multipliers and shifts of int32, and `ties_up`.
    """

    torch: Any
    name: str
    chunk_bytes: int = _CPU_CHUNK_BYTES
    most_rows: int = 1 << 16
    fused: Callable[..., Tensor] | None = None

    def bind(self, step: Step) -> Run:
        """Return the function that evaluates a step on a batch of tensors."""
        if type(step) in _KERNELS and not _rounds_in_parts(step):
            return _KERNELS[type(step)](self, step)
        on_host = bind(step)

        def there_and_back(xs: list[Tensor]) -> list[Tensor]:
            return [self.put(y) for y in on_host([self.get(x) for x in xs])]

        return there_and_back

    def put(self, array: Array) -> Tensor:
        """Copy an array into a tensor."""
        return self.torch.tensor(np.ascontiguousarray(array), device=self.name)

    def get(self, values: Tensor) -> Array:
        """Copy a tensor into an array."""
        found: Array = values.cpu().numpy()
        return found

    def spread(self, values: Tensor, count: int) -> Tensor:
        """Repeat a single row."""
        return values.expand(count, *values.shape[1:])

    def rescale(self, multiplier: Shifts, shift: Shifts, *, ties_up: bool = False) -> Function:
        """Return what `fixedpoint.rescale` or `rescale_ties_up` does with a scale, in int32."""
        factor = self.put(np.asarray(multiplier, np.int32))
        amount = self.put(np.asarray(shift, np.int32))
        if self.fused is not None:
            fused = self.fused
            return lambda x: fused(x, factor, amount, ties_up=int(ties_up))
        left, right = amount.clamp(min=0), (-amount).clamp(min=0).long()
        half = (1 << right) >> 1

        def run(x: Tensor) -> Tensor:
            high = ((x << left).long() * factor + (1 << 30)) >> 31
            away = 0 if ties_up else ((high < 0) & (half > 0)).long()
            return ((high.clamp(max=2**31 - 1) + half - away) >> right).int()

        return run

    def rescale_by(self, scale: Scale) -> Function:
        """Return what `fixedpoint.rescale_by` does with a scale."""
        return self.rescale(scale.multiplier, scale.shift)

    def rescale_real(self, factor: Reals, low: int, high: int) -> Function:
        """Return what `fixedpoint.rescale_real` does with a factor; `round` takes ties to even."""
        real = self.put(np.asarray(factor, np.float32))
        return lambda x: (x.float() * real).clamp(low, high).round().int()

    def rescale_wide(self, multiplier: Shifts, shift: Shifts) -> Function:
        """Return what `fixedpoint.rescale_wide` does with a scale."""
        factor = np.asarray(multiplier, np.int64)
        reduced = self.put(np.where(factor < 0x7FFF0000, (factor + (1 << 15)) >> 16, 0x7FFF))
        total = self.put(15 - np.asarray(shift, np.int64))
        return lambda x: ((x * reduced + (1 << (total - 1))) >> total).int()


def open_torch(name: str) -> Torch:
    """Make PyTorch ready.

    Parameters
    ----------
    name : str
        ``"cuda"``, or ``"cpu"`` to try it without.

    Returns
    -------
    Torch

    Raises
    ------
    UnknownNameError
        If it is another name.
    ConfigError
        If PyTorch is absent, or finds no CUDA.
    """
    if name not in _NAMES:
        raise UnknownNameError("processor", name, _NAMES)
    advice = "The outputs are the same without it: --runner auto"
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library of it is missing
        problem = f"PyTorch can't be imported ({error})"
        raise ConfigError(name, problem, f"Try: pip install torch. {advice}") from error
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError(name, f"PyTorch {torch.__version__} finds no CUDA here", advice)
    if name == "cpu":
        return Torch(torch, name)
    free_bytes, _ = torch.cuda.mem_get_info()
    chunk_bytes = min(_MOST_CHUNK_BYTES, free_bytes // _ROOM_FACTOR)
    return Torch(torch, name, chunk_bytes, fused=_fused_rescale(torch))


def _fused_rescale(torch: Any) -> Callable[..., Tensor] | None:
    """Compile the rescaling of integers to one CUDA kernel; None where this PyTorch can't."""
    try:
        compiled = torch.cuda.jiterator._create_jit_fn(_RESCALE, ties_up=0)
        one = torch.ones(1, dtype=torch.int32, device="cuda")
        compiled(one, one, one)
    except (AttributeError, RuntimeError):
        return None
    return cast("Callable[..., Tensor]", compiled)


def _padded(x: Tensor, widths: Sequence[tuple[int, int]], fill: int) -> Tensor:
    """Put `fill` around a tensor, as `numpy.pad`."""
    if not any(before or after for before, after in widths):
        return x
    pairs = list(zip(x.shape, widths, strict=True))
    padded = x.new_full([before + size + after for size, (before, after) in pairs], fill)
    padded[tuple(slice(before, before + size) for size, (before, _) in pairs)] = x
    return padded


def _patches(x: Tensor, w: Window, fill: int) -> Tensor:
    """View what the filter meets everywhere: ``(n, out_h, out_w, filter_h, filter_w, in_c)``."""
    padded = _surrounded(x, w, fill).contiguous()
    image, row, column, _ = padded.stride()
    return padded.as_strided(
        (len(x), w.out_h, w.out_w, w.filter_h, w.filter_w, w.in_c),
        (image, w.stride_h * row, w.stride_w * column, w.dilation_h * row, w.dilation_w * column,
         1),
    )  # fmt: skip


def _surrounded(x: Tensor, w: Window, fill: int) -> Tensor:
    """Put around images what the filter meets there."""
    reach_h = (w.filter_h - 1) * w.dilation_h + (w.out_h - 1) * w.stride_h + 1
    reach_w = (w.filter_w - 1) * w.dilation_w + (w.out_w - 1) * w.stride_w + 1
    below = max(0, reach_h - w.pad_h - w.in_h)
    right = max(0, reach_w - w.pad_w - w.in_w)
    return _padded(x, ((0, 0), (w.pad_h, below), (w.pad_w, right), (0, 0)), fill)


def _as_convolution(w: Window) -> Window:
    """Return the window of a transpose convolution over its image with zeros between values."""
    return replace(
        w,
        in_h=(w.in_h - 1) * w.stride_h + 1,
        in_w=(w.in_w - 1) * w.stride_w + 1,
        stride_h=1,
        stride_w=1,
        pad_h=w.filter_h - 1 - w.pad_h,
        pad_w=w.filter_w - 1 - w.pad_w,
    )


def _products(on: Torch, step: steps.Convolve) -> Function:
    """Return what multiplies patches of stored values with filters, group by group."""
    weights, w, zero = step.weights, step.window, step.window.in_zero
    groups = w.in_c // w.filter_c
    if step.kind == "transpose":
        weights, w = weights[:, ::-1, ::-1], _as_convolution(w)
    matrices = weights.reshape(groups, w.out_c // groups, -1).transpose(0, 2, 1)
    held = on.put(matrices)
    fits = fits_float32(step.weights.reshape(w.out_c, -1), "int8")

    def run(x: Tensor) -> Tensor:
        is_short = x.dtype == on.torch.int8 and fits
        kind, whole = on.torch.float64, on.torch.int64
        # Where the user lets PyTorch take TF32 or bfloat16 for products, sums may have fewer bits.
        if is_short and on.torch.get_float32_matmul_precision() == "highest":
            kind, whole = on.torch.float32, on.torch.int32
        if step.kind == "transpose":
            spaced = x.new_full((len(x), w.in_h, w.in_w, w.in_c), zero)
            spaced[:, :: step.window.stride_h, :: step.window.stride_w] = x
            x = spaced
        patches = _patches(x, w, zero)
        pixels = len(x) * w.out_h * w.out_w
        if groups > 1:
            patches = patches.unflatten(-1, (groups, -1)).permute(5, 0, 1, 2, 3, 4, 6)
        columns = patches.reshape(groups, pixels, -1).to(kind)
        products = (columns @ held.to(kind)).transpose(0, 1)
        return products.reshape(len(x), w.out_h, w.out_w, w.out_c).to(whole)

    return run


def _tap_sums(on: Torch, step: steps.Convolve) -> Function:
    """Return what adds up a depthwise convolution tap by tap, in integers."""
    w = step.window
    weights = on.put(step.weights.reshape(w.filter_h, w.filter_w, w.in_c, -1).astype(np.int32))

    def run(x: Tensor) -> Tensor:
        kind = on.torch.int64 if x.dtype == on.torch.int16 else on.torch.int32
        padded = _surrounded(x, w, w.in_zero).to(kind)[..., None]
        sums = padded.new_zeros((len(x), w.out_h, w.out_w, *weights.shape[2:]))
        for row, column in np.ndindex(w.filter_h, w.filter_w):
            down, right = row * w.dilation_h, column * w.dilation_w
            met = padded[
                :,
                down : down + (w.out_h - 1) * w.stride_h + 1 : w.stride_h,
                right : right + (w.out_w - 1) * w.stride_w + 1 : w.stride_w,
            ]
            sums.addcmul_(met, weights[row, column].to(kind))
        return sums.reshape(len(x), w.out_h, w.out_w, w.out_c)

    return run


def _sums(on: Torch, step: steps.Convolve) -> Function:
    """Return what makes sums with their bias: int32 that wraps, of int16 values int64.

    Products are of stored values; the bias takes up the zero point.
    """
    over = (0, 1) if step.kind == "depthwise" else (1, 2, 3)
    bias = -step.window.in_zero * step.weights.astype(np.int64).sum(axis=over)
    if step.bias is not None:
        bias = bias + step.bias
    held = on.put(bias)
    products_of = (_tap_sums if step.kind == "depthwise" else _products)(on, step)

    def run(x: Tensor) -> Tensor:
        if x.dtype == on.torch.int16:
            return products_of(x).long() + held
        return products_of(x).int() + held.int()

    return run


def _rounds_in_parts(step: Step) -> bool:
    """Whether some channels round ties up and others do not."""
    return isinstance(step, steps.Convolve) and 0 < step.ties_up < step.window.out_c


def _convolve(on: Torch, step: steps.Convolve) -> Run:
    w = step.window
    sums_of = _sums(on, step)
    rescale_wide = on.rescale_wide(step.multipliers, step.shifts)
    if step.rounding is Rounding.ONE:
        rescale = on.rescale_real(step.factors, w.low - w.out_zero, w.high - w.out_zero)
    else:
        rescale = on.rescale(step.multipliers, step.shifts, ties_up=step.ties_up > 0)

    def run(xs: list[Tensor]) -> list[Tensor]:
        dtype = xs[0].dtype
        sums = sums_of(xs[0].reshape(-1, w.in_h, w.in_w, w.in_c))
        if dtype == on.torch.int16:
            return [rescale_wide(sums).clamp(w.low, w.high).to(dtype)]
        return [(rescale(sums) + w.out_zero).clamp(w.low, w.high).to(dtype)]

    return run


def _pool(on: Torch, step: steps.Pool) -> Run:
    w = step.window
    ones = on.put(np.ones((1, w.in_h, w.in_w, w.in_c), np.int64))
    count = _patches(ones, w, 0).sum((3, 4))

    def run(xs: list[Tensor]) -> list[Tensor]:
        x = xs[0].reshape(-1, w.in_h, w.in_w, w.in_c)
        if step.is_max:
            lowest = on.torch.iinfo(x.dtype).min
            return [_patches(x, w, lowest).amax((3, 4)).clamp(w.low, w.high)]
        sums = _patches(x, w, 0).sum((3, 4), dtype=on.torch.int64)
        means = sums.sign() * ((sums.abs() + count // 2) // count)
        return [means.clamp(w.low, w.high).to(x.dtype)]

    return run


def _add(on: Torch, step: steps.Add) -> Run:
    of_a, of_b, of_sum = (on.rescale_by(scale) for scale in (step.a, step.b, step.out))

    def run(xs: list[Tensor]) -> list[Tensor]:
        a, b = operands(step, xs)
        left = of_a((a.int() - step.a_zero) << step.left_shift)
        right = of_b((b.int() - step.b_zero) << step.left_shift)
        total = of_sum(left - right if step.negate_b else left + right) + step.out_zero
        return [total.clamp(step.low, step.high).to(a.dtype)]

    return run


def _multiply(on: Torch, step: steps.Multiply) -> Run:
    rescale = on.rescale_by(step.out)
    if step.rounding is Rounding.ONE:
        limits = (step.low - step.out_zero, step.high - step.out_zero)
        rescale = on.rescale_real(step.factor, *limits)

    def run(xs: list[Tensor]) -> list[Tensor]:
        a, b = operands(step, xs)
        product = rescale((a.int() - step.a_zero) * (b.int() - step.b_zero))
        return [(product + step.out_zero).clamp(step.low, step.high).to(a.dtype)]

    return run


def _extremum(on: Torch, step: steps.Extremum) -> Run:
    function = on.torch.maximum if step.is_max else on.torch.minimum
    return lambda xs: [function(*operands(step, xs))]


def _lookup(on: Torch, step: steps.Lookup) -> Run:
    table = on.put(step.table)
    return lambda xs: [table[xs[0].long() + 128]]


def _requantize(on: Torch, step: steps.Requantize) -> Run:
    rescale, dtype = on.rescale_by(step.scale), getattr(on.torch, step.dtype)

    def run(xs: list[Tensor]) -> list[Tensor]:
        values = rescale(xs[0].int() - step.in_zero) + step.out_zero
        return [values.clamp(step.low, step.high).to(dtype)]

    return run


def _reduce(on: Torch, step: steps.Reduce) -> Run:
    if step.kind in ("max", "min"):
        function = on.torch.amax if step.kind == "max" else on.torch.amin
        return lambda xs: [function(xs[0], step.axes)]
    is_mean = step.kind == "mean"
    rescale = on.rescale_by(scale_of_mean(step.scale, step.count) if is_mean else step.scale)

    def run(xs: list[Tensor]) -> list[Tensor]:
        total = (xs[0].int() - step.in_zero).sum(step.axes).int()
        limits = on.torch.iinfo(xs[0].dtype)
        values = (rescale(total) + step.out_zero).clamp(limits.min, limits.max)
        return [values.to(xs[0].dtype)]

    return run


def _reshape(on: Torch, step: steps.Reshape) -> Run:
    del on, step
    return list


def _permute(on: Torch, step: steps.Permute) -> Run:
    del on
    return lambda xs: [xs[0].permute(step.axes)]


def _pad(on: Torch, step: steps.Pad) -> Run:
    del on
    return lambda xs: [_padded(xs[0], step.widths, step.value)]


def _concatenate(on: Torch, step: steps.Concatenate) -> Run:
    join = on.torch.stack if step.is_stack else on.torch.cat

    def run(xs: list[Tensor]) -> list[Tensor]:
        count = max(len(x) for x in xs)
        return [join([on.spread(x, count) for x in xs], step.axis)]

    return run


def _slice(on: Torch, step: steps.Slice) -> Run:
    parts = [
        [on.put(start + np.arange(count) * stride) for start, count, stride in part]
        for part in step.parts
    ]

    def run(xs: list[Tensor]) -> list[Tensor]:
        cut = []
        for part in parts:
            picked = xs[0]
            for axis, index in enumerate(part, start=1):
                picked = picked.index_select(axis, index)
            cut.append(picked)
        return cut

    return run


def _pick(on: Torch, step: steps.Pick) -> Run:
    index = on.put(step.index.astype(np.int64))
    return lambda xs: [xs[0].reshape(len(xs[0]), -1)[:, index]]


def _gather(on: Torch, step: steps.Gather) -> Run:
    index = on.put(step.index.astype(np.int64).reshape(-1))
    return lambda xs: [xs[0].index_select(step.axis, index)]


_KERNELS: dict[type[Step], Callable[[Torch, Any], Run]] = {
    steps.Add: _add,
    steps.Concatenate: _concatenate,
    steps.Convolve: _convolve,
    steps.Extremum: _extremum,
    steps.Gather: _gather,
    steps.Lookup: _lookup,
    steps.Multiply: _multiply,
    steps.Pad: _pad,
    steps.Permute: _permute,
    steps.Pick: _pick,
    steps.Pool: _pool,
    steps.Reduce: _reduce,
    steps.Requantize: _requantize,
    steps.Reshape: _reshape,
    steps.Slice: _slice,
}
