#!/bin/sh
# Linked statically, C library and all: it runs in a node of any age, whatever
# this machine has. v1 for hosts with cgroup v1; seccomp, since youki without it
# runs a pod that asks for a RuntimeDefault profile with no profile at all.
set -eu
. "$SHARED/versions.sh"
host=$(rustc -vV | sed -n 's/^host: //p')
archive=$(cc -print-file-name=libseccomp.a)
# Before the C library's archive, so that the linker takes this function.
cc -O2 -Wall -Werror -c "$RECIPE/getpwuid.c" -o getpwuid.o
export LIBSECCOMP_LINK_TYPE=static LIBSECCOMP_LIB_PATH="${archive%/*}"
export RUSTFLAGS="-C target-feature=+crt-static -C link-arg=$PWD/getpwuid.o" CARGO_PROFILE_RELEASE_STRIP=symbols
export CARGO_TARGET_DIR="$PWD/target"
cargo install youki --version "$YOUKI_VERSION" --locked --no-track --root "$PWD" --target "$host" \
  --no-default-features --features v1,v2,systemd,cgroupsv2_devices,seccomp
cp bin/youki "$OUT/"
note_version youki "$OUT/youki" --version
