"""Reading sound models: what the file says is what the graph holds."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from tests.support.crafted import craft
from tests.support.tiny_models import ModelBuilder, build_cnn, build_fully_connected

from tinygauge import graph
from tinygauge.errors import InputError, ModelFormatError, UnsupportedOpError
from tinygauge.graph import DType, Quantization


def _parse(content: bytes) -> graph.Model:
    return graph.parse(content, name="net")


def test_ops_and_tensors_keep_their_order_and_names() -> None:
    """Ops come in execution order, tensors by index, both named as in the file."""
    model = _parse(build_cnn(side=8, channels=4))

    assert [op.kind for op in model.main.ops] == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "AVERAGE_POOL_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]
    assert [op.index for op in model.main.ops] == list(range(6))
    assert [tensor.index for tensor in model.main.tensors] == list(range(len(model.main.tensors)))
    assert model.main.tensors[0].name == "t0"
    assert model.main.tensor(model.main.inputs[0]) is model.main.tensors[0]
    assert model.main.output_of(model.main.ops[-1]) is model.main.tensors[model.main.outputs[0]]


def test_a_model_knows_its_bytes_and_digest() -> None:
    """Results lead back to the exact file."""
    content = build_fully_connected()

    model = graph.parse(content, name="net", path="a/net.tflite")

    assert model.sha256 == hashlib.sha256(content).hexdigest()
    assert model.size_bytes == len(content)
    assert (model.name, model.path) == ("net", "a/net.tflite")
    assert model.description == "tiny int8 test model"


def test_options_are_read_by_name_with_enumerations_in_words() -> None:
    """Attributes have their schema names in snake case; padding and activation are words."""
    conv, _, pool, reshape, _, softmax = _parse(build_cnn(side=8)).main.ops

    assert conv.options["padding"] == "SAME"
    assert conv.options["fused_activation_function"] == "RELU"
    assert conv.option_int("stride_h") == 2
    assert conv.option_int("dilation_w_factor") == 1
    assert conv.version == 3
    assert pool.options["padding"] == "VALID"
    assert pool.option_int("filter_height") == 4
    assert reshape.options["new_shape"] == (1, 4)
    assert softmax.options["beta"] == 1.0


def test_an_option_that_the_file_leaves_out_has_its_default() -> None:
    """What is asked for and not stated is the caller's default, never an error."""
    op = _parse(build_cnn()).main.ops[0]

    assert op.option_int("no_such_option", 7) == 7
    assert op.option_int("padding", 3) == 3  # a word is no integer


def test_constants_are_read_only_views_of_the_right_type_and_shape() -> None:
    """Weights and biases come out as they went in, and nobody can change them."""
    weights = np.arange(-6, 6).reshape(3, 4)
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "int8", scale=0.5)
    w = builder.tensor((3, 4), "int8", data=weights, scale=0.25)
    b = builder.tensor((3,), "int32", data=[-(2**31), 0, 2**31 - 1], scale=0.125)
    y = builder.tensor((1, 3), "int8", scale=0.5)
    builder.op("FULLY_CONNECTED", [x, w, b], [y])

    main = _parse(builder.build([x], [y])).main

    stored, bias = main.tensors[w].data, main.tensors[b].data
    assert stored is not None
    assert bias is not None
    np.testing.assert_array_equal(stored, weights)
    np.testing.assert_array_equal(bias, [-(2**31), 0, 2**31 - 1])
    assert not stored.flags.writeable
    assert main.tensors[x].data is None
    assert not main.tensors[x].is_constant


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("float32", [1.5, -2.0, 0.0]),
        ("float16", [1.5, -2.0, 0.0]),
        ("float64", [1e300, -2.0, 0.0]),
        ("int16", [-32768, 0, 32767]),
        ("int64", [-(2**63), 0, 2**63 - 1]),
        ("uint8", [0, 1, 255]),
        ("bool", [True, False, True]),
    ],
)
def test_every_element_type_is_read(dtype: str, values: list[float]) -> None:
    """Sizes and signs are right for each type."""
    builder = ModelBuilder()
    constant = builder.tensor((3,), dtype, data=values)
    y = builder.tensor((3,), dtype)
    builder.op("RESHAPE", [constant], [y])

    tensor = _parse(builder.build([], [y])).main.tensors[constant]

    assert tensor.dtype is DType(dtype)
    assert tensor.data is not None
    assert tensor.data.tolist() == values
    assert tensor.size_bytes == tensor.data.nbytes


