module osh-conformance/nothing

go 1.21
