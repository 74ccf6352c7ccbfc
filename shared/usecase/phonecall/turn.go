package phonecall

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
)

// Why a turn says nothing more.
var (
	errSuperseded = fault.New(fault.Conflict, "The caller has said or done something since.").WithCode("superseded")
	errGone       = fault.New(fault.NotFound, "The connection has ended.").WithCode("connection_gone")
	errOutdated   = fault.New(fault.Conflict, "What the caller heard before was learned late.").WithCode("history_changed")
	errHandOver   = fault.New(fault.Timeout, "The turn takes longer than the gateway waits.").WithCode("handed_over")
)

const apology = "I'm sorry, something went wrong. Could you say that again?"

// turn is a turn that is being spoken.
type turn struct {
	*Engine
	sid        string
	call       aurora.PhoneCall // as it was when the turn began to speak
	generation int64
	said       []aurora.CallerWords
	start      turnStart
	speaker    *speaker
	spoke      bool // words were sent
	cancel     context.CancelCauseFunc

	mu         sync.Mutex
	stop       error  // why nothing more is said
	history    string // what the state said of the turns before, when the conversation was read
	restarts   int    // how often the turn began again because of that
	begun      bool   // words were sent, or tools were started
	connection string
}

// turnStart says how a turn begins.
type turnStart struct {
	began time.Time
	asked time.Time // when the words that it answers reached the gateway; zero if it answers none
	// limited says that the gateway waits for the turn: then it is handed over when it takes long.
	limited bool
	before  aurora.SpokenTurn // what the turn has said and done already, if it was handed over
	// early returns the turns of the call as they were before the state was written; nil if they were not read.
	early func() ([]aurora.SpokenTurn, error)
}

// runTurn takes the turn of a call's generation.
func (e *Engine) runTurn(ctx context.Context, call aurora.PhoneCall, start turnStart) {
	t := &turn{Engine: e, sid: call.SID, call: call, generation: call.Generation, start: start, connection: call.ConnectionID}
	result, failed := t.attempt(ctx)
	for errors.Is(t.Stopped(), errOutdated) && t.restart(ctx) {
		result, failed = t.attempt(ctx)
	}
	t.finish(context.WithoutCancel(ctx), result, failed)
}

// maxRestarts is how often a turn begins again because of what was learned late.
const maxRestarts = 2

// attempt speaks the turn until it ends or is stopped.
func (t *turn) attempt(ctx context.Context) (result TurnResult, failed error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.cancel, t.speaker = cancel, newSpeaker(ctx, t.Now, t.send)
	watching := make(chan struct{})
	safego.Go(ctx, func() {
		defer close(watching)
		t.watch(ctx)
	}, nil)
	failed = safego.Call(func() (err error) {
		result, err = t.speak(ctx)
		return err
	})
	safego.LogPanic(ctx, failed)
	cancel(nil)
	<-watching
	return result, failed
}

// restart prepares the turn to begin again with the state as it is now. It reports false if a newer turn has begun.
func (t *turn) restart(ctx context.Context) bool {
	_, _, _ = t.speaker.close()
	c, ok, err := t.Store.Call(ctx, t.sid)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.start.early, t.restarts = nil, t.restarts+1
	switch {
	case err != nil: // the conversation as it was known is used
	case !ok || c.Report != nil:
		t.stop = errGone
		return false
	case c.Generation != t.generation:
		t.stop = errSuperseded
		return false
	default:
		t.call = c
	}
	t.stop = nil
	return true
}

// speak reads the conversation and speaks the answer.
func (t *turn) speak(ctx context.Context) (TurnResult, error) {
	stored, err := t.readTurns(ctx)
	if err != nil {
		return TurnResult{}, err
	}
	if err := t.Stopped(); err != nil {
		return TurnResult{}, nil
	}
	t.mu.Lock()
	t.history = historyOf(t.call, t.generation)
	t.mu.Unlock()
	if t.said = t.call.UnansweredWords(t.call.MergeTurns(stored)); t.start.before.Generation != 0 {
		t.said = t.start.before.Said
	}
	return t.Conversation.Speak(ctx, TurnRequest{Call: t.call, Messages: conversation(ctx, t.call, stored, t.start.before.Generation != 0)}, t), nil
}

