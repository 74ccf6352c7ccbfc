package fakerelay

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// charactersPerSecond is the pace of a voice.
const charactersPerSecond = 15

// Options configure a Phone.
type Options struct {
	Speed float64          // how many times faster than a voice everything is spoken; 0 is 1
	Now   func() time.Time // time.Now if nil
	// Wait waits, and reports whether the whole duration passed. The default is a timer.
	Wait    func(context.Context, time.Duration) bool
	Observe func(Event) // receives every event in order; it must return at once. May be nil
	// TurnTimeout is how long Listen waits for the end of a turn; 0 is a minute.
	TurnTimeout time.Duration
}

// Speaker is who said something in a call.
type Speaker string

// The speakers.
const (
	Agent  Speaker = "agent"  // through ConversationRelay
	Twilio Speaker = "twilio" // <Say>
	Caller Speaker = "caller"
)

// Utterance is what one side said without a break by the other side.
type Utterance struct {
	By      Speaker
	Text    string
	At      time.Time
	Session int  // the number of the ConversationRelay session, from 1; 0 outside one
	Cut     bool // the caller interrupted it
	// Late is set if the words arrived after the caller had interrupted the agent and before the caller said anything else.
	Late bool
}

// ViolationKind is what is wrong with a session.
type ViolationKind string

// The kinds of violations.
const (
	InvalidMessage ViolationKind = "invalid message" // error 64107
	Unspeakable    ViolationKind = "markup in text"
	LateWords      ViolationKind = "words after an interruption"
	CutByEnd       ViolationKind = "words cut by the end of the session"
	AfterEnd       ViolationKind = "message after the end of the session"
	NotClosed      ViolationKind = "turn without its end"
)

// Violation is a deviation from the documentation, or something that a caller should not have to hear.
type Violation struct {
	Kind   ViolationKind
	Detail string
	After  time.Duration // of LateWords: the time since the interruption
	At     time.Time
}

// Event is something that happened in a call, for those who follow it.
type Event struct {
	Type string    `json:"type"` // word, said, keys, interrupted, turn-end, session, session-end, violation, or one of the engine's
	By   Speaker   `json:"by,omitempty"`
	Text string    `json:"text,omitempty"`
	At   time.Time `json:"at"`
}

// ErrNotListening is the error of words that ConversationRelay does not report: the agent speaks, may not be interrupted, and
// the session does not ask for input meanwhile.
var ErrNotListening = errors.New("the agent is speaking and what the caller says is not reported")

// ErrNoTurn is the error of a turn that did not come, or did not end, within Options.TurnTimeout.
var ErrNoTurn = errors.New("the agent's turn did not end")

// ErrCallOver is the error of what a caller does after the call.
var ErrCallOver = errors.New("the call is over")

// Phone is the telephone of a call. It may be used from several goroutines.
type Phone struct {
	options Options

	mu         sync.Mutex
	changed    chan struct{} // closed at the next change
	utterances []Utterance
	violations []Violation
	session    *session // nil while there is none
	sessions   int
	inputs     int // how often the caller has said something or pressed keys
	reconnects int
	over       bool
}

// NewPhone returns the telephone of a new call.
func NewPhone(o Options) *Phone {
	if o.Speed <= 0 {
		o.Speed = 1
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = sleep
	}
	if o.TurnTimeout == 0 {
		o.TurnTimeout = time.Minute
	}
	return &Phone{options: o, changed: make(chan struct{})}
}

// sleep waits, and reports whether the whole duration passed before the context ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Utterances returns what was said so far, in order.
func (p *Phone) Utterances() []Utterance {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.utterances)
}

// Violations returns the violations so far, in order.
func (p *Phone) Violations() []Violation {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.violations)
}

// Reconnects returns how often a lost connection was opened again within a session.
func (p *Phone) Reconnects() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reconnects
}

// HangUp marks the call as over: what waits for the other side returns.
func (p *Phone) HangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	p.notify()
}

// notify wakes all who wait for a change. The caller holds the lock.
func (p *Phone) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// await waits until a condition holds. The condition is called with the lock held.
func (p *Phone) await(ctx context.Context, holds func() bool) error {
	for {
		p.mu.Lock()
		done, over, changed := holds(), p.over, p.changed
		p.mu.Unlock()
		switch {
		case done:
			return nil
		case over:
			return ErrCallOver
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// emit passes an event on. The caller holds the lock, so that events keep their order.
func (p *Phone) emit(kind string, by Speaker, text string) {
	if p.options.Observe != nil {
		p.options.Observe(Event{kind, by, text, p.options.Now()})
	}
}

// violate records a violation. The caller holds the lock.
func (p *Phone) violate(kind ViolationKind, detail string, after time.Duration) {
	p.violations = append(p.violations, Violation{kind, detail, after, p.options.Now()})
	p.emit("violation", "", string(kind)+": "+detail)
}

// record adds words to what was said. The caller holds the lock.
func (p *Phone) record(by Speaker, words string, session int, joins, late bool) {
	last := len(p.utterances) - 1
	if joins && last >= 0 && p.utterances[last].By == by && p.utterances[last].Late == late && !p.utterances[last].Cut {
		p.utterances[last].Text += words
		return
	}
	p.utterances = append(p.utterances, Utterance{By: by, Text: words, At: p.options.Now(), Session: session, Late: late})
}

// duration returns how long it takes to say a text.
func (p *Phone) duration(text string) time.Duration {
	return time.Duration(float64(utf8.RuneCountInString(text)) / charactersPerSecond / p.options.Speed * float64(time.Second))
}

// Pause waits for a time of a person's measure: at twice the speed for half of it.
func (p *Phone) Pause(ctx context.Context, d time.Duration) bool {
	return p.options.Wait(ctx, time.Duration(float64(d)/p.options.Speed))
}

// Speak says a text of Twilio's own, such as <Say>, and returns when it was spoken or ctx ended.
func (p *Phone) Speak(ctx context.Context, text string) {
	for joins := false; text != ""; joins = true {
		var word string
		word, text = cutWord(text)
		if !p.options.Wait(ctx, p.duration(word)) {
			return
		}
		p.mu.Lock()
		p.record(Twilio, word, 0, joins, false)
		p.emit("word", Twilio, word)
		p.notify()
		p.mu.Unlock()
	}
}

// cutWord returns the first word of a text, with the white space around it, and the rest.
func cutWord(text string) (word, rest string) {
	start := len(text) - len(strings.TrimLeft(text, " \n\t"))
	end := strings.IndexAny(text[start:], " \n\t")
	if end < 0 {
		return text, ""
	}
	end += start
	for end < len(text) && strings.ContainsRune(" \n\t", rune(text[end])) {
		end++
	}
	return text[:end], text[end:]
}