@pytest.mark.parametrize(
    ("packed", "shape", "expected"),
    [
        (b"\x21\x43", (4,), [1, 2, 3, 4]),
        (b"\x8f\x70", (2, 2), [[-1, -8], [0, 7]]),
        (b"\xf1\x0f", (3,), [1, -1, -1]),  # the last half is padding
    ],
)
def test_int4_is_unpacked_low_half_first(
    packed: bytes, shape: tuple[int, ...], expected: list[object]
) -> None:
    """Two signed elements a byte; the size in memory stays packed."""
    builder = ModelBuilder()
    constant = builder.tensor(shape, "int4", data=packed, scale=0.1)
    y = builder.tensor(shape, "int8", scale=0.1)
    builder.op("DEQUANTIZE", [constant], [y])

    tensor = _parse(builder.build([], [y])).main.tensors[constant]

    assert tensor.data is not None
    assert tensor.data.tolist() == expected
    assert tensor.size_bytes == len(packed)


def test_quantisation_is_per_tensor_or_per_channel() -> None:
    """One scale, or one per channel along the stated axis; zero points alike."""
    model = _parse(build_cnn(channels=4))
    conv, depthwise, *_ = model.main.ops

    whole = model.main.input_of(conv, 0)
    filters = model.main.input_of(conv, 1)
    depthwise_filters = model.main.input_of(depthwise, 1)
    assert whole is not None
    assert filters is not None
    assert depthwise_filters is not None
    assert whole.quantization == Quantization(scale=(np.float32(0.05).item(),), zero_point=(0,))
    assert filters.quantization is not None
    assert filters.quantization.per_channel
    assert (len(filters.quantization.scale), filters.quantization.axis) == (4, 0)
    assert filters.quantization.zero_point == (0, 0, 0, 0)
    assert depthwise_filters.quantization is not None
    assert depthwise_filters.quantization.axis == 3


def test_one_zero_point_serves_all_channels() -> None:
    """Files may state per-channel scales with a single zero point."""
    builder = ModelBuilder()
    x = builder.tensor((1, 2), "int8", scale=(0.1, 0.2), zero_point=5, axis=1)

    tensor = _parse(builder.build([x], [x])).main.tensors[x]

    assert tensor.quantization == Quantization(
        scale=(np.float32(0.1).item(), np.float32(0.2).item()), zero_point=(5, 5), axis=1
    )


def test_an_absent_optional_input_is_none() -> None:
    """-1 names no tensor: not the last one, as Python's lists would have it."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    w = builder.tensor((3, 4), "float32", data=np.ones((3, 4)))
    y = builder.tensor((1, 3), "float32")
    builder.op("FULLY_CONNECTED", [x, w, -1], [y])

    main = _parse(builder.build([x], [y])).main

    assert main.ops[0].inputs == (x, w, -1)
    assert main.input_of(main.ops[0], 2) is None
    assert main.input_of(main.ops[0], 3) is None
    assert main.output_of(main.ops[0], 1) is None


def test_variable_tensors_are_not_constants() -> None:
    """State is computed at run time even where the file gives it first contents."""
    builder = ModelBuilder()
    state = builder.tensor((1, 4), "float32", data=np.zeros((1, 4)), is_variable=True)

    tensor = _parse(builder.build([], [state])).main.tensors[state]

    assert tensor.is_variable
    assert not tensor.is_constant


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("CUSTOM:AudioSpectrogram", "CUSTOM:AudioSpectrogram"),
        ("CUSTOM:", "CUSTOM:unnamed"),
        ("GELU", "GELU"),  # a code above 127, in the second field
    ],
)
def test_kinds_of_op(kind: str, expected: str) -> None:
    """Custom ops carry their own name, new ops the code that old readers can't see."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    y = builder.tensor((1, 4), "float32")
    builder.op(kind, [x], [y])

    assert _parse(builder.build([x], [y])).main.ops[0].kind == expected


