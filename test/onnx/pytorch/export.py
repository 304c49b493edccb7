"""Writes what models.test.ts reads: models as PyTorch exports them, and the gradients that PyTorch computes.

    python3 test/onnx/pytorch/export.py

Made with PyTorch 1.13 and onnx 1.12. Each model has one output, y; the loss is sum(y * w) with fixed w. Models are
stored as they were exported, their weights small; feeds and gradients go as float32 beside them, in one JSON.
"""

import base64
import io
import json
import math
import pathlib
import zlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent


class Wrapped(nn.Module):
    def __init__(self, f, **modules):
        super().__init__()
        self.f = f
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, *xs):
        return self.f(self, *xs)


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.a = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.na = nn.BatchNorm2d(outputs)
        self.b = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.nb = nn.BatchNorm2d(outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x):
        h = F.relu(self.na(self.a(x)))
        return F.relu(self.nb(self.b(h)) + self.skip(x))


class UNet(nn.Module):
    def __init__(self, up):
        super().__init__()
        self.down = nn.Conv2d(2, 4, 3, padding=1)
        self.deep = nn.Conv2d(4, 6, 3, padding=1)
        self.up = (
            nn.ConvTranspose2d(6, 4, 2, stride=2)
            if up == "transpose"
            else nn.Sequential(nn.Upsample(scale_factor=2, mode=up), nn.Conv2d(6, 4, 1))
        )
        self.out = nn.Conv2d(8, 1, 3, padding=1)

    def forward(self, x):
        a = F.silu(self.down(x))
        b = F.silu(self.deep(F.max_pool2d(a, 2)))
        return self.out(torch.cat([self.up(b), a], 1))


class Gpt(nn.Module):
    def __init__(self, size=8, heads=2, words=11, length=6):
        super().__init__()
        self.words = nn.Embedding(words, size)
        self.places = nn.Embedding(length, size)
        self.heads = heads
        self.norm = nn.LayerNorm(size)
        self.qkv = nn.Linear(size, 3 * size)
        self.mix = nn.Linear(size, size)
        self.wide = nn.Linear(size, 2 * size)
        self.narrow = nn.Linear(2 * size, size)
        self.register_buffer("mask", torch.tril(torch.ones(length, length)) == 0)

    def forward(self, ids):
        b, n = ids.shape
        x = self.words(ids) + self.places(torch.arange(n))
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        q, k, v = (t.view(b, n, self.heads, -1).transpose(1, 2) for t in (q, k, v))
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(q.shape[-1])
        scores = scores.masked_fill(self.mask[:n, :n], float("-inf"))
        x = x + self.mix((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, -1))
        x = x + self.narrow(F.gelu(self.wide(x)))
        return x @ self.words.weight.t()


class SqueezeExcite(nn.Module):
    def __init__(self):
        super().__init__()
        self.deep = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.norm = nn.BatchNorm2d(4)
        self.a = nn.Conv2d(4, 2, 1)
        self.b = nn.Conv2d(2, 4, 1)

    def forward(self, x):
        h = F.hardswish(self.norm(self.deep(x)))
        return x + h * torch.sigmoid(self.b(F.relu6(self.a(F.adaptive_avg_pool2d(h, 1)))))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(9, 4)
        self.net = nn.GRU(4, 3, batch_first=True, bidirectional=True)
        self.out = nn.Linear(6, 2)

    def forward(self, ids):
        _, h = self.net(self.words(ids))
        return self.out(torch.cat([h[0], h[1]], 1)).log_softmax(1)


