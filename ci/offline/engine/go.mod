module osh-conformance/engine

go 1.24
