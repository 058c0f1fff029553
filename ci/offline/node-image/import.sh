#!/bin/sh
# Run in the node's base image: puts the images at /mnt/images.tar into its
# containerd, where the kubelet finds them.
set -eu
containerd >/tmp/containerd.log 2>&1 &
tries=300
until ctr version >/dev/null 2>&1; do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ]; then cat /tmp/containerd.log >&2; exit 1; fi
  sleep 0.1
done
ctr --namespace k8s.io images import --no-unpack /mnt/images.tar
kill $!
wait $! || true
rm /tmp/containerd.log
