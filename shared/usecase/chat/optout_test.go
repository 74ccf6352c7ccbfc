package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/optout"
	"example.com/aurora/shared/usecase/chat"
)

// fakeDoNotCallList records the numbers that are added.
type fakeDoNotCallList struct {
	numbers []aurora.Phone
	err     error
}

func (l *fakeDoNotCallList) AddDoNotCall(_ context.Context, n aurora.Phone, _ string) error {
	l.numbers = append(l.numbers, n)
	return l.err
}

func (l *fakeDoNotCallList) RemoveDoNotCall(_ context.Context, n aurora.Phone) (bool, error) {
	i := slices.Index(l.numbers, n)
	if i >= 0 {
		l.numbers = slices.Delete(l.numbers, i, i+1)
	}
	return i >= 0, l.err
}

// START takes an opt-out back. From somebody who is not on the list, the same word means something else.
func TestOptIn(t *testing.T) {
	for text, c := range map[string]struct {
		channel chat.Channel
		optsIn  bool
	}{
		"START": {chat.SMS, true}, " start.\n": {chat.SMS, true}, "Unstop": {chat.SMS, true}, "Start please": {chat.SMS, true}, "opt-in": {chat.SMS, true}, "\u200eSTART": {chat.SMS, true},
		"When do we start?": {chat.SMS, false}, "yes": {chat.SMS, false}, "please": {chat.SMS, false}, "START ": {chat.Voice, false}, "start over": {chat.SMS, false},
	} {
		for _, listed := range []bool{true, false} {
			m := &scriptedModel{answers: [][]agent.Chunk{textAnswer("Yes?")}}
			s, _ := newReception(m)
			l := &fakeDoNotCallList{}
			if listed {
				l.numbers = []aurora.Phone{"+14155550123"}
			}
			s.DoNotCallList = l
			r := userRequest(text, `{"id":"c1","assistantId":"front","caller_phone_number":"+1 (415) 555-0123"}`)
			r.Channel = c.channel
			result, _ := takeTurn(t, s, r)
			if optedIn := listed && len(l.numbers) == 0 && len(m.requests) == 0 && result.Text == "You may hear from us again by text message and phone."; optedIn != (c.optsIn && listed) {
				t.Errorf("%q on channel %q, listed %t: the list is %v, %d requests to the model, answered %q", text, c.channel, listed, l.numbers, len(m.requests), result.Text)
			}
		}
	}
}

func TestOptOut(t *testing.T) {
	for text, c := range map[string]struct {
		channel chat.Channel
		optsOut bool
	}{
		"STOP": {chat.SMS, true}, " stop.\n": {chat.SMS, true}, "Unsubscribe": {chat.SMS, true}, "\"QUIT\"!": {chat.SMS, true},
		"stop by at nine?": {chat.SMS, false}, "Don't stop": {chat.SMS, false}, "Stop": {chat.Voice, false}, "End": {chat.General, false},
		"STOP ALL": {chat.SMS, true}, "Stop. Thank you": {chat.SMS, true}, "unsubscribe please": {chat.SMS, true}, "\u200e\u202aSTOP\u202c": {chat.SMS, true}, "\ufeffstop": {chat.SMS, true},
		"ＳＴＯＰ": {chat.SMS, true}, "ARRÊT": {chat.SMS, true}, "Please stop texting me!": {chat.SMS, true}, "opt-out": {chat.SMS, true}, "Opt me out pls": {chat.SMS, true}, "Take me off your list.": {chat.SMS, true},
		"I want to unsubscribe": {chat.SMS, true}, "don’t text me": {chat.SMS, true}, "Do not call this number again": {chat.SMS, true}, "remove me": {chat.SMS, true}, "no more messages please": {chat.SMS, true},
		"STOP STOP STOP": {chat.SMS, true}, "🛑 stop": {chat.SMS, true}, "I revoke my consent": {chat.SMS, true}, "Hi, please cancel. Thanks": {chat.SMS, true},
		"cancel my appointment": {chat.SMS, false}, "When does the bus stop?": {chat.SMS, false}, "how do I unsubscribe my wife?": {chat.SMS, false}, "the end of the week": {chat.SMS, false},
		"Can you remove the crown?": {chat.SMS, false}, "please": {chat.SMS, false}, "thank you": {chat.SMS, false}, "ok": {chat.SMS, false}, "": {chat.SMS, false}, "you can't stop": {chat.SMS, false},
		"Why did you take me off the list?": {chat.SMS, false}, "quit smoking program": {chat.SMS, false},
	} {
		m := &scriptedModel{answers: [][]agent.Chunk{textAnswer("Yes?")}}
		s, _ := newReception(m)
		l := &fakeDoNotCallList{}
		s.DoNotCallList = l
		r := userRequest(text, `{"id":"c1","assistantId":"front","caller_phone_number":"+14155550123"}`)
		r.Channel = c.channel
		result, _ := takeTurn(t, s, r)
		if optedOut := len(l.numbers) == 1 && len(m.requests) == 0 && result.Text == "You will not hear from us again by text message or phone."; optedOut != c.optsOut {
			t.Errorf("%q on channel %q: numbers %v added, %d requests to the model, answered %q; want an opt-out: %v", text, c.channel, l.numbers, len(m.requests), result.Text, c.optsOut)
		}
	}
}

