package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
	"example.com/aurora/shared/core/trace"
)

// Receiver answers a provider's messages.
type Receiver struct {
	Assistants aurora.AssistantFinder
	Archive    Archive
	Queue      ReportQueue
	Tools      Tools // nil: no assistant has tools
	// OutboundCalls finds the calls that we placed. If it is nil, no call is one of ours.
	OutboundCalls aurora.OutboundCallFinder
	// Eligibility answers a campaign's question before a call. If it is nil, no number is eligible.
	Eligibility EligibilityChecker
	// Traces stores the record of each message. If it is nil, the record is only a line of the log.
	Traces *trace.Writer
}

// Response is the answer to a message.
type Response struct {
	Created bool   // the status is 201, else 200
	Body    any    // written as JSON
	Audio   []byte // if not nil, the body instead of Body: one channel of raw PCM, 16 bits
}

// metricErrorAnswered counts errors that are answered with 200, because the provider knows no other answer.
const metricErrorAnswered = "ErrorAnswered"

// endpointingSeconds is how long to wait before the caller's speech counts as finished, as in the example of Vapi's
// documentation: this service has no model for it.
const endpointingSeconds = 0.5

// silence answers a voice-request, which asks for raw audio (ServerMessageResponseVoiceRequest in Vapi's SDK), with a tenth of a
// second of silence: this service has no voice.
func silence(m providermsg.Message) Response {
	rate, ok := m.Number("sampleRate")
	if !ok || rate < 8000 || rate > 96000 {
		rate = 24000
	}
	const bytesPerSample = 2
	return Response{Audio: make([]byte, int(rate)/10*bytesPerSample)}
}

// looksLikeReport reports whether a body that cannot be read may be an end-of-call report, perhaps in UTF-16.
func looksLikeReport(body []byte) bool {
	body = bytes.ReplaceAll(body, []byte{0}, nil)
	return bytes.Contains(body, []byte(endOfCallReport)) || bytes.Contains(body, []byte(`"endedReason"`)) || bytes.Contains(body, []byte(`\"endedReason\"`))
}

// answerTimeout bounds the questions that a caller on the telephone waits for. A last read that begins just before it
// ends still leaves the answer within 3 s; Vapi waits 7.5 s in all, including the network.
const answerTimeout = 1400 * time.Millisecond

const endOfCallReport = "end-of-call-report"

// informationalTypes are the message types that need no answer (https://docs.vapi.ai/server-url/events).
var informationalTypes = map[string]bool{
	"status-update": true, "conversation-update": true, "transcript": true, "speech-update": true, "user-interrupted": true,
	"hang": true, "phone-call-control": true, "voice-input": true, "model-output": true, "transfer-update": true,
	"call.artifact.upload": true, "assistant.started": true, "assistant.speechStarted": true, "language-change-detected": true,
	"workflow.node.started": true, "tool-calls-result": true, "tool.completed": true, "chat.created": true, "chat.deleted": true,
	"session.created": true, "session.updated": true, "session.deleted": true, "call.deleted": true, "call.delete.failed": true,
}

// Receive answers one message of a principal. The body is as posted.
func (r *Receiver) Receive(ctx context.Context, p auth.Principal, body []byte) (Response, error) {
	ctx, record := trace.New(ctx)
	if now := r.Archive.Now; now != nil { // without a clock nothing is measured
		record.Begin(trace.KindMessage, now(), now, r.Traces)
	}
	message := trace.Message{}
	response, err := r.receive(ctx, p, body, &message)
	recordEnd(ctx, record, message, response, err)
	return response, err
}

