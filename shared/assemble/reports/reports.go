// Package reports puts together what the functions that make reports are made of.
package reports

import (
	"time"

	"aurora/shared/access"
	"aurora/shared/assemble"
	"aurora/shared/boot"
	"aurora/shared/bucket"
	"aurora/shared/dynamo"
	"aurora/shared/mail"
	"aurora/shared/openai"
	"aurora/shared/report"
	"aurora/shared/secret"
)

// Waiting are the times of a report that somebody waits for behind a gateway that waits 29 s: a narrative that does not
// come within them is left out.
var Waiting = assemble.Models{Limits: openai.Limits{FirstByte: 8 * time.Second}}

// Read reads the settings of a function that makes reports.
func Read(s *boot.Settings, times assemble.Models) *report.Maker {
	models := assemble.Read(s)
	objects := bucket.New(boot.AWS, s.Required("BUCKET"))
	public := s.Optional("PUBLIC_URL", "")
	sender := mail.New(boot.AWS, s.Optional("MAIL_FROM", ""), s.Optional("MAIL_CONFIGURATION_SET", ""), time.Now)
	if public == "" {
		s.Warn("PUBLIC_URL is not set: report mails carry no links")
	}
	if !sender.Ready() {
		s.Warn("MAIL_FROM is not set: no report is mailed")
	}
	return &report.Maker{
		Assistants: dynamo.NewAssistants(boot.AWS, s.Required("ASSISTANTS_TABLE"), time.Now),
		Calls:      dynamo.NewCalls(boot.AWS, s.Required("CALLS_TABLE"), 0),
		Bucket:     objects,
		Chain:      models.Chain(times),
		Models:     assemble.List(s.Required("DEFAULT_MODEL")),
		Mail:       sender,
		Sent:       dynamo.NewLedger(boot.AWS, s.Required("LEDGER_TABLE"), time.Now),
		Links:      &access.Links{Secrets: secret.New(boot.AWS, time.Now), Name: s.Required("LINKS_SECRET"), Public: public, Now: time.Now},
		Public:     public,
		Count:      boot.Count,
		Now:        time.Now,
	}
}
