"""A small ONNX network made by the tests: chips of 32 x 32 px -> the mean colour of 4 x 4 patches, 48 numbers."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

SIZE, DIMENSIONS = 32, 48

SETTINGS = """
name = "patches"
version = "1"
size = 32
dimensions = 48
metric = "euclidean"
threshold = 0.5
order = "RGB"
layout = "NCHW"
mean = 127.5
divisor = [127.5, 127.5, 127.5]

[points]
left_eye = [8, 10]
right_eye = [24, 10]
nose = [16, 18]
"""


def write_network(folder: Path, settings: str = SETTINGS, batch: int | str = "n") -> Path:
    """`patches.onnx` and `patches.toml` in a folder. `batch` is a number where the network takes no other."""
    given = helper.make_tensor_value_info("chips", TensorProto.FLOAT, [batch, 3, SIZE, SIZE])
    answer = helper.make_tensor_value_info("templates", TensorProto.FLOAT, [batch, DIMENSIONS])
    nodes = [
        helper.make_node("AveragePool", ["chips"], ["patches"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Flatten", ["patches"], ["templates"]),
    ]
    graph = helper.make_graph(nodes, "patches", [given], [answer])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "patches.onnx"))
    (folder / "patches.toml").write_text(settings)
    return folder / "patches.onnx"
