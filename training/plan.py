"""What is trained: the fifteen networks, their seeds and their training length."""

from __future__ import annotations

from dataclasses import dataclass

SEED = 2017
BATCH_SIZE = 128
REPRESENTATIVE_IMAGES = 500
PACKAGED_PER_CLASS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One network to train.

    Attributes
    ----------
    architecture, width
        Family and size, see :mod:`architectures`.
    seed : int
        Seeds the initial weights and the order of the training images.
    epochs : int
        Passes over the 60,000 training images; the last weights are kept, whatever their score.
    learning_rate : float
        Start of the cosine decay to 0.
    pruned_fraction : float
        Share of the filters zeroed in a second, pruned version; 0 for no such version.
    pruned_epochs : int
        Passes of fine-tuning after pruning.
    is_i16x8 : bool
        Whether a version with int16 activations and int8 weights is made too.
    """

    architecture: str
    width: int
    seed: int
    epochs: int
    learning_rate: float = 4e-3
    pruned_fraction: float = 0.0
    pruned_epochs: int = 3
    is_i16x8: bool = False

    @property
    def name(self) -> str:
        """Architecture and width, the start of each model file's name."""
        return f"{self.architecture}_{self.width}"

    @property
    def variants(self) -> tuple[str, ...]:
        """What model files are made of the network, as in the table's column ``variant``."""
        pruned = ("i8_pruned",) if self.pruned_fraction else ()
        wide = ("i16x8",) if self.is_i16x8 else ()
        return ("f32", "i8", *pruned, *wide)

    def model_name(self, variant: str) -> str:
        """Return the name of one variant's file, without its suffix."""
        return f"{self.name}_{'pruned_i8' if variant == 'i8_pruned' else variant}"

    @property
    def pruned_seed(self) -> int:
        """Seed of the fine-tuning after pruning."""
        return self.seed + 100


NETWORKS = (
    Network(architecture="mlp", width=8, seed=SEED, epochs=8, learning_rate=2e-3),
    Network(architecture="mlp", width=24, seed=SEED + 1, epochs=8, learning_rate=2e-3),
    Network(architecture="mlp", width=64, seed=SEED + 2, epochs=8, learning_rate=2e-3),
    Network(architecture="cnn", width=4, seed=SEED + 3, epochs=6),
    Network(architecture="cnn", width=8, seed=SEED + 4, epochs=6, is_i16x8=True),
    Network(architecture="cnn", width=16, seed=SEED + 5, epochs=6, pruned_fraction=0.4),
    Network(architecture="dscnn", width=8, seed=SEED + 6, epochs=6),
    Network(architecture="dscnn", width=16, seed=SEED + 7, epochs=6),
    Network(architecture="dscnn", width=32, seed=SEED + 8, epochs=6, pruned_fraction=0.4),
    Network(architecture="resnet", width=4, seed=SEED + 9, epochs=6),
    Network(architecture="resnet", width=8, seed=SEED + 10, epochs=6, is_i16x8=True),
    Network(architecture="resnet", width=16, seed=SEED + 11, epochs=6),
    Network(architecture="mobilenetv2", width=4, seed=SEED + 12, epochs=6),
    Network(architecture="mobilenetv2", width=8, seed=SEED + 13, epochs=6),
    Network(architecture="mobilenetv2", width=16, seed=SEED + 14, epochs=6),
)
