#!/bin/sh
# Puts what the tests of manifests need into a folder: kubernetes-validate, and kustomize where no recent kubectl has it.
set -eu
tools=$1
mkdir -p "$tools"

if [ ! -x "$tools/venv/bin/kubernetes-validate" ]; then
    python3 -m venv "$tools/venv"
    "$tools/venv/bin/pip" install --quiet kubernetes-validate==1.37.0
fi

if [ -x "$tools/kustomize" ] || kubectl version --client 2>/dev/null | grep -q '^Kustomize Version: v5'; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "Please install kubectl 1.28 or later" >&2
    exit 1
fi
# Debian has kustomize since trixie. One program is taken out of its package; the system's sources stay as they are.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null | head -n 1)
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror%/} trixie main" > "$work/sources.list"
apt() {
    apt-get -qq -o APT::Sandbox::User=root -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" "$@"
}
apt update
(cd "$work" && apt download kustomize)
dpkg -x "$work"/kustomize_*.deb "$work/package"
cp "$work/package/usr/bin/kustomize" "$tools/kustomize"