// readTurns reads the turns of the call. If the tools of the turn before are still running it waits for them: otherwise the
// model would not know what they have done, and do it again.
func (t *turn) readTurns(ctx context.Context) ([]aurora.SpokenTurn, error) {
	if t.start.early != nil && t.call.WorkingTurn == 0 {
		if stored, err := t.start.early(); err == nil && hasEndedTurns(t.call, stored) {
			return stored, nil
		}
	}
	for t.call.WorkingTurn != 0 && t.call.WorkingTurn != t.generation && t.Now().Before(t.call.WorkingUntil) {
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(watchEvery / 2):
		}
		c, ok, err := t.Store.Call(ctx, t.sid)
		if err == nil && ok && c.Generation == t.generation {
			t.call = c
		}
	}
	return t.Store.Turns(ctx, t.sid)
}

// hasEndedTurns reports whether the stored turns have all that the call's state says to have ended.
func hasEndedTurns(c aurora.PhoneCall, stored []aurora.SpokenTurn) bool {
	for _, s := range c.Spoken {
		isStored := slices.ContainsFunc(stored, func(t aurora.SpokenTurn) bool { return t.Generation == s.Generation && !t.EndedAt.IsZero() })
		if (s.Planned != "" || len(s.Said) > 0) && !s.EndedAt.IsZero() && !isStored {
			return false
		}
	}
	return true
}

// WriteText takes words to be spoken.
func (t *turn) WriteText(text, _ string, isFiller bool) error {
	if err := t.Stopped(); err != nil {
		return err
	}
	return t.speaker.write(text, isFiller)
}

// BeforeTools records that the turn does something that the next one must know.
func (t *turn) BeforeTools(ctx context.Context, tools []agent.Tool) error {
	if err := t.Stopped(); err != nil {
		return err
	}
	longest := time.Duration(0)
	for _, tool := range tools {
		limit := tool.Timeout
		if limit == 0 {
			limit = agent.DefaultToolTimeout
		}
		longest = max(longest, limit)
	}
	now := t.Now()
	if t.start.limited && now.Add(longest).After(t.start.began.Add(turnLimit)) {
		t.stopBecause(errHandOver)
		return errHandOver
	}
	until := now.Add(longest + turnLimit - handOverAfter)
	c, err := t.Store.UpdateCall(context.WithoutCancel(ctx), t.sid, func(c *aurora.PhoneCall) bool {
		if c.Generation != t.generation || c.Report != nil {
			return false
		}
		c.WorkingTurn, c.WorkingUntil = t.generation, until
		return true
	})
	if err == nil && c.Generation != t.generation {
		t.stopBecause(errSuperseded)
		return errSuperseded
	}
	if err != nil { // the tools run: the caller waits for what they do
		slog.ErrorContext(ctx, "start of tools not stored", "event", "phone.tools_unrecorded", "error", err)
	} else {
		t.checkHistory(c)
	}
	return t.begin()
}

// send sends words, unless the turn was stopped.
func (t *turn) send(ctx context.Context, text string) error {
	_ = t.check(ctx) // a read of 4 ms, so that at most the words on their way are heard after an interruption
	if err := t.begin(); err != nil {
		return err
	}
	err := t.sendFrame(ctx, Frame{Text: text})
	if err == nil {
		t.measureFirstWords(ctx)
	}
	return err
}

// sendFrame sends a message. A connection that has gone may have been replaced by another one.
func (t *turn) sendFrame(ctx context.Context, f Frame) error {
	err := t.Engine.sendFrame(ctx, t.connectionID(), f)
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	used := t.connectionID()
	if stop := t.check(ctx); stop == nil && t.connectionID() != used {
		return t.Engine.sendFrame(ctx, t.connectionID(), f)
	}
	t.Engine.disconnected(ctx, t.sid, used, t.Now())
	t.stopBecause(errGone)
	return errGone
}

func (t *turn) connectionID() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.connection
}

// finish sends what waits, stores the turn, and closes it or hands it over.
func (t *turn) finish(ctx context.Context, result TurnResult, failed error) {
	stop := t.Stopped()
	if failed != nil && stop == nil {
		metric.CountFailure(ctx, "FallbackSpoken", failed)
		slog.ErrorContext(ctx, "turn of a call failed", "event", "phone.turn_failed", "generation", t.generation, "error", failed)
		_ = t.speaker.write(apology, false)
	}
	if errors.Is(stop, errHandOver) && result.Filler != "" {
		_ = t.speaker.write(result.Filler, true)
	}
	sent, fillers, err := t.speaker.close()
	if stop = t.Stopped(); stop == nil && err != nil {
		stop = err
		slog.WarnContext(ctx, "words not sent", "event", "phone.send_failed", "generation", t.generation, "error", err)
	}
	spoken := t.spokenTurn(ctx, result, sent, fillers)
	if errors.Is(stop, errHandOver) {
		if t.handOver(ctx, spoken) {
			return
		}
		if t.sendFrame(ctx, Frame{Text: " " + apology}) == nil {
			spoken.Planned += " " + apology
		}
	}
	t.end(ctx, spoken, result)
}

