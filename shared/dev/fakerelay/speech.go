package fakerelay

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// lateWithin is how long after an interruption words of the interrupted turn may come. Words that come later, although the
// caller has said nothing, are a turn of its own, such as a question whether the caller is still there.
const lateWithin = 3 * time.Second

// talk is a talk cycle: the text until a message with last.
type talk struct {
	text, rest    string // all of it, and what was not spoken yet
	heard         string
	closed        bool
	input         int // the number of the caller's inputs when it began
	interruptible string
	preemptible   bool
	late          bool
	cut           bool
	greeting      bool
}

// greet speaks the welcome greeting. The caller holds the lock.
func (s *session) greet(text string) {
	t := &talk{text: text, rest: text, closed: true, input: s.phone.inputs, greeting: true,
		interruptible: normalInterruptible(s.o.Relay.Attribute("welcomeGreetingInterruptible", "any"))}
	s.talks, s.history = append(s.talks, t), append(s.history, t)
}

// normalInterruptible replaces the aliases true and false.
func normalInterruptible(v string) string {
	switch v {
	case "true":
		return "any"
	case "false":
		return "none"
	}
	return v
}

// openTalk returns the talk that is not closed, or nil.
func (s *session) openTalk() *talk {
	if n := len(s.history); n > 0 && !s.history[n-1].closed && !s.history[n-1].cut {
		return s.history[n-1]
	}
	return nil
}

// text handles a text message. The caller holds the lock.
func (s *session) text(f frame) {
	p := s.phone
	if markup.MatchString(*f.Token) {
		p.violate(Unspeakable, *f.Token, 0)
	}
	s.add(f, *f.Token, f.Last != nil && *f.Last)
}

// add appends text to the talk that is open, or opens one. The caller holds the lock.
func (s *session) add(f frame, text string, last bool) {
	p := s.phone
	t := s.openTalk()
	if t != nil && t.input != p.inputs { // the caller has said something since: what comes now is another turn
		t.closed = last || text != ""
		t = nil
	}
	if t == nil && text == "" {
		return // it closes nothing that is open
	}
	if t == nil {
		t = &talk{input: p.inputs, interruptible: normalInterruptible(s.o.Relay.Attribute("interruptible", "any")),
			preemptible: s.o.Relay.Attribute("preemptible", "false") == "true"}
		if len(s.talks) > 0 && s.talks[len(s.talks)-1].preemptible {
			s.silence()
		}
		if since := p.options.Now().Sub(s.cutAt); since < lateWithin {
			t.late = true
			p.violate(LateWords, text, since)
		}
		s.talks, s.history = append(s.talks, t), append(s.history, t)
	} else if t.late && text != "" {
		p.violate(LateWords, text, p.options.Now().Sub(s.cutAt))
	}
	if f.Interruptible != nil {
		t.interruptible = normalInterruptible(strconv.FormatBool(*f.Interruptible))
	}
	if f.Preemptible != nil {
		t.preemptible = *f.Preemptible
	}
	t.text += text
	t.rest += text
	t.closed = last
	if s.wake != nil {
		s.wake()
	}
}

// speak speaks what is to be spoken, word by word, until the session ends.
func (s *session) speak() {
	p := s.phone
	for {
		var word string
		var t *talk
		var wait context.Context
		if s.awaitIn(func() bool {
			word, t = s.nextWord()
			switch {
			case t != nil:
				wait, s.cutWord = context.WithCancel(s.ctx)
			case s.speaking && len(s.talks) == 0: // all turns are closed
				s.setSpeaking(false)
				return false
			case s.speaking: // the turn may go on
				wait, s.wake = context.WithCancel(s.ctx)
			}
			return wait != nil
		}) != nil {
			return
		}
		if t == nil {
			if p.Pause(wait, starvedDelay) {
				p.mu.Lock()
				if s.starved() && s.speaking {
					s.setSpeaking(false)
				}
				p.mu.Unlock()
			}
			continue
		}
		spoken := p.options.Wait(wait, p.duration(word))
		s.cutWord()
		if spoken {
			s.spoken(t, word)
		}
	}
}

