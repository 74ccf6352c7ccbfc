package webhook

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Analyser finds out what came of a call in which somebody spoke. An error is a failure that may pass; what can never
// succeed is noted in the finding.
type Analyser interface {
	Analyse(ctx context.Context, a aurora.Assistant, r aurora.EndOfCall, said []aurora.Utterance) (aurora.AnalysisResult, error)
}

// The metrics of analyses.
const (
	MetricAnalysisFailed     = "AnalysisFailed"     // the model could not be asked; the message comes again
	MetricAnalysisIncomplete = "AnalysisIncomplete" // the model answered, and its answer was of no use or not wholly
)

// analysisTimeout is what an analysis may take: it leaves the worker time to keep what it came to.
const analysisTimeout = 90 * time.Second

// storedReport is a report that is to be indexed.
type storedReport struct {
	key     string
	report  aurora.EndOfCall
	aliases []string
	row     aurora.Call
}

// indexAndAnalyse indexes a report and what its analysis came to: the one that is kept, or else a new one. The row is written
// before anybody is asked, so that the call counts whatever comes of that.
func (w *Worker) indexAndAnalyse(ctx context.Context, r storedReport, said []aurora.Utterance) (aurora.CallKey, error) {
	found, ok, err := w.loadAnalysis(ctx, r.key)
	if ok {
		return w.Index.Upsert(ctx, r.aliases, r.row.WithAnalysis(found))
	}
	at, adding := w.Index.Upsert(ctx, r.aliases, r.row)
	if adding != nil || err != nil || w.Analyser == nil {
		return at, firstError(adding, err)
	}
	now, there, err := w.Index.Rows.Row(ctx, at)
	if err != nil {
		return at, fmt.Errorf("analyse %s: %w", r.key, err)
	}
	switch whole := r.row.WithAnalysis(aurora.AnalysisResult{}); {
	case there && now.Version == whole.Version: // its analysis could not be kept the time before
		found = aurora.AnalysisResult{Analysis: now.Analysis}
		if r.row.Summary == "" {
			found.Summary = now.Summary
		}
		_, err := w.storeAnalysis(ctx, r.key, found)
		return at, err
	case there && now.Version > whole.Version: // only the newest report of a call is worth a model's time
		return at, nil
	}
	if found, err = w.analyse(ctx, at, r, said); err != nil {
		return at, err
	}
	found, keeping := w.storeAnalysis(ctx, r.key, found)
	at, err = w.Index.Upsert(ctx, r.aliases, r.row.WithAnalysis(found))
	return at, firstError(err, keeping)
}

// analyse asks the analyst.
func (w *Worker) analyse(ctx context.Context, at aurora.CallKey, r storedReport, said []aurora.Utterance) (aurora.AnalysisResult, error) {
	var a aurora.Assistant // one that nobody knows has no wishes
	if at.AssistantID != aurora.NoAssistant {
		var err error
		if a, err = w.Assistants.ByID(ctx, at.AssistantID); err != nil && !fault.Is(err, fault.NotFound) {
			return aurora.AnalysisResult{}, fmt.Errorf("analyse %s: %w", r.key, err)
		}
	}
	short, cancel := context.WithTimeout(ctx, analysisTimeout)
	defer cancel()
	f, err := w.Analyser.Analyse(short, a, r.report, said)
	if err != nil {
		w.Archive.Count(ctx, MetricAnalysisFailed)
		return f, fmt.Errorf("analyse %s: %w", r.key, err)
	}
	if f.AnalysisNote != "" {
		w.Archive.Count(ctx, MetricAnalysisIncomplete)
	}
	return f, nil
}

// loadAnalysis is the analysis that is kept of a report. One that cannot be read is none.
func (w *Worker) loadAnalysis(ctx context.Context, key string) (f aurora.AnalysisResult, ok bool, err error) {
	b, _, err := w.Reader.Read(ctx, aurora.AnalysisKey(key))
	if fault.Is(err, fault.NotFound) {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("read analysis: %w", err)
	}
	if err := json.Unmarshal(b, &f); err != nil {
		slog.ErrorContext(ctx, "an analysis cannot be read", "key", aurora.AnalysisKey(key), "error", err)
		return aurora.AnalysisResult{}, false, nil
	}
	return f, true, nil
}

// storeAnalysis keeps an analysis beside its report, and gives the one that is kept: of two workers the first one's.
func (w *Worker) storeAnalysis(ctx context.Context, key string, f aurora.AnalysisResult) (aurora.AnalysisResult, error) {
	b, err := json.Marshal(f)
	if err != nil {
		return f, fmt.Errorf("keep analysis: %w", err)
	}
	hash := sha256.Sum256(b)
	short, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	created, err := w.Archive.Objects.Create(short, aurora.AnalysisKey(key), b, hex.EncodeToString(hash[:]))
	if err != nil {
		return f, fmt.Errorf("keep analysis: %w", err)
	}
	if created {
		return f, nil
	}
	there, ok, err := w.loadAnalysis(ctx, key)
	if !ok {
		return f, err
	}
	return there, nil
}

// firstError is the first of the errors that is one.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
