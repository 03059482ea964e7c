"""Networks in ONNX files, against ONNX Runtime. Made with numpy 1.26.4, onnx 1.14.1 and onnxruntime 1.32.0."""
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from vectors import Vectors, noise

vectors = Vectors(__file__, "ONNX Runtime 1.32.0.")
folder = Path(__file__).resolve().parent
rng = np.random.default_rng(11)


def weights(name, *shape):
    return numpy_helper.from_array((rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32), name)


def network(name, shape, nodes, constants, outputs=1):
    """Nodes from `x` to `y`; `shape` has names for free axes."""
    out = [helper.make_tensor_value_info(f"y{k}" if k else "y", TensorProto.UNDEFINED, None) for k in range(outputs)]
    graph = helper.make_graph(nodes, name, [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)], out, constants)
    inferred = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8))
    onnx.save(inferred, folder / f"{name}.onnx")


def case(name, x, batch=None, picture=False, **args):
    session = onnxruntime.InferenceSession(str(folder / f"{name}.onnx"))
    shape = [n if isinstance(n, int) else None for n in session.get_inputs()[0].shape]

    def run(rows):
        sizes = [len(rows), *shape[1:]] if not picture else [1, *shape[1:]]
        free = [k for k, n in enumerate(sizes) if n is None]
        for k, n in zip(free, rows.shape if picture else rows.shape[1:]):
            sizes[k] = n
        return session.run(None, {"x": rows.astype(np.float32).reshape(sizes)})[0]
    if batch:
        padded = np.concatenate([x, np.zeros((-len(x) % batch, x.shape[1]))])
        want = np.concatenate([run(padded[k:k + batch]) for k in range(0, len(padded), batch)])[:len(x)]
    else:
        want = run(x)
    table = want.reshape(-1, want.shape[-1]) if picture and want.ndim == 2 else want.reshape(x.shape if picture else (len(x), -1))
    # The network computes in single precision.
    vectors.case({"name": "keras", "filename": f"tests/golden/scipy/networks/{name}.onnx", **args}, x, table.astype(np.float64) if table.dtype == np.float32 else table, f32=1e-5, f64=1e-5)


N = helper.make_node
network("dense", ["channels", 40], [
    N("Gemm", ["x", "w1", "b1"], ["h"], transB=1), N("Relu", ["h"], ["r"]),
    N("Gemm", ["r", "w2", "b2"], ["s"], transB=1), N("Softmax", ["s"], ["y"], axis=1)],
    [weights("w1", 16, 40), weights("b1", 16), weights("w2", 3, 16), weights("b2", 3)])
network("denoise", ["channels", 1, "samples"], [
    N("Conv", ["x", "w1", "b1"], ["h"], pads=[4, 4], strides=[1], dilations=[1]), N("Tanh", ["h"], ["r"]),
    N("Conv", ["r", "w2", "b2"], ["y"], pads=[4, 4], strides=[1], dilations=[1])],
    [weights("w1", 6, 1, 9), weights("b1", 6), weights("w2", 1, 6, 9), weights("b2", 1)])
network("recurrent", ["channels", 40, 1], [
    N("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
    N("LSTM", ["t", "w", "r", "b"], ["", "h"], hidden_size=5), N("Squeeze", ["h", "axis"], ["s"]),
    N("Gemm", ["s", "w2", "b2"], ["z"], transB=1), N("Sigmoid", ["z"], ["y"])],
    [weights("w", 1, 20, 1), weights("r", 1, 20, 5), weights("b", 1, 40), weights("w2", 1, 5), weights("b2", 1),
     numpy_helper.from_array(np.array([0], dtype=np.int64), "axis")])
network("classes", [4, 40], [
    N("Gemm", ["x", "w1", "b1"], ["h"], transB=1), N("ArgMax", ["h"], ["y"], axis=1, keepdims=0), N("Relu", ["h"], ["y1"])],
    [weights("w1", 5, 40), weights("b1", 5)], outputs=2)
network("picture", [1, "channels", "samples", 1], [
    N("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
    N("Conv", ["t", "w1", "b1"], ["h"], pads=[1, 2, 1, 2], strides=[1, 1], dilations=[1, 1]), N("Relu", ["h"], ["r"]),
    N("Conv", ["r", "w2", "b2"], ["c"], pads=[1, 2, 1, 2], strides=[1, 1], dilations=[1, 1]), N("Transpose", ["c"], ["y"], perm=[0, 2, 3, 1])],
    [weights("w1", 4, 1, 3, 5), weights("b1", 4), weights("w2", 1, 4, 3, 5), weights("b2", 1)])
network("scores", [1, 1, "channels", "samples"], [
    N("Conv", ["x", "w1", "b1"], ["h"], pads=[0, 0, 0, 0], strides=[1, 1], dilations=[1, 1]), N("GlobalMaxPool", ["h"], ["p"]), N("Flatten", ["p"], ["y"])],
    [weights("w1", 4, 1, 3, 5), weights("b1", 4)])
network("two_inputs", [4, 40], [N("Identity", ["x"], ["y"])], [])
model = onnx.load(folder / "two_inputs.onnx")
model.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [4, 40]))
onnx.save(model, folder / "two_inputs.onnx")

case("dense", noise(1, 10, 40))
case("dense", noise(2, 70, 40), batch_size=7)
case("denoise", noise(3, 5, 33))
case("recurrent", noise(4, 35, 40))
case("classes", noise(5, 10, 40), batch=4)
case("picture", noise(6, 9, 20), picture=True)
case("scores", noise(7, 9, 20), picture=True)
vectors.save()
