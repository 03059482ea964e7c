#!/usr/bin/env python3
"""Draws the noise logs of `make demo` as docs/noise_log.png: bands side by side, depth down, time to the right.

    pip install matplotlib && python3 docs/noise_log_picture.py
"""
import re
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
TITLES = {
    "band_01_2-20": "2-20 Hz: the vehicle's load",
    "band_02_20-60": "20-60 Hz: rolling noise, pump",
    "band_03_60-200": "60-200 Hz: flow past 1400 m",
    "band_05_400--1": "400 Hz up: the instrument",
}


def read(path):
    text = path.read_text()
    names = re.findall(r"<mnemonic>([^<]*)<", text)
    rows = re.findall(r"<data\b[^>]*>([^<]*)</", text)
    return names, np.array([[float(v) for v in row.split(",")] for row in rows])


def main():
    files = sorted((ROOT / "demo/results/NoiseLog").glob("*.fbe"))
    if not files:
        sys.exit("no logs in demo/results/NoiseLog; run `make demo` first")
    names, first = read(files[0])
    logs = np.stack([read(f)[1] for f in files])
    depth = first[:, 0]
    fig, panels = plt.subplots(1, len(TITLES), figsize=(12, 4.2), sharey=True, layout="constrained")
    for panel, (name, title) in zip(panels, TITLES.items()):
        level = 10 * np.log10(np.maximum(logs[:, :, names.index(name)].T, 1e-30))
        low, high = np.percentile(level, [2, 99.5])
        extent = [0, len(files), depth[-1], depth[0]]
        image = panel.imshow(level, aspect="auto", extent=extent, vmin=low, vmax=high, cmap="viridis")
        panel.set(title=title, xlabel="time (s)")
        panel.title.set_fontsize(10)
        fig.colorbar(image, ax=panel, shrink=0.8, label="dB" if panel is panels[-1] else None)
    panels[0].set_ylabel("measured depth (m)")
    fig.savefig(ROOT / "docs/noise_log.png", dpi=100)


main()
