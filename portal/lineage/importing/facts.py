"""What a file of another system tells, in our words. A name and a version make one dataset or model."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath

Named = tuple[str, str]
UNVERSIONED = "unversioned"
# How files of weights are called by the frameworks that write them.
WEIGHTS = frozenset(
    {".bin", ".ckpt", ".gguf", ".h5", ".hdf5", ".joblib", ".keras", ".mlmodel", ".onnx", ".pb", ".pickle", ".pkl"}
    | {".pt", ".pth", ".safetensors", ".tflite"}
)


@dataclass(frozen=True)
class DatasetFact:
    """`digest` has its kind before a colon: `md5:0cc1...`."""

    name: str
    version: str
    made_on: date
    description: str = ""
    digest: str = ""
    licence: str = ""
    url: str = ""

    @property
    def named(self) -> Named:
        return self.name, self.version


@dataclass(frozen=True)
class ModelFact:
    """`weights` is a SHA-256, hexadecimal, or empty where the file does not say it."""

    name: str
    version: str
    weights: str = ""
    purpose: str = ""

    @property
    def named(self) -> Named:
        return self.name, self.version


@dataclass(frozen=True)
class UseFact:
    """That a model was trained on a dataset."""

    model: Named
    dataset: Named
    trained_on: date
    run: str = ""


@dataclass(frozen=True)
class DerivedFact:
    """That a dataset was made from a dataset, or (`of_models`) a model from a model.

    An `origin` without a name has the address of a dataset in the place of the version.
    """

    made: Named
    origin: Named
    made_on: date
    of_models: bool = False


@dataclass(frozen=True)
class PictureFact:
    """That a picture with this SHA-256 is in a dataset."""

    dataset: Named
    digest: bytes


@dataclass
class Facts:
    """All that a file tells. `left_out`: what could not be used, each with its reason in a sentence."""

    datasets: list[DatasetFact] = field(default_factory=list)
    models: list[ModelFact] = field(default_factory=list)
    uses: list[UseFact] = field(default_factory=list)
    derived: list[DerivedFact] = field(default_factory=list)
    pictures: list[PictureFact] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def join(self, other: Facts) -> None:
        """Put what another file tells behind what this one does."""
        for name, more in vars(other).items():
            getattr(self, name).extend(more)


def holds_weights(name: str) -> bool:
    """Whether a file is called as files of weights are."""
    return PurePosixPath(name).suffix.lower() in WEIGHTS


def shown(text: str) -> str:
    """A text of a file as it may stand in a sentence: short, on one line, without signs that steer a terminal."""
    return ascii(text if len(text) <= 80 else text[:77] + "...")[1:-1]
