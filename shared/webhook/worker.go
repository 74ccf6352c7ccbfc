package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	"aurora/shared/aurora"
	"aurora/shared/fault"
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
}

// Kept indexes the report at a key of the bucket. A report that is gone is nothing to do; keys that hold no reports are
// none of its business.
func (w *Worker) Kept(ctx context.Context, key string) error {
	if !strings.HasPrefix(key, "eoc/") {
		slog.WarnContext(ctx, "an object that is no report was announced", "key", clip(key, 200))
		return nil
	}
	body, written, err := w.Reader.Read(ctx, key)
	if fault.Is(err, fault.NotFound) {
		slog.WarnContext(ctx, "an announced report is gone", "key", key)
		return nil
	}
	if err != nil {
		return err
	}
	report, err := aurora.ParseEndOfCall(body)
	if err != nil {
		return fmt.Errorf("index %s: %w", key, err)
	}
	c := aurora.NewCall(report, key, aurora.Version(report.Timestamp, written, key))
	day, ok := report.Date()
	if !ok {
		day = written.UTC()
	}
	c.Day = day.Format(time.DateOnly)
	if c.AssistantID, err = w.assistantID(ctx, report); err != nil {
		return err
	}
	return w.Index.Add(ctx, callNames(report, key), c)
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

// Raw stores a report that the bucket had refused. Its notification then leads to Kept.
func (w *Worker) Raw(ctx context.Context, packed string) error {
	body, err := unpack(packed)
	if err != nil {
		return err
	}
	return w.Keeper.Report(ctx, body)
}
