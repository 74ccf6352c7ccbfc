package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Analyst finds out what came of a call in which somebody spoke. An error is a failure that may pass; what can never
// succeed is noted in the finding.
type Analyst interface {
	Analyse(ctx context.Context, a aurora.Assistant, r aurora.EndOfCall, said []aurora.Turn) (aurora.Finding, error)
}

// The metrics of analyses.
const (
	MetricAnalysis     = "AnalysisFailed"     // the model could not be asked; the message comes again
	MetricAnalysisNote = "AnalysisIncomplete" // the model answered, and its answer was of no use or not wholly
)

// analysisTime is what an analysis may take: it leaves the worker time to keep what it came to.
const analysisTime = 90 * time.Second

// kept is a report that is to be indexed.
type kept struct {
	key    string
	report aurora.EndOfCall
	names  []string
	row    aurora.Call
}

// analysed indexes a report and what its analysis came to: the one that is kept, or else a new one. The row is written
// before anybody is asked, so that the call counts whatever comes of that.
func (w *Worker) analysed(ctx context.Context, r kept, said []aurora.Turn) (aurora.Place, error) {
	found, ok, err := w.found(ctx, r.key)
	if ok {
		return w.Index.settle(ctx, r.names, r.row.Analysed(found))
	}
	at, adding := w.Index.settle(ctx, r.names, r.row)
	if adding != nil || err != nil || w.Analyst == nil {
		return at, first(adding, err)
	}
	now, there, err := w.Index.Rows.Row(ctx, at)
	if err != nil {
		return at, fmt.Errorf("analyse %s: %w", r.key, err)
	}
	switch whole := r.row.Analysed(aurora.Finding{}); {
	case there && now.Version == whole.Version: // its analysis could not be kept the time before
		found = aurora.Finding{Analysis: now.Analysis}
		if r.row.Summary == "" {
			found.Summary = now.Summary
		}
		_, err := w.keep(ctx, r.key, found)
		return at, err
	case there && now.Version > whole.Version: // only the newest report of a call is worth a model's time
		return at, nil
	}
	if found, err = w.ask(ctx, at, r, said); err != nil {
		return at, err
	}
	found, keeping := w.keep(ctx, r.key, found)
	at, err = w.Index.settle(ctx, r.names, r.row.Analysed(found))
	return at, first(err, keeping)
}

// ask asks the analyst.
func (w *Worker) ask(ctx context.Context, at aurora.Place, r kept, said []aurora.Turn) (aurora.Finding, error) {
	var a aurora.Assistant // one that nobody knows has no wishes
	if at.AssistantID != aurora.NoAssistant {
		var err error
		if a, err = w.Assistants.ByID(ctx, at.AssistantID); err != nil && !fault.Is(err, fault.NotFound) {
			return aurora.Finding{}, fmt.Errorf("analyse %s: %w", r.key, err)
		}
	}
	short, cancel := context.WithTimeout(ctx, analysisTime)
	defer cancel()
	f, err := w.Analyst.Analyse(short, a, r.report, said)
	if err != nil {
		w.Keeper.Count(ctx, MetricAnalysis)
		return f, fmt.Errorf("analyse %s: %w", r.key, err)
	}
	if f.AnalysisNote != "" {
		w.Keeper.Count(ctx, MetricAnalysisNote)
	}
	return f, nil
}

// findingKey is where the analysis of a report is kept.
func findingKey(key string) string { return "analysis/" + strings.TrimPrefix(key, reports) }

// found is the analysis that is kept of a report. One that cannot be read is none.
func (w *Worker) found(ctx context.Context, key string) (f aurora.Finding, ok bool, err error) {
	b, _, err := w.Reader.Read(ctx, findingKey(key))
	if fault.Is(err, fault.NotFound) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("read analysis: %w", err)
	}
	if err := json.Unmarshal(b, &f); err != nil {
		slog.ErrorContext(ctx, "an analysis cannot be read", "key", findingKey(key), "error", err)
		return aurora.Finding{}, false, nil
	}
	return f, true, nil
}

// keep keeps an analysis beside its report, and gives the one that is kept: of two workers the first one's.
func (w *Worker) keep(ctx context.Context, key string, f aurora.Finding) (aurora.Finding, error) {
	b, err := json.Marshal(f)
	if err != nil {
		return f, fmt.Errorf("keep analysis: %w", err)
	}
	hash := sha256.Sum256(b)
	short, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	created, err := w.Keeper.Objects.Create(short, findingKey(key), b, hex.EncodeToString(hash[:]))
	if err != nil {
		return f, fmt.Errorf("keep analysis: %w", err)
	}
	if created {
		return f, nil
	}
	there, ok, err := w.found(ctx, key)
	if !ok {
		return f, err
	}
	return there, nil
}

// first is the first of the errors that is one.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
