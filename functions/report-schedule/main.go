// Command report-schedule queues the reports of the assistants whose clocks show 08:00 to 08:59.
package main

import (
	"os"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/report"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	scheduler := &report.Scheduler{
		Assistants: dynamo.NewAssistants(lambdaapp.AWSConfig, s.Required("ASSISTANTS_TABLE"), time.Now),
		Queue:      sqs.New(lambdaapp.AWSConfig, s.Required("REPORTS_QUEUE_URL")),
		Count:      lambdaapp.Count,
		Now:        time.Now,
	}
	lambdaapp.Start(s, serve(scheduler, time.Now))
}
