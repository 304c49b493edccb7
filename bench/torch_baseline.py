#!/usr/bin/env python3
"""PyTorch (eager, CPU) timings of the soft operators, for side-by-side ratios.

Each row does what a SoftTorch user runs today: the same algorithm, the same
tensors materialised, forward alone and forward + backward.

    apt-get install -y python3-torch python3-numba python3-pot   (run with the system's python3)
    python3 torch_baseline.py [--rows REGEX] [--seconds S] [--threads N]

Prints one JSON object a line: first {"versions"}, then {"row", "n", "batch",
"dtype", "forward_ms", "grad_ms"} with the minimum over the runs that fit in S
seconds, or {"row", "n", "batch", "skipped"} where a package is missing.
Inputs: standard normal, seed 0, softness 0.1, standardize = true, except where
the row's name says otherwise.
"""
import argparse
import functools
import importlib
import json
import platform
import re
import time

import numpy as np
import torch

SOFTNESS = 0.1


def standardize(x):
    mean = x.mean(-1, keepdim=True)
    std = torch.sqrt(((x - mean) ** 2).mean(-1, keepdim=True) + 1e-6)
    return torch.sigmoid((x - mean) / std), mean, std


def destandardize(y, mean, std):
    tiny = 10 * torch.finfo(y.dtype).eps
    y = y.clamp(tiny, 1 - tiny)
    return torch.log(y / (1 - y)) * std + mean


def project_simplex_c0(v):
    u = v.sort(-1, descending=True).values
    css = u.cumsum(-1)
    k = torch.arange(1, v.shape[-1] + 1, dtype=v.dtype)
    size = ((1 / k + (u - css / k)) > 0).sum(-1, keepdim=True)
    theta = (css.gather(-1, size - 1) - 1) / size
    return torch.relu(v - theta)


def project_simplex(v, mode):
    v = v / SOFTNESS
    return torch.softmax(v, -1) if mode == "smooth" else project_simplex_c0(v)


def sigmoidal(x, mode):
    x = x / SOFTNESS
    if mode == "smooth":
        return torch.sigmoid(x)
    return (0.5 + 0.5 * x / 5).clamp(0, 1)


def soft_abs(x, mode):
    return x * (2 * sigmoidal(x, mode) - 1)


def softsort_matrix(s, mode):
    anchors = s.sort(-1).values
    return project_simplex(-(anchors[..., :, None] - s[..., None, :]).abs(), mode)


def neuralsort_matrix(s, mode):
    n = s.shape[-1]
    total = soft_abs(s[..., :, None] - s[..., None, :], mode).sum(-1)
    i = torch.arange(1, n + 1, dtype=s.dtype)
    return project_simplex(-((n + 1 - 2 * i)[:, None] * s[..., None, :] + total[..., None, :]), mode)


def sort_values(matrix):
    def run(x, mode):
        return torch.einsum("bij,bj->bi", matrix(standardize(x)[0], mode), x)
    return run


def rank_softsort(x, mode):
    s = standardize(x)[0]
    anchors = s.sort(-1, descending=True).values
    p = project_simplex(-(s[..., :, None] - anchors[..., None, :]).abs(), mode)
    return p @ torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)


def sorting_network(x, mode):
    x, mean, std = standardize(x)
    n = x.shape[-1]
    size = 1 << (n - 1).bit_length()
    if size > n:
        x = torch.nn.functional.pad(x, (0, size - n), value=1.0)
    index = torch.arange(size)
    for phase in range(size.bit_length() - 1):
        for step in range(phase + 1):
            partner = index ^ (1 << (phase - step))
            up = (index & (1 << (phase + 1))) == 0
            other = x[..., partner]
            weight = sigmoidal(x - other, mode)
            low = weight * other + (1 - weight) * x
            high = weight * x + (1 - weight) * other
            x = torch.where(up == (index < partner), low, high)
    return destandardize(x[..., :n], mean, std)


