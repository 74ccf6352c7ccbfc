package relayapi

import (
	"context"
	"encoding/json"

	"example.com/aurora/shared/usecase/phonecall"
)

// Connections sends messages to the clients of a WebSocket API.
type Connections interface {
	Send(ctx context.Context, connectionID string, message []byte) error
}

// Sender sends messages to Twilio.
type Sender struct{ Connections Connections }

// textFrame is words to be spoken. The turn ends with the last ones.
type textFrame struct {
	Type  string `json:"type"`
	Token string `json:"token"`
	Last  bool   `json:"last"`
	// Interruptible is left out for words that follow the session's own setting.
	Interruptible *bool `json:"interruptible,omitempty"`
}

// endFrame ends the session.
type endFrame struct {
	Type        string `json:"type"`
	HandoffData string `json:"handoffData,omitempty"`
}

// encodeFrame returns the message as Twilio reads it.
func encodeFrame(f phonecall.Frame) []byte {
	text := textFrame{Type: "text", Token: f.Text, Last: f.Last}
	if f.Uninterruptible {
		text.Interruptible = new(bool)
	}
	var wire any = text
	if f.End {
		wire = endFrame{Type: "end", HandoffData: f.HandoffData}
	}
	b, _ := json.Marshal(wire) // strings and bools: cannot fail
	return b
}

// Send sends a message.
func (s Sender) Send(ctx context.Context, connectionID string, f phonecall.Frame) error {
	return s.Connections.Send(ctx, connectionID, encodeFrame(f))
}
