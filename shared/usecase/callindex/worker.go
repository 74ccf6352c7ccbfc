package callindex

import (
	"context"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/personaldata"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
)

// ObjectReader reads an object of the bucket and the time when it was written. A missing one is a fault.NotFound.
type ObjectReader interface {
	Read(ctx context.Context, key string) (body []byte, written time.Time, err error)
}

// ObjectWriter writes an object unless its key is taken. created reports whether the object that is stored now has this
// content, which the hash identifies.
type ObjectWriter interface {
	Create(ctx context.Context, key string, body []byte, hash string) (created bool, err error)
}

// ErasedCalls knows the calls whose data was erased. names are a call's ids as they stand in keys, and at is when the call was,
// zero if that is not known: a later call with the same id is another call.
type ErasedCalls interface {
	IsErased(ctx context.Context, assistantID string, names []string, at time.Time) (bool, error)
}

// ObjectRemover removes all versions of an object for good.
type ObjectRemover interface {
	Remove(ctx context.Context, key string) error
}

// Worker indexes stored end-of-call reports.
type Worker struct {
	Reader     ObjectReader
	Assistants aurora.AssistantFinder
	Index      *Index
	// Analyser analyses calls. If it is nil, only stored analyses are used, and Writer and Count may be nil too.
	Analyser Analyser
	Writer   ObjectWriter // stores analyses
	Count    func(ctx context.Context, metric string)
	// Erased finds reports of erased calls, which providers send again and queues deliver late, and Remover removes them. If
	// Erased is nil, no call was erased.
	Erased  ErasedCalls
	Remover ObjectRemover
}

// ObjectCreated indexes the report at a key of the bucket, and has its call analysed. It ignores keys that are no
// reports, and reports that have been deleted.
func (w *Worker) ObjectCreated(ctx context.Context, key string) error {
	if !strings.HasPrefix(key, aurora.EndOfCallPrefix) {
		slog.WarnContext(ctx, "notification is not about a report", "event", "notification.ignored", "key", text.Clip(key, 200))
		return nil
	}
	assistantID, name := aurora.CallOfKey(key)
	aurora.LogCall(ctx, name)
	if assistantID != aurora.NoAssistant {
		logfields.Set(ctx, logfields.AssistantID, assistantID)
	}
	_, err := w.IndexReport(ctx, key)
	if fault.Is(err, fault.NotFound) { // also after removeErased
		slog.WarnContext(ctx, "report was deleted before it was indexed", "event", "report.missing", "key", key)
		return nil
	}
	return err
}

// IndexReport does the same for the key of a report, and returns the key of the call's row. A report that has been
// deleted is a fault.NotFound. An object that is no report is a fault.Invalid.
func (w *Worker) IndexReport(ctx context.Context, key string) (aurora.CallKey, error) {
	body, written, err := w.Reader.Read(ctx, key)
	if err != nil {
		return aurora.CallKey{}, err
	}
	m, err := providermsg.ParseMessage(body)
	if err != nil {
		return aurora.CallKey{}, fmt.Errorf("index %s: %w", key, err)
	}
	r := storedReport{key: key, report: m.EndOfCall()}
	aurora.LogCall(ctx, r.report.IDs...)
	assistantID, err := w.findAssistantID(ctx, r.report)
	if err != nil {
		return aurora.CallKey{}, err
	}
	assistant, err := w.findAssistant(ctx, assistantID)
	if err != nil {
		return aurora.CallKey{}, err
	}
	if r.storage = assistant.Storage; !r.storage.IsEverything() {
		if m, err = protect(assistant, body); err != nil {
			return aurora.CallKey{}, fmt.Errorf("index %s: %w", key, err)
		}
		r.report = m.EndOfCall()
	}
	r.aliases = aliasNames(r.report, key)
	r.row = r.report.Call(key, aurora.NewVersion(r.report.Timestamp, written, key))
	day := r.report.Day()
	if day.IsZero() {
		day = written.UTC()
		r.row.ReportedAt = day // the weekly report counts the call by it: no other time is known
	}
	r.row.Day, r.row.AssistantID, r.row.RetentionDays = day.Format(time.DateOnly), assistantID, assistant.RetentionDays
	if err := w.removeErased(ctx, r); err != nil {
		return aurora.CallKey{}, err
	}
	if !r.report.Spoke || r.storage == aurora.StoreFigures { // its outcome is clear without an analysis, or there is no text to analyse
		stored, err := w.upsert(ctx, r, r.row)
		return stored.CallKey, err
	}
	return w.indexAndAnalyse(ctx, r, m.Transcript())
}

// upsert writes the row of a report's call.
func (w *Worker) upsert(ctx context.Context, r storedReport, row aurora.Call) (aurora.Call, error) {
	stored, err := w.Index.Upsert(ctx, r.aliases, row)
	if err == nil {
		slog.InfoContext(ctx, "report indexed", "event", "report.indexed", "key", r.key, "row", stored.Partition(), "rowCallId", stored.CallID,
			"disposition", string(stored.Disposition), "outcome", string(stored.Outcome))
	}
	return stored, err
}

// protect returns a stored report as the assistant lets it be stored now: it may be older than the assistant's setting.
func protect(a aurora.Assistant, body []byte) (providermsg.Message, error) {
	body, err := personaldata.Apply(a, body)
	if err != nil {
		return providermsg.Message{}, err
	}
	return providermsg.ParseMessage(body)
}

// findAssistant returns a stored assistant, or an empty one if there is none with this id.
func (w *Worker) findAssistant(ctx context.Context, id string) (aurora.Assistant, error) {
	if id == aurora.NoAssistant {
		return aurora.Assistant{}, nil
	}
	logfields.Set(ctx, logfields.AssistantID, id)
	a, err := w.Assistants.ByID(ctx, id)
	aurora.LogAssistant(ctx, a)
	if fault.Is(err, fault.NotFound) {
		return aurora.Assistant{}, nil
	}
	return a, err
}

// removeErased removes a report and its analysis if the data of its call was erased; the error is then a fault.NotFound.
func (w *Worker) removeErased(ctx context.Context, r storedReport) error {
	if w.Erased == nil {
		return nil
	}
	erased, err := w.Erased.IsErased(ctx, r.row.AssistantID, r.aliases, r.report.Day())
	if named := aurora.AssistantKey(r.report.AssistantID); err == nil && !erased && named != r.row.AssistantID {
		erased, err = w.Erased.IsErased(ctx, named, r.aliases, r.report.Day()) // it was erased before its assistant was found by a number
	}
	if err != nil || !erased {
		return err
	}
	for _, key := range []string{aurora.AnalysisKey(r.key), r.key} {
		if err := w.Remover.Remove(ctx, key); err != nil {
			return fmt.Errorf("remove the report of an erased call: %w", err)
		}
	}
	slog.InfoContext(ctx, "report of an erased call removed", "event", "report.erased", "assistantId", r.row.AssistantID, "callId", text.Clip(r.aliases[0], 64), "key", r.key)
	return fault.New(fault.NotFound, "The data of this call was erased.")
}

// findAssistantID returns the assistant id that the report names, else the id of the assistant whose number it names.
func (w *Worker) findAssistantID(ctx context.Context, report providermsg.EndOfCall) (string, error) {
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

// aliasNames returns the call's ids as they stand in keys, each once. A report without an id is named by its object.
func aliasNames(report providermsg.EndOfCall, key string) []string {
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
