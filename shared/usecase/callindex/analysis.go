package callindex

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/personaldata"
	"example.com/aurora/shared/core/providermsg"
)

// Analyser analyses a call in which the caller spoke. An error means that a later try may succeed. A problem that a
// later try cannot change is noted in the result.
type Analyser interface {
	Analyse(ctx context.Context, a aurora.Assistant, r providermsg.EndOfCall, transcript []providermsg.Utterance) (aurora.AnalysisResult, error)
}

// Metrics of analyses.
const (
	MetricAnalysisFailed     = "AnalysisFailed"     // the model gave no answer; SQS delivers the message again
	MetricAnalysisIncomplete = "AnalysisIncomplete" // the model's answer could not be used, or only in part
)

const (
	analysisTimeout = 90 * time.Second // leaves the worker enough time to store the result
	storeTimeout    = 4 * time.Second  // for one analysis, all tries together
)

// storedReport is a report that is being indexed.
type storedReport struct {
	key     string
	report  providermsg.EndOfCall
	storage aurora.Storage // the assistant's
	aliases []string
	row     aurora.Call
}

// indexAndAnalyse indexes a report with its analysis: the stored one, else a new one. The row is written before the
// analysis is asked for, so that the call counts even if the analysis fails.
func (w *Worker) indexAndAnalyse(ctx context.Context, r storedReport, transcript []providermsg.Utterance) (aurora.CallKey, error) {
	result, ok, loadErr := w.loadAnalysis(ctx, r.key)
	if ok {
		result = withoutPersonalData(r.storage, result)
		stored, err := w.upsert(ctx, r, r.row.WithAnalysis(result))
		return stored.CallKey, err
	}
	stored, err := w.upsert(ctx, r, r.row)
	if err = firstError(err, loadErr); err != nil || w.Analyser == nil {
		return stored.CallKey, err
	}
	analysed := r.row.WithAnalysis(aurora.AnalysisResult{}).Version
	switch version := versionOf(&stored, conversationField); {
	case version == analysed: // the row has the analysis; the bucket did not take it the last time
		result = aurora.AnalysisResult{Analysis: stored.Analysis}
		result.Outcome = cmp.Or(stored.JudgedOutcome, stored.Outcome)
		if r.row.Summary == "" {
			result.Summary = stored.Summary
		}
		_, err := w.storeAnalysis(ctx, r.key, result)
		return stored.CallKey, err
	case version > analysed: // a newer transcript of the call is indexed: only that one is worth a model's time
		return stored.CallKey, nil
	}
	r.report.Disposition = stored.Disposition // the telephone provider may have detected a machine
	if result, err = w.analyse(ctx, stored.AssistantID, r, transcript); err != nil {
		return stored.CallKey, err
	}
	if err := w.removeErased(ctx, r); err != nil { // erased while the model worked
		return aurora.CallKey{}, err
	}
	result, storeErr := w.storeAnalysis(ctx, r.key, withoutPersonalData(r.storage, result))
	stored, err = w.upsert(ctx, r, r.row.WithAnalysis(result))
	return stored.CallKey, firstError(err, storeErr)
}

// withoutPersonalData returns an analysis as the assistant lets it be stored. The model saw no personal data of a call that was
// stored without it, but an analysis may be older than the assistant's setting.
func withoutPersonalData(storage aurora.Storage, result aurora.AnalysisResult) aurora.AnalysisResult {
	if storage.IsEverything() {
		return result
	}
	b, err := json.Marshal(result)
	if err == nil {
		b, err = personaldata.Data(b)
	}
	var clean aurora.AnalysisResult
	if err == nil {
		err = json.Unmarshal(b, &clean)
	}
	if err != nil { // a type does not fit any more
		return aurora.AnalysisResult{Analysis: aurora.Analysis{Outcome: result.Outcome, Sentiment: result.Sentiment, AnalysisModel: result.AnalysisModel,
			PromptTokens: result.PromptTokens, CompletionTokens: result.CompletionTokens, AnalysisCost: result.AnalysisCost}}
	}
	return clean
}

// analyse has a call analysed for its assistant. An unknown assistant has no configuration, and needs none.
func (w *Worker) analyse(ctx context.Context, assistantID string, r storedReport, transcript []providermsg.Utterance) (aurora.AnalysisResult, error) {
	a, err := w.findAssistant(ctx, assistantID)
	if err != nil {
		return aurora.AnalysisResult{}, fmt.Errorf("analyse %s: %w", r.key, err)
	}
	limited, cancel := context.WithTimeout(ctx, analysisTimeout)
	defer cancel()
	result, err := w.Analyser.Analyse(limited, a, r.report, transcript)
	if err != nil {
		w.Count(ctx, MetricAnalysisFailed)
		return result, fmt.Errorf("analyse %s: %w", r.key, err)
	}
	if result.AnalysisNote != "" {
		w.Count(ctx, MetricAnalysisIncomplete)
	}
	slog.InfoContext(ctx, "call analysed", "event", "call.analysed", "key", r.key, "model", result.AnalysisModel, "outcome", string(result.Outcome),
		"promptTokens", result.PromptTokens, "completionTokens", result.CompletionTokens, "note", result.AnalysisNote)
	return result, nil
}

// loadAnalysis reads the stored analysis of a report. An analysis that cannot be decoded counts as missing.
func (w *Worker) loadAnalysis(ctx context.Context, key string) (result aurora.AnalysisResult, ok bool, err error) {
	b, _, err := w.Reader.Read(ctx, aurora.AnalysisKey(key))
	if fault.Is(err, fault.NotFound) {
		return result, false, nil
	}
	if err != nil {
		return result, false, fmt.Errorf("read analysis: %w", err)
	}
	if err := json.Unmarshal(b, &result); err != nil {
		slog.ErrorContext(ctx, "stored analysis cannot be decoded", "event", "analysis.decode_failed", "key", aurora.AnalysisKey(key), "error", err)
		return aurora.AnalysisResult{}, false, nil
	}
	return result, true, nil
}

// storeAnalysis stores an analysis beside its report and returns the one that is stored now: of two workers' the first.
func (w *Worker) storeAnalysis(ctx context.Context, key string, result aurora.AnalysisResult) (aurora.AnalysisResult, error) {
	b, err := json.Marshal(result)
	if err != nil {
		return result, fmt.Errorf("store analysis: %w", err)
	}
	hash := sha256.Sum256(b)
	limited, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	created, err := w.Writer.Create(limited, aurora.AnalysisKey(key), b, hex.EncodeToString(hash[:]))
	if err != nil {
		return result, fmt.Errorf("store analysis: %w", err)
	}
	if created {
		return result, nil
	}
	earlier, ok, err := w.loadAnalysis(ctx, key)
	if !ok {
		return result, err
	}
	return earlier, nil
}

// firstError returns the first error that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
