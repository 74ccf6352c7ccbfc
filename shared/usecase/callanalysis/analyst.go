package callanalysis

import (
	"context"
	"errors"
	"log/slog"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
	"example.com/aurora/shared/core/toolschema"
)

// Analyst analyses calls.
type Analyst struct {
	// Chain makes the model that asks these in order.
	Chain func(refs []aurora.ModelRef) agent.Model
	// Models are asked, in order, for assistants that have none of their own.
	Models []string
}

// maxNote bounds what a row says of an analysis that did not go well, in characters.
const maxNote = 300

// Analyse finds out what came of an assistant's call, from its report and what was said in it. An error means that the
// model could not be asked, and that another time it may be; whatever else goes wrong is noted in the finding.
func (a *Analyst) Analyse(ctx context.Context, assistant aurora.Assistant, report providermsg.EndOfCall, said []providermsg.Utterance) (aurora.AnalysisResult, error) {
	f := aurora.AnalysisResult{Analysis: aurora.Analysis{Outcome: report.Outcome, Extracted: report.Extracted}}
	if !report.Spoke {
		return f, nil
	}
	machine := report.Disposition == aurora.DispositionVoicemail // what spoke has no feelings
	w := answerSpec{summary: report.Summary == "", outcome: report.Outcome == "", sentiment: !machine}
	if text := assistant.Analysis.Schema; len(text) > 0 && string(text) != "null" {
		compiled, err := toolschema.Compile(text)
		if err != nil {
			slog.WarnContext(ctx, "an assistant's analysis schema cannot be used", "assistantId", assistant.ID(), "error", err)
			f.AnalysisNote = "The assistant's schema cannot be used; no data was extracted."
		} else if w.validate = compiled.Check; f.Extracted != nil && w.validate(f.Extracted) != nil {
			f.Extracted = nil
		}
		if err == nil && f.Extracted == nil {
			w.dataSchema = text
		}
	}
	if machine && !w.summary && w.dataSchema == nil {
		return f, nil
	}
	refs := assistant.Models
	if len(refs) == 0 {
		for _, model := range a.Models {
			refs = append(refs, aurora.ModelRef{Model: model})
		}
	}
	q := query{model: a.Chain(refs), spec: w, report: report, assistant: assistant, transcript: said, tokenBudget: maxTranscriptTokens}
	return q.run(ctx, refs, f)
}

// query is one call's, as it is put to a model.
type query struct {
	model      agent.Model
	spec       answerSpec
	report     providermsg.EndOfCall
	assistant  aurora.Assistant
	transcript []providermsg.Utterance

	tokenBudget      int  // tokens of conversation
	noResponseFormat bool // the server does not take response_format
	// What did not fit the time before, and why; empty at first.
	answer, complaint string
}

// run asks, once more where the server refuses the form and once more where the answer does not fit.
func (q *query) run(ctx context.Context, refs []aurora.ModelRef, f aurora.AnalysisResult) (aurora.AnalysisResult, error) {
	var used agent.Usage
	for {
		answer, err := agent.Complete(ctx, q.model, q.request())
		used.PromptTokens += answer.Usage.PromptTokens
		used.CompletionTokens += answer.Usage.CompletionTokens
		if err != nil && (!fault.Is(err, fault.Invalid) || errorCode(err) == "model_not_found") {
			return aurora.AnalysisResult{}, err // a model that is misspelt is the deployment's to mend, and no call's fate
		}
		if err != nil && !q.noResponseFormat {
			q.noResponseFormat = true
			if errorCode(err) == "context_length_exceeded" {
				q.tokenBudget /= 4 // a model with a small memory
			}
			slog.InfoContext(ctx, "the model refused the request; it is asked without a response format", "error", err)
			continue
		}
		f.AnalysisModel = answer.Model
		if f.AnalysisModel == "" && len(refs) > 0 {
			f.AnalysisModel = refs[0].Model
		}
		f.AnalysisModel = text.Line(f.AnalysisModel, 100)
		f.PromptTokens, f.CompletionTokens = used.PromptTokens, used.CompletionTokens
		f.AnalysisCost = analysisCost(f.AnalysisModel, refs, used)
		if err == nil {
			err = q.spec.parse(answer, &f)
		}
		if err == nil {
			return f, nil
		}
		if q.complaint == "" && isWorthRetry(answer, err) {
			q.answer, q.complaint = text.Clip(answer.Text, 20_000), publicMessage(err)
			continue
		}
		slog.WarnContext(ctx, "an analysis did not go well", "model", f.AnalysisModel, "error", err)
		f.AnalysisNote = text.Line(publicMessage(err), maxNote)
		return f, nil
	}
}

// isWorthRetry reports whether the model may do better when it is told what was wrong.
func isWorthRetry(a agent.Completion, err error) bool {
	return errors.Is(err, errMisfit) && a.FinishReason != agent.FinishContentFilter
}

// publicMessage is what an error says to anybody.
func publicMessage(err error) string { return fault.From(err).Message }

func errorCode(err error) string { return fault.From(err).Code }
