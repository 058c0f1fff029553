"""What the manifests of a chart say of its pods: pure, reads and renders nothing."""
