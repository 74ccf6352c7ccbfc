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

// ObjectReader reads an object of the bucket and says when it was written. A missing one is a fault.NotFound.
type ObjectReader interface {
	Read(ctx context.Context, key string) (body []byte, written time.Time, err error)
}

// Worker does what follows once a report is kept.
type Worker struct {
	Reader     ObjectReader
	Assistants aurora.AssistantFinder
	Index      *Index
	Archive    Archive
	// Analyst is asked what came of calls; nil asks nobody, and uses the analyses that are kept.
	Analyser Analyser
}

// ObjectCreated indexes the report at a key of the bucket, and has its call analysed. A report that is gone is nothing to do;
// keys that hold no reports are none of its business.
func (w *Worker) ObjectCreated(ctx context.Context, key string) error {
	if !strings.HasPrefix(key, aurora.EndOfCallPrefix) {
		slog.WarnContext(ctx, "an object that is no report was announced", "key", clip(key, 200))
		return nil
	}
	_, err := w.IndexReport(ctx, key)
	if fault.Is(err, fault.NotFound) {
		slog.WarnContext(ctx, "an announced report is gone", "key", key)
		return nil
	}
	return err
}

// IndexReport does the same for a key that holds a report, and says where the call's row is. A report that is gone is a
// fault.NotFound, and one that is none a fault.Invalid.
func (w *Worker) IndexReport(ctx context.Context, key string) (aurora.CallKey, error) {
	body, written, err := w.Reader.Read(ctx, key)
	if err != nil {
		return aurora.CallKey{}, err
	}
	m, err := aurora.ParseMessage(body)
	if err != nil {
		return aurora.CallKey{}, fmt.Errorf("index %s: %w", key, err)
	}
	r := storedReport{key: key, report: m.EndOfCall()}
	r.aliases = aliasNames(r.report, key)
	r.row = aurora.NewCall(r.report, key, aurora.NewVersion(r.report.Timestamp, written, key))
	day, ok := r.report.Date()
	if !ok {
		day = written.UTC()
		r.row.ReportedAt = day // reports count by it, and nothing else is known
	}
	r.row.Day = day.Format(time.DateOnly)
	if r.row.AssistantID, err = w.findAssistantID(ctx, r.report); err != nil {
		return aurora.CallKey{}, err
	}
	if !r.report.Spoke { // what came of it is plain
		return w.Index.Upsert(ctx, r.aliases, r.row)
	}
	return w.indexAndAnalyse(ctx, r, m.Transcript())
}

// findAssistantID is the assistant that the report names, or else the one whose number it is about.
func (w *Worker) findAssistantID(ctx context.Context, report aurora.EndOfCall) (string, error) {
	id := aurora.AssistantKey(report.AssistantID)
	if id != aurora.NoAssistant || report.AssistantNumber == "" {
		return id, nil
	}
	a, err := w.Assistants.ByNumber(ctx, report.AssistantNumber)
	if fault.Is(err, fault.NotFound) {
		return id, nil
	}
	return aurora.AssistantKey(a.ID()), err
}

// aliasNames are the call's names as they stand in keys, each once. A report without any goes by its object's name.
func aliasNames(report aurora.EndOfCall, key string) []string {
	var names []string
	seen := map[string]bool{}
	for _, id := range report.IDs {
		if name := aurora.SafeKey(id); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		name, _, _ := strings.Cut(strings.TrimSuffix(path.Base(key), ".json"), "~")
		names = append(names, aurora.SafeKey(name))
	}
	return names
}

// StoreQueued stores a report that the bucket had refused. Its notification then leads to Kept.
func (w *Worker) StoreQueued(ctx context.Context, packed string) error {
	body, err := unpack(packed)
	if err != nil {
		return err
	}
	return w.Archive.StoreReport(ctx, body)
}
