package webhook

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// Assistants finds stored assistants. Both fail with fault.NotFound where there is none.
type Assistants interface {
	ByID(ctx context.Context, id string) (aurora.Assistant, error)
	ByNumber(ctx context.Context, number aurora.Phone) (aurora.Assistant, error)
}

// Receiver answers a provider's messages.
type Receiver struct {
	Assistants Assistants
	Keeper     Keeper
	Queue      RawQueue
	Tools      Tools    // nil knows no tool
	Outbound   Outbound // nil knows no call that we placed, and calls nobody
}

// Answer is what a message is answered with: a body to be written as JSON, and whether it is something created (201).
type Answer struct {
	Created bool
	Body    any
}

// answerTime bounds questions that a caller on the telephone waits for: with a last read that begins just before its
// end they are answered within 3 s. Vapi waits 7.5 s in all, the network included.
const answerTime = 1400 * time.Millisecond

// informational are the types that need no answer (contract.md; https://docs.vapi.ai/server-url/events).
var informational = map[string]bool{
	"status-update": true, "conversation-update": true, "transcript": true, "speech-update": true, "user-interrupted": true,
	"hang": true, "phone-call-control": true, "voice-input": true, "model-output": true, "transfer-update": true,
	"call.artifact.upload": true, "assistant.started": true, "assistant.speechStarted": true, "language-change-detected": true,
	"workflow.node.started": true, "tool-calls-result": true, "tool.completed": true, "chat.created": true, "chat.deleted": true,
	"session.created": true, "session.updated": true, "session.deleted": true, "call.deleted": true, "call.delete.failed": true,
}

// Receive answers one message. The body is as posted.
func (r *Receiver) Receive(ctx context.Context, body []byte) (Answer, error) {
	m, err := aurora.ParseMessage(body)
	if err != nil {
		return Answer{}, err
	}
	kind, _, _ := strings.Cut(m.Type(), "[") // transcript[transcriptType='final']
	slog.InfoContext(ctx, "message", "type", clip(m.Type(), 64), "call", clip(m.Text("call.id"), 64))
	empty := Answer{Body: struct{}{}}
	switch {
	case kind == "assistant-request":
		return r.configure(ctx, m)
	case kind == "end-of-call-report":
		return empty, r.report(ctx, m, body)
	case kind == "transfer-destination-request":
		return r.transfer(ctx, m)
	case kind == "handoff-destination-request":
		return r.handoff(ctx, m)
	case kind == "tool-calls":
		return r.toolCalls(ctx, m), nil
	case kind == "function-call":
		return r.functionCall(ctx, m), nil
	case kind == "campaign.predial":
		return r.predial(ctx, m), nil
	case kind == "knowledge-base-request":
		return Answer{Body: map[string]any{"documents": []any{}}}, nil
	case informational[kind]:
		return empty, nil
	default:
		return empty, r.Keeper.Unrecognised(ctx, m.Type(), body)
	}
}

// spoken is an answer that the provider speaks to the caller.
func spoken(sentence string) Answer { return Answer{Body: map[string]string{"error": sentence}} }

// isObject reports whether raw JSON is an object.
func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }

// clip cuts s to at most n bytes for the log.
func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
