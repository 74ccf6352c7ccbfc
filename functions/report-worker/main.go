// Command report-worker makes the reports that were queued, and mails them.
package main

import (
	"os"

	"aurora/shared/assemble"
	"aurora/shared/boot"
	"aurora/shared/queue"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	boot.Start(s, queue.Consume(serve(assemble.ReadReports(s, assemble.Unhurried), boot.Count)))
}
