// Command report-schedule queues the reports of the assistants at which it is 08:00.
package main

import (
	"os"
	"time"

	"aurora/shared/assemble"
	"aurora/shared/boot"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	boot.Start(s, serve(assemble.ReadScheduler(s), time.Now))
}
