// Package reportwiring builds what the report functions make reports with.
package reportwiring

import (
	"crypto/rand"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/adapter/ses"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/idempotency"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
	"example.com/aurora/shared/usecase/report"
)

// APITiming is for reports that are requested through API Gateway, which waits 29 seconds at most. A narrative that is not
// ready in time is left out.
var APITiming = modelwiring.Timing{Limits: openai.Limits{FirstByte: 8 * time.Second}}

// NewMaker reads the settings of a report function and returns its maker of reports.
func NewMaker(s *lambdaapp.Settings, t modelwiring.Timing) *report.Maker {
	models := modelwiring.ReadSettings(s)
	objects := s3.New(lambdaapp.AWSConfig, s.Required("BUCKET"))
	public := s.Optional("PUBLIC_URL", "")
	sender := ses.New(lambdaapp.AWSConfig, s.Optional("MAIL_FROM", ""), s.Optional("MAIL_CONFIGURATION_SET", ""), time.Now)
	if public == "" {
		s.Warn("PUBLIC_URL is not set: report mails carry no links")
	}
	if !sender.Ready() {
		s.Warn("MAIL_FROM is not set: no report is mailed")
	}
	return &report.Maker{
		Assistants: dynamo.NewAssistants(lambdaapp.AWSConfig, s.Required("ASSISTANTS_TABLE"), time.Now),
		Calls:      dynamo.NewCalls(lambdaapp.AWSConfig, s.Required("CALLS_TABLE"), 0),
		Bucket:     objects,
		NewModel:   models.Chain(t),
		Models:     modelwiring.SplitList(s.Required("DEFAULT_MODEL")),
		Mail:       sender,
		SentLog:    idempotency.NewMails(dynamo.NewLedger(lambdaapp.AWSConfig, s.Required("LEDGER_TABLE"), time.Now), time.Now, rand.Text),
		Links:      &auth.Links{Secrets: secretsmanager.New(lambdaapp.AWSConfig, time.Now), SecretName: s.Required("LINKS_SECRET"), BaseURL: public, Now: time.Now},
		PublicURL:  public,
		Count:      lambdaapp.Count,
		Now:        time.Now,
	}
}
