#!/usr/bin/env python3
"""Steps a second of PyTorch (eager, CPU) on the nets of bench/train-nets.mjs: Adam, batches of 64, the samples
in memory and taken in another order in every epoch. Prints one JSON object.

    python3 train_torch.py [--seconds S] [--threads N]
"""
import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional

BATCH = 64
BATCHES = 8


def soft_spearman(score, target):
    """1 less the correlation of softsort's ranks, by columns, with the ranks of the targets."""
    n = score.shape[0]
    standard = (score - score.mean()) / torch.sqrt(((score - score.mean()) ** 2).mean() + 1e-6)
    x = torch.sigmoid(standard)
    sorted_x = torch.sort(x).values
    plan = functional.softmax(-(sorted_x[:, None] - x[None, :]).abs() / 0.1, dim=-1)
    places = torch.arange(1, n + 1, dtype=score.dtype)
    ranks = (places[:, None] * plan).sum(0) / plan.sum(0)
    wanted = torch.argsort(torch.argsort(target)).to(score.dtype) + 1
    a, b = ranks - ranks.mean(), wanted - wanted.mean()
    return 1 - (a * b).sum() / torch.sqrt((a * a).sum() * (b * b).sum() + 1e-12)


class Column(nn.Module):
    def forward(self, x):
        return x.squeeze(1)


def nets():
    convolutional = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(784, 10))
    dense = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    ranking = nn.Sequential(nn.Linear(8, 1), Column())
    return {
        "convolutional, 28 x 28": (convolutional, [1, 28, 28], functional.cross_entropy),
        "dense, 784-128-10": (dense, [784], functional.cross_entropy),
        "soft Spearman, 8 features": (ranking, [8], soft_spearman),
    }


def rate(net, shape, loss, seconds):
    count = BATCH * BATCHES
    size = 1
    for dim in shape:
        size *= dim
    x = torch.sin(torch.arange(count * size, dtype=torch.float64) * 12.9898).float()
    x = x.reshape(count, *shape)
    ranked = loss is soft_spearman
    labels = torch.cos(torch.arange(count).float()) if ranked else torch.arange(count) * 7 % 10
    optimizer = torch.optim.Adam(net.parameters())

    def epoch():
        order = torch.randperm(count)
        for start in range(0, count, BATCH):
            rows = order[start:start + BATCH]
            optimizer.zero_grad(set_to_none=True)
            value = loss(net(x[rows]), labels[rows])
            value.backward()
            optimizer.step()
            value.item()

    for _ in range(5):
        epoch()
    begin, epochs = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        epoch()
        epochs += 1
    return epochs * BATCHES / (time.perf_counter() - begin)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    print(json.dumps({
        name: rate(*net, arguments.seconds) for name, net in nets().items()
    }))


if __name__ == "__main__":
    main()
