package chat

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// Delivery says how the answer of a turn was delivered, for the turn's line in the log.
type Delivery struct {
	CompletionID string // as in the answer
	FillerSpoken bool
	Fallback     error // why the caller heard the fallback message; nil if the caller did not
	Stopped      error // why the turn was ended before its time, such as an interruption by the caller; nil if it was not
	Err          error // the error that the request ended with, or nil
}

// LogEnd writes the line of a turn: how it ended and what it took. It is called once, after the last byte of the answer was sent.
func (t *Turn) LogEnd(ctx context.Context, d Delivery) {
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
	result := cmp.Or(t.result, &agent.TurnResult{Model: t.Model})
	var firstWord any // null without a word of the model
	if t.hasWords {
		firstWord = t.firstWord.Milliseconds()
	}
	var ms any // null for a turn that did not begin
	if t.now != nil {
		ms = t.now().Sub(t.began).Milliseconds()
	}
	slog.InfoContext(ctx, "turn ended", "event", "turn.ended", "channel", cmp.Or(string(t.channel), "general"), "outcome", outcome, "code", codeOf(failed),
		"model", result.Model, "firstWordMs", firstWord, "ms", ms, "tools", result.ToolRuns, "filler", d.FillerSpoken, "finishReason", result.FinishReason,
		"promptTokens", result.Usage.PromptTokens, "completionTokens", result.Usage.CompletionTokens, "tokens", result.Tokens,
		"activeAgent", result.ActiveAgent, "completionId", d.CompletionID)
}

// codeOf returns the code of an error as full_session.error has it; "" for nil.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	f := fault.From(err)
	return cmp.Or(f.Code, strings.ReplaceAll(f.Kind.String(), " ", "_"))
}
