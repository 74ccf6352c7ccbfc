package eventtest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/fakeledger"
	"example.com/aurora/shared/dev/fakephone"
	"example.com/aurora/shared/dev/stricttwiml"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/speech"
	"example.com/aurora/shared/transport/twilioapi"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/callcontrol"
)

// VoiceSID is the sid of the call in the cases of the functions that answer calls.
const VoiceSID = "CA00000000000000000000000000000001"

// voiceGiven is what a case of such a function says under given.
type voiceGiven struct {
	PublicURL  string   `yaml:"publicURL"` // the setting PUBLIC_URL
	Down       []string `yaml:"down"`      // of assistants, calls, tasks, secret, relayURL; and panic
	Unknown    bool     `yaml:"unknown"`   // the call has no state
	Transfer   string   `yaml:"transfer"`  // the number to which the assistant transfers the call
	EndCall    bool     `yaml:"endCall"`   // the assistant ends the call
	Dialled    bool     `yaml:"dialled"`   // the transfer is under way
	Resumes    int      `yaml:"resumes"`   // how often the call was connected again
	Record     bool     `yaml:"record"`    // the assistant's calls are recorded
	NoFallback bool     `yaml:"noFallback"`
}

// RunVoice sends the cases of a function that answers Twilio's requests about calls to it. TwiML is read as strictly as it is
// documented. live says that the call has a state and is connected.
func RunVoice(t *testing.T, function string, live bool, newFunction func(twilioapi.Voice) *web.Function) {
	t.Helper()
	Run(t, function, func(t *testing.T, c *eventcase.Case, event json.RawMessage) Observed {
		var given voiceGiven
		if err := c.Setup(&given); err != nil {
			t.Fatal(err)
		}
		voice, calls, tasks := newVoice(t, given, live && !given.Unknown)
		o := Invoke(t, newFunction(voice), event)
		if o.Header.Get("Content-Type") == "text/xml" {
			if _, problems, err := stricttwiml.Read(string(o.Body)); len(problems) > 0 || err != nil {
				t.Errorf("%s\nhas problems: %v, %v", o.Body, problems, err)
			}
		}
		o.Effects = map[string]any{"tasks": tasks.sent}
		if slices.ContainsFunc(o.Metrics, func(m string) bool { return strings.HasPrefix(m, "AnswerDegraded") }) {
			o.Effects["degraded"] = true
		}
		calls.Fail = nil
		if call, ok, _ := calls.Call(t.Context(), VoiceSID); ok {
			o.Effects["call"] = describeCall(call)
		}
		return o
	})
}

// describeCall returns what the cases look at.
func describeCall(c aurora.PhoneCall) string {
	parts := []string{fmt.Sprintf("%s of %s from %q", c.Direction, c.AssistantID, c.Customer)}
	end := c.End
	if !end.ActionAt.IsZero() {
		parts = append(parts, strings.TrimSpace("session "+end.SessionStatus+" "+end.ErrorCode))
	}
	if end.Transferred || end.TransferStatus != "" {
		parts = append(parts, strings.TrimSpace("transferred "+end.TransferStatus))
	}
	if c.Resumes > 0 {
		parts = append(parts, fmt.Sprintf("resumed %d", c.Resumes))
	}
	if end.Status != "" {
		parts = append(parts, "status "+string(end.Status))
	}
	if end.Seconds != nil {
		parts = append(parts, fmt.Sprintf("%g s", *end.Seconds))
	}
	if end.RecordingURL != "" {
		parts = append(parts, "recording "+end.RecordingURL)
	}
	return strings.Join(parts, ", ")
}

// sentTasks remembers tasks.
type sentTasks struct {
	sent []string
	err  error
}

// Send implements callcontrol.Tasks.
func (s *sentTasks) Send(_ context.Context, task aurora.PhoneTask, delay time.Duration) error {
	if s.err == nil {
		s.sent = append(s.sent, fmt.Sprintf("%s %s in %s", task.Kind, task.CallSID, delay))
	}
	return s.err
}

func newVoice(t *testing.T, given voiceGiven, live bool) (twilioapi.Voice, *fakephone.Store, *sentTasks) {
	t.Helper()
	a := aurora.Assistant{FallbackNumber: "+14155550199", Configuration: aurora.Configuration{AssistantID: "avery", AssistantName: "Avery", AssistantPhoneNumber: "+15551230100",
		AssistantFirstMessage: `**Hello**, this is "{{ assistant_name }}" & <co>.`, ElevenLabsVoiceID: "burt", ElevenLabsModel: "eleven_turbo_v2_5", DeepgramModel: "nova-2"}}
	a.Recording.Enabled = given.Record
	if given.NoFallback {
		a.FallbackNumber = ""
	}
	assistants, calls, tasks := testkit.NewAssistants(a), fakephone.NewStore(), &sentTasks{}
	if live {
		call := aurora.PhoneCall{SID: VoiceSID, AssistantID: "avery", Direction: aurora.DirectionInbound, From: "+14155550142", To: "+15551230100", Customer: "+14155550142",
			OwnNumber: "+15551230100", CreatedAt: noon().Add(-time.Minute), ConnectedAt: noon().Add(-time.Minute), SessionID: "VX1", Resumes: given.Resumes}
		switch {
		case given.Transfer != "":
			call.Closing = &aurora.CallClosing{ID: "opaque", Action: aurora.Action{Type: aurora.ActionTransferCall, Destination: &aurora.Destination{Number: given.Transfer, Message: "I will connect you."}}}
		case given.EndCall:
			call.Closing = &aurora.CallClosing{ID: "opaque", Action: aurora.Action{Type: aurora.ActionEndCall}}
		}
		call.End.Transferred = given.Dialled
		if _, err := calls.CreateCall(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	service := &callcontrol.Service{Assistants: assistants, Calls: calls, Tasks: tasks, Counter: fakeledger.New(noon), Limits: callcontrol.Limits{OfCaller: 30, OfAssistant: 300},
		RelayURL: "wss://relay.example.com/prod", Plain: speech.Text, Now: noon, NewToken: func() string { return "token-1" }}
	credentials := func(context.Context) (string, error) {
		return `{"accountSid":"AC00000000000000000000000000000001","authToken":"0123456789abcdef0123456789abcdef"}`, nil
	}
	errDown := fault.New(fault.Unavailable, "down")
	for _, part := range given.Down {
		switch part {
		case "assistants":
			assistants.Err = errDown
		case "calls":
			calls.Fail = func(string) error { return errDown }
		case "tasks":
			tasks.err = errDown
		case "secret":
			credentials = func(context.Context) (string, error) { return "", errDown }
		case "relayURL":
			service.RelayURL = ""
		case "panic":
			service.Plain, service.Now = nil, nil
		default:
			t.Fatalf("given.down has no %s", part)
		}
	}
	return twilioapi.Voice{Verifier: twilio.New(twilio.Options{Credentials: credentials}), Calls: service, PublicURL: given.PublicURL}, calls, tasks
}
