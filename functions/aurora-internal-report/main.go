// Command aurora-internal-report queues the reports of all internal assistants.
package main

import (
	"os"
	"time"

	"aurora/shared/boot"
	"aurora/shared/dynamo"
	"aurora/shared/queue"
	"aurora/shared/report"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	scheduler := &report.Scheduler{
		Assistants: dynamo.NewAssistants(boot.AWS, s.Required("ASSISTANTS_TABLE"), time.Now),
		Queue:      queue.New(boot.AWS, s.Required("REPORTS_QUEUE_URL")),
		Count:      boot.Count,
		Now:        time.Now,
	}
	boot.Start(s, serve(scheduler).Invoke)
}
