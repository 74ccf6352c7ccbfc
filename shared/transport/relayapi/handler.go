package relayapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/usecase/phonecall"
)

// Verifier checks that Twilio signed a handshake for an address. Its errors are fault.Unauthorized, and fault.Unavailable if the
// account's token cannot be read.
type Verifier interface {
	VerifyHandshake(ctx context.Context, address, signature string) (signed string, err error)
}

// Engine carries conversations: *phonecall.Engine, except in tests.
type Engine interface {
	Setup(ctx context.Context, ev phonecall.Event, s phonecall.Setup)
	Prompt(ctx context.Context, ev phonecall.Event, words string, last bool)
	Interrupt(ctx context.Context, ev phonecall.Event, heard string)
	Digit(ctx context.Context, ev phonecall.Event, digit string)
	AgentSpeaking(ctx context.Context, ev phonecall.Event, speaking bool)
	CallerSpeaking(ctx context.Context, ev phonecall.Event, speaking bool)
	Failed(ctx context.Context, ev phonecall.Event, description string)
	Disconnected(ctx context.Context, ev phonecall.Event)
}

// Handler serves the events of the WebSocket API.
type Handler struct {
	Engine   Engine
	Verifier Verifier
	RelayURL string // the address in the TwiML
	Now      func() time.Time
}

const signatureHeader = "X-Twilio-Signature"

// The types of events.
const (
	eventConnect    = "CONNECT"
	eventMessage    = "MESSAGE"
	eventDisconnect = "DISCONNECT"
)

// Invoke serves one event. It is the handler for lambdaapp.Start, and never fails.
func (h *Handler) Invoke(ctx context.Context, raw json.RawMessage) (events.APIGatewayProxyResponse, error) {
	ctx = logfields.New(ctx)
	var e events.APIGatewayWebsocketProxyRequest
	if err := json.Unmarshal(raw, &e); err != nil {
		slog.ErrorContext(ctx, "event of the WebSocket API not read", "event", "relay.event_unreadable", "error", err)
		return answer(http.StatusOK), nil
	}
	logfields.Set(ctx, logfields.GatewayRequestID, e.RequestContext.RequestID)
	status := http.StatusOK
	if err := safego.Call(func() error {
		status = h.serve(ctx, e)
		return nil
	}); err != nil {
		safego.LogPanic(ctx, err)
		metric.CountAnswer(ctx, err)
		if status = http.StatusOK; e.RequestContext.EventType == eventConnect {
			status = http.StatusInternalServerError
		}
	}
	return answer(status), nil
}

func answer(status int) events.APIGatewayProxyResponse {
	return events.APIGatewayProxyResponse{StatusCode: status}
}

func (h *Handler) serve(ctx context.Context, e events.APIGatewayWebsocketProxyRequest) (status int) {
	switch e.RequestContext.EventType {
	case eventConnect:
		return h.connect(ctx, e)
	case eventDisconnect:
		slog.InfoContext(ctx, "connection ended", "event", "relay.disconnected", "connectionId", e.RequestContext.ConnectionID, "code", e.RequestContext.DisconnectStatusCode)
		h.Engine.Disconnected(ctx, h.eventOf(e))
	case eventMessage:
		h.message(ctx, e)
	}
	return http.StatusOK
}

// connect verifies the signature of the handshake. Nothing else is known of a connection before its first message.
func (h *Handler) connect(ctx context.Context, e events.APIGatewayWebsocketProxyRequest) (status int) {
	signed, err := h.Verifier.VerifyHandshake(ctx, h.RelayURL, header(e, signatureHeader))
	if err != nil {
		metric.CountAnswer(ctx, err)
		slog.WarnContext(ctx, "connection rejected", "event", "relay.connection_rejected", "error", err)
		if fault.Is(err, fault.Unauthorized) {
			return http.StatusForbidden
		}
		return http.StatusServiceUnavailable
	}
	slog.InfoContext(ctx, "connection accepted", "event", "relay.connected", "connectionId", e.RequestContext.ConnectionID, "asInTwiml", signed == h.RelayURL)
	return http.StatusOK
}

// header returns a header of the handshake, in whatever case its name was sent. A header that was sent twice is none.
func header(e events.APIGatewayWebsocketProxyRequest, name string) string {
	var all []string
	for key, values := range e.MultiValueHeaders {
		if strings.EqualFold(key, name) {
			all = append(all, values...)
		}
	}
	if len(all) == 0 {
		for key, value := range e.Headers {
			if strings.EqualFold(key, name) {
				all = append(all, value)
			}
		}
	}
	if len(all) != 1 {
		return ""
	}
	return all[0]
}

func (h *Handler) eventOf(e events.APIGatewayWebsocketProxyRequest) phonecall.Event {
	c := e.RequestContext
	ev := phonecall.Event{ConnectionID: c.ConnectionID, MessageID: c.RequestID, At: time.UnixMilli(c.RequestTimeEpoch).UTC()}
	if id, ok := c.MessageID.(string); ok && id != "" {
		ev.MessageID = id
	}
	if ev.MessageID == "" {
		ev.MessageID = fmt.Sprintf("%s %d", c.ConnectionID, c.RequestTimeEpoch)
	}
	if c.RequestTimeEpoch == 0 {
		ev.At = h.Now().UTC().Truncate(time.Millisecond)
	}
	return ev
}

func (h *Handler) message(ctx context.Context, e events.APIGatewayWebsocketProxyRequest) {
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(e.Body)
		if err != nil {
			slog.WarnContext(ctx, "message ignored: it is not base64", "event", "relay.message_unreadable")
			return
		}
		body = decoded
	}
	m, err := decodeMessage(body)
	if err != nil { // the error could quote what the caller said
		slog.WarnContext(ctx, "message ignored: it is no JSON object", "event", "relay.message_unreadable")
		return
	}
	h.dispatch(ctx, h.eventOf(e), m)
}

func (h *Handler) dispatch(ctx context.Context, ev phonecall.Event, m message) {
	switch m.Type {
	case "setup":
		h.Engine.Setup(ctx, ev, m.setup())
	case "prompt":
		h.Engine.Prompt(ctx, ev, string(m.VoicePrompt), bool(m.Last))
	case "interrupt":
		h.Engine.Interrupt(ctx, ev, string(m.UtteranceUntilInterrupt))
	case "dtmf":
		h.Engine.Digit(ctx, ev, string(m.Digit))
	case "error":
		h.Engine.Failed(ctx, ev, string(m.Description))
	case "info":
		switch m.Name {
		case "agentSpeaking":
			h.Engine.AgentSpeaking(ctx, ev, m.Value == "on")
		case "clientSpeaking":
			h.Engine.CallerSpeaking(ctx, ev, m.Value == "on")
		}
	default:
		slog.DebugContext(ctx, "message of an unknown type ignored", "event", "relay.message_unknown")
	}
}
