// Command aurora-report makes one assistant's report within the request.
package main

import (
	"os"
	"time"

	"aurora/shared/assemble/reports"
	"aurora/shared/boot"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	m := reports.Read(s, reports.Waiting)
	boot.Start(s, serve(&service{assistants: m.Assistants, reports: m, now: time.Now}).Invoke)
}
