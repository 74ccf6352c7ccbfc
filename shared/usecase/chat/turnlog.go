package chat

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"unicode/utf8"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/trace"
)

// Delivery says how the answer of a turn was delivered, for the turn's line in the log.
type Delivery struct {
	CompletionID string // as in the answer
	FillerSpoken bool
	Fallback     error // why the caller heard the fallback message; nil if the caller did not
	Stopped      error // why the turn was ended before its time, such as an interruption by the caller; nil if it was not
	Err          error // the error that the request ended with, or nil
}

// Sent notes that the first bytes of the answer were sent. Later calls change nothing.
func (t *Turn) Sent() { t.record.Sent() }

// SentFiller notes that a filler was sent.
func (t *Turn) SentFiller() { t.record.SentFiller() }

// RecordEnd writes the record of a turn, as a line of the log and to the table of traces: how it ended and what it took. It is
// called once, after the last byte of the answer was sent.
func (t *Turn) RecordEnd(ctx context.Context, d Delivery) {
	outcome, failed := "answered", t.failed
	switch {
	case d.Stopped != nil:
		outcome, failed = "stopped", d.Stopped
	case d.Err != nil && (t.failed == nil || d.Fallback != nil):
		outcome, failed = "disconnected", cmp.Or(d.Fallback, d.Err)
	case d.Fallback != nil:
		outcome, failed = "fallback", d.Fallback
	case d.Err != nil:
		outcome = "failed"
	case t.failed != nil:
		outcome = "given_up"
	}
	t.finishRecord(ctx, d, outcome, failed, true)
}

// finishRecord completes and writes the record. wait says that the answer was sent.
func (t *Turn) finishRecord(ctx context.Context, d Delivery, outcome string, failed error, wait bool) {
	result := cmp.Or(t.result, &agent.TurnResult{Model: t.Model})
	var firstWord *int64 // nil without a word of the model
	if t.hasWords {
		ms := t.firstWord.Milliseconds()
		firstWord = &ms
	}
	channel := cmp.Or(string(t.channel), "general")
	record, ok := t.record.Finish(ctx, wait, func(r *trace.Record) {
		r.Code = trace.CodeOf(failed)
		turn := r.Turn
		turn.Channel, turn.Outcome, turn.FirstWordMs, turn.IsFallback = trace.NewName(channel), trace.NewName(outcome), firstWord, d.Fallback != nil
		if turn.FirstByteMs == nil && (outcome == "answered" || outcome == "fallback" || outcome == "given_up") { // an answer that was sent whole
			turn.FirstByteMs = &r.Ms
		}
		turn.FinishReason, turn.CompletionID = trace.NewName(result.FinishReason), trace.NewName(d.CompletionID)
		if result.Action != nil {
			turn.Action = trace.NewName(result.Action.Type)
		}
		turn.Messages, turn.Characters, turn.AnswerCharacters = len(t.history), agent.CountCharacters(t.history), utf8.RuneCountInString(result.Text)
		turn.InputTokens, turn.OutputTokens = result.Usage.PromptTokens, result.Usage.CompletionTokens
		if details := result.Usage.PromptTokensDetails; details != nil {
			turn.CachedTokens = details.CachedTokens
		}
		if details := result.Usage.CompletionTokensDetails; details != nil {
			turn.ReasoningTokens = details.ReasoningTokens
		}
	})
	if !ok {
		return // the end was recorded before
	}
	slog.InfoContext(ctx, "turn ended", "event", "turn.ended", "channel", channel, "outcome", outcome, "code", codeOf(failed),
		"model", result.Model, "firstWordMs", firstWord, "ms", record.Ms, "tools", result.ToolRuns, "filler", d.FillerSpoken, "finishReason", result.FinishReason,
		"promptTokens", result.Usage.PromptTokens, "completionTokens", result.Usage.CompletionTokens, "tokens", result.Tokens,
		"activeAgent", result.ActiveAgent, "completionId", d.CompletionID, "trace", record)
}

// codeOf returns the code of an error as full_session.error has it; "" for nil.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	f := fault.From(err)
	return cmp.Or(f.Code, strings.ReplaceAll(f.Kind.String(), " ", "_"))
}