class ScriptedLoop(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(3, 3)

    def forward(self, x, steps: torch.Tensor):
        h = x
        for i in range(int(steps)):
            h = torch.tanh(self.cell(h)) + x
        return h


class ScriptedWhile(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        h = x
        total = torch.zeros_like(x)
        while bool(h.abs().sum() > 0.5):
            h = h * 0.5
            total = total + h * self.weight
        return total


class ScriptedExit(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(3, 3)

    def forward(self, x):
        h = x
        i = 0
        going = True
        while going and i < 10:
            h = torch.tanh(self.cell(h))
            i += 1
            going = bool(h.abs().sum() > 0.8)
        return h * 2


class ScriptedBranch(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3)
        self.b = nn.Linear(3, 3)

    def forward(self, x):
        if bool(x.sum() > 0):
            y = torch.relu(self.a(x))
        else:
            y = self.b(x) * 2
        return y


class ScriptedNest(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(3, 3)

    def forward(self, x, steps: torch.Tensor):
        h = x
        for i in range(int(steps)):
            for j in range(2):
                if bool(h.sum() > 0):
                    h = torch.sin(self.cell(h)) + x
                else:
                    h = torch.cos(h) - x
        return h


class ScriptedRows(nn.Module):
    """Reads a row of its operands in each round."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 3))

    def forward(self, x):
        total = torch.zeros(3, dtype=x.dtype)
        for i in range(x.size(0)):
            total = total * 0.5 + x[i] * self.weight[i]
        return total


class ScriptedList(nn.Module):
    """Collects the states of a loop with a branch in it."""

    def __init__(self):
        super().__init__()
        self.a = nn.Linear(2, 3)
        self.b = nn.Linear(3, 3)

    def forward(self, x):
        h = torch.zeros(x.size(1), 3, dtype=x.dtype)
        states = []
        for i in range(x.size(0)):
            h = torch.tanh(self.a(x[i]) + self.b(h))
            if bool(h.sum() < 0):
                h = h * 0.5
            states.append(h)
        return torch.stack(states)


class ScriptedGrowth(nn.Module):
    def forward(self, x):
        rows = x[:1].sin()
        for i in range(1, x.size(0)):
            rows = torch.cat([rows, (rows[-1:] * 0.7 + x[i : i + 1]).tanh()], 0)
        return rows


class ScriptedShrinkage(nn.Module):
    def forward(self, x):
        while x.size(0) > 1:
            x = x[:-1] * x[1:] + x[1:].sin()
        return x


class ScriptedFilter(nn.Module):
    def forward(self, x):
        kept = [x[0].cos()]
        for i in range(x.size(0)):
            if bool(x[i, 0] > 0):
                kept.append(kept[-1] * x[i])
        return torch.stack(kept)


class ScriptedChoices(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        rows = []
        for i in range(x.size(0)):
            if bool(x[i, 0] > 0):
                rows.append(self.layer(x[i]))
            else:
                rows.append(x[i] * x[i])
        return torch.stack(rows)


class ScriptedLstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.LSTM(2, 3)
        self.out = nn.Linear(3, 1)

    def forward(self, x):
        y, (h, c) = self.net(x)
        return self.out(y) + h.sum() * c.sum()


def ends(m, x):
    """All states of a network that goes both ways, and its last ones."""
    y, last = m.net(x)
    h = last[0] if isinstance(last, tuple) else last
    return torch.cat([y.mean(1), h.mean(0)], -1)


def with_states(m, x, h, c):
    y, (h, c) = m.net(x, (h, c))
    return torch.cat([t.flatten() for t in (y, h, c)])


def packed(m, x, lengths):
    pack = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    return nn.utils.rnn.pad_packed_sequence(m.net(pack)[0], batch_first=True)[0]


def decode(m, x, y):
    mask = torch.triu(torch.full((3, 3), float("-inf"), dtype=x.dtype), 1)
    return m.net(x, y, mask)


def masked_attention(m, x):
    return m.net(x, x, x, attn_mask=torch.triu(torch.ones(4, 4), 1).bool())[0]


def indexing(m, x):
    parts = [x[:, 1::2], x[:, [3, 0, 3]], x.gather(1, x.argsort(1)), x.topk(2, 1)[0], x.cumsum(1).flip(1)]
    return torch.cat(parts, 1)


def slices(m, x):
    return x[..., 1:3] ** 2 + x[0, 1, 2] * x.narrow(2, 0, 2) + x.select(1, 0).unsqueeze(1)[..., ::2]


def assignment(m, x):
    z = x * x
    z[:, 1] = x[:, 0] * 2
    return z


def shapes(m, x):
    flat = x.view(x.size(0), 2, -1).transpose(1, 2).reshape(x.size(0), -1)
    wide = flat.unsqueeze(1).expand(-1, 3, -1) * torch.arange(3, dtype=x.dtype).view(1, 3, 1)
    return wide.roll(1, 1).pow(2).mean((1, 2))


def reductions(m, x):
    norms = [x.norm(dim=1), x.abs().norm(p=1, dim=1)]
    return torch.stack([x.var(1), x.std(1), x.logsumexp(1), x.amax(1), x.prod(1), *norms, x.max(1)[0], x.min(1)[0]])


def elementwise(m, x, y):
    smooth = (x * x + 1).rsqrt() + x.erf() + x / (y.abs() + 1) + torch.lerp(x, y, 0.3)
    bent = x.clamp(-0.5, 0.7) * y.sigmoid().log() + torch.maximum(x, y) + x.remainder(0.7)
    named = F.softsign(x) + F.hardtanh(y) + F.logsigmoid(x) + F.hardsigmoid(y)
    return torch.where(x > y, x.sin() * y.exp(), x.atan()) + smooth + bent + named


def comparisons(m, x, y):
    chosen = torch.max(x, y) * torch.min(x, y) + x.max(1, keepdim=True)[0]
    steps = x.floor() * y.ceil() + x.sign() * y + x.round() * y
    return chosen + steps + y.argmax(1).to(x.dtype).unsqueeze(1) * x + (x >= y).to(x.dtype) * y


def activations(m, x):
    plain = [F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish, F.hardshrink, F.softshrink, F.tanhshrink, F.relu6]
    more = [F.hardsigmoid, F.hardswish, F.leaky_relu, F.logsigmoid, F.softsign, F.rrelu]
    return sum(f(x) for f in plain + more) + F.softplus(x, beta=2) + F.glu(torch.cat([x, x], 1))


def losses(m, x, t, y):
    weight = torch.tensor([1.0, 2.0, 0.5], dtype=x.dtype)
    logs = x.log_softmax(1)
    near = torch.where((x - y).abs() < 1, 0.5 * (x - y) ** 2, (x - y).abs() - 0.5)
    return torch.stack(
        [
            F.cross_entropy(x, t),
            F.nll_loss(logs, t, reduction="sum"),
            F.cross_entropy(x, t, weight=weight, ignore_index=1),
            near.mean(),
            (y.softmax(1) * (y.log_softmax(1) - logs)).sum(1).mean(),
            (F.softplus(x) - x * y.sigmoid()).mean(),
        ]
    )


def pooling(m, x):
    parts = [
        F.avg_pool2d(x, 3, 2, 1),
        F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False),
        F.max_pool2d(x, 3, 1, 1),
        F.adaptive_max_pool2d(x, 1),
        F.lp_pool2d(x, 2, 2),
    ]
    return torch.cat([part.flatten(1) for part in parts], 1)


def padded(m, x):
    framed = F.pad(F.pad(x, (1, 2, 0, 1), "reflect"), (1, 1, 1, 0), "replicate")
    return F.pad(framed, (0, 1, 2, -1), value=0.5) ** 2


def distances(m, x, y):
    near = [F.cosine_similarity(x, y).unsqueeze(1), F.pairwise_distance(x, y).unsqueeze(1)]
    return torch.cat([F.normalize(x), torch.cdist(x, y), *near], 1)


def sorts(m, x):
    parts = [x.sort(1, descending=True)[0], x.topk(2, largest=False)[0]]
    return torch.cat(parts, 1) * x.cumsum(1).repeat(1, 2)[:, :6]


def rand(*dims):
    return torch.randn(*dims)


def to_the_end(m, x):
    return x[1:, :-1] * x[:-1, 1:] + x[-1:, 1:].tanh()


def by_odd_factors(m, x):
    return F.interpolate(x.sin(), scale_factor=(0.7, 1.4), mode="nearest").tanh()


def sequential(*layers):
    return nn.Sequential(*layers)


def networks():
    """Name, module, inputs, and how to export it: opset 17 by default."""
    ids = torch.tensor([[1, 4, 4, 0, 10, 3], [2, 2, 2, 7, 1, 4]])
    dynamic = {"dynamic": True}
    training = {"training": True}

    module = sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    yield "mlp", module, [rand(4, 3)], dynamic
    module = sequential(nn.Linear(3, 5), nn.Dropout(0.5), nn.Softmax(-1), nn.Linear(5, 4), nn.LogSoftmax(1))
    yield "mlp_9", module, [rand(4, 3)], {"opset": 9}
    module = sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    yield "mlp_11", module, [rand(5, 3)], {**dynamic, "opset": 11}
    glu = sequential(
        nn.utils.weight_norm(nn.Linear(3, 4)),
        nn.GLU(),
        nn.Hardshrink(0.3),
        nn.Softshrink(0.1),
        nn.Hardtanh(-0.6, 0.9),
    )
    yield "weight_norm", glu, [rand(4, 3)], {"opset": 13}

    deep = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8)
    groups = sequential(nn.Conv2d(4, 8, 3, 2, 1, groups=2), nn.ReLU6(), deep, nn.Hardswish(), nn.Conv2d(8, 2, 1))
    yield "conv_groups", groups, [rand(2, 4, 7, 6)], dynamic
    several = Wrapped(
        lambda m, x, z: m.a(x).sum(-1, keepdim=True) * m.b(z).flatten(2).mean(-1, keepdim=True),
        a=nn.Conv1d(2, 3, 3, padding=2, dilation=2),
        b=nn.Conv3d(2, 3, 2),
    )
    yield "conv_1d_3d", several, [rand(2, 2, 7), rand(2, 2, 3, 3, 4)], {}
    up = sequential(
        nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(6, 2, 2, dilation=2),
    )
    yield "conv_transpose", up, [rand(1, 4, 3, 4)], dynamic
    signal = sequential(nn.ConvTranspose1d(2, 4, 3, 2, 1, output_padding=1, groups=2), nn.Conv1d(4, 2, 3, dilation=2))
    yield "conv_transpose_9", signal, [rand(2, 2, 6)], {"opset": 9}
    module = sequential(ResidualBlock(2, 4, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    yield "residual_train", module, [rand(3, 2, 6, 6)], training
    stem = sequential(
        nn.Conv2d(2, 3, 3),
        nn.MaxPool2d(3, 2, 1),
        ResidualBlock(3, 4, 1),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    yield "residual", stem, [rand(2, 2, 9, 9)], {**dynamic, "opset": 13, "folded": False}
    module = sequential(ResidualBlock(2, 4, 2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 3))
    yield "residual_9", module, [rand(2, 2, 6, 6)], {"opset": 9}
    yield "squeeze_excite", SqueezeExcite(), [rand(2, 4, 5, 5)], dynamic
    yield "unet_transpose", UNet("transpose"), [rand(1, 2, 8, 8)], dynamic
    yield "unet_nearest", UNet("nearest"), [rand(1, 2, 8, 8)], {"opset": 14}
    yield "unet_bilinear", UNet("bilinear"), [rand(1, 2, 8, 8)], {}
    yield "unet_11", UNet("transpose"), [rand(1, 2, 4, 4)], {"opset": 11}

    norms = sequential(
        nn.GroupNorm(2, 4),
        nn.SiLU(),
        nn.InstanceNorm2d(4, affine=True),
        nn.Softplus(),
        nn.LocalResponseNorm(3),
        nn.Mish(),
    )
    yield "norms", norms, [rand(2, 4, 3, 3)], {}
    module = sequential(nn.LayerNorm([3, 4]), nn.GELU(), nn.Linear(4, 5), nn.LayerNorm(5, eps=1e-3))
    yield "layer_norm", module, [rand(2, 3, 4)], dynamic
    module = sequential(nn.LayerNorm(4), nn.ELU(), nn.Linear(4, 5), nn.CELU(0.7), nn.SELU())
    yield "layer_norm_14", module, [rand(2, 3, 4)], {"opset": 14}

    for kind, net in (("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)):
        first = Wrapped(lambda m, x: m.net(x)[0], net=net(2, 3))
        yield kind, first, [rand(5, 2, 2)], {**dynamic, "folded": False, "time": True}
        stacked = Wrapped(ends, net=net(2, 3, num_layers=2, bidirectional=True, batch_first=True))
        yield f"{kind}_stacked_both_ways", stacked, [rand(2, 4, 2)], {"opset": 14}
    yield "lstm_states", Wrapped(with_states, net=nn.LSTM(2, 3)), [rand(4, 2, 2), rand(1, 2, 3), rand(1, 2, 3)], {}
    module = Wrapped(packed, net=nn.LSTM(2, 3, batch_first=True, bidirectional=True))
    yield "lstm_packed", module, [rand(3, 4, 2), torch.tensor([4, 3, 1])], {}
    module = Wrapped(lambda m, x: m.net(x)[0], net=nn.LSTM(2, 3, num_layers=2))
    yield "lstm_9", module, [rand(4, 2, 2)], {"opset": 9, "folded": False}
    module = Wrapped(lambda m, x: m.net(x)[0], net=nn.GRU(2, 3, bidirectional=True))
    yield "gru_11", module, [rand(4, 2, 2)], {**dynamic, "opset": 11, "time": True}
    yield "classifier", Classifier(), [torch.tensor([[1, 2, 3], [4, 4, 0]])], {**dynamic, "opset": 14, "time": True}

    yield "gpt", Gpt(), [ids], {**dynamic, "folded": False, "time": True}
    for opset in (11, 12, 13):
        yield f"gpt_{opset}", Gpt(), [ids], {"opset": opset, "folded": False}
    encoder = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
    yield "encoder", encoder, [rand(2, 5, 8)], {**training, **dynamic, "time": True}
    decoder = nn.TransformerDecoderLayer(4, 2, 6, dropout=0.0, norm_first=True, activation="gelu")
    yield "decoder", Wrapped(decode, net=decoder), [rand(3, 2, 4), rand(5, 2, 4)], training
    both = nn.Transformer(4, 2, 1, 1, 6, dropout=0.0, batch_first=True)
    module = Wrapped(lambda m, x, y: m.net(x, y), net=both)
    yield "transformer", module, [rand(2, 3, 4), rand(2, 2, 4)], {**training, "opset": 14}
    module = Wrapped(lambda m, q, k: m.net(q, k, k)[0], net=nn.MultiheadAttention(6, 3, batch_first=True))
    yield "attention_cross", module, [rand(2, 3, 6), rand(2, 4, 6)], training
    module = Wrapped(masked_attention, net=nn.MultiheadAttention(4, 2, batch_first=True))
    yield "attention_masked", module, [rand(2, 4, 4)], {**training, **dynamic}
    bag = Wrapped(lambda m, i, x: (m.net(i).sum(1) * x).norm(dim=-1), net=nn.Embedding(7, 4))
    yield "embedding_bag", bag, [torch.tensor([[1, 2, 2], [0, 6, 1]]), rand(2, 4)], {"opset": 14}


def operators():
    """The same for operators alone."""
    dynamic = {"dynamic": True}
    yield "indexing", Wrapped(indexing), [rand(3, 4)], {}
    yield "slices", Wrapped(slices), [rand(2, 4, 4)], dynamic
    yield "assignment", Wrapped(assignment), [rand(3, 4)], {"opset": 14}
    added = Wrapped(lambda m, x, u: x.scatter_add(1, torch.tensor([[0, 1, 1], [2, 2, 2]]), u) ** 2)
    yield "scatter", added, [rand(2, 4), rand(2, 3)], {"opset": 16}
    yield "one_hot", Wrapped(lambda m, i, x: F.one_hot(i, 5).to(x.dtype) @ x), [torch.tensor([1, 4, 0]), rand(5, 2)], {}
    yield "shapes", Wrapped(shapes), [rand(2, 6)], dynamic
    yield "reductions", Wrapped(reductions), [rand(3, 4)], dynamic
    yield "elementwise", Wrapped(elementwise), [rand(3, 4), rand(4)], dynamic
    yield "comparisons", Wrapped(comparisons), [rand(2, 3), rand(2, 3)], {}
    yield "activations", Wrapped(activations), [rand(3, 4)], {"opset": 14}
    yield "losses", Wrapped(losses), [rand(4, 3), torch.tensor([2, 0, 1, 1]), rand(4, 3)], {"opset": 13}
    product = Wrapped(lambda m, x, y: torch.einsum("bij,bkj->bik", x, y) @ torch.einsum("bij->ji", y).unsqueeze(0))
    yield "einsum", product, [rand(2, 3, 4), rand(2, 4, 4)], {}
    yield "distances", Wrapped(distances), [rand(3, 4), rand(3, 4)], {}
    yield "sorts", Wrapped(sorts), [rand(3, 4)], dynamic
    yield "pooling", Wrapped(pooling), [rand(1, 2, 5, 5)], {}
    yield "pads", Wrapped(padded), [rand(1, 2, 4, 4)], {}
    yield "unfold", Wrapped(lambda m, x: F.unfold(x, 2, padding=1, stride=2)), [rand(1, 2, 4, 4)], {}
    module = sequential(nn.Conv2d(2, 8, 3, padding=1), nn.PixelShuffle(2), nn.PReLU(2), nn.PixelUnshuffle(2))
    yield "pixel_shuffle", module, [rand(1, 2, 3, 3)], {}
    for mode in ("bicubic", "nearest"):
        resized = Wrapped(lambda m, x, mode=mode: F.interpolate(x, size=(5, 7), mode=mode) ** 2)
        yield f"interpolate_{mode}", resized, [rand(1, 2, 3, 4)], {"opset": 13}
    scaled = Wrapped(lambda m, x: F.interpolate(x, scale_factor=1.5, mode="bilinear", align_corners=False) ** 2)
    yield "interpolate_11", scaled, [rand(1, 2, 4, 4)], {**dynamic, "opset": 11}
    sampled = Wrapped(lambda m, x, g: F.grid_sample(x, g.tanh(), align_corners=False))
    yield "grid_sample", sampled, [rand(1, 2, 4, 5), rand(1, 3, 3, 2)], {"opset": 16}
    fake = Wrapped(lambda m, x: torch.fake_quantize_per_tensor_affine(m.net(x), 0.05, 3, 0, 255), net=nn.Linear(3, 4))
    yield "fake_quantized", fake, [rand(5, 3)], {"opset": 13}


def scripts():
    """The same for modules with control flow."""
    four = torch.tensor(4)
    yield "scripted_loop", ScriptedLoop(), [rand(2, 3), four], {}
    yield "scripted_while", ScriptedWhile(), [rand(3)], {}
    yield "scripted_exit", ScriptedExit(), [rand(2, 3)], {}
    yield "scripted_branch", ScriptedBranch(), [rand(2, 3)], {}
    yield "scripted_nest", ScriptedNest(), [rand(2, 3), torch.tensor(2)], {}
    yield "scripted_rows", ScriptedRows(), [rand(4, 3)], {}
    yield "scripted_list", ScriptedList(), [rand(4, 2, 2)], {"time": True}
    yield "scripted_lstm", ScriptedLstm(), [rand(4, 2, 2)], {"opset": 13}
    yield "scripted_growth", ScriptedGrowth(), [rand(4, 3)], {}
    yield "scripted_choices", ScriptedChoices(), [rand(5, 3)], {}
    yield "scripted_shrinkage", ScriptedShrinkage(), [rand(4, 3)], {"opset": 13}
    yield "scripted_filter", ScriptedFilter(), [rand(5, 3)], {}


def last():
    yield "slices_9", Wrapped(to_the_end), [rand(3, 5)], {"opset": 9}
    yield "interpolate_odd", Wrapped(by_odd_factors), [rand(1, 1, 10, 5)], {"opset": 13}


def models():
    yield from networks()
    yield from operators()
    for name, module, inputs, options in scripts():
        yield name, module, inputs, {"script": True, "dynamic": True, **options}
    yield from last()


def coded(array):
    array = np.asarray(array, order="C")
    kind = {"float32": "float32", "int64": "int64"}[array.dtype.name]
    return {"type": kind, "dims": list(array.shape), "data": base64.b64encode(array.tobytes()).decode()}


def cosines(shape):
    count = int(np.prod(shape))
    return torch.cos(torch.arange(count, dtype=torch.float64) * 1.7 + 0.4).reshape(shape)


def main():
    found = {}
    for name, module, inputs, options in models():
        torch.manual_seed(zlib.crc32(name.encode()))
        with torch.no_grad():
            for p in module.parameters():
                p.copy_(torch.randn_like(p) * (0.6 if p.dim() > 1 else 0.4) + (0.0 if p.dim() > 1 else 0.3))
            for key, buffer in module.named_buffers():
                if key.endswith("running_mean"):
                    buffer.copy_(torch.randn_like(buffer) * 0.3)
                if key.endswith("running_var"):
                    buffer.copy_(torch.rand_like(buffer) + 0.5)
        training = options.get("training", False)
        module.train(training)
        names = [f"x{i}" for i in range(len(inputs))]
        axes = {}
        if options.get("dynamic"):
            axes = {n: {0: f"{n}_0"} for n, x in zip(names, inputs) if x.dim() > 0}
            if options.get("time"):
                axes = {n: {0: "n0", 1: "n1"} for n in names}
        state = {k: v.clone() for k, v in module.state_dict().items()}
        model = torch.jit.script(module) if options.get("script") else module
        file = io.BytesIO()
        try:
            torch.onnx.export(
                model,
                tuple(inputs),
                file,
                input_names=names,
                output_names=["y"],
                dynamic_axes=axes,
                opset_version=options.get("opset", 17),
                do_constant_folding=not training and options.get("folded", True),
                keep_initializers_as_inputs=False,
                training=torch.onnx.TrainingMode.TRAINING if training else torch.onnx.TrainingMode.EVAL,
            )
        except Exception as error:
            print("cannot export", name, str(error)[:300])
            continue
        module.load_state_dict(state)
        # In float64, which is what float32 is measured by.
        reference = module.double()
        xs = [x.double().requires_grad_() if x.is_floating_point() else x for x in inputs]
        y = reference(*xs)
        (y * cosines(y.shape)).sum().backward()
        gradients = {n: x.grad for n, x in zip(names, xs) if x.requires_grad}
        gradients.update({n: p.grad for n, p in reference.named_parameters() if p.grad is not None})
        blob = file.getvalue()
        (HERE / f"{name}.onnx").write_bytes(blob)
        single = lambda t: coded(t.detach().to(torch.float32).numpy())
        found[name] = {
            "feeds": {n: coded(x.detach().numpy()) for n, x in zip(names, inputs)},
            "y": single(y),
            "gradients": {n: single(g) for n, g in gradients.items()},
        }
        print(name, len(blob))
    (HERE / "gradients.json").write_text(json.dumps(found, indent=None, separators=(",", ":")) + "\n")


torch.manual_seed(1)
main()