def test_an_op_that_the_schema_does_not_know_keeps_its_number() -> None:
    """A newer file's op is named so that it can be reported as unsupported."""
    model = _parse(craft(op_code=4711))

    assert model.main.ops[0].kind == "UNKNOWN_4711"


def test_metadata_buffers_are_read_by_name() -> None:
    """The offline memory plan and the like are kept as bytes."""
    builder = ModelBuilder()
    x = builder.tensor((1,), "float32")

    model = _parse(builder.build([x], [x], metadata={"plan": b"\x00\x01", "empty": b""}))

    assert model.metadata == {"plan": b"\x00\x01", "empty": b""}


def test_several_subgraphs_are_read_and_the_first_runs() -> None:
    """Control flow keeps its bodies in subgraphs of their own."""
    model = _parse(craft(subgraphs=("main", "cond", "body")))

    assert [graph.name for graph in model.subgraphs] == ["main", "cond", "body"]
    assert [graph.index for graph in model.subgraphs] == [0, 1, 2]
    assert model.main is model.subgraphs[0]


def test_control_characters_in_names_are_replaced() -> None:
    """A name can't command the terminal or break the figure's XML."""
    builder = ModelBuilder(description="a\x1b[2Jb")
    x = builder.tensor((1,), "float32", name="in\x1b]0;x\x07put\n")
    y = builder.tensor((1,), "float32")
    builder.op("CUSTOM:\x1b[31mred", [x], [y])

    model = _parse(builder.build([x], [y]))

    texts = [model.description, model.main.tensors[x].name, model.main.ops[0].kind]
    assert all(text.isprintable() for text in texts)
    assert model.main.ops[0].kind == "CUSTOM:\N{REPLACEMENT CHARACTER}[31mred"


def test_names_that_are_no_utf8_are_still_names() -> None:
    """Damaged letters are replaced, the rest is kept."""
    model = _parse(craft(tensor_name=b"caf\xe9"))

    assert model.main.tensors[0].name == "caf\N{REPLACEMENT CHARACTER}"


def test_sparse_weights_are_refused_with_the_reason() -> None:
    """Counting a sparse tensor's zeros as stored would be wrong, so nothing is counted."""
    with pytest.raises(UnsupportedOpError, match=r"net: tensor 0 'x' is stored sparse"):
        _parse(craft(sparse=True))


def test_a_loaded_model_is_named_by_its_file(tmp_path: Path) -> None:
    """The stem is the name, the path is kept for messages."""
    path = tmp_path / "kws v2.tflite"
    path.write_bytes(build_fully_connected())

    model = graph.load(path)

    assert (model.name, model.path) == ("kws v2", str(path))
    assert model.content == path.read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="only POSIX allows such names")
