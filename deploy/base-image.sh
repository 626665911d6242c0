#!/bin/sh
# Provides the image debian:bookworm-slim that deploy/Dockerfile starts from: there already, or pulled, or, where no
# registry can be reached, made from Debian's packages with debootstrap. Needs docker; for the last, root and debootstrap.
# MIRROR: of Debian packages (default http://deb.debian.org/debian).
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/deploy/lib.sh"
image=debian:bookworm-slim
mirror=${MIRROR:-http://deb.debian.org/debian}

if docker image inspect "$image" >/dev/null 2>&1; then
    say "$image is there"
    exit 0
fi
say "Pulling $image"
if timeout 120 docker pull -q "$image" 2>/dev/null; then
    exit 0
fi

command -v debootstrap >/dev/null || {
    echo "$image can't be pulled, and debootstrap, which could make it, is not installed" >&2
    exit 1
}
say "No registry: making $image with debootstrap from $mirror"
tree=$(mktemp -d)
trap 'as_root rm -rf "$tree"' EXIT
as_root debootstrap --variant=minbase --include=ca-certificates bookworm "$tree/root" "$mirror" >"$tree/log" 2>&1 || {
    tail -n 20 "$tree/log" >&2
    exit 1
}
# What slim leaves out, and what apt has downloaded.
for part in var/cache/apt/archives var/lib/apt/lists usr/share/doc usr/share/man usr/share/locale usr/share/info; do
    as_root find "$tree/root/$part" -mindepth 1 -delete
done
as_root tar -C "$tree/root" -c . | docker import -c 'CMD ["bash"]' - "$image" >/dev/null
say "$image made"
