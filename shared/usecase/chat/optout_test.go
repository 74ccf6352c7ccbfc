package chat_test

import (
	"context"
	"errors"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
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

func TestOptOut(t *testing.T) {
	for text, c := range map[string]struct {
		channel chat.Channel
		optsOut bool
	}{
		"STOP": {chat.SMS, true}, " stop.\n": {chat.SMS, true}, "Unsubscribe": {chat.SMS, true}, "\"QUIT\"!": {chat.SMS, true},
		"stop by at nine?": {chat.SMS, false}, "Don't stop": {chat.SMS, false}, "Stop": {chat.Voice, false}, "End": {chat.General, false},
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
