package webhook

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
)

// Receiver answers a provider's messages.
type Receiver struct {
	Assistants aurora.AssistantFinder
	Archive    Archive
	Queue      ReportQueue
	Tools      Tools // nil knows no tool
	// OutboundCalls finds the calls that we placed. If it is nil, no call is one of ours.
	OutboundCalls aurora.OutboundCallFinder
	// Eligibility answers a campaign's question before a call. If it is nil, no number is eligible.
	Eligibility EligibilityChecker
}

// Response is what a message is answered with: a body to be written as JSON, and whether it is something created (201).
type Response struct {
	Created bool
	Body    any
}

// answerTimeout bounds questions that a caller on the telephone waits for: with a last read that begins just before its
// end they are answered within 3 s. Vapi waits 7.5 s in all, the network included.
const answerTimeout = 1400 * time.Millisecond

// informationalTypes are the types that need no answer (contract.md; https://docs.vapi.ai/server-url/events).
var informationalTypes = map[string]bool{
	"status-update": true, "conversation-update": true, "transcript": true, "speech-update": true, "user-interrupted": true,
	"hang": true, "phone-call-control": true, "voice-input": true, "model-output": true, "transfer-update": true,
	"call.artifact.upload": true, "assistant.started": true, "assistant.speechStarted": true, "language-change-detected": true,
	"workflow.node.started": true, "tool-calls-result": true, "tool.completed": true, "chat.created": true, "chat.deleted": true,
	"session.created": true, "session.updated": true, "session.deleted": true, "call.deleted": true, "call.delete.failed": true,
}

// Receive answers one message. The body is as posted.
func (r *Receiver) Receive(ctx context.Context, body []byte) (Response, error) {
	m, err := providermsg.ParseMessage(body)
	if err != nil {
		return Response{}, err
	}
	kind, _, _ := strings.Cut(m.Type(), "[") // transcript[transcriptType='final']
	slog.InfoContext(ctx, "message", "type", text.Clip(m.Type(), 64), "call", text.Clip(m.Text("call.id"), 64))
	empty := Response{Body: struct{}{}}
	switch {
	case kind == "assistant-request":
		return r.answerAssistantRequest(ctx, m)
	case kind == "end-of-call-report":
		return empty, r.storeReport(ctx, m, body)
	case kind == "transfer-destination-request":
		return r.answerTransfer(ctx, m)
	case kind == "handoff-destination-request":
		return r.answerHandoff(ctx, m)
	case kind == "tool-calls":
		return r.answerToolCalls(ctx, m), nil
	case kind == "function-call":
		return r.answerFunctionCall(ctx, m), nil
	case kind == "campaign.predial":
		return r.answerPredial(ctx, m), nil
	case kind == "knowledge-base-request":
		return Response{Body: map[string]any{"documents": []any{}}}, nil
	case informationalTypes[kind]:
		return empty, nil
	default:
		return empty, r.Archive.StoreUnrecognised(ctx, m.Type(), body)
	}
}

// spoken is an answer that the provider speaks to the caller.
func spoken(sentence string) Response { return Response{Body: map[string]string{"error": sentence}} }

// isJSONObject reports whether raw JSON is an object.
func isJSONObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }
