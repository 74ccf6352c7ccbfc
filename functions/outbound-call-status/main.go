// Command outbound-call-status receives what Twilio reports of the calls that we placed.
package main

import (
	"crypto/rand"
	"os"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/transport/callapi"
	"example.com/aurora/shared/transport/callwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/twiliowiring"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/outbound"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	ledger := s.Required("LEDGER_TABLE")
	retention := time.Duration(s.PositiveInt("RETENTION_DAYS", 400)) * 24 * time.Hour
	secrets := callwiring.NewSecrets()
	client := twiliowiring.ReadClient(s, secrets)
	aliases := dynamo.NewLedger(lambdaapp.AWSConfig, ledger, time.Now)
	index := &callindex.Index{
		Aliases:   aliases,
		Rows:      dynamo.NewCalls(lambdaapp.AWSConfig, s.Required("CALLS_TABLE"), retention),
		Now:       time.Now,
		Retention: retention,
	}
	relayCalls := &outbound.RelayCalls{Calls: dynamo.NewPhoneCalls(lambdaapp.AWSConfig, ledger, time.Now, rand.Text),
		Tasks: sqs.NewPhoneTasks(lambdaapp.AWSConfig, s.Required("PHONE_TASKS_QUEUE_URL")), Now: time.Now}
	calls := &outbound.Service{Ledger: dynamo.NewOutbound(lambdaapp.AWSConfig, ledger, time.Now), Provider: client, Index: index, RelayCalls: relayCalls, Now: time.Now}
	lambdaapp.Start(s, serve(callapi.CallbackHandler(client, calls, s.Optional("PUBLIC_URL", ""))).Invoke,
		secrets.Open(s.Optional("TWILIO_SECRET", "")), aliases.Open)
}
