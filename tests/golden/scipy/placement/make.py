"""Commands that give their input unchanged."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from vectors import Vectors, noise

vectors = Vectors(__file__, "Names and hints: the input unchanged.")
x = noise(1, 3, 5)
for name in ("NONE", "copy", "data", "from_gpu", "to_gpu"):
    vectors.case({"name": name}, x, x)
    vectors.case({"name": name}, x + 1j * noise(2, 3, 5), x + 1j * noise(2, 3, 5))
vectors.save()
