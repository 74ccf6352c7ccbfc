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

// sendMails sends the report to each recipient who does not have it yet. With resend it sends it to all.
func (d *reportBuild) sendMails(ctx context.Context, resend bool) error {
	recipients := recipientsOf(d.assistant)
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
		recipientHash := hex.EncodeToString(sum[:8]) // addresses are personal data, which keys and logs must not hold
		key := d.result.Prefix + recipientHash
		sent, err := d.SentLog.Send(ctx, key, resend, func(ctx context.Context) error {
			return d.Mail.SendMail(ctx, aurora.Mail{To: []string{to}, Subject: subject, Text: text, HTML: html})
		})
		if sent {
			slog.InfoContext(ctx, "report mail sent", "event", "report.mail_sent", "prefix", d.result.Prefix, "recipient", recipientHash)
			d.result.MailsSent++
		}
		if err != nil {
			failed = append(failed, err)
			slog.WarnContext(ctx, "report mail not sent", "event", "report.mail_failed", "assistantId", d.assistant.ID(), "prefix", d.result.Prefix,
				"recipient", recipientHash, "error", err)
		}
	}
	if len(failed) > 0 {
		d.countMetric(ctx, "ReportMailFailed")
		d.result.addWarning(fmt.Sprintf("%d of %d mails could not be sent.", len(failed), len(recipients)))
		return &MailError{errors.Join(failed...)}
	}
	return nil
}

// MailError is the error of a report that was made but could not be mailed to every recipient.
type MailError struct{ cause error }

// Error returns the causes as text.
func (e *MailError) Error() string { return "mail the report: " + e.cause.Error() }

// Unwrap returns the causes.
func (e *MailError) Unwrap() error { return e.cause }

// recipientsOf returns the assistant's addresses. Addresses that differ only in case count once.
func recipientsOf(a aurora.Assistant) []string {
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
