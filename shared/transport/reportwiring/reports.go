// Package reportwiring puts together what the functions that make reports are made of.
package reportwiring

import (
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/adapter/ses"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
	"example.com/aurora/shared/usecase/report"
)

// Waiting are the times of a report that somebody waits for behind a gateway that waits 29 s: a narrative that does not
// come within them is left out.
var Waiting = modelwiring.Models{Limits: openai.Limits{FirstByte: 8 * time.Second}}

// Read reads the settings of a function that makes reports.
func Read(s *lambdaapp.Settings, times modelwiring.Models) *report.Maker {
	models := modelwiring.Read(s)
	objects := s3.New(lambdaapp.AWS, s.Required("BUCKET"))
	public := s.Optional("PUBLIC_URL", "")
	sender := ses.New(lambdaapp.AWS, s.Optional("MAIL_FROM", ""), s.Optional("MAIL_CONFIGURATION_SET", ""), time.Now)
	if public == "" {
		s.Warn("PUBLIC_URL is not set: report mails carry no links")
	}
	if !sender.Ready() {
		s.Warn("MAIL_FROM is not set: no report is mailed")
	}
	return &report.Maker{
		Assistants: dynamo.NewAssistants(lambdaapp.AWS, s.Required("ASSISTANTS_TABLE"), time.Now),
		Calls:      dynamo.NewCalls(lambdaapp.AWS, s.Required("CALLS_TABLE"), 0),
		Bucket:     objects,
		Chain:      models.Chain(times),
		Models:     modelwiring.List(s.Required("DEFAULT_MODEL")),
		Mail:       sender,
		Sent:       dynamo.NewLedger(lambdaapp.AWS, s.Required("LEDGER_TABLE"), time.Now),
		Links:      &auth.Links{Secrets: secretsmanager.New(lambdaapp.AWS, time.Now), Name: s.Required("LINKS_SECRET"), Public: public, Now: time.Now},
		Public:     public,
		Count:      lambdaapp.Count,
		Now:        time.Now,
	}
}
