"""Spectra and wave-field filters, against scipy.signal and plain numpy transforms."""
import sys
from pathlib import Path

import numpy as np
from scipy import signal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from vectors import Vectors, noise

vectors = Vectors(__file__, "Spectra and wave-field filters by their definitions in scipy and numpy.")
case = vectors.case
PRF = 1000.0
x = noise(1, 4, 251)

for window in ("hann", "hamming", "blackman", "boxcar"):
    for seconds, samples in ((None, 251), (0.064, 64), (0.051, 51)):
        for overlap in (0.5, 0.0, 0.7):
            args = {"segment": seconds, "overlap": overlap, "window": window}
            welch = dict(fs=PRF, window=window, nperseg=samples, noverlap=int(overlap * samples), axis=1)
            if window != "hann" and (seconds is None or overlap != 0.5):
                continue
            case({"name": "psd", **args}, x, signal.welch(x, **welch)[1])
        case({"name": "psd", **args, "average": "median", "scaling": "spectrum"}, x,
             signal.welch(x, average="median", scaling="spectrum", **welch)[1])
    case({"name": "psd", **args, "detrend": "none"}, x, signal.welch(x, detrend=False, **welch)[1])
    for channel, seconds, samples in ((0, 0.064, 64), (-1, 0.051, 51)):
        for overlap in (0.5, 0.25):
            chosen = {"channel": channel, "segment": seconds, "overlap": overlap, "window": window}
            short = dict(fs=PRF, window=window, nperseg=samples, noverlap=int(overlap * samples))
            case({"name": "stft", **chosen}, x, signal.stft(x[channel], **short)[2])
            case({"name": "spectrogram", **chosen}, x, signal.spectrogram(x[channel], detrend="constant", **short)[2])
depth = np.array([5.0, 6.0, 7.5, 9.0])
case({"name": "stft", "depth": 7.1, "segment": 0.032}, x, signal.stft(x[2], PRF, nperseg=32, noverlap=16)[2], depth=depth)
case({"name": "spectrogram", "depth": 9.0, "segment": 0.032, "overlap": 0.5, "scaling": "spectrum"}, x,
     signal.spectrogram(x[3], PRF, "hann", 32, 16, scaling="spectrum")[2], depth=depth)


def fan(field, dx, low, high, direction, mode, taper):
    f = np.fft.fftfreq(field.shape[1], 1 / PRF)
    k = np.fft.fftfreq(field.shape[0], dx)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        v = np.where(f == 0, 0.0, np.abs(f / k))

    def fall(beyond, width):
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(beyond <= 0, 0, beyond / width if width else np.inf)
        return np.where(share < 1, 0.5 + 0.5 * np.cos(np.pi * np.minimum(share, 1)), 0.0)

    mask = fall(low - v, taper * low) * (1 if high is None else fall(v - high, taper * high))
    mask = np.where((f == 0) & (k == 0), 1.0, mask)
    nyquist = [np.abs(np.fft.fftfreq(n)) == 0.5 for n in field.shape]
    sign = np.sign(np.where(nyquist[0], 0, k[:, 0]))[:, None] * np.sign(np.where(nyquist[1], 0, f))
    if direction != "both":
        mask = np.where(sign >= 0 if direction == "up" else sign <= 0, mask, 0.0)
    if mode == "reject":
        mask = 1 - mask
    return np.fft.ifft2(np.fft.fft2(field) * mask).real


for shape in ((12, 64), (11, 63)):
    field = noise(2, *shape)
    for low, high, direction, mode, taper in ((300.0, 2000.0, "both", "pass", 0.1), (500.0, None, "down", "pass", 0.0),
                                              (0.0, 800.0, "up", "pass", 0.5), (300.0, 900.0, "up", "reject", 0.2)):
        args = {"min_velocity": low, "max_velocity": high, "direction": direction, "mode": mode, "taper": taper}
        case({"name": "fk_filter", **args}, field, fan(field, 2.5, low, high, direction, mode, taper),
             depth=2.5 * np.arange(shape[0]))


def whiten(x, low, high, smoothing, taper):
    n = x.shape[1]
    spectrum = np.fft.rfft(x, axis=1)
    f = np.arange(n // 2 + 1) * PRF / n
    reach = min(int(smoothing / (PRF / n)), len(f) - 1)
    size = np.abs(spectrum)
    mean = np.stack([size[:, max(0, b - reach):b + reach + 1].mean(axis=1) for b in range(len(f))], axis=1)
    mean = np.maximum(mean, 1e-6 * size.max(axis=1, keepdims=True))

    def fall(beyond):
        inside = 0.5 + 0.5 * np.cos(np.pi * np.clip(beyond, 0, taper) / taper) if taper else np.ones(len(f))
        return np.where(beyond <= 0, 1.0, np.where(beyond < taper, inside, 0.0))

    weight = fall(low - f) * (1 if high is None else fall(f - high))
    return np.fft.irfft(spectrum / mean * weight, n, axis=1)


for n in (251, 250):
    for low, high, smoothing, taper in ((0.0, None, 5.0, 0.0), (50.0, 200.0, 20.0, 30.0), (100.0, 400.0, 0.0, 10.0), (10.0, None, 1e4, 2.0)):
        args = {"low_freq": low, "high_freq": high, "smoothing": smoothing, "taper": taper}
        case({"name": "whiten", **args}, x[:, :n], whiten(x[:, :n], low, high, smoothing, taper))


def correlated(x, source, lags, normalize):
    n = x.shape[1]
    full = np.stack([signal.correlate(row, source, "full") for row in x])
    if normalize:
        full /= np.sqrt((x ** 2).sum(axis=1, keepdims=True) * (source ** 2).sum())
    return full[:, n - 1 - lags:n + lags]


for n in (251, 64, 1):
    part = x[:, :n]
    for normalize in (False, True):
        case({"name": "cross_correlate", "channel": -2, "normalize": normalize}, part, correlated(part, part[-2], n - 1, normalize))
case({"name": "cross_correlate", "max_lag": 0.02, "depth": 8.0}, x, correlated(x, x[2], 20, False), depth=depth)
pulse = noise(5, 1, 251)
case({"name": "cross_correlate", "max_lag": 0.1}, x, correlated(x, pulse[0], 100, False), gather=[pulse])
case({"name": "cross_correlate", "max_lag": 0.1, "normalize": True}, x, correlated(x, pulse[0], 100, True), gather=[pulse[0]])
vectors.save()
