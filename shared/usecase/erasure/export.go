package erasure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
)

// Archive takes the files of an export. Names have slashes.
type Archive interface {
	Add(name string, body []byte) error
}

// Export writes the data of a number to an archive, for the person to read: each call with its words as text and everything
// as it is stored. Of other people's data it names only the places where the number stands. It changes nothing.
func (s *Service) Export(ctx context.Context, number aurora.Phone, to Archive) (Counts, error) {
	x := &exporter{search: s.newSearch(number), to: to, files: map[string]int{}}
	if err := x.checkOwn(ctx); err != nil {
		return x.counts, err
	}
	if err := x.find(ctx); err != nil {
		return x.counts, err
	}
	x.counts.Calls = len(x.calls.assistants)
	for _, step := range []func(context.Context) error{x.exportQueues, x.exportRows, x.exportObjects, x.exportLedger} {
		if err := step(ctx); err != nil {
			return x.counts, err
		}
	}
	return x.counts, x.finish(number, s.Now())
}

// exporter is one export.
type exporter struct {
	*search
	to       Archive
	files    map[string]int // how often a name was given
	counts   Counts
	overview []string // one entry for each call
	ledger   []byte   // one item in each line
	mentions []string
	reports  []string
}

// add writes a file. A second one of the same name gets a number.
func (x *exporter) add(name string, body []byte) error {
	x.files[name]++
	if n := x.files[name]; n > 1 {
		ext := path.Ext(name)
		name = fmt.Sprintf("%s (%d)%s", strings.TrimSuffix(name, ext), n, ext)
	}
	return x.to.Add(name, body)
}

// callFolder returns the folder of a call in the archive, for the key of its report or analysis.
func callFolder(key string) string {
	_, name := aurora.CallOfKey(key)
	parts := strings.Split(path.Dir(key), "/") // eoc, the assistant, the day
	return "calls/" + strings.Join(parts[min(len(parts), 2):], "-") + " " + name
}

func (x *exporter) exportRows(ctx context.Context) error {
	for item, err := range x.Calls.All(ctx) {
		if err != nil {
			return err
		}
		switch x.rowVerdict(item) {
		case theirs:
			x.counts.Rows++
			row := rowKey(item)
			x.overview = append(x.overview, callSummary(item))
			folder := "calls/" + row.Day + " " + row.CallID
			if key := item.Text("key"); strings.Count(key, "/") > 1 {
				folder = callFolder(key)
			}
			if err := x.add(folder+"/row.json", indent(item)); err != nil {
				return err
			}
		case mention:
			x.mentions = append(x.mentions, "the row of call "+item.Text("callId")+" of "+item.Text("assistantDay"))
		}
	}
	return nil
}

// callSummary describes a call in a few lines.
func callSummary(item aurora.StoredItem) string {
	b, _ := json.Marshal(item) // comes from JSON: cannot fail
	var c aurora.Call
	if json.Unmarshal(b, &c) != nil {
		return "A call of " + item.Text("assistantDay")
	}
	c.CallKey = rowKey(item)
	line := fmt.Sprintf("%s  call %s with the assistant %s, %s, %s", c.CountedAt().UTC().Format("2006-01-02 15:04 UTC"), c.CallID, c.AssistantID, orUnknown(string(c.Direction)), c.Disposition)
	if c.Seconds != nil {
		line += fmt.Sprintf(", %.0f seconds", *c.Seconds)
	}
	for _, detail := range [][2]string{{"name", c.CustomerName}, {"outcome", string(c.Outcome)}, {"sentiment", string(c.Sentiment)}, {"summary", c.Summary},
		{"topics", strings.Join(c.Topics, ", ")}, {"to do", strings.Join(c.ActionItems, "; ")}, {"recording", c.Recording}} {
		if detail[1] != "" {
			line += "\n    " + detail[0] + ": " + detail[1]
		}
	}
	return line
}

func orUnknown(s string) string {
	if s == "" {
		return "direction unknown"
	}
	return s
}

func (x *exporter) exportObjects(ctx context.Context) error {
	for v, err := range x.Bucket.Versions(ctx, "") {
		if err != nil {
			return err
		}
		if v.DeleteMarker {
			continue
		}
		held := x.read[x.versionHash(v)]
		switch {
		case strings.HasPrefix(v.Key, aurora.ReportsPrefix):
			if name := reportFolder(v.Key); (held != clean || x.ownsKey(v.Key)) && !slices.Contains(x.reports, name) {
				x.reports = append(x.reports, name)
			}
		case held == theirs || x.ownsKey(v.Key):
			if err := x.exportObject(ctx, v); err != nil {
				return err
			}
		case held == mention:
			x.mentions = append(x.mentions, "the object "+v.Key)
		}
	}
	return nil
}

