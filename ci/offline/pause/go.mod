module osh-conformance/pause

go 1.24
