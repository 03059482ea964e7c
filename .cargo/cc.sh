#!/bin/sh
# Runs the C compiler for build scripts, with the folders of this machine replaced as rustc.sh does for rustc: C has them in
# its assertions and in HDF5's error messages.
set -eu
checkout=${0%/.cargo/*}
cargo_home=${CARGO_HOME:-${HOME-}/.cargo}
# CC is the user's choice. Within cmake it is this script, and cmake.sh has kept the choice.
compiler=${DISTPY_GPU_CC:-${CC:-cc}}

set -- "$@" "-ffile-prefix-map=$cargo_home=/cargo" "-ffile-prefix-map=$checkout=."
case ${CARGO_MANIFEST_DIR-} in
*/registry/src/*/*) set -- "$@" "-ffile-prefix-map=${CARGO_MANIFEST_DIR%/*}=/cargo/registry/src" ;;
esac
if [ -n "${OUT_DIR-}" ]; then
    set -- "$@" "-ffile-prefix-map=${OUT_DIR%/*/*}=/build"
fi
# For __DATE__ and __TIME__, which mimalloc prints as its version.
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}"
# Unquoted, as in CC='ccache gcc'.
exec $compiler "$@"
