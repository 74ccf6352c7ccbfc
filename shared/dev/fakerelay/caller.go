package fakerelay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// keyTime is the time that a person needs for a key.
const keyTime = 250 * time.Millisecond

// momentBeforeLeaving is how long a caller stays after the last words.
const momentBeforeLeaving = 2 * time.Second

// backchannels are words that say no more than that the caller is listening.
var backchannels = []string{"yeah", "uh-huh", "mhm", "mm-hmm", "right", "okay"}

// connected waits for a session.
func (p *Phone) connected(ctx context.Context) (*session, error) {
	var s *session
	err := p.await(ctx, func() bool { s = p.session; return s.live() })
	return s, err
}

// live reports whether a session goes on. The caller holds the lock.
func (s *session) live() bool { return s != nil && s.end == nil }

// Say says a text. If the agent is speaking and may be interrupted, it stops at the beginning of the text. Say returns when
// the text was said and Twilio has sent it.
func (p *Phone) Say(ctx context.Context, text string) error {
	s, err := p.connected(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	backchannel := s.o.Relay.Attribute("ignoreBackchannel", "false") == "true" && slices.Contains(backchannels, strings.Trim(strings.ToLower(text), ".! "))
	s.speakerEvent("clientSpeaking", true)
	lost := false
	if s.speaking && !s.starved() && (backchannel || !s.interrupt("speech")) {
		report := s.o.Relay.Attribute("reportInputDuringAgentSpeech", "none")
		lost = backchannel || report != "speech" && report != "any"
	}
	p.notify()
	p.mu.Unlock()
	took := p.options.Wait(ctx, p.duration(text)/2)
	if !lost && s.o.Relay.Attribute("partialPrompts", "false") == "true" {
		part, _ := cutWord(text)
		p.sendPrompt(s, part, false)
	}
	if !took || !p.options.Wait(ctx, p.duration(text)/2) {
		return context.Cause(ctx)
	}
	p.mu.Lock()
	s.speakerEvent("clientSpeaking", false)
	p.mu.Unlock()
	if lost {
		return ErrNotListening
	}
	p.sendPrompt(s, text, true)
	return nil
}

// sendPrompt sends what the caller has said, or the beginning of it.
func (p *Phone) sendPrompt(s *session, text string, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	language := s.o.Relay.Attribute("transcriptionLanguage", s.o.Relay.Attribute("language", "en-US"))
	if language == "multi" {
		language = "en" // only the primary tag is reported then
	}
	message := map[string]any{"type": "prompt", "voicePrompt": text, "lang": language, "last": last}
	if last {
		s.interrupt("speech") // if the agent began while the caller was speaking
		p.inputs++
		s.lastSaid, s.lastSaidAt, s.cutAt = message, p.options.Now(), time.Time{}
		p.record(Caller, text, s.number, false, false)
		p.emit("said", Caller, text)
	}
	if s.o.Noise {
		message["confidence"] = 0.93
		s.enqueue(map[string]any{"type": "sentiment", "value": map[string]any{"score": 0.2}})
	}
	s.enqueue(message)
}

// Cough interrupts the agent and says nothing.
func (p *Phone) Cough(ctx context.Context) error {
	s, err := p.connected(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.speakerEvent("clientSpeaking", true)
	s.interrupt("speech")
	s.speakerEvent("clientSpeaking", false)
	return nil
}

// Press presses keys one after another.
func (p *Phone) Press(ctx context.Context, digits string) error {
	s, err := p.connected(ctx)
	if err != nil {
		return err
	}
	if bad := strings.Trim(digits, "0123456789*#"); bad != "" {
		return fmt.Errorf("%q is no key: want 0 to 9, * and #", bad)
	}
	if s.o.Relay.Attribute("dtmfDetection", "false") != "true" {
		return errors.New("the session does not ask for keys: dtmfDetection is not true")
	}
	for i, key := range digits {
		if i > 0 && !p.Pause(ctx, keyTime) {
			return context.Cause(ctx)
		}
		p.mu.Lock()
		s.interrupt("dtmf")
		p.inputs++
		s.cutAt = time.Time{}
		p.emit("keys", Caller, string(key))
		s.enqueue(map[string]any{"type": "dtmf", "digit": string(key)})
		p.mu.Unlock()
	}
	return nil
}

// Listen waits until the answer to what the caller did last was spoken to its end, or the greeting if the caller did nothing.
// It returns nil also if the session ended meanwhile.
func (p *Phone) Listen(ctx context.Context) error {
	return p.listen(ctx, func(s *session) bool { return s.answered() })
}

// ListenTo waits until so many words of the answer were spoken, or the whole answer.
func (p *Phone) ListenTo(ctx context.Context, words int) error {
	return p.listen(ctx, func(s *session) bool { return s.answered() || s.wordsHeard() >= words })
}

// Leave listens to the answer and stays for a moment. If the session ends meanwhile, as before a transfer, it stays until the
// call is over. The caller may hang up then.
func (p *Phone) Leave(ctx context.Context) error {
	if err := p.Listen(ctx); err != nil {
		return err
	}
	if !p.Pause(ctx, momentBeforeLeaving) {
		return context.Cause(ctx)
	}
	return p.await(ctx, func() bool { return p.session.live() })
}

func (p *Phone) listen(ctx context.Context, enough func(*session) bool) error {
	first, err := p.connected(ctx)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeoutCause(ctx, p.options.TurnTimeout, ErrNoTurn)
	defer cancel()
	err = p.await(limited, func() bool { return p.session != first || !first.live() || enough(first) })
	if errors.Is(err, ErrNoTurn) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.violate(NotClosed, "no end of the answer came: "+first.describe(), 0)
	}
	return err
}

// answered reports whether the newest answer was spoken to its end. The caller holds the lock.
func (s *session) answered() bool {
	if len(s.talks) > 0 {
		return false
	}
	if s.phone.inputs == 0 && len(s.history) == 0 {
		return true // there is no greeting
	}
	for _, t := range s.history {
		if t.input == s.phone.inputs && t.closed && strings.TrimSpace(t.text) != "" {
			return true
		}
	}
	return false
}

// wordsHeard counts the words of the newest answer that were spoken. The caller holds the lock.
func (s *session) wordsHeard() int {
	n := 0
	for _, t := range s.history {
		if t.input == s.phone.inputs {
			n += len(strings.Fields(t.heard))
		}
	}
	return n
}

// describe returns the newest answer for a report. The caller holds the lock.
func (s *session) describe() string {
	text := ""
	for _, t := range s.history {
		if t.input == s.phone.inputs {
			text += fmt.Sprintf("%q (closed: %t) ", t.text, t.closed)
		}
	}
	if text == "" {
		return "no text came"
	}
	return text
}

// Drop breaks the WebSocket, as a failing network does. It returns when Twilio has noticed: the session is over, or goes on and
// waits for its next connection.
func (p *Phone) Drop(ctx context.Context) error {
	s, err := p.connected(ctx)
	if err != nil {
		return err
	}
	p.mu.Lock()
	conn := s.conn
	p.emit("dropped", "", "")
	p.mu.Unlock()
	if conn == nil {
		return nil
	}
	_ = conn.CloseNow()
	reconnects := s.o.Relay.Attribute("applicationReconnect", "false") == "true"
	return p.await(ctx, func() bool { return p.session != s || reconnects && s.conn != conn })
}
