#!/bin/sh
# Linked statically, C library and all: it runs in a node of any age, whatever
# this machine has. v1 for hosts with cgroup v1; seccomp, since youki without it
# runs a pod that asks for a RuntimeDefault profile with no profile at all.
set -eu
host=$(rustc -vV | sed -n 's/^host: //p')
archive=$(cc -print-file-name=libseccomp.a)
export LIBSECCOMP_LINK_TYPE=static LIBSECCOMP_LIB_PATH="${archive%/*}"
RUSTFLAGS="-C target-feature=+crt-static"
# libbpf knows of zlib only; newer versions of libelf need more.
for library in $(pkg-config --static --libs-only-l libelf); do
  RUSTFLAGS="$RUSTFLAGS -C link-arg=$library"
done
export RUSTFLAGS CARGO_TARGET_DIR="$PWD/target" CARGO_PROFILE_RELEASE_STRIP=symbols
cargo install youki --version "$YOUKI_VERSION" --locked --no-track --root "$PWD" --target "$host" \
  --no-default-features --features v1,v2,systemd,cgroupsv2_devices,seccomp
cp bin/youki "$OUT/"
"$OUT/youki" --version
