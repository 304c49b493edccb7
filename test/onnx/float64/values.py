"""Writes values.json: derivatives of ONNX's node tests of operators that ONNX Runtime has no float64 kernels for.

    python3 test/onnx/float64/values.py path/to/onnx/backend/test/data/node && npm run format

Made with NumPy 1.24 and onnx 1.12, and with nothing of this project: the operators are written out here in NumPy,
in float64, and must give what each test expects. Their derivatives are central differences over two lengths, of
the sum of all floating outputs times fixed weights, along two fixed directions in each floating input. Elements
at a kink (that is where the slopes to either side differ) are left out of the directions, and listed. Tests in
forms of an operator that are not written out here, or of which ONNX Runtime makes something else, are left out.
"""

import itertools
import json
import math
import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper

HERE = pathlib.Path(__file__).parent

erf = np.vectorize(math.erf, otypes=[float])


def softplus(x):
    return np.logaddexp(0, x)


def gelu(x, approximate="none"):
    if approximate == "tanh":
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x / 2 * (1 + erf(x / math.sqrt(2)))


def hardsigmoid(x, alpha=0.2, beta=0.5):
    return np.clip(alpha * x + beta, 0, 1)


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def selu(x, alpha=1.67326319217681884765625, gamma=1.05070102214813232421875):
    return gamma * elu(x, alpha)


# ---- windows -------------------------------------------------------------------------------------------------


def window(x, kernel, attrs):
    """Strides, dilations and pads of a pooling or convolution, the pads as pairs."""
    n = len(kernel)
    strides = attrs.get("strides", [1] * n)
    dilations = attrs.get("dilations", [1] * n)
    auto = attrs.get("auto_pad", "NOTSET")
    flat = attrs.get("pads", [0] * 2 * n)
    pads = [(flat[i], flat[i + n]) for i in range(n)]
    if auto == "VALID":
        pads = [(0, 0)] * n
    elif auto.startswith("SAME"):
        pads = []
        for size, k, s, d in zip(x.shape[2:], kernel, strides, dilations):
            total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
            less = total // 2
            pads.append((less, total - less) if auto == "SAME_UPPER" else (total - less, less))
    return strides, dilations, pads


