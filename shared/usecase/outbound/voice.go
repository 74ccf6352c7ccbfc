package outbound

import (
	"cmp"
	"context"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/script"
)

// Relay is what calls by ConversationRelay need. Without its URL there are none.
type Relay struct {
	URL      string // of our WebSocket, wss://
	Tokens   TokenIssuer
	Plain    func(text string) string // removes Markdown
	NewToken func() string            // returns a random token
}

// TokenIssuer stores the tokens of ConversationRelay's sessions.
type TokenIssuer interface {
	IssueToken(ctx context.Context, t aurora.RelayToken) error
}

// tokenTTL is how long the token of a session is good. The call is asked for, queued and rings before it is used.
const tokenTTL = createWithin + ringTimeout + time.Minute

func errNoVoice(reason string) error {
	return fault.New(fault.Unavailable, "Outbound calls are not set up: "+reason).WithCode("outbound_not_set_up").WithoutRetry()
}

// checkVoice reports an error if no call can be connected, for any assistant.
func (s *Service) checkVoice() error {
	if s.StreamURL == "" && s.Relay.URL == "" {
		return errNoVoice("there is neither a voice server nor an address for ConversationRelay.")
	}
	return nil
}

// modeFor returns how calls of an assistant are connected. It reports an error if the deployment has no address for it.
func (s *Service) modeFor(a aurora.Assistant) (aurora.VoiceMode, error) {
	mode := cmp.Or(a.VoiceMode, s.VoiceMode)
	if mode == "" && s.StreamURL != "" {
		mode = aurora.VoiceModeStream
	}
	switch {
	case mode == aurora.VoiceModeStream && s.StreamURL == "":
		return "", errNoVoice("there is no voice server.")
	case mode == aurora.VoiceModeStream:
		return mode, nil
	case s.Relay.URL == "":
		return "", errNoVoice("there is no address for ConversationRelay.")
	}
	return aurora.VoiceModeRelay, nil
}

// connect says in a request for a call how the answered call is connected. For ConversationRelay it issues the token that binds
// the session to the call's record.
func (s *Service) connect(ctx context.Context, a *attempt, d *aurora.CallRequest) error {
	if a.mode == aurora.VoiceModeStream {
		d.StreamURL = s.StreamURL
		return nil
	}
	known := a.record.Context()
	facts := script.Facts{CallerNumber: string(a.record.To), CustomerNumber: string(a.record.To), Outbound: &known, Now: s.Now}
	session := aurora.RelaySession{URL: s.Relay.URL, Token: s.Relay.NewToken(), Greeting: script.Greeting(ctx, a.assistant, facts, s.Relay.Plain)}
	d.Plan = script.Connect(a.assistant, session, a.PublicURL)
	token := aurora.RelayToken{Token: session.Token, AssistantID: a.record.AssistantID, RecordID: a.record.ID, Greeting: session.Greeting,
		Recorded: d.Plan.RecordingURL != "", ExpiresAt: s.Now().Add(tokenTTL)}
	if err := s.Relay.Tokens.IssueToken(ctx, token); err != nil {
		return errUnavailable("The call's session cannot be stored now, so no call was placed.", err)
	}
	return nil
}
