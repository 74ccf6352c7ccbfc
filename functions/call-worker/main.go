// Command call-worker indexes stored end-of-call reports, has their calls analysed, and stores the reports in the raw
// queue.
package main

import (
	"os"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/phonetables"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
	"example.com/aurora/shared/usecase/callanalysis"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/webhook"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	phonetables.Use("") // a caller is one caller, however the provider writes the number
	reports := s3.New(lambdaapp.AWSConfig, s.Required("BUCKET"))
	retention := time.Duration(s.PositiveInt("RETENTION_DAYS", 400)) * 24 * time.Hour
	models := modelwiring.ReadSettings(s)
	ledger := dynamo.NewLedger(lambdaapp.AWSConfig, s.Required("LEDGER_TABLE"), time.Now)
	w := &callindex.Worker{
		Reader:     reports,
		Writer:     reports,
		Erased:     ledger,
		Remover:    reports,
		Count:      lambdaapp.Count,
		Assistants: dynamo.NewAssistants(lambdaapp.AWSConfig, s.Required("ASSISTANTS_TABLE"), time.Now),
		Index: &callindex.Index{
			Aliases: ledger,
			Rows:    dynamo.NewCalls(lambdaapp.AWSConfig, s.Required("CALLS_TABLE"), retention),
			Now:     time.Now, Retention: retention,
		},
		Analyser: &callanalysis.Analyst{Chain: models.Chain(modelwiring.WorkerTiming), Models: modelwiring.SplitList(s.Required("ANALYSIS_MODEL"))},
	}
	archive := webhook.Archive{Objects: reports, Assistants: w.Assistants, Now: time.Now, Count: lambdaapp.Count}
	lambdaapp.Start(s, sqs.Consume(serve(w, archive)))
}
