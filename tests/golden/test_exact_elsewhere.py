"""The compiled kernels of other builds and processors give the bits that NumPy gives here.

The whole evaluator runs there, Python and all: on 64-bit Arm as QEMU emulates it, and here with
a library that checks every address and every overflow.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.firmware.op_models import OP_MODELS
from tests.support.kernel_bits import write_models
from tests.support.kernel_builds import HERE, Build, build_for_aarch64, build_with_sanitizers
from tests.support.micro import adversarial_inputs
from tests.support.random_models import random_model
from tests.support.rare_models import rare_model

from tinygauge import graph
from tinygauge.exact import Rounding, find_unsupported
from tinygauge.exact.library import LEVELS, levels

PACKAGED = Path(graph.__file__).parents[1] / "data" / "fashion_mnist" / "models"
# Each kind of op comes first in some of them.
RANDOM, RARE = 36, 18


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random models, one of every op, and packaged ones, as all profiles that know them round."""
    every = [random_model(seed) for seed in range(RANDOM)]
    every += [rare_model(seed) for seed in range(RARE)]
    every += [graph.parse(make(), name=name) for name, make in OP_MODELS.items()]
    every += [graph.load(path) for path in sorted(PACKAGED.glob("*_i*.tflite"))[::5]]
    cases = [
        (model, rounding, adversarial_inputs(model, 6))
        for model in every
        for rounding in Rounding
        if find_unsupported(model, rounding) is None
    ]
    assert len(cases) > RANDOM
    path = tmp_path_factory.mktemp("models") / "models.npz"
    write_models(path, cases)
    return path


@pytest.fixture(scope="module")
def expected(models: Path) -> dict[str, str]:
    """What NumPy gives on this machine."""
    return HERE.digests(models, "numpy")


@pytest.fixture(scope="module")
def aarch64(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return build_for_aarch64(tmp_path_factory.mktemp("aarch64"))


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return build_with_sanitizers(tmp_path_factory.mktemp("sanitized"))


def assert_same(found: dict[str, str], expected: dict[str, str], kernels: str) -> None:
    assert found.pop("kernels") == kernels
    assert {name: found.get(name) for name in expected if name != "kernels"} == found
    assert [name for name in found if found[name] != expected[name]] == []


@pytest.mark.parametrize(("cpu", "kernels"), [("max", "dotprod"), ("cortex-a53", "neon")])
def test_an_emulated_arm_gives_the_same_bits(
    aarch64: Build, models: Path, expected: dict[str, str], cpu: str, kernels: str
) -> None:
    """With the kernels that it finds for its processor."""
    found = aarch64.digests(models, "", "-cpu", cpu)

    assert_same(found, expected, kernels)


def test_plain_c_gives_the_same_bits_on_arm(
    aarch64: Build, models: Path, expected: dict[str, str]
) -> None:
    """As on processors that nobody wrote kernels for."""
    found = aarch64.digests(models, "portable", "-cpu", "max")

    assert_same(found, expected, "portable")


@pytest.mark.parametrize("kernels", LEVELS)
def test_no_kernel_leaves_its_arrays_or_overflows(
    sanitized: Build, models: Path, expected: dict[str, str], kernels: str
) -> None:
    """AddressSanitizer and UndefinedBehaviorSanitizer end the program where one does."""
    if kernels not in levels():
        pytest.skip(f"no kernels for {kernels} on this machine")
    found = sanitized.digests(models, kernels)

    assert_same(found, expected, kernels)
