package callcontrol_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/usecase/callcontrol"
)

const answered = `relay token-1 "Hello, this is Avery." after /twilio/voice/after`

func TestAnswer(t *testing.T) {
	f := newFixture()
	check(t, "a call", f.Answer(t.Context(), incoming()), answered)
	want := aurora.PhoneCall{SID: sid, AssistantID: "avery", Direction: aurora.DirectionInbound, From: caller, To: own, Customer: caller, OwnNumber: own,
		Greeting: "Hello, this is Avery.", CreatedAt: f.now}
	if got := f.calls[sid]; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("stored %+v\nwant %+v", got, want)
	}
	if want := (aurora.RelayToken{Token: "token-1", AssistantID: "avery", CallSID: sid, ExpiresAt: f.now.Add(2 * time.Minute)}); !slices.Equal(f.tokens, []aurora.RelayToken{want}) {
		t.Errorf("issued %+v, want %+v", f.tokens, want)
	}
	if !slices.Equal(f.tasks, []string{"finish 15m0s"}) {
		t.Errorf("tasks %v, want one that finishes the call in any case", f.tasks)
	}
}

// Twilio repeats a request whose answer was lost. The state is the first one's, and the token is new.
func TestAnswerRepeatedRequest(t *testing.T) {
	f := newFixture()
	f.Answer(t.Context(), incoming())
	f.change(func(a *aurora.Assistant) { a.AssistantFirstMessage = "Another greeting." })
	f.now = f.now.Add(5 * time.Second)
	for n := 2; n < 6; n++ {
		check(t, "the same call", f.Answer(t.Context(), incoming()), strings.Replace(answered, "token-1", fmt.Sprint("token-", n), 1))
	}
	if len(f.calls) != 1 || !f.calls[sid].CreatedAt.Equal(f.now.Add(-5*time.Second)) {
		t.Errorf("the state is %+v, want the first request's", f.calls[sid])
	}
}

func TestAnswerCallers(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		customer aurora.Phone
		want     string
	}{
		"a number":               {caller, own, caller, answered},
		"anonymous":              {"anonymous", own, "", answered},
		"withheld, as digits":    {"+266696687", own, "", answered},
		"restricted, as digits":  {"+7378742833", own, "", answered},
		"nothing":                {"", own, "", answered},
		"SIP":                    {"sip:+14155550142@example.com", own, "", answered},
		"client":                 {"client:bob", own, "", answered},
		"a short code":           {"78787", own, "", answered},
		"our own number":         {own, own, "", "reject"},
		"to an unknown number":   {caller, "+15551239999", "", "say This number is not in service.; hang up"},
		"to nothing":             {caller, "", "", "say This number is not in service.; hang up"},
		"to a client":            {caller, "client:bob", "", "say This number is not in service.; hang up"},
		"to a SIP address of it": {caller, "sip:+15551230100@example.com", caller, answered},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			check(t, name, f.Answer(t.Context(), callcontrol.Call{SID: sid, From: c.from, To: c.to, PublicURL: publicURL}), c.want)
			if stored := f.calls[sid]; stored.Customer != c.customer || len(f.calls) > 0 != strings.HasPrefix(c.want, "relay") {
				t.Errorf("stored %+v", stored)
			}
		})
	}
	t.Run("another assistant's number", func(t *testing.T) {
		f := newFixture()
		f.assistants["riley"] = newAssistant("riley", "+15551230200")
		c := incoming()
		c.From = "+15551230200"
		check(t, "loop", f.Answer(t.Context(), c), "reject")
	})
}

func TestAnswerWithRecording(t *testing.T) {
	f := newFixture().change(func(a *aurora.Assistant) { a.Recording.Enabled, a.Language = true, "es" })
	check(t, "recorded", f.Answer(t.Context(), incoming()), "say Esta llamada se graba.; record to /twilio/voice/status; "+answered)
	if !f.calls[sid].Recorded {
		t.Error("the state does not say that the call is recorded")
	}
}

func TestLimitsOfIncomingCalls(t *testing.T) {
	f := newFixture()
	call := func(n int, from string) string {
		c := incoming()
		c.SID, c.From = fmt.Sprintf("CA%032d", n), from
		return describe(f.Answer(t.Context(), c))
	}
	for n := range 2 {
		if got := call(n, caller); !strings.HasPrefix(got, "relay") {
			t.Errorf("call %d: %s", n, got)
		}
	}
	if got := call(3, caller); got != "reject" {
		t.Errorf("a call above the caller's limit: %s", got)
	}
	if got := call(1, caller); !strings.HasPrefix(got, "relay") {
		t.Errorf("the last call, repeated: %s", got)
	}
	if got := call(4, "anonymous"); !strings.HasPrefix(got, "relay") {
		t.Errorf("a caller without a number: %s", got)
	}
	if got := call(5, "+14155550143"); got != connecting {
		t.Errorf("a call above the assistant's limit: %s", got)
	}
	f.now = f.now.Add(time.Minute)
	if got := call(6, caller); !strings.HasPrefix(got, "relay") {
		t.Errorf("a minute later: %s", got)
	}
}

// Whatever fails, the caller hears an apology and reaches the fallback number.
func TestFaultsOfAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fixture)
		want   string
	}{
		"fault 130: assistants cannot be read": {func(f *fixture) { f.down["ByNumber"] = true }, apology},
		"fault 131: state cannot be stored":    {func(f *fixture) { f.down["CreateCall"] = true }, connecting},
		"fault 131: token cannot be stored":    {func(f *fixture) { f.down["IssueToken"] = true }, connecting},
		"fault 132: no address of a WebSocket": {func(f *fixture) { f.RelayURL = "" }, connecting},
		"fault 135: task cannot be sent":       {func(f *fixture) { f.down["Send"] = true }, answered},
		"counters cannot be written":           {func(f *fixture) { f.down["TakeQuota"] = true }, answered},
		"no fallback number": {func(f *fixture) {
			f.RelayURL = ""
			f.change(func(a *aurora.Assistant) { a.FallbackNumber = "" })
		}, apology},
		"fallback number is no number": {func(f *fixture) {
			f.RelayURL = ""
			f.change(func(a *aurora.Assistant) { a.FallbackNumber = "911" })
		}, apology},
		"fallback number is ours": {func(f *fixture) {
			f.RelayURL = ""
			f.change(func(a *aurora.Assistant) {
				a.FallbackNumber, a.PhoneNumbers = "+15551230101", aurora.List{"+15551230101"}
			})
		}, apology},
		"fallback number is another assistant's": {func(f *fixture) {
			f.RelayURL = ""
			f.assistants["riley"] = newAssistant("riley", fallback)
		}, apology},
		"fallback number is the caller": {func(f *fixture) {
			f.RelayURL = ""
			f.change(func(a *aurora.Assistant) { a.FallbackNumber = caller })
		}, apology},
		"apology in Spanish": {func(f *fixture) {
			f.RelayURL = ""
			f.change(func(a *aurora.Assistant) { a.FallbackNumber, a.Language = "", "es-MX" })
		}, "say Lo sentimos. En este momento no podemos atender su llamada. Inténtelo de nuevo más tarde.; hang up"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			c.change(f)
			check(t, name, f.Answer(t.Context(), incoming()), c.want)
		})
	}
	t.Run("withheld number at the fallback number", func(t *testing.T) {
		f := newFixture()
		f.RelayURL = ""
		c := incoming()
		c.From = "anonymous"
		check(t, "dial", f.Answer(t.Context(), c), strings.Replace(connecting, " as  ", " as "+own+" ", 1))
	})
}
