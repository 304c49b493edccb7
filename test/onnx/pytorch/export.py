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
        self.weight = nn.Parameter(torch.tensor([0.5, -0.25, 1.5]))

    def forward(self, x):
        h = x
        total = torch.zeros_like(x)
        while bool(h.abs().sum() > 0.5):
            h = h * 0.5
            total = total + h * self.weight
        return total


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


class ScriptedScan(nn.Module):
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


def rand(*dims):
    return torch.randn(*dims)


def models():
    yield "mlp", nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2)), [rand(4, 3)], {"dynamic": True}
    yield "conv_groups", nn.Sequential(nn.Conv2d(4, 8, 3, 2, 1, groups=2), nn.ReLU6(), nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8), nn.Hardswish(), nn.Conv2d(8, 2, 1)), [rand(2, 4, 7, 6)], {"dynamic": True}
    yield "conv_1d_3d", Wrapped(lambda m, x, z: m.a(x).sum(-1, keepdim=True) * m.b(z).flatten(2).mean(-1, keepdim=True), a=nn.Conv1d(2, 3, 3, padding=2, dilation=2), b=nn.Conv3d(2, 3, 2)), [rand(2, 2, 7), rand(2, 2, 3, 3, 4)], {}
    yield "conv_transpose", nn.Sequential(nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2), nn.LeakyReLU(0.2), nn.ConvTranspose2d(6, 2, 2, dilation=2)), [rand(1, 4, 3, 4)], {"dynamic": True}
    yield "residual_train", nn.Sequential(ResidualBlock(2, 4, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).train(), [rand(3, 2, 6, 6)], {"training": True}
    yield "residual", nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(3, 2, 1), ResidualBlock(3, 4, 1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)), [rand(2, 2, 9, 9)], {"dynamic": True, "opset": 13}
    for up in ("transpose", "nearest", "bilinear"):
        yield f"unet_{up}", UNet(up), [rand(1, 2, 8, 8)], {"opset": 14 if up == "nearest" else 17, "dynamic": up == "transpose"}
    yield "norms", nn.Sequential(nn.GroupNorm(2, 4), nn.SiLU(), nn.InstanceNorm2d(4, affine=True), nn.Softplus(), nn.LocalResponseNorm(3), nn.Mish()), [rand(2, 4, 3, 3)], {}
    yield "layer_norm", nn.Sequential(nn.LayerNorm([3, 4]), nn.GELU(), nn.Linear(4, 5), nn.LayerNorm(5, eps=1e-3)), [rand(2, 3, 4)], {"dynamic": True}
    yield "layer_norm_14", nn.Sequential(nn.LayerNorm(4), nn.ELU(), nn.Linear(4, 5), nn.CELU(0.7), nn.SELU()), [rand(2, 3, 4)], {"opset": 14}
    for kind, net in (("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)):
        yield kind, Wrapped(lambda m, x: m.net(x)[0], net=net(2, 3)), [rand(5, 2, 2)], {"dynamic": True}
        yield f"{kind}_stacked_both_ways", Wrapped(lambda m, x: torch.cat([m.net(x)[0].mean(1), m.net(x)[1][0].mean(0) if isinstance(m.net, nn.LSTM) else m.net(x)[1].mean(0)], -1), net=net(2, 3, num_layers=2, bidirectional=True, batch_first=True)), [rand(2, 4, 2)], {"opset": 14}
    yield "lstm_states", Wrapped(lambda m, x, h, c: torch.cat([t.flatten() for t in (m.net(x, (h, c))[0], *m.net(x, (h, c))[1])]), net=nn.LSTM(2, 3)), [rand(4, 2, 2), rand(1, 2, 3), rand(1, 2, 3)], {}
    yield "lstm_packed", Wrapped(lambda m, x, lengths: nn.utils.rnn.pad_packed_sequence(m.net(nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True))[0], batch_first=True)[0], net=nn.LSTM(2, 3, batch_first=True, bidirectional=True)), [rand(3, 4, 2), torch.tensor([4, 3, 1])], {}
    yield "gpt", Gpt(), [torch.tensor([[1, 4, 4, 0, 10, 3], [2, 2, 2, 7, 1, 4]])], {"dynamic": True}
    yield "gpt_13", Gpt(), [torch.tensor([[1, 4, 4, 0, 10, 3], [2, 2, 2, 7, 1, 4]])], {"opset": 13}
    yield "gpt_11", Gpt(), [torch.tensor([[1, 4, 4, 0, 10, 3], [2, 2, 2, 7, 1, 4]])], {"opset": 11}
    yield "mlp_9", nn.Sequential(nn.Linear(3, 5), nn.Dropout(0.5), nn.Softmax(-1), nn.Linear(5, 4), nn.LogSoftmax(1)), [rand(4, 3)], {"opset": 9}
    yield "conv_9", nn.Sequential(ResidualBlock(2, 4, 2), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4, 3)), [rand(2, 2, 6, 6)], {"opset": 9}
    yield "lstm_9", Wrapped(lambda m, x: m.net(x)[0], net=nn.LSTM(2, 3, num_layers=2)), [rand(4, 2, 2)], {"opset": 9}
    yield "gru_11", Wrapped(lambda m, x: m.net(x)[0], net=nn.GRU(2, 3, bidirectional=True)), [rand(4, 2, 2)], {"opset": 11, "dynamic": True}
    yield "unet_11", UNet("transpose"), [rand(1, 2, 4, 4)], {"opset": 11}
    yield "decoder", Wrapped(lambda m, x, y: m.net(x, y, torch.triu(torch.full((3, 3), float("-inf"), dtype=x.dtype), 1)), net=nn.TransformerDecoderLayer(4, 2, 6, dropout=0.0, norm_first=True, activation="gelu")), [rand(3, 2, 4), rand(5, 2, 4)], {"training": True}
    yield "weight_norm", nn.Sequential(nn.utils.weight_norm(nn.Linear(3, 4)), nn.GLU(), nn.Hardshrink(0.3), nn.Softshrink(0.1), nn.Hardtanh(-0.6, 0.9)), [rand(4, 3)], {"opset": 13}
    yield "encoder", nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True).train(), [rand(2, 5, 8)], {"training": True, "dynamic": True}
    yield "attention_cross", Wrapped(lambda m, q, k: m.net(q, k, k)[0], net=nn.MultiheadAttention(6, 3, batch_first=True)), [rand(2, 3, 6), rand(2, 4, 6)], {"training": True}
    yield "embedding_bag", Wrapped(lambda m, i, x: (m.net(i).sum(1) * x).norm(dim=-1), net=nn.Embedding(7, 4)), [torch.tensor([[1, 2, 2], [0, 6, 1]]), rand(2, 4)], {"opset": 14}
    yield "indexing", Wrapped(lambda m, x: torch.cat([x[:, 1::2], x[:, [3, 0, 3]], x.gather(1, x.argsort(1)), x.topk(2, 1)[0], x.cumsum(1).flip(1)], 1)), [rand(3, 4)], {}
    yield "scatter", Wrapped(lambda m, x, u: x.scatter_add(1, torch.tensor([[0, 1, 1], [2, 2, 2]]), u) ** 2), [rand(2, 4), rand(2, 3)], {"opset": 16}
    yield "shapes", Wrapped(lambda m, x: (x.view(x.size(0), 2, -1).transpose(1, 2).reshape(x.size(0), -1).unsqueeze(1).expand(-1, 3, -1) * torch.arange(3, dtype=x.dtype).view(1, 3, 1)).roll(1, 1).pow(2).mean((1, 2))), [rand(2, 6)], {"dynamic": True}
    yield "reductions", Wrapped(lambda m, x: torch.stack([x.var(1), x.std(1), x.logsumexp(1), x.amax(1), x.prod(1), x.norm(dim=1), x.abs().norm(p=1, dim=1), x.max(1)[0], x.median(1)[0] if False else x.min(1)[0]])), [rand(3, 4)], {"dynamic": True}
    yield "elementwise", Wrapped(lambda m, x, y: torch.where(x > y, x.sin() * y.exp(), x.atan()) + x.clamp(-0.5, 0.7) * y.sigmoid().log() + (x * x + 1).rsqrt() + torch.maximum(x, y) + x.erf() + (x / (y.abs() + 1)) + F.softsign(x) + F.hardtanh(y) + F.logsigmoid(x) + F.hardsigmoid(y) + x.remainder(0.7) + torch.lerp(x, y, 0.3)), [rand(3, 4), rand(4)], {"dynamic": True}
    yield "losses", Wrapped(lambda m, x, t, y: torch.stack([F.cross_entropy(x, t), F.nll_loss(x.log_softmax(1), t, reduction="sum"), F.cross_entropy(x, t, weight=torch.tensor([1.0, 2.0, 0.5], dtype=x.dtype), ignore_index=1), ((x - y) ** 2).mean(), torch.where((x - y).abs() < 1, 0.5 * (x - y) ** 2, (x - y).abs() - 0.5).mean(), (y.softmax(1) * (y.log_softmax(1) - x.log_softmax(1))).sum(1).mean(), (F.softplus(x) - x * y.sigmoid()).mean()])), [rand(4, 3), torch.tensor([2, 0, 1, 1]), rand(4, 3)], {"opset": 13}
    yield "einsum", Wrapped(lambda m, x, y: torch.einsum("bij,bkj->bik", x, y) @ torch.einsum("bij->ji", y).unsqueeze(0)), [rand(2, 3, 4), rand(2, 4, 4)], {}
    yield "pooling", Wrapped(lambda m, x: torch.cat([F.avg_pool2d(x, 3, 2, 1).flatten(1), F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False).flatten(1), F.max_pool2d(x, 3, 1, 1, dilation=1).flatten(1), F.adaptive_max_pool2d(x, 1).flatten(1), F.lp_pool2d(x, 2, 2).flatten(1)], 1)), [rand(1, 2, 5, 5)], {}
    yield "pads", Wrapped(lambda m, x: F.pad(F.pad(F.pad(x, (1, 2, 0, 1), "reflect"), (1, 1, 1, 0), "replicate"), (0, 1, 2, -1), value=0.5) ** 2), [rand(1, 2, 4, 4)], {}
    yield "pixel_shuffle", nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.PixelShuffle(2), nn.PReLU(2), nn.PixelUnshuffle(2)), [rand(1, 2, 3, 3)], {}
    yield "fake_quantized", Wrapped(lambda m, x: torch.fake_quantize_per_tensor_affine(m.net(x), 0.05, 3, 0, 255), net=nn.Linear(3, 4)), [rand(5, 3)], {"opset": 13}
    yield "grid_sample", Wrapped(lambda m, x, g: F.grid_sample(x, g.tanh(), align_corners=False)), [rand(1, 2, 4, 5), rand(1, 3, 3, 2)], {"opset": 16}
    for name, module, xs in (("loop", ScriptedLoop(), [rand(2, 3), torch.tensor(4)]), ("while", ScriptedWhile(), [rand(3)]), ("branch", ScriptedBranch(), [rand(2, 3)]), ("scan", ScriptedScan(), [rand(4, 2, 2)])):
        yield f"scripted_{name}", module, xs, {"script": True, "dynamic": True}


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
            if name in ("rnn", "gru", "gru_11", "lstm", "scripted_scan", "gpt", "encoder"):
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
                do_constant_folding=not training and name not in ("rnn", "gru", "lstm", "lstm_9", "gpt", "gpt_11", "gpt_13", "residual"),
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
