"""The pods, mounts, variables, commands and scripts in manifests. Pure: it reads no file and renders nothing."""
