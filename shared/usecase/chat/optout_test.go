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

// fakeDoNotCallList is a do-not-call list.
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
		stops   bool
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
		if stopped := len(l.numbers) == 1 && len(m.asked) == 0 && result.Text == "You will not hear from us again by text message or phone."; stopped != c.stops {
			t.Errorf("%q by %q: listed %v, asked %d times, said %q", text, c.channel, l.numbers, len(m.asked), result.Text)
		}
	}
}

// A wish to hear no more is not lost: whoever cannot write it down says so.
func TestOptOutFailsWhenListIsUnavailable(t *testing.T) {
	s, _ := newReception(&scriptedModel{answers: [][]agent.Chunk{textAnswer("Yes?")}})
	s.DoNotCallList = &fakeDoNotCallList{err: errors.New("away")}
	r := userRequest("STOP", `{"id":"c1","assistantId":"front","caller_phone_number":"+14155550123"}`)
	r.Channel = chat.SMS
	if _, err := s.Turn(t.Context(), r); !fault.Is(err, fault.Unavailable) {
		t.Errorf("err = %v", err)
	}
}
