package report

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"example.com/aurora/shared/core/aurora"
)

// sendMails sends the report to each recipient that has not had it.
func (d *reportBuild) sendMails(ctx context.Context, again bool) error {
	recipients := recipients(d.assistant)
	if len(recipients) == 0 {
		d.result.addWarning("The assistant has no e-mail addresses.")
		return nil
	}
	if d.Mail == nil || !d.Mail.Ready() {
		d.result.addWarning("Mail is not set up.")
		return nil
	}
	subject, text, html, err := d.page(ctx).Mail()
	if err != nil {
		return err
	}
	var failed []error
	for _, to := range recipients {
		sum := sha256.Sum256([]byte(strings.ToLower(to)))
		key := d.result.Prefix + hex.EncodeToString(sum[:8])
		sent, err := d.SentLog.Send(ctx, key, again, func(ctx context.Context) error {
			return d.Mail.SendMail(ctx, aurora.Mail{To: []string{to}, Subject: subject, Text: text, HTML: html})
		})
		if sent {
			d.result.MailsSent++
		}
		if err != nil {
			failed = append(failed, err)
			slog.WarnContext(ctx, "a report was not mailed to a recipient", "place", d.result.Prefix, "recipient", hex.EncodeToString(sum[:8]), "error", err)
		}
	}
	if len(failed) > 0 {
		d.countMetric(ctx, "ReportMailFailed")
		d.result.addWarning(fmt.Sprintf("%d of %d mails could not be sent.", len(failed), len(recipients)))
		return &MailError{errors.Join(failed...)}
	}
	return nil
}

// MailError says that a report was made, and not mailed to everybody.
type MailError struct{ cause error }

// Error tells the causes.
func (e *MailError) Error() string { return "mail the report: " + e.cause.Error() }

// Unwrap gives the causes.
func (e *MailError) Unwrap() error { return e.cause }

// recipients are the assistant's addresses, each once in whatever case.
func recipients(a aurora.Assistant) []string {
	var all []string
	seen := map[string]bool{}
	for _, to := range a.Emails {
		to = strings.TrimSpace(to)
		if key := strings.ToLower(to); key != "" && !seen[key] {
			seen[key] = true
			all = append(all, to)
		}
	}
	return all
}
