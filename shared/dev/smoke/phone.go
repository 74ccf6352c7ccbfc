package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/coder/websocket"

	"example.com/aurora/shared/dev/faketwilio"
)

// twilioRoutes are the routes at which Twilio says that somebody calls or writes, and what became of it.
var twilioRoutes = []route{
	{method: http.MethodPost, path: "/twilio/voice", function: "voice-incoming"},
	{method: http.MethodPost, path: "/twilio/voice/after", function: "voice-after"},
	{method: http.MethodPost, path: "/twilio/voice/status", function: "voice-after"},
	{method: http.MethodPost, path: "/twilio/messages", function: "message-incoming"},
	{method: http.MethodPost, path: "/twilio/messages/status", function: "message-incoming"},
}

// phoneChecks try the routes of Twilio and the WebSocket API. No call begins: the routes reject the requests, and the connection
// names no call.
func (r *run) phoneChecks() []check {
	var checks []check
	for _, q := range twilioRoutes {
		checks = append(checks, check{q.name() + ", without a signature", func(ctx context.Context) (string, error) { return r.sendUnsigned(ctx, q) }})
	}
	return append(checks, check{"WebSocket API, without a signature", r.connectUnsigned}, check{"WebSocket API, signed", r.connectSigned})
}

// sendUnsigned sends a form without a signature. A defect or a setting that is missing would be answered 5xx.
func (r *run) sendUnsigned(ctx context.Context, q route) (string, error) {
	a, err := r.send(ctx, q, "", url.Values{"CallSid": {"CA00000000000000000000000000000000"}})
	if err != nil {
		return "", err
	}
	var e errorBody
	_ = json.Unmarshal(a.body, &e) // without a code it is a failure
	if e.Error.Code != "invalid_signature" {
		return "", r.fail(q, a, "401 invalid_signature")
	}
	return "rejected", nil
}

// connect makes a handshake with the WebSocket API, and ends the connection. The status is that of the answer.
func (r *run) connect(ctx context.Context, signature string) (status int, err error) {
	if r.WebSocket == "" {
		return 0, errors.New("the address of the WebSocket API is not known: the stack has no output RelayApiAddress")
	}
	options := &websocket.DialOptions{HTTPClient: r.client, HTTPHeader: http.Header{"User-Agent": {"aurora-smoke"}}}
	if signature != "" {
		options.HTTPHeader.Set("X-Twilio-Signature", signature)
	}
	conn, response, err := websocket.Dial(ctx, r.WebSocket, options)
	if response == nil {
		return 0, fmt.Errorf("%s: %w", r.WebSocket, err)
	}
	if err == nil {
		_ = conn.Close(websocket.StatusNormalClosure, "") // nothing was said
	}
	return response.StatusCode, nil
}

func (r *run) connectUnsigned(ctx context.Context) (string, error) {
	status, err := r.connect(ctx, "")
	if err == nil && status != http.StatusForbidden {
		err = fmt.Errorf("the handshake was answered %d, want 403: %s", status, relayParts)
	}
	return "rejected", err
}

// relayParts names what a handshake needs.
const relayParts = "function voice-relay, its log /aurora/<stage>/voice-relay, and the secret of Twilio"

// connectSigned signs the address that stands in the TwiML, as Twilio does.
func (r *run) connectSigned(ctx context.Context) (string, error) {
	login, err := r.twilioLogin(ctx)
	if err != nil {
		return "", err
	}
	status, err := r.connect(ctx, faketwilio.Sign(login.AuthToken, r.VoiceRelayURL, nil))
	if err == nil && status != http.StatusSwitchingProtocols {
		err = fmt.Errorf("the handshake for %s was answered %d, want 101: %s", r.VoiceRelayURL, status, relayParts)
	}
	return "signature accepted for " + r.VoiceRelayURL, err
}
