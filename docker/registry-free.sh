#!/usr/bin/env bash
# Builds the image where no image registry can be reached, from Debian packages alone, with podman and buildah:
#   docker/registry-free.sh full     compiles in the image's build stage, as `docker build` does
#                                    CONTAINER_OPT_LEVEL=1 makes it in less time, for tests
#   docker/registry-free.sh quick    takes the program that `cargo build --release` made on this machine (a Debian 12)
# Gives localhost/distpy-gpu:VERSION and localhost/distpy-gpu:VERSION-mesa. Everything else is kept in target/container.
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1:-full}
target=${CARGO_TARGET_DIR:-target}
work=$target/container
image=localhost/distpy-gpu
debian=localhost/distpy-gpu-debian:bookworm-slim
rust=localhost/distpy-gpu-rust:bookworm-slim
version=$(sed -n '/^version = /{s/.*"\(.*\)"/\1/p;q}' Cargo.toml)

main() {
    case $mode in
    full) compile=compile_in_stage ;;
    quick) compile=compile_here ;;
    *) echo "$0: found \"$mode\", expected full or quick" >&2; exit 64 ;;
    esac
    mkdir -p "$work"
    podman_settings
    stand_ins
    $compile
    bake runtime "$image:$version"
    bake runtime-mesa "$image:$version-mesa"
}

# Podman where containers are nested or systemd is not in charge: limits that the kernel grants there, no network (the program
# needs none), and runc, which takes either version of cgroups. The machine's own settings stay as they are.
podman_settings() {
    cat >"$work/containers.conf" <<-'END'
	[containers]
	default_ulimits = ["nofile=4096:4096", "nproc=8192:8192"]
	netns = "none"
	[engine]
	runtime = "runc"
	cgroup_manager = "cgroupfs"
	events_logger = "file"
	END
    CONTAINERS_CONF=$(realpath "$work/containers.conf")
    export CONTAINERS_CONF
}

# A Debian like the official slim image, without documentation, under a name of its own. That of Rust is the same: the machine's
# toolchain is mounted into it.
stand_ins() {
    local tar=$work/debian.tar
    if [ ! -s "$tar" ]; then
        SOURCE_DATE_EPOCH=0 mmdebstrap --quiet --format=tar --variant=minbase \
            --include=usr-is-merged --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
            --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
            --dpkgopt='path-exclude=/usr/share/man/*' \
            --aptopt='Acquire::Languages "none"' \
            --aptopt='DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin"; }' \
            --aptopt='Dir::Cache::pkgcache ""' --aptopt='Dir::Cache::srcpkgcache ""' \
            bookworm "$tar.new"
        mv "$tar.new" "$tar"
    fi
    import "$debian"
    import "$rust" --change 'ENV PATH=/usr/local/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'ENV CARGO_HOME=/usr/local/cargo' --change 'ENV CARGO_HTTP_CAINFO=/etc/host-certificates.crt' \
        --change 'ENV PIP_CERT=/etc/host-certificates.crt'
}

# Imports the tar as an image with these changes, unless the one of that name was made of the same before.
import() {
    local name=$1 made_of
    shift
    made_of=$({ cat "$tar"; echo "$@"; } | sha256sum | cut -d ' ' -f 1)
    [ "$(podman image inspect --format '{{index .Labels "made-of"}}' "$name" 2>/dev/null)" = "$made_of" ] \
        || podman import --quiet --change "LABEL made-of=$made_of" "$@" "$tar" "$name"
}

# The build stage, then its results in $work/build. Cargo in there reaches its registry as it does on this machine: by the same
# certificates and configuration, where there are any.
compile_in_stage() {
    local mounts=(-v "$(rustc --print sysroot):/usr/local/rust:ro") cargo_home=${CARGO_HOME:-$HOME/.cargo} stage
    mount_if_there "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" /etc/host-certificates.crt
    mount_if_there /etc/pip.conf /etc/pip.conf
    mount_if_there "$cargo_home/config.toml" /usr/local/cargo/config.toml
    if [ -n "${CONTAINER_OPT_LEVEL:-}" ]; then
        mounts+=(--build-arg "CARGO_PROFILE_RELEASE_OPT_LEVEL=$CONTAINER_OPT_LEVEL")
    fi
    build build "$image-build" --layers "${mounts[@]}"
    rm -rf "$work/build"
    mkdir "$work/build"
    stage=$(buildah from --pull-never "$image-build")
    cp -r "$(buildah mount "$stage")/out" "$work/build/"
    buildah rm "$stage" >/dev/null
}

mount_if_there() {
    [ ! -f "$1" ] || mounts+=(-v "$(realpath "$1"):$2:ro")
}

# The same results, made by this machine's cargo.
compile_here() {
    local tools=$work/cyclonedx out=$work/build/out
    cargo build --release --locked
    [ -x "$tools/bin/cargo-cyclonedx" ] || cargo install --quiet --locked --debug --root "$tools" \
        "$(sed -n 's/.*--version \([0-9.]*\) .*cargo-cyclonedx$/cargo-cyclonedx@\1/p' docker/Dockerfile)"
    rm -rf "$work/build"
    mkdir -p "$out"
    strip --remove-section=.note.gnu.build-id -o "$out/distpy-gpu" "$target/release/distpy-gpu"
    PATH="$tools/bin:$PATH" python3 docker/sbom.py "$out/sbom.cdx.json"
}

# A stage that ships, with the build stage's results. It is made anew: buildah would take labels of an older version for these.
bake() {
    build "$1" "$2" --build-context "build=$work/build"
}

build() {
    local stage=$1 name=$2
    shift 2
    buildah bud --pull-never --isolation chroot --network host --file docker/Dockerfile --target "$stage" --tag "$name" \
        --build-arg "RUST_IMAGE=$rust" --build-arg "BASE_IMAGE=$debian" --build-arg "VERSION=$version" \
        --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
        --build-arg "CREATED=$(git log -1 --format=%cI 2>/dev/null || echo unknown)" "$@" .
}

main
