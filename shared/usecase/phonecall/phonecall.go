package phonecall

import (
	"context"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

// Store holds the state of calls. Its errors are faults; see UpdateCall for those of a call that is not stored.
type Store interface {
	// CreateCall stores a new call, or returns the one that is stored.
	CreateCall(ctx context.Context, c aurora.PhoneCall) (aurora.PhoneCall, error)
	Call(ctx context.Context, sid string) (c aurora.PhoneCall, ok bool, err error)
	// UpdateCall changes a call that is stored. change may be called several times, and reports whether there is anything to
	// write. The error is fault.NotFound for a call that is not stored.
	UpdateCall(ctx context.Context, sid string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error)
	// WriteTurn stores a turn, or replaces the one of its generation.
	WriteTurn(ctx context.Context, sid string, turn aurora.SpokenTurn) error
	Turns(ctx context.Context, sid string) ([]aurora.SpokenTurn, error)
	// UseToken binds a token to a call. The error is fault.Unauthorized for a token that is not valid for it.
	UseToken(ctx context.Context, token, callSID string) (aurora.RelayToken, error)
	PutConnection(ctx context.Context, connectionID, callSID string) error
	ConnectionCall(ctx context.Context, connectionID string) (callSID string, ok bool, err error)
}

// Sender sends messages to Twilio. When Send returns nil, the next message may be sent. The error is fault.NotFound if the
// connection has gone, fault.RateLimited if it takes no more messages now, and fault.TooLarge for a message that is too large.
type Sender interface {
	Send(ctx context.Context, connectionID string, f Frame) error
}

// Frame is a message to Twilio: words, or the end of the session.
type Frame struct {
	Text string
	Last bool // the turn ends with these words
	// Uninterruptible words are spoken to their end.
	Uninterruptible bool
	// End ends the session. Twilio then asks what is to follow, and repeats HandoffData.
	End         bool
	HandoffData string
}

// Tasks takes work on a call that is done later.
type Tasks interface {
	Send(ctx context.Context, task aurora.PhoneTask, delay time.Duration) error
}

// Conversation takes turns of conversations. Speak does not return before the turn's tools have finished.
type Conversation interface {
	Speak(ctx context.Context, r TurnRequest, out Output) TurnResult
}

// TurnRequest is what a turn answers.
type TurnRequest struct {
	Call     aurora.PhoneCall
	Messages []agent.Message // the conversation so far
}

// Output takes what a turn says and does.
type Output interface {
	// WriteText takes words to be spoken. isFiller says that they are no part of the conversation. An error ends the turn.
	WriteText(text, model string, isFiller bool) error
	// BeforeTools is called before tools start. An error means that they must not, and ends the turn.
	BeforeTools(ctx context.Context, tools []agent.Tool) error
	// Stopped returns why nothing more is to be spoken, or nil. The turn's context ends at the same time.
	Stopped() error
}

// TurnResult is what came of a turn, as far as it went.
type TurnResult struct {
	Messages []agent.Message // the turn's own messages, with tool calls and results
	Action   *aurora.Action  // how the call is to end
	Filler   string          // what the assistant says while something takes long; empty if that is not wanted
}

// Engine carries conversations. It is safe for concurrent use.
type Engine struct {
	Store        Store
	Sender       Sender
	Tasks        Tasks
	Conversation Conversation
	// Account returns the sid of our account at Twilio.
	Account func(ctx context.Context) (string, error)
	// Count adds 1 to a metric. It may be nil.
	Count func(ctx context.Context, metric string)
	Now   func() time.Time
	NewID func() string // returns a random id

	known knownConnections
}

// Event says which message of Twilio is handled.
type Event struct {
	ConnectionID string
	MessageID    string    // of the gateway; no two messages have the same
	At           time.Time // when it reached the gateway, in milliseconds
}

// The times of a turn, from the arrival of its message.
const (
	handOverAfter  = 20 * time.Second // a worker takes over
	turnLimit      = 24 * time.Second // also if words are being spoken
	speakingWithin = 1500 * time.Millisecond
	watchEvery     = 150 * time.Millisecond
)

// The delays of tasks.
const (
	SilenceDelay = 8 * time.Second  // after the assistant has stopped speaking
	CloseDelay   = 10 * time.Second // after the last words were sent
	DigitsDelay  = 2 * time.Second  // after a key; queues count whole seconds
	FinishDelay  = 20 * time.Second // after the connection has ended

	keepOpenDelay = 8 * time.Minute  // the gateway closes a connection after ten minutes without a message
	longestDelay  = 15 * time.Minute // of a message in SQS
)

func (e *Engine) count(ctx context.Context, metric string) {
	if e.Count != nil {
		e.Count(ctx, metric)
	}
}
