#!/usr/bin/env python3
"""Times torch.fft.rfft and band sums of it on a CUDA device: prints JSON.

    torch_bands.py CHANNELS SAMPLES

The chunk is resident on the device in single precision; kernels are timed by the device's events, after a few runs that
are not counted. Without torch or without a device it says so and ends with 1.
"""
import json
import statistics
import sys

# Of 10 kHz, as benches/flows/noiselog.json has them.
RATE = 10_000
BANDS = ((5, 50), (50, 500), (500, 3000))
RUNS = 30


def main():
    channels, samples = map(int, sys.argv[1:3])
    try:
        import torch
    except ImportError:
        sys.exit("torch is not installed")
    if not torch.cuda.is_available():
        sys.exit("torch finds no CUDA device")
    x = torch.randn(channels, samples, device="cuda", dtype=torch.float32)
    y = torch.empty_like(x)
    bins = [[round(f * samples / RATE) for f in band] for band in BANDS]

    def bands():
        spectrum = torch.fft.rfft(x)
        power = spectrum.real.square() + spectrum.imag.square()
        return torch.stack([power[:, low:high].sum(1) for low, high in bins], 1)

    def seconds(work):
        times = []
        for run in range(RUNS + 5):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            work()
            end.record()
            torch.cuda.synchronize()
            if run >= 5:
                times.append(start.elapsed_time(end) / 1e3)
        return statistics.median(times)

    copy = seconds(lambda: y.copy_(x))
    report = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "channels": channels,
        "samples": samples,
        "rfft_and_bands_seconds": seconds(bands),
        "rfft_seconds": seconds(lambda: torch.fft.rfft(x)),
        "copy_bytes_per_s": 2 * x.numel() * x.element_size() / copy,
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