def windows(x, kernel, strides, dilations, pads, ceil=False, fill=0.0):
    """For each entry of the window, that entry of all windows: [entries, batch, channels, places…]."""
    counts, wide = [], []
    for size, k, s, d, (before, after) in zip(x.shape[2:], kernel, strides, dilations, pads):
        room = size + before + after - ((k - 1) * d + 1)
        count = (-(-room // s) if ceil else room // s) + 1
        # No window begins in the padding behind.
        if ceil and (count - 1) * s >= size + before:
            count -= 1
        counts.append(count)
        wide.append((before, max(after, (count - 1) * s + (k - 1) * d + 1 - size - before)))
    padded = np.pad(x, [(0, 0), (0, 0), *wide], constant_values=fill)
    entries = []
    for offset in itertools.product(*map(range, kernel)):
        place = tuple(
            slice(o * d, o * d + (count - 1) * s + 1, s)
            for o, d, s, count in zip(offset, dilations, strides, counts)
        )
        entries.append(padded[(slice(None), slice(None), *place)])
    return np.stack(entries)


def average_pool(inputs, attrs):
    (x,) = inputs
    kernel = attrs["kernel_shape"]
    strides, dilations, pads = window(x, kernel, attrs)
    ceil = bool(attrs.get("ceil_mode", 0))
    total = windows(x, kernel, strides, dilations, pads, ceil).sum(0)
    ones = np.ones((1, 1, *x.shape[2:]))
    if attrs.get("count_include_pad", 0):
        # The padding counts, but what ceil adds behind it does not.
        ones = np.pad(ones, [(0, 0), (0, 0), *pads], constant_values=1.0)
        pads = [(0, 0)] * len(pads)
    counted = windows(ones, kernel, strides, dilations, pads, ceil).sum(0)
    return [total / counted[(..., *map(slice, total.shape[2:]))]]


def lp_pool(inputs, attrs):
    (x,) = inputs
    p = attrs.get("p", 2)
    strides, dilations, pads = window(x, attrs["kernel_shape"], attrs)
    ceil = bool(attrs.get("ceil_mode", 0))
    parts = windows(np.abs(x) ** p, attrs["kernel_shape"], strides, dilations, pads, ceil)
    return [parts.sum(0) ** (1 / p)]


def over_places(f):
    return lambda inputs, _: [f(inputs[0], axis=tuple(range(2, inputs[0].ndim)), keepdims=True)]


def conv(inputs, attrs):
    x, w, *bias = inputs
    group, kernel = attrs.get("group", 1), list(w.shape[2:])
    strides, dilations, pads = window(x, kernel, attrs)
    parts = windows(x, kernel, strides, dilations, pads)
    parts = parts.reshape(parts.shape[0], x.shape[0], group, w.shape[1], *parts.shape[3:])
    filters = w.reshape(group, w.shape[0] // group, w.shape[1], -1)
    y = np.einsum("ebgc...,gfce->bgf...", parts, filters)
    y = y.reshape(x.shape[0], w.shape[0], *y.shape[3:])
    return [y + bias[0].reshape(1, -1, *[1] * len(kernel)) if bias else y]


def conv_transpose(inputs, attrs):
    x, w, *bias = inputs
    n, group, kernel = x.ndim - 2, attrs.get("group", 1), w.shape[2:]
    strides = attrs.get("strides", [1] * n)
    dilations = attrs.get("dilations", [1] * n)
    extra = attrs.get("output_padding", [0] * n)
    sizes = x.shape[2:]
    full = [(i - 1) * s + (k - 1) * d + 1 for i, s, k, d in zip(sizes, strides, kernel, dilations)]
    auto = attrs.get("auto_pad", "NOTSET")
    flat = attrs.get("pads", [0] * 2 * n)
    pads = [(flat[i], flat[i + n]) for i in range(n)]
    shape = attrs.get("output_shape")
    if shape is None and auto.startswith("SAME"):
        shape = [i * s for i, s in zip(sizes, strides)]
    if shape is not None:
        pads = []
        for size, most, e in zip(shape[-n:], full, extra):
            total = most + e - size
            half = total // 2 if total >= 0 else 0
            pads.append((half, total - half) if auto == "SAME_UPPER" else (total - half, half))
            if total < 0:
                pads[-1] = (0, total)
    filters = w.reshape(group, w.shape[0] // group, *w.shape[1:])
    parts = x.reshape(x.shape[0], group, x.shape[1] // group, *sizes)
    y = np.zeros((x.shape[0], group, w.shape[1], *[f + e for f, e in zip(full, extra)]))
    for offset in itertools.product(*map(range, kernel)):
        place = tuple(
            slice(o * d, o * d + (i - 1) * s + 1, s)
            for o, d, i, s in zip(offset, dilations, sizes, strides)
        )
        some = filters[(slice(None), slice(None), slice(None), *offset)]
        y[(slice(None), slice(None), slice(None), *place)] += np.einsum("bgc...,gcf->bgf...", parts, some)
    y = y.reshape(x.shape[0], -1, *y.shape[3:])
    for axis, (before, after) in enumerate(pads):
        room = [(0, 0)] * y.ndim
        room[axis + 2] = (0, max(-after, 0))
        y = np.pad(y, room)
        y = np.take(y, range(before, y.shape[axis + 2] - max(after, 0)), axis + 2)
    return [y + bias[0].reshape(1, -1, *[1] * n) if bias else y]


def col2im(inputs, attrs):
    x, image, block = inputs
    n = len(image)
    strides, dilations = attrs.get("strides", [1] * n), attrs.get("dilations", [1] * n)
    flat = attrs.get("pads", [0] * 2 * n)
    wide = [int(size) + flat[i] + flat[i + n] for i, size in enumerate(image)]
    counts = [(w - (int(b) - 1) * d - 1) // s + 1 for w, b, d, s in zip(wide, block, dilations, strides)]
    parts = x.reshape(x.shape[0], -1, *map(int, block), *counts)
    y = np.zeros((*parts.shape[:2], *wide))
    for offset in itertools.product(*map(range, map(int, block))):
        place = tuple(
            slice(o * d, o * d + (c - 1) * s + 1, s)
            for o, d, c, s in zip(offset, dilations, counts, strides)
        )
        y[(slice(None), slice(None), *place)] += parts[(slice(None), slice(None), *offset)]
    cut = tuple(slice(flat[i], flat[i] + int(size)) for i, size in enumerate(image))
    return [y[(slice(None), slice(None), *cut)]]


def max_unpool(inputs, attrs):
    x, at, *shape = inputs
    n = x.ndim - 2
    strides, flat = attrs.get("strides", [1] * n), attrs.get("pads", [0] * 2 * n)
    sizes = [
        (x.shape[i + 2] - 1) * strides[i] - flat[i] - flat[i + n] + attrs["kernel_shape"][i]
        for i in range(n)
    ]
    y = np.zeros(tuple(map(int, shape[0])) if shape else (*x.shape[:2], *sizes))
    y.reshape(-1)[at.reshape(-1)] = x.reshape(-1)
    return [y]


# ---- resampling ----------------------------------------------------------------------------------------------


def resize_place(mode, at, size, count, scale, region):
    """Where entry `at` of `count` lies among the `size` of x."""
    if mode == "half_pixel":
        return (at + 0.5) / scale - 0.5
    if mode == "half_pixel_symmetric":
        return size / 2 * (1 - count / (scale * size)) + (at + 0.5) / scale - 0.5
    if mode == "pytorch_half_pixel":
        return (at + 0.5) / scale - 0.5 if count > 1 else 0.0
    if mode == "align_corners":
        return at * (size - 1) / (count - 1) if count > 1 else 0.0
    if mode == "asymmetric":
        return at / scale
    start, end = region
    if count == 1:
        return (start + end) / 2 * (size - 1)
    return start * (size - 1) + at * (end - start) * (size - 1) / (count - 1)


def cubic(t, a):
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def resize_row(place, size, scale, attrs):
    """The weights of the entries of x for one place."""
    row = np.zeros(size)
    mode = attrs["mode"]
    if mode == "nearest":
        rounded = {
            "round_prefer_floor": lambda: math.ceil(place - 0.5),
            "round_prefer_ceil": lambda: math.floor(place + 0.5),
            "floor": lambda: math.floor(place),
            "ceil": lambda: math.ceil(place),
        }[attrs.get("nearest_mode", "round_prefer_floor")]()
        row[min(max(rounded, 0), size - 1)] = 1
        return row
    shrink = min(scale, 1) if attrs.get("antialias", 0) else 1
    reach = (1 if mode == "linear" else 2) / shrink
    a = attrs.get("cubic_coeff_a", -0.75)
    taps = range(math.floor(place - reach), math.ceil(place + reach) + 1)
    kernel = (lambda t: max(1 - abs(t), 0)) if mode == "linear" else (lambda t: cubic(t, a))
    weights = np.array([kernel((tap - place) * shrink) for tap in taps])
    if attrs.get("exclude_outside", 0):
        weights = np.array([w if 0 <= tap < size else 0 for tap, w in zip(taps, weights)])
    if attrs.get("exclude_outside", 0) or shrink < 1:
        weights = weights / weights.sum()
    for tap, weight in zip(taps, weights):
        row[min(max(tap, 0), size - 1)] += weight
    return row


def resize(inputs, attrs):
    x = inputs[0]
    old = "coordinate_transformation_mode" not in attrs and attrs["_opset"] < 11
    mode = "asymmetric" if old else attrs.get("coordinate_transformation_mode", "half_pixel")
    roi, scales, sizes = (inputs[1:] + [None] * 3)[:3] if not old else (None, inputs[1], None)
    attrs = {"mode": "nearest", **({"nearest_mode": "floor"} if old else {}), **attrs}
    axes = attrs.get("axes", list(range(x.ndim)))
    if sizes is not None and len(sizes) > 0:
        ratios = [size / x.shape[axis] for size, axis in zip(sizes, axes)]
        policy = attrs.get("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            ratio = (min if policy == "not_larger" else max)(ratios)
            ratios = [ratio] * len(axes)
            sizes = [math.floor(ratio * x.shape[axis] + 0.5) for axis in axes]
    else:
        ratios = [float(scale) for scale in scales]
        sizes = [math.floor(scale * x.shape[axis]) for scale, axis in zip(ratios, axes)]
    outside = False
    for i, (axis, count, ratio) in enumerate(zip(axes, sizes, ratios)):
        size = inputs[0].shape[axis]
        region = (0, 0) if roi is None or len(roi) == 0 else (roi[i], roi[i + len(axes)])
        places = [resize_place(mode, at, size, int(count), ratio, region) for at in range(int(count))]
        matrix = np.stack([resize_row(place, size, ratio, attrs) for place in places])
        x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
        beyond = np.array([not 0 <= place <= size - 1 for place in places])
        outside = outside | beyond.reshape([-1 if k == axis else 1 for k in range(x.ndim)])
    if mode == "tf_crop_and_resize":
        x = np.where(outside, attrs.get("extrapolation_value", 0.0), x)
    return [x]


# ---- recurrent networks --------------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def recurrent(gates, step):
    """An operator of one direction, by its step: (x W, R, biases, state, attributes, peepholes) to state."""

    def run(inputs, attrs):
        x, w, r, b, lengths, h, c, peepholes = (inputs + [None] * 8)[:8]
        assert attrs.get("direction", "forward") == "forward" and attrs.get("layout", 0) == 0
        assert "activations" not in attrs and "clip" not in attrs
        hidden = r.shape[2]
        assert lengths is None or (lengths == x.shape[0]).all()
        zeros = np.zeros((x.shape[1], hidden))
        state = (zeros if h is None else h[0], zeros if c is None else c[0])
        biases = np.zeros(2 * gates * hidden) if b is None else b[0]
        p = np.zeros(3 * hidden) if peepholes is None else peepholes[0]
        steps = []
        for row in x:
            state = step(row @ w[0].T, r[0], biases, state, attrs, p)
            steps.append(state[0])
        return [np.stack(steps)[:, None], state[0][None], state[1][None]]

    return run


def parts(x, count):
    return np.split(x, count, axis=-1)


def rnn_step(xw, r, b, state, _, __):
    wb, rb = parts(b, 2)
    return np.tanh(xw + state[0] @ r.T + wb + rb), state[1]


def gru_step(xw, r, b, state, attrs, _):
    h = state[0]
    xz, xr, xh = parts(xw, 3)
    wz, wr, wh, bz, br, bh = parts(b, 6)
    rz, rr, rh = np.split(r, 3)
    z = sigmoid(xz + h @ rz.T + wz + bz)
    reset = sigmoid(xr + h @ rr.T + wr + br)
    if attrs.get("linear_before_reset", 0):
        new = np.tanh(xh + wh + reset * (h @ rh.T + bh))
    else:
        new = np.tanh(xh + (reset * h) @ rh.T + wh + bh)
    return (1 - z) * new + z * h, state[1]


def lstm_step(xw, r, b, state, _, peepholes):
    h, c = state
    wb, rb = parts(b, 2)
    i, o, f, new = parts(xw + h @ r.T + wb + rb, 4)
    pi, po, pf = parts(peepholes, 3)
    c = sigmoid(f + pf * c) * c + sigmoid(i + pi * c) * np.tanh(new)
    return sigmoid(o + po * c) * np.tanh(c), c


# ---- others --------------------------------------------------------------------------------------------------


def instance_norm(inputs, attrs):
    x, scale, bias = inputs
    axes = tuple(range(2, x.ndim))
    centred = x - x.mean(axes, keepdims=True)
    unit = centred / np.sqrt((centred**2).mean(axes, keepdims=True) + attrs.get("epsilon", 1e-5))
    wide = (1, -1, *[1] * len(axes))
    return [unit * scale.reshape(wide) + bias.reshape(wide)]


def layer_norm(inputs, attrs):
    x, scale, *bias = inputs
    axes = tuple(range(attrs.get("axis", -1) % x.ndim, x.ndim))
    mean = x.mean(axes, keepdims=True)
    inverse = 1 / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + attrs.get("epsilon", 1e-5))
    return [(x - mean) * inverse * scale + (bias[0] if bias else 0), mean, inverse]


def attention(inputs, attrs):
    q, k, v, mask, past_k, past_v, real = (inputs + [None] * 7)[:7]
    assert q.ndim == 4 and past_k is None and past_v is None and "softcap" not in attrs
    assert mask is None or mask.shape[-1] == k.shape[2]
    k, v = (np.repeat(each, q.shape[1] // each.shape[1], axis=1) for each in (k, v))
    scores = q @ k.swapaxes(-1, -2) * attrs.get("scale", 1 / math.sqrt(q.shape[-1]))
    query, key = np.arange(q.shape[2])[:, None], np.arange(k.shape[2])
    seen = np.ones(scores.shape, bool)
    if mask is not None and mask.dtype == bool:
        seen = seen & mask
    elif mask is not None:
        scores = scores + mask
    lengths = None if real is None else real.reshape(-1, 1, 1, 1)
    if lengths is not None:
        seen = seen & (key < lengths)
    if attrs.get("is_causal", 0):
        seen = seen & (key <= query + (0 if lengths is None else lengths - q.shape[2]))
    scores = np.where(seen, scores, -np.inf)
    highest = scores.max(-1, keepdims=True)
    powers = np.exp(scores - np.where(np.isfinite(highest), highest, 0))
    total = powers.sum(-1, keepdims=True)
    shares = powers / np.where(total == 0, 1, total)
    assert attrs.get("qk_matmul_output_mode", 3) == 3
    return [shares @ v, None, None, shares]


def rotary(inputs, attrs):
    x, cos, sin, *at = inputs
    flat = x.ndim == 3
    parts = x.reshape(*x.shape[:2], attrs["num_heads"], -1).swapaxes(1, 2) if flat else x
    size = attrs.get("rotary_embedding_dim", 0) or parts.shape[-1]
    cos, sin = ((each[at[0]] if at else each)[:, None] for each in (cos, sin))
    first = slice(0, size, 2) if attrs.get("interleaved", 0) else slice(0, size // 2)
    second = slice(1, size, 2) if attrs.get("interleaved", 0) else slice(size // 2, size)
    y = parts.copy()
    y[..., first] = cos * parts[..., first] - sin * parts[..., second]
    y[..., second] = sin * parts[..., first] + cos * parts[..., second]
    return [y.swapaxes(1, 2).reshape(x.shape) if flat else y]


def lrn(inputs, attrs):
    (x,) = inputs
    size = attrs["size"]
    around = ((size - 1) // 2, size // 2)
    squares = np.pad(x**2, [(0, 0), around, *[(0, 0)] * (x.ndim - 2)])
    total = sum(squares[:, i : i + x.shape[1]] for i in range(size))
    base = attrs.get("bias", 1.0) + attrs.get("alpha", 1e-4) / size * total
    return [x / base ** attrs.get("beta", 0.75)]


def one_hot(inputs, attrs):
    indices, depth, (off, on) = inputs
    depth = int(np.asarray(depth).reshape(-1)[0])
    axis = attrs.get("axis", -1) % (indices.ndim + 1)
    at = np.expand_dims(indices.astype(np.int64), axis)
    at = np.where(at < 0, at + depth, at)
    wide = np.arange(depth).reshape([-1 if i == axis else 1 for i in range(indices.ndim + 1)])
    return [np.where(at == wide, on, off)]


def hardmax(inputs, attrs):
    (x,) = inputs
    axis = attrs.get("axis", -1)
    return [np.eye(x.shape[axis])[x.argmax(axis)].swapaxes(-1, axis) if axis in (-1, x.ndim - 1) else
            np.moveaxis(np.eye(x.shape[axis])[x.argmax(axis)], -1, axis)]


def elementwise(f):
    return lambda inputs, attrs: [f(inputs[0], **{k: v for k, v in attrs.items() if k[0] != "_"})]


OPERATORS = {
    "Acos": elementwise(np.arccos),
    "Acosh": elementwise(np.arccosh),
    "Asin": elementwise(np.arcsin),
    "Asinh": elementwise(np.arcsinh),
    "Atan": elementwise(np.arctan),
    "Atanh": elementwise(np.arctanh),
    "Attention": attention,
    "AveragePool": average_pool,
    "Binarizer": elementwise(lambda x, threshold=0.0: (x > threshold).astype(float)),
    "Col2Im": col2im,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Cosh": elementwise(np.cosh),
    "Det": elementwise(np.linalg.det),
    "Elu": elementwise(elu),
    "Erf": elementwise(erf),
    "GRU": recurrent(3, gru_step),
    "Gelu": elementwise(gelu),
    "GlobalAveragePool": over_places(np.mean),
    "GlobalMaxPool": over_places(np.max),
    "HardSigmoid": elementwise(hardsigmoid),
    "HardSwish": elementwise(lambda x: x * hardsigmoid(x, 1 / 6, 0.5)),
    "Hardmax": hardmax,
    "InstanceNormalization": instance_norm,
    "LRN": lrn,
    "LayerNormalization": layer_norm,
    "LSTM": recurrent(4, lstm_step),
    "LpPool": lp_pool,
    "MaxUnpool": max_unpool,
    "Mean": lambda inputs, _: [sum(inputs) / len(inputs)],
    "Mish": elementwise(lambda x: x * np.tanh(softplus(x))),
    "OneHot": one_hot,
    "RNN": recurrent(1, rnn_step),
    "Resize": resize,
    "RotaryEmbedding": rotary,
    "Selu": elementwise(selu),
    "Sinh": elementwise(np.sinh),
    "Softplus": elementwise(softplus),
    "Softsign": elementwise(lambda x: x / (1 + np.abs(x))),
    "Tan": elementwise(np.tan),
    "ThresholdedRelu": elementwise(lambda x, alpha=1.0: np.where(x > alpha, x, 0)),
    "Upsample": resize,
}

# What the sizes of a result follow from is not differentiated by.
ONLY = {"Resize": [0], "Upsample": [0], "OneHot": [2]}

DIRECTIONS = 2


def waves(length, phase):
    """Fixed numbers between -1.5 and 1.5, none near 0."""
    wave = np.cos(1.7 * np.arange(length) + phase)
    return wave + np.where(wave < 0, -0.5, 0.5)


class Case:
    def __init__(self, folder):
        self.name = folder.name
        self.model = onnx.load(folder / "model.onnx")
        (self.node,) = self.model.graph.node
        self.attrs = {a.name: decoded(onnx.helper.get_attribute_value(a)) for a in self.node.attribute}
        self.attrs["_opset"] = self.model.opset_import[0].version
        data = folder / "test_data_set_0"
        names = [info.name for info in self.model.graph.input]
        arrays = {name: loaded(data / f"input_{i}.pb") for i, name in enumerate(names)}
        self.given = [arrays.get(name) for name in self.node.input]
        self.inputs = [doubled(x) for x in self.given]
        outputs = range(len(self.model.graph.output))
        self.expected = [doubled(loaded(data / f"output_{i}.pb")) for i in outputs]

    def run(self, inputs):
        found = OPERATORS[self.node.op_type](list(inputs), self.attrs)
        by_name = dict(zip(self.node.output, found))
        return [by_name[info.name] for info in self.model.graph.output]

    def check(self):
        for found, expected in zip(self.run(self.inputs), self.expected):
            assert found.shape == expected.shape
            half = any(x is not None and x.dtype == np.float16 for x in self.given)
            tolerance = {"rtol": 1e-2, "atol": 1e-3} if half else {"rtol": 1e-3, "atol": 1e-5}
            np.testing.assert_allclose(found, expected, **tolerance)

    def total(self, inputs):
        """The sum of the outputs times fixed weights; none for what is not a number."""
        sums = []
        for k, (found, expected) in enumerate(zip(self.run(inputs), self.expected)):
            weights = np.where(np.isfinite(expected.reshape(-1)), waves(expected.size, 0.4 + k), 0)
            sums.append((np.nan_to_num(found.reshape(-1)) * weights).sum())
        return math.fsum(sums)

    def along(self, i, direction, step):
        moved = list(self.inputs)
        moved[i] = moved[i] + step * direction.reshape(moved[i].shape)
        with np.errstate(all="ignore"):
            return self.total(moved)

    def is_smooth(self, i, direction, h=1e-4):
        sums = [self.along(i, direction, s * h) for s in (-2, -1, 0, 1, 2)]
        sides = [(b - a) / h for a, b in zip(sums, sums[1:])]
        scale = max(1, np.abs(direction).sum() ** 0.5, *map(abs, sides))
        # Where the second derivative jumps too, differences are good to a few digits only.
        bends = abs((sums[3] - sums[1]) / (2 * h) - (sums[4] - sums[0]) / (4 * h))
        return max(sides) - min(sides) < 3e-2 * scale and bends < 1e-6 * scale

    def kinks(self, i):
        """The elements of an input at which there is no derivative."""
        size = self.inputs[i].size
        if all(self.is_smooth(i, waves(size, 2.1 + j)) for j in range(DIRECTIONS)):
            return []
        unit = np.eye(size)
        return [at for at in range(size) if not self.is_smooth(i, unit[at])]

    def slope(self, i, direction):
        def central(h):
            return (self.along(i, direction, h) - self.along(i, direction, -h)) / (2 * h)

        for h in (1e-3, 1e-4, 1e-5):
            near, far = central(h), central(2 * h)
            if abs(near - far) < 1e-5 * max(1, abs(near)):
                return (4 * near - far) / 3
        raise AssertionError(f"{self.name}: input {i} has no slope: {near}, {far}")

    def slopes(self):
        found = {}
        for i, x in enumerate(self.inputs):
            floating = x is not None and x.dtype == np.float64 and x.size > 0
            if not floating or i not in ONLY.get(self.node.op_type, [i]):
                continue
            kinks = self.kinks(i)
            rows = [waves(x.size, 2.1 + j) for j in range(DIRECTIONS)]
            for row in rows:
                row[kinks] = 0
            slopes = [float(f"{self.slope(i, row):.12g}") for row in rows]
            found[self.node.input[i]] = {"slopes": slopes, **({"kinks": kinks} if kinks else {})}
        return found


def decoded(value):
    return value.decode() if isinstance(value, bytes) else value


def loaded(path):
    return numpy_helper.to_array(onnx.load_tensor(path))


def doubled(array):
    floating = array is not None and array.dtype.kind == "f"
    return array.astype(np.float64) if floating else array


def main(folder):
    found, left_out = {}, []
    for path in sorted(folder.iterdir()):
        if not (path / "model.onnx").exists():
            continue
        nodes = onnx.load(path / "model.onnx").graph.node
        if len(nodes) != 1 or nodes[0].op_type not in OPERATORS:
            continue
        try:
            case = Case(path)
            case.check()
            slopes = case.slopes()
        except AssertionError:
            left_out.append(path.name)
            continue
        if slopes:
            found[path.name] = slopes
    (HERE / "values.json").write_text(json.dumps(found, indent=2) + "\n")
    print(f"{len(found)} cases; left out: {', '.join(left_out)}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
