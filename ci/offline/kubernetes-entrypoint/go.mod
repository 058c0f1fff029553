module osh-conformance/kubernetes-entrypoint

go 1.21
