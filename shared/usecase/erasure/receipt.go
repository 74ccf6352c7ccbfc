package erasure

import (
	"fmt"
	"io"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// Counts says how many things of each kind were found. Versions of one object count one by one.
type Counts struct {
	Calls            int `json:"calls"` // ids of the person's calls
	CallReports      int `json:"callReports"`
	Analyses         int `json:"analyses"`
	Unrecognised     int `json:"unrecognisedMessages"`
	Rows             int `json:"rows"`
	OutboundRecords  int `json:"outboundRecords"`
	OtherLedgerItems int `json:"otherLedgerItems"`
	Traces           int `json:"traces"` // records of turns and webhook messages
	QueuedMessages   int `json:"queuedMessages"`
	ReportsMadeAgain int `json:"reportsMadeAgain"`
	ReportsRemoved   int `json:"reportsRemoved"`
	ReportVersions   int `json:"reportVersions"` // old versions and pages of transcripts that were removed
	NumbersReplaced  int `json:"numbersReplaced"`
	DoNotCallEntries int `json:"doNotCallEntries"` // which stay
	MessagesInFlight int `json:"messagesInFlight"`
}

// found reports whether anything is there to remove or to replace.
func (c Counts) found() bool {
	c.Calls, c.DoNotCallEntries, c.MessagesInFlight = 0, 0, 0
	return c != Counts{}
}

// add adds the counts of a later search of the same run.
func (c *Counts) add(o Counts) {
	c.Calls, c.DoNotCallEntries, c.MessagesInFlight = o.Calls, o.DoNotCallEntries, max(c.MessagesInFlight, o.MessagesInFlight)
	for to, n := range map[*int]int{&c.CallReports: o.CallReports, &c.Analyses: o.Analyses, &c.Unrecognised: o.Unrecognised, &c.Rows: o.Rows,
		&c.OutboundRecords: o.OutboundRecords, &c.OtherLedgerItems: o.OtherLedgerItems, &c.Traces: o.Traces, &c.QueuedMessages: o.QueuedMessages,
		&c.ReportsMadeAgain: o.ReportsMadeAgain, &c.ReportsRemoved: o.ReportsRemoved, &c.ReportVersions: o.ReportVersions, &c.NumbersReplaced: o.NumbersReplaced} {
		*to += n
	}
}

// Receipt says what a run did. It holds the number only in part.
type Receipt struct {
	Number   string    `json:"number"` // masked
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	DryRun   bool      `json:"dryRun,omitempty"`
	Complete bool      `json:"complete"` // the last search found nothing
	Searches int       `json:"searches"`
	Counts   Counts    `json:"counts"`
	Kept     []string  `json:"kept"`
	// OutOfReach says what a run cannot remove, and until when it exists.
	OutOfReach []string `json:"outOfReach"`
}

// kept and outOfReach do not depend on what was found: the receipt of a second run says the same.
var kept = []string{
	"The entry on the do-not-call list, if there is one: it keeps the person from being called or texted again. `make do-not-call REMOVE=1` removes it.",
	"Hashes of the ids of the erased calls, for 90 days: a report of such a call that arrives again is removed. They hold no personal data.",
	"Figures of reports that were made before, in mails that were sent.",
}

var outOfReach = []string{
	"Point-in-time backups of the tables: 35 days. After a restore, erase again.",
	"Mails that were sent, to the assistant's recipients.",
	"Logs: they hold ids of calls and masked numbers only, for LogRetentionDays.",
	"What Twilio, the voice provider, the model providers and the servers of tools store: their call records, recordings, messages and logs.",
	"Links to recordings lead to the voice provider; the recordings are there.",
	"Messages that a function is working on at this moment. The call worker removes a report of an erased call; run the command again to be sure.",
	"A number that was spoken in words or over several sentences, the person's name in what other callers said, and calls that hold no number: it was withheld, or the assistant's storage leaves it out.",
}

func newReceipt(n aurora.Phone, now time.Time) Receipt {
	return Receipt{Number: n.Masked(), Started: now.UTC().Truncate(time.Second), Kept: kept, OutOfReach: outOfReach}
}

// Print writes the receipt for a person.
func (r Receipt) Print(w io.Writer) {
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	removed, replaced, again := "removed", "replaced by "+Erased, "made again"
	if r.DryRun {
		removed, replaced, again = "to remove", "to replace by "+Erased, "to make again"
	}
	c := r.Counts
	line("Data of %s, %s to %s, %d search(es)", r.Number, r.Started.Format(time.RFC3339), r.Ended.Format(time.RFC3339), r.Searches)
	for _, row := range []struct {
		n    int
		what string
	}{
		{c.Calls, "id(s) of calls of the person"},
		{c.CallReports, "end-of-call report(s) " + removed + ", all versions"}, {c.Analyses, "analyses " + removed}, {c.Unrecognised, "message(s) of unknown types " + removed},
		{c.Rows, "row(s) of calls " + removed}, {c.OutboundRecords, "record(s) of outbound calls " + removed},
		{c.OtherLedgerItems, "other ledger item(s) " + removed + ": ids, sessions, results of tools, idempotency, counters, consent"},
		{c.QueuedMessages, "queued message(s) " + removed}, {c.ReportsMadeAgain, "report(s) " + again + " without the calls"}, {c.ReportsRemoved, "report(s) removed that could not be made again"},
		{c.ReportVersions, "version(s) of reports and pages of transcripts " + removed},
		{c.NumbersReplaced, "object(s) or item(s) of other calls with the number, which is " + replaced},
		{c.DoNotCallEntries, "entry of the do-not-call list, which stays"}, {c.MessagesInFlight, "queued message(s) that functions had at that moment"},
	} {
		line("  %6d  %s", row.n, row.what)
	}
	line("What stays:")
	for _, s := range r.Kept {
		line("  - %s", s)
	}
	line("What cannot be reached:")
	for _, s := range r.OutOfReach {
		line("  - %s", s)
	}
	switch {
	case r.DryRun:
		line("Nothing was changed.")
	case r.Complete:
		line("Complete: the last search found nothing.")
	default:
		line("NOT complete: run the command again.")
	}
}