def _pool_adjacent_violators(y, out, blocks):
    for b in range(y.shape[0]):
        n = y.shape[1]
        top = 0
        sums = np.zeros(n)
        sizes = np.zeros(n, np.int64)
        for i in range(n):
            sums[top], sizes[top] = y[b, i], 1
            top += 1
            while top > 1 and sums[top - 2] * sizes[top - 1] < sums[top - 1] * sizes[top - 2]:
                sums[top - 2] += sums[top - 1]
                sizes[top - 2] += sizes[top - 1]
                top -= 1
        at = 0
        for j in range(top):
            for _ in range(sizes[j]):
                out[b, at] = sums[j] / sizes[j]
                blocks[b, at] = j
                at += 1


@functools.lru_cache(None)
def _compiled_pav():
    import numba

    return numba.njit(_pool_adjacent_violators)


def _pav(y):
    out = np.empty_like(y)
    blocks = np.empty(y.shape, np.int64)
    _compiled_pav()(y, out, blocks)
    return out, blocks


class IsotonicL2(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y):
        out, blocks = _pav(y.detach().double().numpy())
        ctx.blocks = torch.from_numpy(blocks)
        return torch.from_numpy(out).to(y.dtype)

    @staticmethod
    def backward(ctx, g):
        b = ctx.blocks
        total = torch.zeros_like(g).scatter_add(-1, b, g)
        count = torch.zeros_like(g).scatter_add(-1, b, torch.ones_like(g))
        return (total / count.clamp(min=1)).gather(-1, b)


def fast_soft_sort(x, mode):
    s, mean, std = standardize(x)
    n = x.shape[-1]
    z = (torch.arange(n, dtype=x.dtype) / (n - 1) / SOFTNESS).flip(-1).expand_as(s)
    w = s.sort(-1, descending=True).values
    y = z - IsotonicL2.apply(z - w)
    return destandardize(y.flip(-1), mean, std)


def fast_soft_rank(x, mode):
    s = -standardize(x)[0] / SOFTNESS
    n = x.shape[-1]
    w = (torch.arange(1, n + 1, dtype=x.dtype) / (n - 1)).flip(-1)
    z, order = s.sort(-1, descending=True)
    y = z - IsotonicL2.apply(z - w)
    return torch.zeros_like(y).scatter(-1, order, y) * (n - 1)


class SinkhornPlan(torch.autograd.Function):
    """POT's log-domain Sinkhorn in float64, implicit gradient by normal-equation CG."""

    @staticmethod
    def forward(ctx, cost, mu, nu):
        import ot
        plans = []
        for c in cost.detach().double():
            plan = ot.bregman.sinkhorn_log(mu, nu, c, reg=SOFTNESS, numItermax=10000, stopThr=1e-5, warn=False)
            plans.append(plan)
        ctx.plan = torch.stack(plans)
        return ctx.plan.to(cost.dtype)

    @staticmethod
    def backward(ctx, g):
        grads = []
        for p, gp in zip(ctx.plan, g.double()):
            n, m = p.shape
            rhs = torch.cat([(p * gp).sum(1), (p * gp).sum(0)[1:]])
            top = torch.cat([torch.diag(p.sum(1)), p[:, 1:]], 1)
            low = torch.cat([p[:, 1:].T, torch.diag(p.sum(0)[1:])], 1)
            sol = torch.zeros_like(rhs)
            h = torch.cat([top, low])
            r = h.T @ (rhs - h @ sol)
            d, rr = r.clone(), r @ r
            for _ in range(50):
                hd = h @ d
                alpha = rr / (hd @ hd)
                sol = sol + alpha * d
                r = r - alpha * (h.T @ hd)
                new = r @ r
                if new < 1e-20:
                    break
                d, rr = r + new / rr * d, new
            f, gg = sol[:n], torch.cat([torch.zeros(1, dtype=p.dtype), sol[n:]])
            grads.append(p * (f[:, None] + gg[None, :] - gp) / SOFTNESS)
        return torch.stack(grads).to(g.dtype), None, None