def test_a_file_name_that_no_screen_can_show_makes_a_printable_model_name(tmp_path: Path) -> None:
    """Escape sequences and bytes that are no UTF-8 stay out of tables and figures."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\x1b[31m\xff.tflite"))
    path.write_bytes(build_fully_connected())

    assert graph.load(path).name == "a\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is empty"),
        (b"hello", r"no \.tflite file \(5 bytes\)"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"\n\n<!DOCTYPE html><html>404</html>", "web page"),
        (b"<html><body>Not Found</body></html>", "web page"),
        (b"PK\x03\x04" + bytes(60), "zip archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), "Keras HDF5"),
        (b"\x08\x07\x12\x07pytorch" + bytes(60), r"no \.tflite file"),
        (b"\x1c\x00\x00\x00TFL3", "truncated"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(24), "damaged|no subgraph"),
        (b"\xff\xff\xff\x7fTFL3" + bytes(100), "damaged"),
        (b"\x1c\x00\x00\x00TFL2" + bytes(100), r"no \.tflite file"),
    ],
)
def test_what_is_no_model_is_said_in_one_line(tmp_path: Path, content: bytes, problem: str) -> None:
    """The usual mix-ups are named, with what to do."""
    path = tmp_path / "x.tflite"
    path.write_bytes(content)

    with pytest.raises(ModelFormatError, match=problem) as error:
        graph.load(path)

    assert error.value.where == str(path)
    assert error.value.advice
    assert "\n" not in str(error.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(ModelFormatError, match=r"gone\.tflite: can't read it \(No such file"):
        graph.load(tmp_path / "gone.tflite")


def test_a_folder_is_no_model(tmp_path: Path) -> None:
    """A folder is refused as such."""
    with pytest.raises(ModelFormatError, match=r"can't read it \(Is a directory\)"):
        graph.load(tmp_path)


def test_an_unreadable_file_is_said(tmp_path: Path) -> None:
    """Permissions are what to check."""
    path = tmp_path / "x.tflite"
    path.write_bytes(build_fully_connected())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads files of any mode")

    with pytest.raises(ModelFormatError, match="Permission denied") as error:
        graph.load(path)

    assert "permissions" in error.value.advice


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """No microcontroller holds a gigabyte, and this machine may not either."""
    path = tmp_path / "huge.tflite"
    with path.open("wb") as file:
        file.truncate(2**30)

    with pytest.raises(ModelFormatError, match="1,073,741,824 bytes, more than"):
        graph.load(path)


@pytest.mark.parametrize(
    ("shape", "dtype", "data", "problem"),
    [
        ((4,), "int8", b"\x00\x00\x00", "needs 4 bytes for shape"),
        ((-1,), "int8", b"\x00", "open shape"),
        ((-2,), "int8", None, "has shape"),
        ((2**16, 2**16), "int8", None, "more than"),
        ((1,) * 40, "int8", None, "40 dimensions"),
        ((1,), "variant", b"\x00", "needs 0 bytes"),
    ],
)
def test_a_tensor_that_contradicts_itself_is_refused(
    shape: tuple[int, ...], dtype: str, data: bytes | None, problem: str
) -> None:
    """Shape, type and contents must agree; the tensor is named."""
    builder = ModelBuilder()
    x = builder.tensor(shape, dtype, data=data, name="odd")

    with pytest.raises(ModelFormatError, match=problem) as error:
        _parse(builder.build([x], [x]))

    assert "tensor 0 'odd'" in str(error.value)


@pytest.mark.parametrize(
    ("scale", "zero_point", "axis", "problem"),
    [
        ((0.1, 0.2), (0, 0, 0), 0, "2 scales and 3 zero points"),
        ((0.1, 0.2), (0, 0), 1, "2 scales on axis 1"),
        ((0.1, 0.2), (0, 0), 5, "2 scales on axis 5"),
        ((float("nan"),), (0,), 0, "no positive number"),
        ((float("inf"),), (0,), 0, "no positive number"),
        ((-0.1,), (0,), 0, "no positive number"),
    ],
)
def test_quantisation_that_contradicts_the_shape_is_refused(
    scale: tuple[float, ...], zero_point: tuple[int, ...], axis: int, problem: str
) -> None:
    """A scale must be a number, and there must be as many as channels."""
    builder = ModelBuilder()
    x = builder.tensor((2, 3), "int8", scale=scale, zero_point=zero_point, axis=axis)

    with pytest.raises(ModelFormatError, match=problem):
        _parse(builder.build([x], [x]))


@pytest.mark.parametrize(
    ("inputs", "outputs", "problem"),
    [
        ([7], [0], "a subgraph input names tensor 7 of 2"),
        ([0], [-2], "a subgraph output names tensor -2 of 2"),
        ([-1], [0], "a subgraph input names no tensor"),
    ],
)
def test_a_subgraph_whose_ends_do_not_exist_is_refused(
    inputs: list[int], outputs: list[int], problem: str
) -> None:
    """Only inputs of ops may be absent."""
    builder = ModelBuilder()
    builder.tensor((1,), "int8")
    builder.tensor((1,), "int8")

    with pytest.raises(ModelFormatError, match=problem):
        _parse(builder.build(inputs, outputs))


def test_an_op_that_names_no_tensor_is_refused() -> None:
    """The op and the index are named."""
    builder = ModelBuilder()
    x = builder.tensor((1,), "int8")
    builder.op("RELU", [x, 9], [x])

    with pytest.raises(InputError, match="op 0 RELU names tensor 9 of 1"):
        _parse(builder.build([x], [x]))
