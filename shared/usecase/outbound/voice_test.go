package outbound

import (
	"context"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// fakeTokens remembers tokens.
type fakeTokens struct {
	issued []aurora.RelayToken
	err    error
}

func (f *fakeTokens) IssueToken(_ context.Context, t aurora.RelayToken) error {
	f.issued = append(f.issued, t)
	return f.err
}

// withRelay makes a harness place calls by ConversationRelay.
func withRelay(h *harness) *fakeTokens {
	tokens := &fakeTokens{}
	h.StreamURL = ""
	h.Relay = Relay{URL: "wss://relay.example.com/prod", Tokens: tokens, Plain: strings.TrimSpace, NewToken: func() string { return "token-1" }}
	return tokens
}

func TestPlaceByRelay(t *testing.T) {
	h := newHarness(t)
	tokens := withRelay(h)
	h.assistants.All[0].AssistantFirstMessage = "Hello {{ outbound_call.name }}, this is {{ assistant_name }}."
	h.assistants.All[0].AssistantName = "Riley"
	h.assistants.All[0].Recording.Enabled = true
	if _, err := h.place(newRequest("k1")); err != nil {
		t.Fatal(err)
	}
	greeting := "Hello " + canaryName + ", this is Riley."
	want := aurora.RelayToken{Token: "token-1", AssistantID: riley, RecordID: "oc_1", Greeting: greeting, Recorded: true, ExpiresAt: h.now().Add(104 * time.Second)}
	if len(tokens.issued) != 1 || tokens.issued[0] != want {
		t.Errorf("issued %+v, want %+v", tokens.issued, want)
	}
	if mode := h.onlyRecord().VoiceMode; mode != aurora.VoiceModeRelay {
		t.Errorf("the record says %q, want relay", mode)
	}
	r := h.provider.requests[0]
	if r.StreamURL != "" || r.Plan.Relay == nil {
		t.Fatalf("the provider got %+v, want a session", r)
	}
	if s := r.Plan.Relay; s.URL != "wss://relay.example.com/prod" || s.Token != "token-1" || s.Greeting != greeting || s.AfterURL != publicURL+"/twilio/voice/after" || s.Assistant.ID() != riley {
		t.Errorf("the session is %+v", s)
	}
	if r.Plan.Say != "This call is recorded." || r.Plan.RecordingURL != publicURL+"/twilio/voice/status" {
		t.Errorf("the recording is %+v", r.Plan)
	}
	if r.StatusURL != publicURL+StatusPath+"?record=oc_1" || r.RingTime != ringTimeout || r.TalkTime != maxTalkTime {
		t.Errorf("the provider got %+v", r)
	}
	h.expectQuotas(quotasOfOneCall)
}

// Without a public address Twilio cannot ask for what follows: the call is not recorded and ends with its session.
func TestPlaceByRelayWithoutPublicURL(t *testing.T) {
	h := newHarness(t)
	tokens := withRelay(h)
	h.assistants.All[0].Recording.Enabled = true
	r := newRequest("k1")
	r.PublicURL = ""
	if _, err := h.place(r); err != nil {
		t.Fatal(err)
	}
	if p := h.provider.requests[0].Plan; p.Relay.AfterURL != "" || p.RecordingURL != "" || p.Say != "" || tokens.issued[0].Recorded {
		t.Errorf("the plan is %+v, the token %+v", p, tokens.issued[0])
	}
}

func TestVoiceModes(t *testing.T) {
	const stream, relay = "wss://voice.example.com/stream", "wss://relay.example.com/prod"
	for name, c := range map[string]struct {
		streamURL, relayURL   string
		deployment, assistant aurora.VoiceMode
		want                  string // "" is an error
	}{
		"both addresses":                   {stream, relay, "", "", "stream"},
		"a fresh deployment":               {"", relay, "", "", "relay"},
		"a voice server alone":             {stream, "", "", "", "stream"},
		"VOICE_MODE relay":                 {stream, relay, "relay", "", "relay"},
		"VOICE_MODE stream":                {stream, relay, "stream", "", "stream"},
		"VOICE_MODE stream, and no server": {"", relay, "stream", "", ""},
		"VOICE_MODE relay, and no address": {stream, "", "relay", "", ""},
		"the assistant's relay":            {stream, relay, "stream", "relay", "relay"},
		"the assistant's stream":           {stream, relay, "relay", "stream", "stream"},
		"the assistant's, and no server":   {"", relay, "relay", "stream", ""},
		"no address":                       {"", "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			withRelay(h)
			h.StreamURL, h.Relay.URL, h.VoiceMode = c.streamURL, c.relayURL, c.deployment
			h.assistants.All[0].VoiceMode = c.assistant
			_, err := h.place(newRequest("k1"))
			got := ""
			if len(h.provider.requests) > 0 {
				if got = "stream"; h.provider.requests[0].Plan.Relay != nil {
					got = "relay"
				}
				if (h.provider.requests[0].StreamURL != "") != (got == "stream") {
					t.Errorf("the provider got %+v", h.provider.requests[0])
				}
			}
			if got != c.want || (err == nil) != (c.want != "") || err != nil && faultCode(err) != "outbound_not_set_up" {
				t.Errorf("the call is by %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// A session without a token could not be served: the call is not placed.
func TestTokenIsNotStored(t *testing.T) {
	h := newHarness(t)
	withRelay(h).err = fault.New(fault.Unavailable, "down")
	if _, err := h.place(newRequest("k1")); !fault.Is(err, fault.Unavailable) || faultCode(err) != codeStoreUnavailable {
		t.Errorf("%v, want %s", err, codeStoreUnavailable)
	}
	h.expectRequests(0)
	h.expectQuotas("")
	if r := h.onlyRecord(); r.State != aurora.OutboundRejected {
		t.Errorf("the record is %s", r.State)
	}
}