// exportObject writes a version of an object, and the words of a call's report as text.
func (x *exporter) exportObject(ctx context.Context, v aurora.ObjectVersion) error {
	body, err := x.Bucket.ReadVersion(ctx, v)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, body, "", "  ") != nil {
		pretty.Reset()
		pretty.Write(body)
	}
	switch {
	case strings.HasPrefix(v.Key, aurora.AnalysisPrefix):
		x.counts.Analyses++
		return x.add(callFolder(v.Key)+"/analysis.json", pretty.Bytes())
	case !strings.HasPrefix(v.Key, aurora.EndOfCallPrefix):
		x.counts.Unrecognised++
		return x.add("other messages/"+path.Base(v.Key), pretty.Bytes())
	}
	x.counts.CallReports++
	if text := transcriptText(body); text != "" {
		if err := x.add(callFolder(v.Key)+"/transcript.txt", []byte(text)); err != nil {
			return err
		}
	}
	return x.add(callFolder(v.Key)+"/report.json", pretty.Bytes())
}

// transcriptText returns what was said in a call, "" if the report has no transcript.
func transcriptText(report []byte) string {
	m, err := providermsg.ParseMessage(report)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, u := range m.Transcript() {
		if u.Seconds >= 0 {
			at := time.Duration(u.Seconds) * time.Second
			fmt.Fprintf(&b, "[%02d:%02d] ", int(at.Minutes()), int(at.Seconds())%60)
		}
		fmt.Fprintf(&b, "%s: %s\n", u.Who, u.Text)
	}
	return b.String()
}

func (x *exporter) exportLedger(ctx context.Context) error {
	for item, err := range x.Ledger.All(ctx) {
		if err != nil {
			return err
		}
		key := item.Text("key")
		number, listed := strings.CutPrefix(key, doNotCallPrefix)
		switch held := x.itemVerdict(item); {
		case listed && x.number.is(number):
			x.counts.DoNotCallEntries++
		case held == theirs && strings.HasPrefix(key, outboundPrefix) && item["to"] != nil:
			x.counts.OutboundRecords++
		case held == theirs:
			x.counts.OtherLedgerItems++
		case held == mention:
			x.mentions = append(x.mentions, "the ledger item "+x.number.remove(key))
			continue
		default:
			continue
		}
		b, err := json.Marshal(item)
		if err != nil {
			return err
		}
		x.ledger = append(append(x.ledger, b...), '\n')
	}
	return nil
}

func (x *exporter) exportQueues(ctx context.Context) error {
	for _, q := range x.Queues {
		_, err := q.Queue.Sweep(ctx, func(_ context.Context, m aurora.QueuedMessage) (v aurora.MessageVerdict, err error) {
			held, body := x.messageVerdict(m)
			switch held {
			case theirs:
				x.counts.QueuedMessages++
				err = x.add("queued messages/"+q.Name+".json", body)
			case mention:
				x.mentions = append(x.mentions, "a message of the queue "+q.Name)
			}
			return v, err
		})
		if err != nil {
			return fmt.Errorf("queue %s: %w", q.Name, err)
		}
	}
	return nil
}

// finish writes the files that are about all calls.
func (x *exporter) finish(number aurora.Phone, now time.Time) error {
	slices.Sort(x.overview)
	slices.Sort(x.mentions)
	x.counts.NumbersReplaced = len(x.mentions)
	var b strings.Builder
	fmt.Fprintf(&b, "Data that is stored about %s, read on %s\n\n", number, now.UTC().Format("2 January 2006, 15:04 UTC"))
	b.WriteString("calls/            one folder for each call: what was said (transcript.txt), the provider's report (report.json),\n" +
		"                  what a model found out (analysis.json), and the figures that reports use (row.json)\n" +
		"records.jsonl     calls that we placed, phone calls of the last two days, sessions, lists of numbers, counters: one record\n" +
		"                  in each line\n" +
		"other messages/   messages of types that are not known\n" +
		"queued messages/  reports that are not stored yet\n\n")
	fmt.Fprintf(&b, "Calls: %d\n\n", len(x.overview))
	for _, line := range x.overview {
		b.WriteString(line + "\n\n")
	}
	section(&b, "Weekly and monthly reports that name the calls", x.reports)
	section(&b, "Places in other people's data where the number stands; their content is theirs and not in this archive", x.mentions)
	section(&b, "What is not in this archive", outOfReach)
	if err := x.add("README.txt", []byte(b.String())); err != nil {
		return err
	}
	return x.add("records.jsonl", x.ledger)
}

func section(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	b.WriteString(title + ":\n")
	for _, line := range lines {
		b.WriteString("  - " + line + "\n")
	}
	b.WriteString("\n")
}

func indent(v any) []byte {
	b, _ := json.MarshalIndent(v, "", "  ") // comes from JSON: cannot fail
	return append(b, '\n')
}