// nextWord returns the next word to speak, and begins its talk. The caller holds the lock.
func (s *session) nextWord() (string, *talk) {
	for len(s.talks) > 0 {
		t := s.talks[0]
		if t.rest != "" {
			word, _ := cutWord(t.rest)
			if !s.speaking {
				s.setSpeaking(true)
			}
			return word, t
		}
		if !t.closed {
			return "", nil
		}
		s.talks = s.talks[1:]
		if strings.TrimSpace(t.text) != "" {
			s.phone.emit("turn-end", Agent, "")
		}
		s.phone.notify()
	}
	return "", nil
}

// starved reports whether there is nothing to speak. The caller holds the lock.
func (s *session) starved() bool {
	for _, t := range s.talks {
		if t.rest != "" {
			return false
		}
	}
	return true
}

// spoken marks a word as heard, unless an interruption came at the same time.
func (s *session) spoken(t *talk, word string) {
	p := s.phone
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.cut || !strings.HasPrefix(t.rest, word) {
		return
	}
	joins := t.heard != "" // words of the same talk are one utterance
	t.rest = t.rest[len(word):]
	t.heard += word
	s.utterance += word
	p.record(Agent, word, s.number, joins, t.late)
	p.emit("word", Agent, word)
	if s.subscribes("tokens-played") {
		s.info("tokensPlayed", word)
	}
	p.notify()
}

// setSpeaking records whether the agent is heard, and reports it. The caller holds the lock.
func (s *session) setSpeaking(on bool) {
	s.speaking = on
	if on {
		s.utterance, s.speakingSince = "", s.phone.options.Now()
	}
	s.speakerEvent("agentSpeaking", on)
	s.phone.notify()
}

// speakerEvent reports who speaks, if the session subscribes to it. The caller holds the lock.
func (s *session) speakerEvent(name string, on bool) {
	if !s.subscribes("speaker-events") {
		return
	}
	value := "off"
	if on {
		value = "on"
	}
	s.info(name, value)
}

func (s *session) info(name, value string) {
	s.enqueue(map[string]any{"type": "info", "name": name, "value": value, "ts": s.phone.options.Now().UnixMilli()})
}

func (s *session) subscribes(event string) bool {
	return strings.Contains(" "+s.o.Relay.Attribute("events", "")+" "+s.o.Relay.Attribute("debug", "")+" ", " "+event+" ")
}

// silence drops all that is to be spoken. The caller holds the lock.
func (s *session) silence() {
	for _, t := range s.talks {
		t.cut = t.rest != "" || !t.closed
	}
	s.talks = nil
	if s.cutWord != nil {
		s.cutWord()
	}
	if s.speaking {
		s.setSpeaking(false)
	}
}

// interrupt stops the agent if it is heard and may be interrupted by this kind of input. The caller holds the lock.
func (s *session) interrupt(by string) bool {
	p := s.phone
	if !s.speaking || len(s.talks) == 0 || s.starved() {
		return false
	}
	t := s.talks[0]
	if t.interruptible != "any" && t.interruptible != by {
		return false
	}
	now := p.options.Now()
	if n := len(p.utterances); n > 0 && p.utterances[n-1].By == Agent && t.heard != "" {
		p.utterances[n-1].Cut = true
	}
	heard, lasted := strings.TrimSpace(s.utterance), now.Sub(s.speakingSince).Milliseconds()
	s.silence()
	s.cutAt = now
	s.interrupted++
	p.emit("interrupted", Caller, heard)
	message := map[string]any{"type": "interrupt", "utteranceUntilInterrupt": heard, "durationUntilInterruptMs": lasted}
	if s.interrupted%2 == 0 {
		message["durationUntilInterruptMs"] = strconv.FormatInt(lasted, 10)
	}
	s.enqueue(message)
	return true
}