def ot_sort(x, mode):
    s = standardize(x)[0]
    n = x.shape[-1]
    anchors = torch.linspace(0, n, n, dtype=x.dtype) / n
    cost = (s[..., :, None] - anchors) ** 2
    mu = torch.full((n,), 1 / n, dtype=torch.float64)
    plan = SinkhornPlan.apply(cost, mu, mu) * n
    return torch.einsum("bji,bj->bi", plan, x)


def elementwise(name):
    def run(x, mode):
        if name == "abs":
            return soft_abs(x, mode)
        if name == "relu":
            return torch.nn.functional.softplus(x / SOFTNESS) * SOFTNESS
        if name == "round":
            n = torch.floor(x.detach())[..., None] + torch.arange(-5, 6, dtype=x.dtype)
            v = x[..., None]
            return (n * (sigmoidal(v - (n - 0.5), mode) - sigmoidal(v - (n + 0.5), mode))).sum(-1)
        return 2 * sigmoidal(x, mode) - 1
    return run


ROWS = [
    # name, function, mode, [(batch, n)]
    ("sort/softsort/smooth", sort_values(softsort_matrix), "smooth", [(1, 1024), (1, 4096), (128, 128)]),
    ("sort/softsort/c0", sort_values(softsort_matrix), "c0", [(1, 1024), (1, 4096), (128, 128)]),
    ("sort/neuralsort/smooth", sort_values(neuralsort_matrix), "smooth", [(1, 1024), (1, 4096), (128, 128)]),
    ("sort/neuralsort/c0", sort_values(neuralsort_matrix), "c0", [(1, 1024), (128, 128)]),
    ("rank/softsort/smooth", rank_softsort, "smooth", [(1, 1024), (1, 4096), (128, 128)]),
    ("sort/sorting_network/smooth", sorting_network, "smooth", [(1, 1024), (1, 16384), (128, 128)]),
    ("sort/fast_soft_sort/c0", fast_soft_sort, "c0", [(1, 1024), (1, 16384), (128, 128)]),
    ("rank/fast_soft_sort/c0", fast_soft_rank, "c0", [(1, 1024), (1, 16384), (128, 128)]),
    ("sort/ot/smooth", ot_sort, "smooth", [(1, 64), (1, 256), (16, 64)]),
    ("abs/smooth", elementwise("abs"), "smooth", [(1, 1 << 20)]),
    ("relu/smooth", elementwise("relu"), "smooth", [(1, 1 << 20)]),
    ("sign/c0", elementwise("sign"), "c0", [(1, 1 << 20)]),
    ("round/smooth", elementwise("round"), "smooth", [(1, 1 << 18)]),
]


def best_ms(run, seconds):
    times, until = [], time.perf_counter() + seconds
    while len(times) < 2 or time.perf_counter() < until:
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return min(times)


def versions():
    found = {"python": platform.python_version(), "torch": torch.__version__}
    for name, module in (("numba", "numba"), ("POT", "ot")):
        try:
            found[name] = importlib.import_module(module).__version__
        except ImportError:
            found[name] = None
    return {**found, "threads": torch.get_num_threads()}


def main():
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--rows", default="", help="only rows whose name matches this regular expression")
    cli.add_argument("--seconds", type=float, default=1.0, help="time to spend on each measurement")
    cli.add_argument("--threads", type=int, default=0, help="intra-op threads (0: PyTorch's own choice)")
    args = cli.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(json.dumps({"versions": versions()}), flush=True)
    for name, fn, mode, sizes in ROWS:
        if not re.search(args.rows, name):
            continue
        for batch, n in sizes:
            x = torch.randn(batch, n, generator=torch.Generator().manual_seed(0))

            def forward():
                with torch.no_grad():
                    fn(x, mode)

            def gradient():
                v = x.clone().requires_grad_(True)
                fn(v, mode).square().sum().backward()

            place = {"row": name, "n": n, "batch": batch}
            try:
                times = {"forward_ms": round(best_ms(forward, args.seconds), 4),
                         "grad_ms": round(best_ms(gradient, args.seconds), 4)}
                print(json.dumps({**place, "dtype": "float32", **times}), flush=True)
            except ImportError as error:
                print(json.dumps({**place, "skipped": str(error)}), flush=True)


if __name__ == "__main__":
    main()
