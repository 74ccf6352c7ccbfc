package callanalysis

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
	"example.com/aurora/shared/core/toolschema"
)

// Analyst has a model analyse calls.
type Analyst struct {
	// Chain returns a model that tries these in order.
	Chain func(refs []aurora.ModelRef) agent.Model
	// Models are tried, in order, for assistants that have no models of their own.
	Models []string
}

const maxNote = 300 // characters of one sentence of an AnalysisNote

// Analyse analyses an assistant's call from its report and its transcript. An error means that the model gave no answer,
// and that a later try may succeed. Any other problem is noted in the result's AnalysisNote.
func (a *Analyst) Analyse(ctx context.Context, assistant aurora.Assistant, report providermsg.EndOfCall, transcript []providermsg.Utterance) (aurora.AnalysisResult, error) {
	result := aurora.AnalysisResult{Analysis: aurora.Analysis{Outcome: report.Outcome, Extracted: report.Extracted, AnalysisNote: report.ExtractedNote}}
	if !report.Spoke {
		return result, nil
	}
	voicemail := report.Disposition == aurora.DispositionVoicemail // a machine spoke: it has no sentiment
	spec := answerSpec{summary: report.Summary == "", outcome: report.Outcome == "", sentiment: !voicemail}
	if schema := assistant.Analysis.Schema; len(schema) > 0 && string(schema) != "null" {
		compiled, err := toolschema.Compile(schema)
		if err != nil {
			slog.WarnContext(ctx, "analysis schema cannot be used", "event", "analysis.schema_rejected", "assistantId", assistant.ID(), "error", err)
			addNote(&result, "The assistant's schema cannot be used; no data was extracted.")
		} else {
			spec.validate = compiled.Check
			result.Extracted = fitting(result.Extracted, schema, compiled.Check)
		}
		if err == nil && result.Extracted == nil {
			spec.dataSchema = schema
		}
	}
	if voicemail && !spec.summary && spec.dataSchema == nil {
		return result, nil
	}
	refs := assistant.Models
	if len(refs) == 0 {
		for _, model := range a.Models {
			refs = append(refs, aurora.ModelRef{Model: model})
		}
	}
	q := query{model: a.Chain(refs), spec: spec, report: report, assistant: assistant, transcript: transcript, tokenBudget: maxTranscriptTokens}
	return q.run(ctx, refs, result)
}

// fitting returns the provider's data if it fits the assistant's schema, else the fields that the schema names if they do:
// a report may hold more than the assistant asked for. It returns nil if neither fits.
func fitting(data, schema json.RawMessage, check func(json.RawMessage) error) json.RawMessage {
	if data == nil || check(data) == nil {
		return data
	}
	var fields map[string]json.RawMessage
	var named struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(data, &fields) != nil || json.Unmarshal(schema, &named) != nil {
		return nil
	}
	maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool { return named.Properties[name] == nil })
	data, err := json.Marshal(fields)
	if err != nil || len(fields) == 0 || check(data) != nil {
		return nil
	}
	return data
}

// addNote adds a sentence to the note of a result.
func addNote(result *aurora.AnalysisResult, sentence string) {
	result.AnalysisNote = text.Line(result.AnalysisNote+" "+text.Line(sentence, maxNote), 2*maxNote)
}

// query is the analysis of one call.
type query struct {
	model      agent.Model
	spec       answerSpec
	report     providermsg.EndOfCall
	assistant  aurora.Assistant
	transcript []providermsg.Utterance

	tokenBudget      int  // of the transcript
	noResponseFormat bool // the server does not accept response_format
	// The previous answer if it did not fit, and what was wrong with it.
	answer, complaint string
}

// run asks the model. It asks once more if the server does not accept the request, and once more if the answer does not fit.
func (q *query) run(ctx context.Context, refs []aurora.ModelRef, result aurora.AnalysisResult) (aurora.AnalysisResult, error) {
	var used agent.Usage
	for {
		answer, err := agent.Complete(ctx, q.model, q.request())
		used.PromptTokens += answer.Usage.PromptTokens
		used.CompletionTokens += answer.Usage.CompletionTokens
		if err != nil && (!fault.Is(err, fault.Invalid) || errorCode(err) == "model_not_found") {
			return aurora.AnalysisResult{}, err // an unknown model is a mistake in the configuration, so the call is analysed later
		}
		if err != nil && !q.noResponseFormat {
			q.noResponseFormat = true
			if errorCode(err) == "context_length_exceeded" {
				q.tokenBudget /= 4
			}
			slog.InfoContext(ctx, "request not accepted, asking without a response format", "event", "analysis.request_rejected", "assistantId", q.assistant.ID(), "error", err)
			continue
		}
		result.AnalysisModel = answer.Model
		if result.AnalysisModel == "" && len(refs) > 0 {
			result.AnalysisModel = refs[0].Model
		}
		result.AnalysisModel = text.Line(result.AnalysisModel, 100)
		result.PromptTokens, result.CompletionTokens = used.PromptTokens, used.CompletionTokens
		result.AnalysisCost = analysisCost(result.AnalysisModel, refs, used)
		if err == nil {
			err = q.spec.parse(answer, &result)
		}
		if err == nil {
			return result, nil
		}
		if q.complaint == "" && isWorthRetry(answer, err) {
			q.answer, q.complaint = text.Clip(answer.Text, 20_000), publicMessage(err)
			continue
		}
		slog.WarnContext(ctx, "answer of the model cannot be used", "event", "analysis.incomplete", "assistantId", q.assistant.ID(), "model", result.AnalysisModel, "error", err)
		addNote(&result, publicMessage(err))
		return result, nil
	}
}

// isWorthRetry reports whether the model may give a better answer when it learns what was wrong.
func isWorthRetry(a agent.Completion, err error) bool {
	return errors.Is(err, errMisfit) && a.FinishReason != agent.FinishContentFilter
}

// publicMessage returns the part of an error that contains nothing internal.
func publicMessage(err error) string { return fault.From(err).Message }

func errorCode(err error) string { return fault.From(err).Code }
