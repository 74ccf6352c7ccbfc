package phonecall

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
)

const (
	setupWait   = 500 * time.Millisecond // for a setup that is handled at the same time
	setupPoll   = 50 * time.Millisecond
	maxDigits   = 64
	finishDigit = "#"
)

// maxKnownConnections is how many connections a process remembers. One belongs to one call for its whole life.
const maxKnownConnections = 1000

// knownConnections remembers calls of connections, which saves a read for each message.
type knownConnections struct {
	mu   sync.Mutex
	sids map[string]string
}

func (k *knownConnections) find(connectionID string) (sid string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	sid, ok = k.sids[connectionID]
	return sid, ok
}

func (k *knownConnections) add(connectionID, sid string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sids == nil || len(k.sids) >= maxKnownConnections {
		k.sids = map[string]string{}
	}
	k.sids[connectionID] = sid
}

// callOf returns the sid of the call that a message is about. A message may overtake the setup of its connection. It is not ok
// for a connection that has none.
func (e *Engine) callOf(ctx context.Context, ev Event) (sid string, ok bool) {
	if sid, ok := e.known.find(ev.ConnectionID); ok {
		aurora.LogCall(ctx, sid)
		return sid, true
	}
	for waited := time.Duration(0); ; waited += setupPoll {
		sid, ok, err := e.Store.ConnectionCall(ctx, ev.ConnectionID)
		if ok {
			e.known.add(ev.ConnectionID, sid)
			aurora.LogCall(ctx, sid)
			return sid, true
		}
		if waited >= setupWait || ctx.Err() != nil {
			slog.WarnContext(ctx, "message of a connection without a call ignored", "event", "phone.message_ignored", "error", err)
			e.count(ctx, "PhoneMessageIgnored")
			return "", false
		}
		wait(ctx, setupPoll)
	}
}

// The pauses before the next try while the store does not answer. A caller waits for the answer to a prompt. During the setup the
// greeting is being spoken.
var (
	promptRetries = []time.Duration{50 * time.Millisecond, 200 * time.Millisecond}
	setupRetries  = []time.Duration{50 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}
)

// retry calls try again after each pause, as long as the store does not answer.
func retry(ctx context.Context, pauses []time.Duration, try func() error) error {
	err := try()
	for _, pause := range pauses {
		if !fault.Is(err, fault.Unavailable) && !fault.Is(err, fault.Conflict) || !wait(ctx, pause) {
			break
		}
		err = try()
	}
	return err
}

// wait waits and reports whether ctx lasted that long.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// update changes the state of a message's call, and tries again if the store does not answer.
func (e *Engine) update(ctx context.Context, sid string, change func(*aurora.PhoneCall) bool) (c aurora.PhoneCall, err error) {
	err = retry(ctx, promptRetries, func() (err error) {
		c, err = e.Store.UpdateCall(ctx, sid, change)
		return err
	})
	return c, err
}

// Prompt takes a turn about what the caller said. Words that are not final are ignored.
func (e *Engine) Prompt(ctx context.Context, ev Event, words string, last bool) {
	if words = strings.TrimSpace(words); !last || words == "" {
		return
	}
	began := e.Now()
	sid, ok := e.callOf(ctx, ev)
	if !ok {
		return
	}
	early := e.readTurnsEarly(ctx, sid)
	answer, replayed := false, false
	c, err := e.update(ctx, sid, func(c *aurora.PhoneCall) bool {
		said := aurora.CallerWords{ID: ev.MessageID, Text: words, At: ev.At}
		if answer, replayed = false, isReplay(c, said); replayed || isOver(c) {
			return false
		}
		if c.ConnectionID == "" { // the gateway has said that it had gone, which is not always true
			c.ConnectionID = ev.ConnectionID
		}
		answer = addPrompt(c, said)
		return true
	})
	switch {
	case err != nil:
		metric.CountFailure(ctx, "FallbackSpoken", err)
		slog.ErrorContext(ctx, "words of the caller not stored", "event", "phone.prompt_unstored", "error", err)
		e.sendBestEffort(ctx, ev.ConnectionID, Frame{Text: apology, Last: true})
	case replayed:
		slog.InfoContext(ctx, "repeated words ignored", "event", "phone.prompt_repeated")
	case answer:
		e.runTurn(ctx, c, turnStart{began: began, asked: ev.At, limited: true, early: early})
	default:
		slog.InfoContext(ctx, "words wait for the next turn", "event", "phone.prompt_waits")
	}
}

