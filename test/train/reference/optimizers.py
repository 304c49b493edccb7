"""Writes optimizers.json: what torch.optim makes of a convex problem in 100 steps, in float64.

    f(w, b) = mean_i 0.5 (X w + b - y)^2 averaged, X fixed below.

Run with Debian's torch: /usr/bin/python3 test/train/reference/optimizers.py > test/train/reference/optimizers.json
"""
import json
import math

import torch

torch.set_num_threads(1)
X = torch.tensor([[math.sin(1 + 3 * i + j) for j in range(3)] for i in range(8)], dtype=torch.float64)
Y = torch.tensor([math.cos(2 * i) + 0.5 for i in range(8)], dtype=torch.float64)
W0, B0 = [0.5, -1.0, 2.0], 0.25

CASES = {
    "sgd": ("SGD", dict(lr=0.1)),
    "sgd momentum": ("SGD", dict(lr=0.05, momentum=0.9)),
    "sgd dampening": ("SGD", dict(lr=0.05, momentum=0.8, dampening=0.3, weight_decay=0.01)),
    "sgd nesterov": ("SGD", dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)),
    "adam": ("Adam", dict(lr=0.05)),
    "adam decay": ("Adam", dict(lr=0.05, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)),
    "adamw": ("AdamW", dict(lr=0.05, weight_decay=0.2)),
    "rmsprop": ("RMSprop", dict(lr=0.02)),
    "rmsprop centered": ("RMSprop", dict(lr=0.02, alpha=0.99, momentum=0.5, centered=True, eps=0.1)),
    "adagrad": ("Adagrad", dict(lr=0.3)),
    "adagrad decay": (
        "Adagrad",
        dict(lr=0.5, lr_decay=0.01, weight_decay=0.05, initial_accumulator_value=0.1, eps=1e-6),
    ),
    "groups": ("AdamW", dict(lr=0.05, weight_decay=0.2)),
    "clip norm": ("SGD", dict(lr=0.1)),
    "clip value": ("SGD", dict(lr=0.1)),
}


def train(case):
    name, options = CASES[case]
    w = torch.tensor(W0, dtype=torch.float64, requires_grad=True)
    b = torch.tensor(B0, dtype=torch.float64, requires_grad=True)
    groups = [w, b]
    if case == "groups":
        groups = [dict(params=[w]), dict(params=[b], weight_decay=0.0, lr=0.01)]
    optimizer = getattr(torch.optim, name)(groups, **options)
    history = []
    for step in range(100):
        optimizer.zero_grad()
        loss = 0.5 * ((X @ w + b - Y) ** 2).mean()
        loss.backward()
        if case == "clip norm":
            torch.nn.utils.clip_grad_norm_([w, b], 0.25)
        if case == "clip value":
            torch.nn.utils.clip_grad_value_([w, b], 0.1)
        optimizer.step()
        if step in (0, 1, 9, 99):
            history.append([step + 1, w.tolist() + [b.item()]])
    return history


print(json.dumps({"torch": torch.__version__, "cases": {case: train(case) for case in CASES}}, indent=1))
