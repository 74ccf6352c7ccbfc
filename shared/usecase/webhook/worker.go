package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Reader reads an object of the bucket and says when it was written. A missing one is a fault.NotFound.
type Reader interface {
	Read(ctx context.Context, key string) (body []byte, written time.Time, err error)
}

// Worker does what follows once a report is kept.
type Worker struct {
	Reader     Reader
	Assistants Assistants
	Index      *Index
	Keeper     Keeper
	// Analyst is asked what came of calls; nil asks nobody, and uses the analyses that are kept.
	Analyst Analyst
}

// Kept indexes the report at a key of the bucket, and has its call analysed. A report that is gone is nothing to do;
// keys that hold no reports are none of its business.
func (w *Worker) Kept(ctx context.Context, key string) error {
	if !strings.HasPrefix(key, reports) {
		slog.WarnContext(ctx, "an object that is no report was announced", "key", clip(key, 200))
		return nil
	}
	_, err := w.Report(ctx, key)
	if fault.Is(err, fault.NotFound) {
		slog.WarnContext(ctx, "an announced report is gone", "key", key)
		return nil
	}
	return err
}

// Report does the same for a key that holds a report, and says where the call's row is. A report that is gone is a
// fault.NotFound, and one that is none a fault.Invalid.
func (w *Worker) Report(ctx context.Context, key string) (aurora.Place, error) {
	body, written, err := w.Reader.Read(ctx, key)
	if err != nil {
		return aurora.Place{}, err
	}
	m, err := aurora.ParseMessage(body)
	if err != nil {
		return aurora.Place{}, fmt.Errorf("index %s: %w", key, err)
	}
	r := kept{key: key, report: m.EndOfCall()}
	r.names = callNames(r.report, key)
	r.row = aurora.NewCall(r.report, key, aurora.Version(r.report.Timestamp, written, key))
	day, ok := r.report.Date()
	if !ok {
		day = written.UTC()
		r.row.ReportedAt = day // reports count by it, and nothing else is known
	}
	r.row.Day = day.Format(time.DateOnly)
	if r.row.AssistantID, err = w.assistantID(ctx, r.report); err != nil {
		return aurora.Place{}, err
	}
	if !r.report.Spoke { // what came of it is plain
		return w.Index.settle(ctx, r.names, r.row)
	}
	return w.analysed(ctx, r, m.Turns())
}

// assistantID is the assistant that the report names, or else the one whose number it is about.
func (w *Worker) assistantID(ctx context.Context, report aurora.EndOfCall) (string, error) {
	id := aurora.AssistantName(report.AssistantID)
	if id != aurora.NoAssistant || report.AssistantNumber == "" {
		return id, nil
	}
	a, err := w.Assistants.ByNumber(ctx, report.AssistantNumber)
	if fault.Is(err, fault.NotFound) {
		return id, nil
	}
	return aurora.AssistantName(a.ID()), err
}

// callNames are the call's names as they stand in keys, each once. A report without any goes by its object's name.
func callNames(report aurora.EndOfCall, key string) []string {
	var names []string
	seen := map[string]bool{}
	for _, id := range report.IDs {
		if name := aurora.SafeName(id); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		name, _, _ := strings.Cut(strings.TrimSuffix(path.Base(key), ".json"), "~")
		names = append(names, aurora.SafeName(name))
	}
	return names
}

// reports is what the keys of all reports begin with.
const reports = "eoc/"

// Raw stores a report that the bucket had refused. Its notification then leads to Kept.
func (w *Worker) Raw(ctx context.Context, packed string) error {
	body, err := unpack(packed)
	if err != nil {
		return err
	}
	return w.Keeper.Report(ctx, body)
}
