package smoke

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/coder/websocket"

	"example.com/aurora/shared/dev/faketwilio"
)

// relayChecks try the WebSocket API of phone calls. No call begins, since the connection names none.
func (r *run) relayChecks() []check {
	return []check{{"WebSocket API, without a signature", r.connectUnsigned}, {"WebSocket API, signed", r.connectSigned}}
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
