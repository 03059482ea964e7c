#!/bin/sh
# Runs cmake: the system's if it is new enough for HDF5, else one from pip in a private virtual environment (made once).
set -eu
needed=3.26

new_enough() {
    version=$("$1" --version | sed -n '1s/[^0-9]*\([0-9]*\.[0-9]*\).*/\1/p')
    [ "$(printf '%s\n%s\n' "$needed" "$version" | sort -V | head -n 1)" = "$needed" ]
}

if found=$(command -v cmake) && new_enough "$found"; then
    exec "$found" "$@"
fi
venv="${XDG_CACHE_HOME:-$HOME/.cache}/distpy-gpu/cmake-venv"
if [ ! -x "$venv/bin/cmake" ]; then
    mkdir -p "$(dirname "$venv")"
    staging=$(mktemp -d "$venv.XXXXXX")
    # Two builds may come here at once: each makes its own, and the first link wins.
    if ! { python3 -m venv "$staging" && "$staging/bin/pip" install --quiet "cmake>=$needed"; } >&2; then
        rm -rf "$staging"
        echo "distpy-gpu: building HDF5 needs cmake $needed or later, and none could be found or fetched." >&2
        echo "Install it, or python3-venv (Debian/Ubuntu: apt-get install python3-venv) so that pip can fetch it." >&2
        exit 1
    fi
    # A virtual environment holds its own path in its scripts; a link keeps it valid under one name.
    ln -s "$staging" "$venv" 2>/dev/null || true
fi
exec "$venv/bin/cmake" "$@"
