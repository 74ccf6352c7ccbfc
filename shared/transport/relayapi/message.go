package relayapi

import (
	"encoding/json"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/usecase/phonecall"
)

// message is a message of Twilio. Every type has some of the fields; others are ignored. durationUntilInterruptMs is not read:
// it is a number in one place of the documentation and a string in another.
type message struct {
	Type aurora.Text `json:"type"`

	// setup
	SessionID        aurora.Text            `json:"sessionId"`
	AccountSID       aurora.Text            `json:"accountSid"`
	CallSID          aurora.Text            `json:"callSid"`
	From             aurora.Text            `json:"from"`
	To               aurora.Text            `json:"to"`
	CustomParameters map[string]aurora.Text `json:"customParameters"`

	// prompt
	VoicePrompt aurora.Text `json:"voicePrompt"`
	Last        isTrue      `json:"last"`

	UtteranceUntilInterrupt aurora.Text `json:"utteranceUntilInterrupt"` // interrupt
	Digit                   aurora.Text `json:"digit"`                   // dtmf
	Description             aurora.Text `json:"description"`             // error

	// info
	Name  aurora.Text `json:"name"`
	Value aurora.Text `json:"value"`
}

// isTrue is true for true and "true".
type isTrue bool

// UnmarshalJSON implements json.Unmarshaler. It never fails.
func (b *isTrue) UnmarshalJSON(raw []byte) error {
	*b = isTrue(strings.EqualFold(strings.Trim(string(raw), `"`), "true"))
	return nil
}

// decodeMessage reads a message field by field: a field of another type than documented is left out, and the others count.
func decodeMessage(body []byte) (message, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return message{}, err
	}
	var m message
	for name, value := range fields {
		one, _ := json.Marshal(map[string]json.RawMessage{name: value}) // valid JSON: cannot fail
		read := m
		if json.Unmarshal(one, &read) == nil {
			m = read
		}
	}
	return m, nil
}

func (m message) setup() phonecall.Setup {
	s := phonecall.Setup{SessionID: string(m.SessionID), AccountSID: string(m.AccountSID), CallSID: string(m.CallSID), From: string(m.From), To: string(m.To),
		Parameters: map[string]string{}}
	for name, value := range m.CustomParameters {
		s.Parameters[name] = string(value)
	}
	return s
}
