// Command etcd is the upstream program. Its own module cannot be installed from
// outside: it replaces its siblings by relative paths.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
