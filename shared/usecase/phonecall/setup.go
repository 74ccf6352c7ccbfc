package phonecall

import (
	"context"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// TokenParameter is the name of the session's parameter that holds the token.
const TokenParameter = "token"

// Setup is the first message of a session, and of a connection that was made again.
type Setup struct {
	SessionID, AccountSID, CallSID string
	From, To                       string
	Parameters                     map[string]string // of the session
}

// charactersPerSecond is about how fast voices speak.
const charactersPerSecond = 15

const noStateApology = "I'm sorry, I'm having trouble right now. Please call again in a moment."

// Setup binds a connection to its call. A session without a valid token is ended.
func (e *Engine) Setup(ctx context.Context, ev Event, s Setup) {
	aurora.LogCall(ctx, s.CallSID)
	var token aurora.RelayToken
	err := retry(ctx, setupRetries, func() (err error) {
		token, err = e.checkSetup(ctx, s)
		return err
	})
	if err != nil {
		slog.WarnContext(ctx, "session rejected", "event", "phone.session_rejected", "error", err)
		e.count(ctx, "PhoneSessionRejected")
		e.endRejected(ctx, ev.ConnectionID, !fault.Is(err, fault.Unauthorized))
		return
	}
	// If no signal of the call's end comes, this task finishes it. It is sent before the state is stored, so that no call is without.
	e.sendTask(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskFinish, CallSID: s.CallSID}, longestDelay)
	var c aurora.PhoneCall
	var isNew, answer bool
	err = retry(ctx, setupRetries, func() (err error) {
		c, isNew, answer, err = e.connect(ctx, ev, s, token)
		return err
	})
	if err != nil {
		slog.ErrorContext(ctx, "session not stored", "event", "phone.session_unstored", "error", err)
		e.endRejected(ctx, ev.ConnectionID, true)
		return
	}
	if isNew {
		e.sendTask(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskKeepOpen, CallSID: c.SID}, keepOpenDelay)
	}
	slog.InfoContext(ctx, "session connected", "event", "phone.session_connected", "sessionId", s.SessionID, "assistantId", c.AssistantID, "recordId", c.RecordID, "resumes", c.Resumes, "drops", c.Drops)
	if answer {
		e.runTurn(ctx, c, turnStart{began: e.Now(), limited: true})
	}
}

// checkSetup checks that a session is one that we asked for.
func (e *Engine) checkSetup(ctx context.Context, s Setup) (aurora.RelayToken, error) {
	if !aurora.IsCallSID(s.CallSID) {
		return aurora.RelayToken{}, fault.New(fault.Unauthorized, "The session has no call.").WithCode("invalid_call")
	}
	account, err := e.Account(ctx)
	if err != nil {
		return aurora.RelayToken{}, err
	}
	if s.AccountSID != account {
		return aurora.RelayToken{}, fault.New(fault.Unauthorized, "The session is of another account.").WithCode("invalid_account")
	}
	return e.Store.UseToken(ctx, s.Parameters[TokenParameter], s.CallSID)
}

// endRejected ends the session of a connection that has no call, after an apology if the caller is to hear one. The end would cut
// words that are still being spoken, and without the call's state no event says when they are over.
func (e *Engine) endRejected(ctx context.Context, connectionID string, apologise bool) {
	if apologise && e.sendFrame(ctx, connectionID, Frame{Text: noStateApology, Last: true}) == nil {
		wait(ctx, time.Duration(len(noStateApology))*time.Second/charactersPerSecond+time.Second)
	}
	if err := e.sendFrame(ctx, connectionID, Frame{End: true}); err != nil && !fault.Is(err, fault.NotFound) {
		slog.WarnContext(ctx, "rejected session not ended", "event", "phone.send_failed", "error", err)
	}
}

// connect stores that a call has a connection. isNew is false if it had it before; answer says that something waits which the
// connection before could not answer.
func (e *Engine) connect(ctx context.Context, ev Event, s Setup, token aurora.RelayToken) (c aurora.PhoneCall, isNew, answer bool, err error) {
	if _, err = e.Store.CreateCall(ctx, newCall(s, token, e.Now())); err != nil {
		return c, false, false, err
	}
	if err = e.Store.PutConnection(ctx, ev.ConnectionID, s.CallSID); err != nil {
		return c, false, false, err
	}
	greeted := false
	c, err = e.Store.UpdateCall(ctx, s.CallSID, func(c *aurora.PhoneCall) bool {
		answer, greeted = false, false
		if isNew = c.ConnectionID != ev.ConnectionID; !isNew { // the same message again
			return false
		}
		sawEvent(c, ev.At)
		if !c.ConnectedAt.IsZero() && c.SessionID == s.SessionID {
			c.Drops++
		}
		c.ConnectionID, c.SessionID = ev.ConnectionID, s.SessionID
		if c.ConnectedAt.IsZero() {
			c.ConnectedAt = ev.At
			if greeted = c.Greeting != ""; greeted {
				c.Spoken = append(c.Spoken, greeting(*c))
			}
			return true
		}
		if answer = len(c.Waiting) > 0 && !hasRunningTurn(c) && !isOver(c) && c.Closing == nil; answer {
			beginTurn(c)
		}
		return true
	})
	if err == nil && greeted {
		if err := e.Store.WriteTurn(ctx, c.SID, greeting(c)); err != nil {
			slog.ErrorContext(ctx, "greeting not stored", "event", "phone.turn_unstored", "generation", 0, "error", err)
		}
	}
	return c, isNew, answer, err
}

// greeting returns the words that Twilio itself speaks first.
func greeting(c aurora.PhoneCall) aurora.SpokenTurn {
	return aurora.SpokenTurn{Planned: c.Greeting, StartedAt: c.ConnectedAt, EndedAt: c.ConnectedAt}
}

// newCall returns the state of a call that is not stored yet: an outbound one, whose sid was not known when it was placed.
func newCall(s Setup, token aurora.RelayToken, now time.Time) aurora.PhoneCall {
	c := aurora.PhoneCall{SID: s.CallSID, AssistantID: token.AssistantID, Direction: aurora.DirectionInbound, From: s.From, To: s.To,
		RecordID: token.RecordID, Greeting: token.Greeting, Recorded: token.Recorded, CreatedAt: now}
	customer, own := s.From, s.To
	if token.RecordID != "" {
		c.Direction = aurora.DirectionOutbound
		customer, own = s.To, s.From
	}
	c.Customer, _ = aurora.ParsePhone(customer)
	c.OwnNumber, _ = aurora.ParsePhone(own)
	return c
}
