// Command aurora-report makes one assistant's report within the request.
package main

import (
	"os"
	"time"

	"aurora/shared/assemble"
	"aurora/shared/boot"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	m := assemble.ReadReports(s, assemble.Waiting)
	boot.Start(s, serve(&service{assistants: m.Assistants, reports: m, now: time.Now}).Invoke)
}
