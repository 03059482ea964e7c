#!/bin/sh
# Runs cmake: the system's if there is one, else one from pip in a private virtual environment (made once).
set -eu
if found=$(command -v cmake); then
    exec "$found" "$@"
fi
venv="${XDG_CACHE_HOME:-$HOME/.cache}/distpy-gpu/cmake-venv"
if [ ! -x "$venv/bin/cmake" ]; then
    mkdir -p "$(dirname "$venv")"
    staging=$(mktemp -d "$venv.XXXXXX")
    # Two builds may come here at once: each makes its own, the first rename wins.
    if ! { python3 -m venv "$staging" && "$staging/bin/pip" install --quiet 'cmake>=3.26'; } >&2; then
        rm -rf "$staging"
        echo "distpy-gpu: building HDF5 needs cmake, and none could be found or made." >&2
        echo "Install it (Debian/Ubuntu: apt-get install cmake), or python3-venv so that it can be fetched by pip." >&2
        exit 1
    fi
    # A virtual environment holds absolute paths only in its scripts; a link keeps them valid under one name.
    ln -s "$staging" "$venv" 2>/dev/null || true
fi
exec "$venv/bin/cmake" "$@"
