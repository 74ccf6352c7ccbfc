// Command report-worker makes the reports that were queued, and mails them.
package main

import (
	"os"

	"aurora/shared/assemble"
	"aurora/shared/assemble/reports"
	"aurora/shared/boot"
	"aurora/shared/queue"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	boot.Start(s, queue.Consume(serve(reports.Read(s, assemble.Unhurried), boot.Count)))
}
