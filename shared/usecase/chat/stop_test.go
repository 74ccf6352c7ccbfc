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

// list is a do-not-call list.
type list struct {
	numbers []aurora.Phone
	err     error
}

func (l *list) Refuse(_ context.Context, n aurora.Phone, _ string) error {
	l.numbers = append(l.numbers, n)
	return l.err
}

func TestStop(t *testing.T) {
	for text, c := range map[string]struct {
		channel chat.Channel
		stops   bool
	}{
		"STOP": {chat.SMS, true}, " stop.\n": {chat.SMS, true}, "Unsubscribe": {chat.SMS, true}, "\"QUIT\"!": {chat.SMS, true},
		"stop by at nine?": {chat.SMS, false}, "Don't stop": {chat.SMS, false}, "Stop": {chat.Voice, false}, "End": {chat.General, false},
	} {
		m := &play{answers: [][]agent.Chunk{says("Yes?")}}
		s, _ := desk(m)
		l := &list{}
		s.Refusals = l
		r := ask(text, `{"id":"c1","assistantId":"front","caller_phone_number":"+14155550123"}`)
		r.Channel = c.channel
		result, _ := turn(t, s, r)
		if stopped := len(l.numbers) == 1 && len(m.asked) == 0 && result.Said == "You will not hear from us again by text message or phone."; stopped != c.stops {
			t.Errorf("%q by %q: listed %v, asked %d times, said %q", text, c.channel, l.numbers, len(m.asked), result.Said)
		}
	}
}

// A wish to hear no more is not lost: whoever cannot write it down says so.
func TestStopIsNotLost(t *testing.T) {
	s, _ := desk(&play{answers: [][]agent.Chunk{says("Yes?")}})
	s.Refusals = &list{err: errors.New("away")}
	r := ask("STOP", `{"id":"c1","assistantId":"front","caller_phone_number":"+14155550123"}`)
	r.Channel = chat.SMS
	if _, err := s.Turn(t.Context(), r); !fault.Is(err, fault.Unavailable) {
		t.Errorf("err = %v", err)
	}
}