// readTurnsEarly reads the turns of a call while its state is written.
func (e *Engine) readTurnsEarly(ctx context.Context, sid string) func() ([]aurora.SpokenTurn, error) {
	type answer struct {
		turns []aurora.SpokenTurn
		err   error
	}
	read := make(chan answer, 1) // has room, so that it may be left unread
	safego.Go(ctx, func() {
		turns, err := e.Store.Turns(ctx, sid)
		read <- answer{turns, err}
	}, func(err error) { read <- answer{err: err} })
	return func() ([]aurora.SpokenTurn, error) {
		a := <-read
		return a.turns, a.err
	}
}

// Interrupt records that the caller cut in after they had heard some words, stops the turn, and closes it.
func (e *Engine) Interrupt(ctx context.Context, ev Event, heard string) {
	sid, ok := e.callOf(ctx, ev)
	if !ok {
		return
	}
	superseded := false
	c, err := e.update(ctx, sid, func(c *aurora.PhoneCall) bool {
		superseded = addInterrupt(c, ev.At, strings.TrimSpace(heard))
		return true
	})
	if err != nil {
		slog.ErrorContext(ctx, "interruption not stored", "event", "phone.interrupt_unstored", "error", err)
		return
	}
	slog.InfoContext(ctx, "caller interrupted the assistant", "event", "phone.interrupted", "generation", c.Generation, "superseded", superseded)
	if !superseded {
		return
	}
	now, found, err := e.Store.Call(ctx, sid)
	if err == nil && found && now.Generation == c.Generation { // else a newer turn speaks
		e.sendBestEffort(ctx, ev.ConnectionID, Frame{Last: true})
	}
}

func (e *Engine) sendBestEffort(ctx context.Context, connectionID string, f Frame) {
	if err := e.sendFrame(ctx, connectionID, f); err != nil && !fault.Is(err, fault.NotFound) {
		slog.WarnContext(ctx, "message not sent", "event", "phone.send_failed", "error", err)
	}
}

// Digit records a key. The keys that follow each other are one message of the caller: it ends with # or after a pause.
func (e *Engine) Digit(ctx context.Context, ev Event, digit string) {
	if len(digit) != 1 || !strings.Contains("0123456789*#ABCDabcd", digit) {
		return
	}
	sid, ok := e.callOf(ctx, ev)
	if !ok {
		return
	}
	began, answer := e.Now(), false
	c, err := e.update(ctx, sid, func(c *aurora.PhoneCall) bool {
		answer = false
		if isOver(c) || len(c.Digits) >= maxDigits {
			return false
		}
		sawEvent(c, ev.At)
		c.Digits += strings.ToUpper(digit)
		if digit == finishDigit {
			words, _ := TakeDigits(c)
			answer = addPrompt(c, aurora.CallerWords{ID: ev.MessageID, Text: words, At: ev.At})
		}
		return true
	})
	switch {
	case err != nil:
		slog.ErrorContext(ctx, "key not stored", "event", "phone.key_unstored", "error", err)
	case answer:
		e.runTurn(ctx, c, turnStart{began: began, asked: ev.At, limited: true})
	case c.Digits != "":
		task := aurora.PhoneTask{Kind: aurora.PhoneTaskDigits, CallSID: sid, Generation: c.Generation, Count: len(c.Digits)}
		e.sendTask(ctx, task, DigitsDelay)
	}
}

// TakeDigits removes the keys that wait and returns them as words of the caller: "pressed 1 2 3". It is not ok if there are none.
func TakeDigits(c *aurora.PhoneCall) (words string, ok bool) {
	digits := c.Digits
	c.Digits = ""
	if len(digits) > 1 {
		digits = strings.TrimSuffix(digits, finishDigit)
	}
	return "pressed " + strings.Join(strings.Split(digits, ""), " "), digits != ""
}

