#!/bin/sh
# Runs cmake: the system's if it is new enough for HDF5, else one from pip in a private virtual environment (made once).
set -eu
needed=3.26

# For cc.sh: cmake names its own compiler in CC, which is that script.
export DISTPY_GPU_CC="${CC:-cc}"

# HDF5 would hold folders of this machine: that of its plugins, below the build's, and a summary of its build, with the date and
# the kernel's version, which it prints when it meets headers of another version. Both are replaced: one as an option of the first
# call, which configures, one before the second, which compiles.
case " $* " in
*" -B "*)
    set -- "$@" -DH5_DEFAULT_PLUGINDIR=/usr/local/hdf5/lib/plugin
    # After a build with another compiler, cmake would begin anew without the options that it was given.
    previous=
    for argument in "$@"; do
        [ "$previous" != -B ] || rm -rf "$argument/CMakeCache.txt" "$argument/CMakeFiles"
        previous=$argument
    done
    ;;
" --build "*)
    if [ -f "$2/src/H5build_settings.c" ]; then
        printf '#include "H5private.h"\nconst char H5build_settings[] = "";\n' >"$2/src/H5build_settings.c"
    fi
    ;;
esac

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
