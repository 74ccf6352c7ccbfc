// Command aurora-report makes one assistant's report within the request.
package main

import (
	"os"
	"time"

	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/reportwiring"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	m := reportwiring.NewMaker(s, reportwiring.APITiming)
	lambdaapp.Start(s, serve(&service{assistants: m.Assistants, reports: m, now: time.Now}).Invoke)
}
