// Command aurora-internal-report queues the reports of all internal assistants.
package main

import (
	"os"

	"aurora/shared/assemble"
	"aurora/shared/boot"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	boot.Start(s, serve(assemble.ReadScheduler(s)).Invoke)
}
