"""Kubernetes manifests as data: pods, mounted files, commands, privileges. Pure."""
