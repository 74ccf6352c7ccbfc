// Command outbound-call-status takes in what Twilio says of the calls that we placed.
package main

import (
	"os"
	"time"

	"aurora/shared/boot"
	"aurora/shared/dialing"
	"aurora/shared/dynamo"
	"aurora/shared/outbound"
	"aurora/shared/webhook"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	ledger := s.Required("LEDGER_TABLE")
	telephone := dialing.Telephone(s, dialing.Secrets())
	retention := time.Duration(s.Number("RETENTION_DAYS", 400)) * 24 * time.Hour
	boot.Start(s, serve(&status{
		signed: telephone,
		calls:  &outbound.Service{Ledger: dynamo.NewOutbound(boot.AWS, ledger, time.Now), Provider: telephone, Now: time.Now},
		index: &webhook.Index{Ledger: dynamo.NewLedger(boot.AWS, ledger, time.Now), Rows: dynamo.NewCalls(boot.AWS, s.Required("CALLS_TABLE"), retention),
			Now: time.Now, Retention: retention},
		public: s.Optional("PUBLIC_URL", ""),
	}).Invoke)
}
