package assemble

import (
	"time"

	"aurora/shared/access"
	"aurora/shared/boot"
	"aurora/shared/bucket"
	"aurora/shared/dynamo"
	"aurora/shared/mail"
	"aurora/shared/openai"
	"aurora/shared/queue"
	"aurora/shared/report"
	"aurora/shared/secret"
)

// Waiting are the times of a report that somebody waits for behind a gateway that waits 29 s: a narrative that does not
// come within them is left out.
var Waiting = Models{Limits: openai.Limits{FirstByte: 8 * time.Second}}

// ReadReports reads the settings of a function that makes reports.
func ReadReports(s *boot.Settings, times Models) *report.Maker {
	models := ReadModels(s)
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
		Models:     List(s.Required("DEFAULT_MODEL")),
		Mail:       sender,
		Sent:       dynamo.NewLedger(boot.AWS, s.Required("LEDGER_TABLE"), time.Now),
		Links:      &access.Links{Secrets: secret.New(boot.AWS, time.Now), Name: s.Required("LINKS_SECRET"), Public: public, Now: time.Now},
		Public:     public,
		Count:      boot.Count,
		Now:        time.Now,
	}
}

// ReadScheduler reads the settings of a function that queues reports.
func ReadScheduler(s *boot.Settings) *report.Scheduler {
	return &report.Scheduler{
		Assistants: dynamo.NewAssistants(boot.AWS, s.Required("ASSISTANTS_TABLE"), time.Now),
		Queue:      queue.New(boot.AWS, s.Required("REPORTS_QUEUE_URL")),
		Count:      boot.Count,
		Now:        time.Now,
	}
}
