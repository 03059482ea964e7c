#!/usr/bin/env bash
# Runs rustc so that no folder of this machine is in the program: equal sources give equal bytes wherever they are built.
# Cargo's own setting for it, trim-paths, is not stable. A flag in RUSTFLAGS would do the same for `make` alone, and each change
# between `make` and cargo would compile everything again; cargo does not count a wrapper among the reasons to compile.
#
# It takes bash, as dash drops variables with a hyphen in the name: cargo gives tests the program in CARGO_BIN_EXE_distpy-gpu.
set -eu
rustc=$1
# Clippy makes no programs, and wants its first argument where it is.
[ "${rustc##*/}" != clippy-driver ] || exec "$@"

checkout=${0%/.cargo/*}
cargo_home=${CARGO_HOME:-${HOME-}/.cargo}
# The last rule that fits a path is the one that counts.
set -- "$@" "--remap-path-prefix=$cargo_home=/cargo" "--remap-path-prefix=$checkout=."

# The folder between these two is named for the registry's address, which a mirror changes.
case ${CARGO_MANIFEST_DIR-} in
*/registry/src/*/*) set -- "$@" "--remap-path-prefix=${CARGO_MANIFEST_DIR%/*}=/cargo/registry/src" ;;
esac
# Generated sources, as CARGO_TARGET_DIR may be anywhere. The folder's name is the same everywhere, and ends so: build/NAME-HASH/out.
if [ -n "${OUT_DIR-}" ]; then
    set -- "$@" "--remap-path-prefix=${OUT_DIR%/*/*}=/build"
fi
# With the component rust-src, paths of the standard library are those of its files; without it they are these.
library=${rustc%/bin/rustc}/lib/rustlib/src/rust
if [ -d "$library" ]; then
    set -- "$@" "--remap-path-prefix=$library=/rustc/$("$rustc" -vV | sed -n 's/^commit-hash: //p')"
fi
exec "$@"