// spokenTurn returns the turn as it is stored.
func (t *turn) spokenTurn(ctx context.Context, result TurnResult, sent string, fillers []string) aurora.SpokenTurn {
	messages := dropOpenCalls(result.Messages)
	var earlier []agent.Message
	if len(t.start.before.Messages) > 0 {
		_ = json.Unmarshal(t.start.before.Messages, &earlier) // ours: cannot fail
	}
	s := aurora.SpokenTurn{Generation: t.generation, Said: t.said, Planned: t.start.before.Planned + sent, Fillers: append(t.start.before.Fillers, fillers...),
		StartedAt: t.start.began, EndedAt: t.Now()}
	if !t.start.before.StartedAt.IsZero() {
		s.StartedAt = t.start.before.StartedAt
	}
	if all := append(earlier, messages...); len(all) > 0 {
		b, err := json.Marshal(all)
		if err != nil {
			slog.ErrorContext(ctx, "messages of a turn not stored", "event", "phone.turn_unreadable", "generation", t.generation, "error", err)
		}
		s.Messages = b
	}
	return s
}

// dropOpenCalls leaves out tool calls at the end that were not run.
func dropOpenCalls(messages []agent.Message) []agent.Message {
	messages = slices.Clone(messages)
	if n := len(messages) - 1; n >= 0 && len(messages[n].ToolCalls) > 0 {
		messages[n].ToolCalls, messages[n].Extra = nil, nil
		if messages[n].IsEmpty() {
			messages = messages[:n]
		}
	}
	return messages
}

// hasTools reports whether messages hold results of tools.
func hasTools(s aurora.SpokenTurn) bool {
	var messages []agent.Message
	_ = json.Unmarshal(s.Messages, &messages) // nothing at all has no tools
	return slices.ContainsFunc(messages, func(m agent.Message) bool { return m.Role == agent.RoleTool })
}

// end stores the turn and closes it, unless it was superseded.
func (t *turn) end(ctx context.Context, s aurora.SpokenTurn, result TurnResult) {
	acted := hasTools(s)
	if acted || t.Stopped() == nil { // stored before the state says that the turn has ended, so that the next one finds it
		t.writeTurn(ctx, s)
	}
	isCurrent, kept := false, false
	c, err := t.Store.UpdateCall(ctx, t.sid, func(c *aurora.PhoneCall) bool {
		if c.Report != nil {
			return false
		}
		running := findTurn(c, t.generation)
		isNewest := c.Generation == t.generation
		unheard := s.Planned == "" || running != nil && running.Cut && running.Heard == ""
		if kept = isNewest || acted || !unheard; !kept {
			dropTurn(c, t.generation)
			return true
		}
		if isNewest && s.Planned == "" && !acted { // nothing could be said: the words wait for the next turn
			dropTurn(c, t.generation)
			isCurrent, kept = true, false
			return true
		}
		isCurrent = endTurn(c, s, t.Stopped() == nil)
		if result.Action != nil && c.Closing == nil { // also if the caller has cut in: the model believes that it is done
			c.Closing = &aurora.CallClosing{ID: t.NewID(), Action: *result.Action}
		}
		return true
	})
	if fault.Is(err, fault.NotFound) { // the call was erased meanwhile, and so must be what was said
		t.writeTurn(ctx, aurora.SpokenTurn{Generation: t.generation})
		return
	}
	if err != nil {
		slog.ErrorContext(ctx, "end of a turn not stored", "event", "phone.turn_unstored", "generation", t.generation, "error", err)
		isCurrent = t.Stopped() == nil
	} else if kept && !acted && t.Stopped() != nil {
		t.writeTurn(ctx, s)
	}
	if isCurrent {
		if err := t.sendFrame(ctx, Frame{Last: true}); err != nil && !errors.Is(err, errGone) {
			slog.WarnContext(ctx, "turn not closed", "event", "phone.send_failed", "generation", t.generation, "error", err)
		}
	}
	if err == nil && c.Closing != nil && !hasRunningTurn(&c) { // else the turn that goes on ends the session
		t.closeAfterWords(ctx, c, s.Planned != "")
	}
}

func (t *turn) writeTurn(ctx context.Context, s aurora.SpokenTurn) {
	if err := t.Store.WriteTurn(ctx, t.sid, s); err != nil {
		slog.ErrorContext(ctx, "turn not stored", "event", "phone.turn_unstored", "generation", t.generation, "error", err)
	}
}
