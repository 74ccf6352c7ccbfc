package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/optout"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/dev/fakeledger"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/webhook"
)

// effects notes what the built-in tools do with a caller's number.
type effects struct {
	mu    sync.Mutex
	noted []string
}

func (e *effects) note(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.noted = append(e.noted, fmt.Sprintf(format, args...))
}

func (e *effects) SendSMS(_ context.Context, _, to aurora.Phone, _ string) (string, error) {
	e.note("text to %s", string(to))
	return "SM1", nil
}

func (e *effects) CallsOf(_ context.Context, _ string, caller aurora.Phone, _ int) ([]aurora.Call, error) {
	e.note("calls of %s", string(caller))
	return nil, nil
}

func (e *effects) AddDoNotCall(_ context.Context, number aurora.Phone, _ string) error {
	e.note("list %s", string(number))
	return nil
}

func (*effects) Do(ctx context.Context, _ string, effect func(context.Context) (string, error)) (string, error) {
	return effect(ctx)
}

// A number that a carrier sends in place of a withheld one does not identify the caller. No tool may act on it, and the tool's
// answer says so.
func TestToolsOfCallersByNumber(t *testing.T) {
	assistant, err := aurora.ParseAssistant([]byte(`{"assistantId":"a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4","assistantName":"Riley","textFromNumber":"+15551230100",
		"functions":["get_caller_history","send_sms","add_to_do_not_call"]}`))
	if err != nil {
		t.Fatal(err)
	}
	calls := []string{`{"id":"1","function":{"name":"get_caller_history","arguments":"{}"}}`, `{"id":"2","function":{"name":"send_sms","arguments":{"message":"Hi"}}}`,
		`{"id":"3","function":{"name":"add_to_do_not_call","arguments":"{}"}}`}
	send := func(t *testing.T, number string) (answer string, e *effects, metrics []string) {
		e = &effects{}
		guard := fakeledger.NewGuard(&testkit.Assistants{}, fakeledger.New(time.Now), time.Now)
		guard.Count = func(_ context.Context, metric string) { metrics = append(metrics, metric) }
		kit := &tools.Kit{SMS: e, History: e, Contacts: guard, DoNotCall: e, Idempotency: e, BriefIdempotency: e, Now: time.Now,
			Count: func(_ context.Context, metric string) { metrics = append(metrics, metric) }}
		r := &webhook.Receiver{Assistants: &testkit.Assistants{All: []aurora.Assistant{assistant}}, Tools: kit}
		quoted, _ := json.Marshal(number)
		response, err := r.Receive(t.Context(), auth.Principal{}, []byte(`{"message":{"type":"tool-calls","call":{"id":"c1","assistantId":"a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4","customer":{"number":`+
			string(quoted)+`}},"customer":{"number":`+string(quoted)+`},"toolCallList":[`+strings.Join(calls, ",")+`]}}`))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := json.Marshal(response.Body)
		return string(b), e, metrics
	}
	for _, number := range []string{"+266696687", "266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "anonymous", "Restricted", "UNAVAILABLE", "private",
		"unknown", "", "sip:anonymous@anonymous.invalid", "\u202a+266696687\u202c", "whatsapp:+266696687"} {
		answer, e, metrics := send(t, number)
		if len(e.noted) > 0 || !strings.Contains(answer, "nothing was recorded") || !slices.Equal(metrics, []string{optout.MetricNotRecorded}) {
			t.Errorf("%q: effects %q, metrics %q, answer %s", number, e.noted, metrics, answer)
		}
	}
	for _, number := range []string{"+19005551234", "+881612345678", "+18765551234", "whatsapp:+449098790879", "+15559876543"} { // a text message is not sent there
		answer, e, metrics := send(t, number)
		if slices.ContainsFunc(e.noted, func(s string) bool { return strings.HasPrefix(s, "text") }) || !strings.Contains(answer, "are not allowed") || !slices.Equal(metrics, []string{contact.MetricRejected}) {
			t.Errorf("%q: effects %q, metrics %q, answer %s; want no text message, and the reason", number, e.noted, metrics, answer)
		}
	}
	for _, number := range []string{"+14155550158", "14155550158", "whatsapp:+14155550158", "sip:+14155550158@192.0.2.1", "\u202a+1\u00a0415\u2011555\u20110158\u202c", "＋１４１５５５５０１５８"} {
		_, e, metrics := send(t, number)
		slices.Sort(e.noted)
		if want := []string{"calls of +14155550158", "list +14155550158", "text to +14155550158"}; !slices.Equal(e.noted, want) || len(metrics) > 0 {
			t.Errorf("%q: effects %q, want %q; metrics %q", number, e.noted, want, metrics)
		}
	}
}
