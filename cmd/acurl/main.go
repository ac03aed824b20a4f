// Acurl calls services on Kafka by hand, as curl does over HTTP.
//
// acurl --help says how.
package main

import (
	"os"

	"github.com/asynccalls/asynccalls/internal/acurl"
)

func main() { os.Exit(acurl.Main()) }