// receive is Receive. It fills in what is recorded of the message.
func (r *Receiver) receive(ctx context.Context, p auth.Principal, body []byte, recorded *trace.Message) (Response, error) {
	empty := Response{Body: struct{}{}}
	if report, ok := readReport(body); ok {
		logMessage(ctx, report.Identity)
		recorded.Type, recorded.ProviderAt = trace.NewName(endOfCallReport), report.Identity.Timestamp
		return empty, r.receiveReport(ctx, p, report, body)
	}
	m, err := providermsg.ParseMessage(body)
	if err != nil {
		if looksLikeReport(body) {
			if storeErr := r.Archive.storeInvalid(ctx, body, err); storeErr != nil {
				return Response{}, storeErr
			}
		}
		return Response{}, err
	}
	logMessage(ctx, m.Identity())
	baseType, _, _ := strings.Cut(m.Type(), "[") // transcript[transcriptType='final']
	readRecorded(m, baseType, recorded)
	switch {
	case baseType == "assistant-request":
		return r.answerAssistantRequest(ctx, p, m)
	case baseType == endOfCallReport:
		report, err := Scrub(body)
		if err != nil {
			return Response{}, err
		}
		return empty, r.receiveReport(ctx, p, report, body)
	case baseType == "transfer-destination-request":
		return r.answerTransfer(ctx, p, m)
	case baseType == "handoff-destination-request":
		return r.answerHandoff(ctx, p, m)
	case baseType == "tool-calls":
		return r.answerToolCalls(ctx, p, m), nil
	case baseType == "function-call":
		return r.answerFunctionCall(ctx, p, m), nil
	case baseType == "campaign.predial":
		return r.answerPredial(ctx, p, m), nil
	case baseType == "call.endpointing.request":
		return Response{Body: map[string]float64{"timeoutSeconds": endpointingSeconds}}, nil
	case baseType == "voice-request":
		return silence(m), nil
	case baseType == "knowledge-base-request":
		return Response{Body: map[string]any{"documents": []any{}}}, nil
	case informationalTypes[baseType]:
		return empty, nil
	default:
		return empty, r.Archive.StoreUnrecognised(ctx, m.Type(), body)
	}
}

// receiveReport stores a report if the principal may reach its assistant. Only for a principal that is limited to some
// assistants, a report that names none is decoded: a squad's first assistant, or the number that was called, is then it.
func (r *Receiver) receiveReport(ctx context.Context, p auth.Principal, report Scrubbed, body []byte) error {
	if len(p.Assistants) > 0 {
		if err := r.checkReport(ctx, p, report.Identity.AssistantID, body); err != nil {
			return err
		}
	}
	return r.storeReport(ctx, report)
}

func (r *Receiver) checkReport(ctx context.Context, p auth.Principal, assistantID string, body []byte) error {
	if assistantID != "" {
		return p.CheckAssistant(assistantID)
	}
	m, err := providermsg.ParseMessage(body)
	if err != nil {
		return err
	}
	if id := m.EndOfCall().AssistantID; id != "" {
		return p.CheckAssistant(id)
	}
	_, err = r.findAssistant(ctx, p, m)
	return err
}

// readReport reads an end-of-call report in one pass, without decoding it: it can have several megabytes. It is not ok
// for any other message, and for a body that is not valid: ParseMessage says what is wrong with it.
func readReport(body []byte) (report Scrubbed, ok bool) {
	if providermsg.PeekType(body) != endOfCallReport {
		return report, false
	}
	report, err := Scrub(body)
	return report, err == nil && report.Identity.Type == endOfCallReport
}

// logMessage logs that a message came, and names its call and its assistant in all further lines of the request.
func logMessage(ctx context.Context, id providermsg.Identity) {
	aurora.LogCall(ctx, id.CallIDs...)
	logfields.Set(ctx, logfields.AssistantID, id.AssistantID)
	slog.InfoContext(ctx, "message received", "event", "message.received", "type", text.Clip(id.Type, 64))
}

// spokenError returns an answer that Vapi speaks to the caller instead of an error, which it counts.
func spokenError(ctx context.Context, sentence string, err error) Response {
	metric.CountFailure(ctx, metricErrorAnswered, err)
	trace.Failed(ctx, err)
	return Response{Body: map[string]string{"error": sentence}}
}

// isJSONObject reports whether valid JSON is an object.
func isJSONObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }
