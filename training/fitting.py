"""Train one network, or prune and fine-tune one, with every source of chance seeded.

Each call belongs in a fresh process: the seed, the thread count and op determinism are global in
TensorFlow. One thread per network keeps the order of floating-point sums fixed.
"""

from __future__ import annotations

from pathlib import Path

import architectures
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from fashion_data import load_split, to_real
from plan import BATCH_SIZE, Network
from tensorflow import keras


def make_deterministic(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and forbid ops whose result depends on timing."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def _fit(model: keras.Model, data: Path, epochs: int, learning_rate: float) -> None:
    train = load_split(data, "train")
    steps = epochs * -(-len(train.y) // BATCH_SIZE)
    model.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(learning_rate, decay_steps=steps)
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
        jit_compile=False,
    )
    pixels = to_real(train.x).astype(np.float32)
    model.fit(pixels, train.y, batch_size=BATCH_SIZE, epochs=epochs, verbose=2)


def channel_masks(
    model: keras.Model, architecture: str, fraction: float
) -> dict[str, npt.NDArray[np.float32]]:
    """Mark the `fraction` of each layer's filters with the least L1 norm [1]_.

    The norm is that of the filter as deployed, after the batch norm is folded into it.

    Parameters
    ----------
    model : keras.Model
        A trained network.
    architecture : str
        Its family, which says what layers may be pruned.
    fraction : float
        Share of filters to prune in each layer, 0..1.

    Returns
    -------
    dict of str to ndarray of float32, shape (filters,)
        0 for a pruned filter, 1 for the rest.

    References
    ----------
    .. [1] H. Li et al., "Pruning Filters for Efficient ConvNets", ICLR 2017, section 3.1.
    """
    masks = {}
    for name in architectures.PRUNABLE[architecture]:
        normalise = model.get_layer(f"{name}_bn")
        variance = np.asarray(normalise.moving_variance) + normalise.epsilon
        folded = np.asarray(model.get_layer(name).kernel) * normalise.gamma / np.sqrt(variance)
        norms = np.abs(np.asarray(folded)).sum(axis=(0, 1, 2))
        mask = np.ones(norms.size, np.float32)
        mask[np.argsort(norms, kind="stable")[: round(fraction * norms.size)]] = 0.0
        masks[name] = mask
    for feeder, depthwise in architectures.DEPTHWISE_AFTER[architecture].items():
        masks[depthwise] = masks[feeder]
    return masks


def weights_path(network: Network, work: Path, *, is_pruned: bool) -> Path:
    """Return where a network's weights are kept between training and conversion."""
    return work / f"{network.name}{'_pruned' if is_pruned else ''}.weights.h5"


def _zero_masked_channels(model: keras.Model, masks: dict[str, npt.NDArray[np.float32]]) -> None:
    for name in masks:
        for layer in (model.get_layer(name), model.get_layer(f"{name}_bn")):
            for weight in layer.trainable_weights:
                if weight.constraint is not None:
                    weight.assign(weight.constraint(weight))


def train(network: Network, data: Path, work: Path) -> None:
    """Train a network from scratch and save its weights to ``work/<network>.weights.h5``."""
    make_deterministic(network.seed)
    model = architectures.build(network.architecture, network.width)
    _fit(model, data, network.epochs, network.learning_rate)
    model.save_weights(weights_path(network, work, is_pruned=False))


def prune(network: Network, data: Path, work: Path) -> None:
    """Zero whole filters of a trained network, fine-tune the rest and save the weights."""
    make_deterministic(network.pruned_seed)
    dense = architectures.build(network.architecture, network.width)
    dense.load_weights(weights_path(network, work, is_pruned=False))
    masks = channel_masks(dense, network.architecture, network.pruned_fraction)
    model = architectures.build(network.architecture, network.width, masks)
    model.set_weights(dense.get_weights())
    _zero_masked_channels(model, masks)
    _fit(model, data, network.pruned_epochs, network.learning_rate / 3)
    model.save_weights(weights_path(network, work, is_pruned=True))
