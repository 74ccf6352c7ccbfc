// Command outbound-call-status takes in what Twilio says of the calls that we placed.
package main

import (
	"os"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/transport/callwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/outbound"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	ledger := s.Required("LEDGER_TABLE")
	telephone := callwiring.ReadTwilio(s, callwiring.NewSecrets())
	retention := time.Duration(s.PositiveInt("RETENTION_DAYS", 400)) * 24 * time.Hour
	lambdaapp.Start(s, serve(&callbackHandler{
		verifier: telephone,
		calls:    &outbound.Service{Ledger: dynamo.NewOutbound(lambdaapp.AWSConfig, ledger, time.Now), Provider: telephone, Now: time.Now},
		index: &callindex.Index{Aliases: dynamo.NewLedger(lambdaapp.AWSConfig, ledger, time.Now), Rows: dynamo.NewCalls(lambdaapp.AWSConfig, s.Required("CALLS_TABLE"), retention),
			Now: time.Now, Retention: retention},
		publicURL: s.Optional("PUBLIC_URL", ""),
	}).Invoke)
}
