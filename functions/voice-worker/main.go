// Command voice-worker does the work on phone calls that comes later or takes longer than the WebSocket API waits.
package main

import (
	"crypto/rand"
	"os"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/phonewiring"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/endofcall"
	"example.com/aurora/shared/usecase/phonecall"
	"example.com/aurora/shared/usecase/webhook"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	engine, connections := phonewiring.ReadSettings(s).NewEngine()
	ledgerTable := s.Required("LEDGER_TABLE")
	retention := time.Duration(s.PositiveInt("RETENTION_DAYS", 400)) * 24 * time.Hour
	ledger := dynamo.NewLedger(lambdaapp.AWSConfig, ledgerTable, time.Now)
	assistants := dynamo.NewAssistants(lambdaapp.AWSConfig, s.Required("ASSISTANTS_TABLE"), time.Now)
	finisher := &endofcall.Service{
		Calls:      dynamo.NewPhoneCalls(lambdaapp.AWSConfig, ledgerTable, time.Now, rand.Text),
		Archive:    webhook.Archive{Objects: s3.New(lambdaapp.AWSConfig, s.Required("BUCKET")), Assistants: assistants, Now: time.Now, Count: lambdaapp.Count},
		Rows:       &callindex.Index{Aliases: ledger, Rows: dynamo.NewCalls(lambdaapp.AWSConfig, s.Required("CALLS_TABLE"), retention), Now: time.Now, Retention: retention},
		Tasks:      sqs.NewPhoneTasks(lambdaapp.AWSConfig, s.Required("PHONE_TASKS_QUEUE_URL")),
		Assistants: assistants,
		Prices: endofcall.Prices{
			VoiceMinute: readPrice(s, "VOICE_MINUTE_USD", s.Optional("VOICE_MINUTE_USD", "")),
			RelayMinute: readPrice(s, "RELAY_MINUTE_USD", s.Optional("RELAY_MINUTE_USD", "")),
		},
		Now:   time.Now,
		Count: lambdaapp.Count,
	}
	worker := &phonecall.Worker{Engine: engine, Assistants: assistants}
	lambdaapp.Start(s, sqs.Consume(serve(newHandlers(worker, finisher), engine.Tasks)), connections...)
}
