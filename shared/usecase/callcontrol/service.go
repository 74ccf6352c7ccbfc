package callcontrol

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/script"
)

// Calls stores the state of phone calls.
type Calls interface {
	// CreateCall stores a new call, or returns the one that is stored.
	CreateCall(ctx context.Context, c aurora.PhoneCall) (aurora.PhoneCall, error)
	IssueToken(ctx context.Context, t aurora.RelayToken) error
	// UpdateCall changes a call's state on condition that it has not changed meanwhile, and returns it as it is then. change may
	// run several times; if it returns false, nothing is written. A missing call is a fault.NotFound.
	UpdateCall(ctx context.Context, sid string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error)
	// WriteTurn stores a turn of the conversation.
	WriteTurn(ctx context.Context, sid string, turn aurora.SpokenTurn) error
}

// Tasks sends work that is done later.
type Tasks interface {
	Send(ctx context.Context, task aurora.PhoneTask, delay time.Duration) error
}

// Counter counts calls. It reports whether the quota allowed one more. taker identifies the call.
type Counter interface {
	TakeQuota(ctx context.Context, q aurora.Quota, taker string) (taken bool, err error)
}

// Limits are how many calls may come in within a minute.
type Limits struct {
	OfCaller    int64 // from one number
	OfAssistant int64
}

// Service decides what happens with calls. All fields are required.
type Service struct {
	Assistants aurora.AssistantFinder
	Calls      Calls
	Tasks      Tasks
	Counter    Counter
	Limits     Limits
	RelayURL   string                   // of our WebSocket, wss://; empty if the deployment has none
	Plain      func(text string) string // removes Markdown
	Now        func() time.Time
	NewToken   func() string // returns a random token
}

const (
	answerWithin = 3 * time.Second // the caller hears ringing or silence meanwhile; then an apology
	tokenTTL     = 2 * time.Minute
	sendTimeout  = 2 * time.Second
	maxResumes   = 2
	finishDelay  = 20 * time.Second // the other signals of the end come within it
	backstop     = 15 * time.Minute // the longest delay of SQS: the call is finished also if no signal of its end comes
)

// Call identifies a call in Twilio's requests.
type Call struct {
	SID       string
	From, To  string // numbers or other addresses
	Outbound  bool   // we placed it
	PublicURL string // of the API, without a slash at the end
	Status    aurora.CallStatus
}

// own returns our side of the call.
func (c Call) own() aurora.Phone {
	address := c.To
	if c.Outbound {
		address = c.From
	}
	own, _ := aurora.ParsePhone(address)
	return own
}

// customer returns the other side's number. An address that anyone can choose, such as one of SIP, does not identify anyone.
func (c Call) customer() aurora.Phone {
	address := strings.TrimSpace(c.From)
	if c.Outbound {
		address = strings.TrimSpace(c.To)
	}
	if !strings.HasPrefix(address, "+") {
		return ""
	}
	number, _ := aurora.ParsePhone(address)
	return number
}

// errNoRelay says that the deployment cannot connect calls.
var errNoRelay = fault.New(fault.Unavailable, "Phone calls are not set up: VOICE_RELAY_URL is empty.").WithCode("voice_not_set_up").WithoutRetry()

// fail counts a failure that the caller of a phone call hears as an apology, and returns the apology.
func (s *Service) fail(ctx context.Context, what string, a aurora.Assistant, c Call, err error) aurora.CallPlan {
	metric.CountFault(ctx, "AnswerDegraded", err)
	slog.ErrorContext(ctx, "a phone call could not be served", "event", "phone.not_served", "during", what, "assistantId", a.ID(), "error", err)
	return s.apologise(ctx, a, c)
}

// apologise says that the call cannot be served, and connects it with the fallback number if there is one.
func (s *Service) apologise(ctx context.Context, a aurora.Assistant, c Call) aurora.CallPlan {
	words := script.In(a.Language)
	if dial := s.fallback(ctx, a, c); dial != nil {
		return aurora.CallPlan{Say: words.Connecting, Language: a.Language, Dial: dial}
	}
	return aurora.CallPlan{Say: words.Apology, Language: a.Language, Hangup: true}
}

// fallback returns the call to the assistant's fallback number; nil if there is none that may be called.
func (s *Service) fallback(ctx context.Context, a aurora.Assistant, c Call) *aurora.DialPlan {
	number, ok := aurora.ParsePhone(a.FallbackNumber)
	if !ok {
		return nil
	}
	if number == c.own() || number == c.customer() || s.isOwn(ctx, a, number) {
		slog.WarnContext(ctx, "the fallback number would lead the call back to us or to the caller", "event", "phone.fallback_loop", "assistantId", a.ID())
		return nil
	}
	return s.dial(aurora.Destination{Number: string(number)}, c)
}

// dial returns the plan that connects a call with another line. The other line sees the caller's number where it may be shown.
func (s *Service) dial(to aurora.Destination, c Call) *aurora.DialPlan {
	p := &aurora.DialPlan{To: to}
	if c.Outbound || c.customer() == "" {
		p.CallerID = c.own()
	}
	if c.PublicURL != "" {
		p.AfterURL = c.PublicURL + aurora.VoiceAfterPath
	}
	return p
}

// isOwn reports whether a number is one of an assistant's, or of another one. Numbers of assistants that cannot be read are not
// known.
func (s *Service) isOwn(ctx context.Context, a aurora.Assistant, number aurora.Phone) bool {
	for _, own := range a.Numbers() {
		if own == number {
			return true
		}
	}
	_, err := s.Assistants.ByNumber(ctx, number)
	return err == nil || fault.Is(err, fault.Internal) // an assistant with an invalid configuration still has the number
}

// send sends a task. Without it the end of the call is found later, by another task.
func (s *Service) send(ctx context.Context, sid string, delay time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout) // also if a store has taken all of the time
	defer cancel()
	if err := s.Tasks.Send(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskFinish, CallSID: sid}, delay); err != nil {
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.WarnContext(ctx, "the task to finish a call was not sent", "event", "phone.task_not_sent", "callId", sid, "error", err)
	}
}
