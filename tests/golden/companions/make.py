#!/usr/bin/env python3
"""Writes the fixtures of this folder: LAS files by lasio, tables by pandas, and what the two read from them.

    python3 make.py        (needs lasio, numpy and pandas)
"""
import json
from pathlib import Path

import lasio
import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
rng = np.random.default_rng(7)


def las(name, wrap, step, unit, curves, rows):
    out = lasio.LASFile()
    out.well.DATE = lasio.HeaderItem("DATE", value="2016-12-13T07:13:49", descr="time of the log")
    out.well.NULL.value = -9999.25
    depth = 1670.0 + step * np.arange(rows)
    out.append_curve("DEPT", depth, unit=unit, descr="depth along the fibre")
    for k in range(curves):
        values = np.round(rng.uniform(-5, 100, rows), 4)
        values[rng.uniform(size=rows) < 0.2] = np.nan
        # Two columns of one name, as bands are often written.
        out.append_curve("FBE" if k < 2 else f"B{k:02}", values, unit="" if k % 2 else "US/F", descr=f"energy of band {k}")
    out.params["BHT"] = lasio.HeaderItem("BHT", unit="DEGC", value=35.5, descr="temperature")
    with open(HERE / name, "w") as f:
        out.write(f, version=2.0, wrap=wrap, STRT=depth[0], STOP=depth[-1], STEP=step, fmt="%.4f")
    back = lasio.read(str(HERE / name), mnemonic_case="preserve")
    return {
        "file": name,
        "unit": unit,
        "names": [c.original_mnemonic for c in back.curves],
        "units": [c.unit for c in back.curves],
        "descriptions": [c.descr for c in back.curves],
        "values": [[None if np.isnan(v) else v for v in row] for row in back.data.tolist()],
    }


def rows():
    """A row for each of 5 times and 7 depths, as whole numbers, in no order; some values are missing."""
    times = pd.to_datetime("2021-03-04 05:06:07") + pd.to_timedelta(np.arange(5) * 30, unit="s")
    table = pd.DataFrame(
        [(t.strftime("%d/%m/%Y %H:%M:%S"), 10 * d, round(rng.uniform(20, 90), 3), round(rng.uniform(0, 1), 5))
         for t in times for d in range(7)],
        columns=["when", "md", "temperature", "strain, micro"])
    table.loc[rng.uniform(size=len(table)) < 0.15, "temperature"] = np.nan
    table.sample(frac=1, random_state=3).to_csv(HERE / "shuffled.csv", index=False, na_rep="NaN", lineterminator="\r\n")
    back = pd.read_csv(HERE / "shuffled.csv")
    logs = {}
    for text, part in back.groupby("when"):
        second = int(pd.to_datetime(text, format="%d/%m/%Y %H:%M:%S", utc=True).timestamp())
        part = part.sort_values("md")[["md", "temperature", "strain, micro"]]
        logs[str(second)] = [[None if np.isnan(v) else v for v in row] for row in part.to_numpy(dtype=float).tolist()]
    return logs


def grid():
    """An instrument's grid: times in the first line, ten lines about it, depths and temperatures from line 12 on."""
    times = pd.to_datetime("2020-06-07 10:30:00") + pd.to_timedelta(np.arange(6) * 45, unit="min")
    values = np.round(rng.uniform(15, 95, (4, 6)), 3)
    lines = ["Depth," + ",".join(t.strftime("%Y/%m/%d %I:%M:%S %p") for t in times)]
    lines += [f"line {k}" for k in range(2, 11)] + ["metres" + ",C" * 6]
    lines += [f"{0.5 * k}," + ",".join(str(v) for v in row) for k, row in enumerate(values)]
    (HERE / "instrument.csv").write_text("\n".join(lines) + "\n")
    back = pd.read_csv(HERE / "instrument.csv", skiprows=11, header=None)
    return {"times": [int(t.timestamp()) for t in times], "depths": back[0].tolist(), "values": back.iloc[:, 1:].to_numpy().tolist()}


expected = {
    "las": [las("unwrapped.las", False, -0.125, "M", 4, 6), las("wrapped.las", True, 0.5, "FT", 23, 5)],
    "rows": rows(),
    "grid": grid(),
}
(HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