// An opt-out that cannot be stored is an error, so that the caller can send it again.
func TestOptOutFailsWhenListIsUnavailable(t *testing.T) {
	s, _ := newReception(&scriptedModel{answers: [][]agent.Chunk{textAnswer("Yes?")}})
	s.DoNotCallList = &fakeDoNotCallList{err: errors.New("unavailable")}
	r := userRequest("STOP", `{"id":"c1","assistantId":"front","caller_phone_number":"+14155550123"}`)
	r.Channel = chat.SMS
	if _, err := s.Turn(t.Context(), r); !fault.Is(err, fault.Unavailable) {
		t.Errorf("error = %v, want fault.Unavailable", err)
	}
}

// TestOptOutInParts sends the word as a content part, as OpenAI's clients may.
func TestOptOutInParts(t *testing.T) {
	m := &scriptedModel{}
	s, _ := newReception(m)
	l := &fakeDoNotCallList{}
	s.DoNotCallList = l
	r := userRequest("", `{"id":"c1","assistantId":"front","caller_phone_number":"whatsapp:+1 (415) 555-0123"}`)
	r.Channel, r.Messages[0].Parts = chat.SMS, json.RawMessage(`[{"type":"text","text":"STOP"}]`)
	takeTurn(t, s, r)
	if len(l.numbers) != 1 || l.numbers[0] != "+14155550123" || len(m.requests) != 0 {
		t.Errorf("numbers %v, %d requests to the model; want +14155550123 and none", l.numbers, len(m.requests))
	}
}

// TestOptOutIsNeverSilent has senders whose number cannot be read. They are told that nothing was recorded, once, and the
// operator sees it in a metric.
func TestOptOutIsNeverSilent(t *testing.T) {
	for _, number := range []string{"", "anonymous", "+266696687", "short code 55512", "bob@example.com", "4155550123x"} {
		m := &scriptedModel{}
		s, _ := newReception(m)
		l, counted := &fakeDoNotCallList{}, []string(nil)
		s.DoNotCallList, s.Count = l, func(_ context.Context, metric string) { counted = append(counted, metric) }
		r := userRequest("stop", fmt.Sprintf(`{"id":"c1","assistantId":"front","caller_phone_number":%q}`, number))
		r.Channel = chat.SMS
		result, _ := takeTurn(t, s, r)
		if len(l.numbers) != 0 || !strings.Contains(result.Text, "could not be recorded") || len(counted) != 1 || counted[0] != optout.MetricNotRecorded || len(m.requests) != 0 {
			t.Errorf("%q: numbers %v, answer %q, metrics %v; want the answer that nothing was recorded", number, l.numbers, result.Text, counted)
		}
	}
}
