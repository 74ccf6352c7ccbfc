package textmessage

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
)

// Reports stores what becomes of the messages that we sent.
type Reports interface {
	// RecordTextReport stores a status unless one of the same or a higher rank is stored. It reports whether it did, and returns
	// the assistant that sent the message.
	RecordTextReport(ctx context.Context, r aurora.TextReport) (assistantID string, changed bool, err error)
}

// StatusReceiver takes Twilio's reports.
type StatusReceiver struct {
	Reports       Reports
	DoNotCallList DoNotCallList
}

// metricUndelivered counts text messages that did not reach the person, by the group of Twilio's code.
const metricUndelivered = "TextUndelivered"

// undeliveredGroups are Twilio's codes (https://www.twilio.com/docs/api/errors) by what an operator can do about them.
var undeliveredGroups = map[int]string{
	30003: "text_unreachable", 30005: "text_unreachable", 30008: "text_unreachable", // the handset is off, or the number is not in use
	30006: "text_landline", 21614: "text_landline", // the number takes no text messages
	30004: "text_blocked", 21610: "text_blocked", // the person or the carrier does not want messages of ours
	30007: "text_filtered",                                 // a carrier took the message for spam
	30032: "text_unregistered", 30034: "text_unregistered", // our number is not verified or registered
	63016: "text_window_closed", // WhatsApp: the person's last message is more than 24 hours ago
}

// GroupOf returns the group of a code.
func GroupOf(code int) string {
	if group, ok := undeliveredGroups[code]; ok {
		return group
	}
	return "text_other"
}

// Record stores a report. Twilio sends reports in any order and more than once; only the first one of the highest rank counts.
// to is the person's number, empty if it cannot be read.
func (r *StatusReceiver) Record(ctx context.Context, report aurora.TextReport, to aurora.Phone) error {
	if !aurora.IsMessageSID(report.SID) {
		return fault.New(fault.Invalid, "MessageSid must be a message's sid.").WithParam("MessageSid")
	}
	if report.ErrorCode == codeOptedOut && to != "" {
		if err := recordOptOutAtTwilio(ctx, r.DoNotCallList, to, report.SID); err != nil {
			return err
		}
	}
	if report.Status.Rank() == 0 {
		slog.WarnContext(ctx, "status of a text message ignored: it is not known", "event", "text.status_ignored", "messageSid", report.SID)
		return nil
	}
	assistantID, changed, err := r.Reports.RecordTextReport(ctx, report)
	if err != nil || !changed {
		return err
	}
	if report.Status == "failed" || report.Status == "undelivered" {
		group := GroupOf(report.ErrorCode)
		metric.CountFailure(ctx, metricUndelivered, fault.New(fault.Upstream, "The text message was not delivered.").WithCode(group))
		slog.WarnContext(ctx, "text message not delivered", "event", "text.undelivered", "messageSid", report.SID, "assistantId", assistantID,
			"status", string(report.Status), "errorCode", report.ErrorCode, "group", group)
	}
	return nil
}