func (e *Engine) sendTask(ctx context.Context, task aurora.PhoneTask, delay time.Duration) {
	if err := e.Tasks.Send(ctx, task, delay); err != nil {
		slog.ErrorContext(ctx, "task of a call not sent", "event", "phone.task_failed", "kind", task.Kind, "error", err)
	}
}

// AgentSpeaking records whether the assistant is being heard. After the last words of a call it ends the session.
func (e *Engine) AgentSpeaking(ctx context.Context, ev Event, speaking bool) {
	sid, ok := e.callOf(ctx, ev)
	if !ok {
		return
	}
	c, err := e.update(ctx, sid, func(c *aurora.PhoneCall) bool {
		if ev.At.Before(c.AgentSpeakingAt) {
			return false
		}
		sawEvent(c, ev.At)
		c.AgentSpeaking, c.AgentSpeakingAt = speaking, ev.At
		return true
	})
	switch {
	case err != nil:
		slog.WarnContext(ctx, "end of speech not stored", "event", "phone.speech_unstored", "error", err)
	case c.AgentSpeaking || speaking || isOver(&c) || c.Closing != nil && hasRunningTurn(&c):
	case c.Closing != nil:
		if err := e.EndSession(ctx, sid); err != nil {
			slog.ErrorContext(ctx, "session not ended", "event", "phone.end_failed", "error", err)
		}
	default:
		e.sendTask(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskSilence, CallSID: sid, Generation: c.Generation}, SilenceDelay)
	}
}

// CallerSpeaking records whether the caller is speaking.
func (e *Engine) CallerSpeaking(ctx context.Context, ev Event, speaking bool) {
	sid, ok := e.callOf(ctx, ev)
	if !ok {
		return
	}
	if _, err := e.update(ctx, sid, func(c *aurora.PhoneCall) bool {
		if ev.At.Before(c.CallerSpeakingAt) {
			return false
		}
		sawEvent(c, ev.At)
		c.CallerSpeaking, c.CallerSpeakingAt = speaking, ev.At
		return true
	}); err != nil {
		slog.WarnContext(ctx, "speech of the caller not stored", "event", "phone.speech_unstored", "error", err)
	}
}

var errorCode = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\b6[0-9]{4}\b`) })

// Failed records that Twilio could not use a message of ours. The description may repeat the caller's words, so only an error
// code in it is logged.
func (e *Engine) Failed(ctx context.Context, ev Event, description string) {
	if _, ok := e.callOf(ctx, ev); !ok {
		return
	}
	slog.ErrorContext(ctx, "Twilio reported an error of the session", "event", "phone.session_error", "code", errorCode().FindString(description))
	e.count(ctx, "PhoneSessionError")
}

// Disconnected records that a connection has ended, and starts the job that writes the report: no other sign of the end may come.
func (e *Engine) Disconnected(ctx context.Context, ev Event) {
	sid, ok, err := e.Store.ConnectionCall(ctx, ev.ConnectionID)
	if err != nil {
		slog.ErrorContext(ctx, "end of a connection not stored", "event", "phone.disconnect_unstored", "error", err)
	}
	if !ok {
		return
	}
	aurora.LogCall(ctx, sid)
	e.disconnected(ctx, sid, ev.ConnectionID, ev.At)
	e.sendTask(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskFinish, CallSID: sid}, FinishDelay)
}

// disconnected stores that a connection has ended, unless the call has another one by now.
func (e *Engine) disconnected(ctx context.Context, sid, connectionID string, at time.Time) {
	if _, err := e.update(ctx, sid, func(c *aurora.PhoneCall) bool {
		if c.ConnectionID != connectionID {
			return false
		}
		c.ConnectionID, c.End.DisconnectedAt = "", at
		c.AgentSpeaking, c.CallerSpeaking = false, false
		return true
	}); err != nil {
		slog.ErrorContext(ctx, "end of a connection not stored", "event", "phone.disconnect_unstored", "error", err)
	}
}
