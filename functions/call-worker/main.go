// Command call-worker indexes the reports that were kept, has their calls analysed, and stores the reports that the bucket
// had refused.
package main

import (
	"os"
	"time"

	"aurora/shared/assemble"
	"aurora/shared/boot"
	"aurora/shared/bucket"
	"aurora/shared/dynamo"
	"aurora/shared/queue"
	"aurora/shared/summary"
	"aurora/shared/webhook"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	reports := bucket.New(boot.AWS, s.Required("BUCKET"))
	retention := time.Duration(s.Number("RETENTION_DAYS", 400)) * 24 * time.Hour
	models := assemble.Read(s)
	w := &webhook.Worker{
		Reader:     reports,
		Assistants: dynamo.NewAssistants(boot.AWS, s.Required("ASSISTANTS_TABLE"), time.Now),
		Index: &webhook.Index{
			Ledger: dynamo.NewLedger(boot.AWS, s.Required("LEDGER_TABLE"), time.Now),
			Rows:   dynamo.NewCalls(boot.AWS, s.Required("CALLS_TABLE"), retention),
			Now:    time.Now, Retention: retention,
		},
		Keeper:  webhook.Keeper{Objects: reports, Now: time.Now, Count: boot.Count},
		Analyst: &summary.Analyst{Chain: models.Chain(assemble.Unhurried), Models: assemble.List(s.Required("ANALYSIS_MODEL"))},
	}
	boot.Start(s, queue.Consume(serve(w)))
}
