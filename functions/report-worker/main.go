// Command report-worker makes and mails the reports that were queued.
package main

import (
	"os"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
	"example.com/aurora/shared/transport/reportwiring"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	lambdaapp.Start(s, sqs.Consume(serve(reportwiring.NewMaker(s, modelwiring.WorkerTiming), lambdaapp.Count)))
}
