package fakerelay

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"example.com/aurora/shared/dev/stricttwiml"
)

// maxBuffered is how many events wait for a lost connection: https://www.twilio.com/en-us/changelog/conversation-relay--dynamic-configuration--application-reconnect
const maxBuffered = 500

// maxMessage bounds a message to Twilio in bytes.
const maxMessage = 128 << 10

// Times of a session, of a person's measure.
const (
	reconnectDelay = 500 * time.Millisecond
	reconnectTries = 5
	// replayWithin is how old a prompt may be of which Twilio does not know whether it arrived.
	replayWithin = time.Second
	// afterEnd is how long messages after the end of a session are still read.
	afterEnd = 100 * time.Millisecond
	// starvedDelay is how long a turn that is not closed may be silent before Twilio reports that the agent does not speak.
	starvedDelay = 2 * time.Second
	// flushTimeout is how long the last messages of a caller who hangs up may take.
	flushTimeout = time.Second
)

// Setup is what the first message of a session says about the call.
type Setup struct {
	SessionID     string `json:"sessionId"`
	AccountSID    string `json:"accountSid"`
	CallSID       string `json:"callSid"`
	ParentCallSID string `json:"parentCallSid"`
	From          string `json:"from"`
	To            string `json:"to"`
	ForwardedFrom string `json:"forwardedFrom"`
	CallType      string `json:"callType"`
	CallerName    string `json:"callerName"`
	Direction     string `json:"direction"`
	CallStatus    string `json:"callStatus"`
}

// SessionOptions configure a session.
type SessionOptions struct {
	Relay   stricttwiml.Element // the element ConversationRelay
	Address string              // what is dialled in place of the element's url; "" is the url itself
	Setup   Setup
	Sign    func(address string, form url.Values) string // X-Twilio-Signature
	Client  *http.Client                                 // http.DefaultClient if nil
	// ReplayPrompt sends a prompt of the last second again after a reconnection, as if Twilio did not know that it had arrived.
	ReplayPrompt bool
	// Noise sends messages of a type that does not exist, and fields that do not exist.
	Noise bool
}

// Result is how a session ended.
type Result struct {
	Status       string // completed: the caller hung up; ended: by a message; failed
	Handoff      string
	HasHandoff   bool
	ErrorCode    string
	ErrorMessage string
	Duration     time.Duration
}

// session is a session in progress. Its fields are protected by the phone's lock.
type session struct {
	phone  *Phone
	o      SessionOptions
	number int
	ctx    context.Context // until the session ends
	finish context.CancelFunc

	conn       *websocket.Conn // nil while the connection is lost
	outbox     []any           // messages that wait for the connection
	writing    bool            // a message is being sent
	lost       chan error      // receives the error of a lost connection
	end        *frame          // the message that ended the session
	ended      bool            // no more messages are expected
	lastSaid   any             // the last prompt
	lastSaidAt time.Time

	talks    []*talk // what is to be spoken, in order; the first may be spoken partly
	history  []*talk // all talks
	speaking bool
	// utterance is what was heard since the agent began to speak, also if it is of several turns without a pause between them.
	utterance     string
	speakingSince time.Time
	cutWord       context.CancelFunc // of the word that is being spoken
	wake          context.CancelFunc // of the wait for more of a turn
	cutAt         time.Time          // of the last interruption, until the caller says something
	interrupted   int
}

// Relay runs a ConversationRelay session, and returns when it ended. It ends ctx's way with the status completed.
func (p *Phone) Relay(ctx context.Context, o SessionOptions) Result {
	start := p.options.Now()
	if fatal := stricttwiml.FatalProblems(o.Relay); len(fatal) > 0 {
		return Result{Status: "failed", ErrorCode: "64101", ErrorMessage: "Invalid parameter: " + strings.Join(fatal, "; ")}
	}
	s := &session{phone: p, o: o, lost: make(chan error, 1)}
	s.ctx, s.finish = context.WithCancel(context.WithoutCancel(ctx))
	defer s.finish()
	conn, err := s.dial(ctx)
	if err != nil {
		return Result{Status: "failed", ErrorCode: "64102", ErrorMessage: "Unable to connect to the WebSocket: " + err.Error()}
	}
	p.mu.Lock()
	p.sessions++
	s.number = p.sessions
	p.session, s.conn = s, conn
	p.emit("session", "", "")
	s.enqueue(s.setup())
	if greeting := o.Relay.Attribute("welcomeGreeting", ""); greeting != "" {
		s.greet(greeting)
	}
	p.notify()
	p.mu.Unlock()
	var running sync.WaitGroup
	running.Go(func() { s.read(conn) })
	running.Go(s.write)
	running.Go(s.speak)
	result := s.wait(ctx, &running)
	p.mu.Lock()
	p.session, s.ended = nil, true
	last := s.conn
	p.emit("session-end", "", strings.TrimSpace(result.Status+" "+result.ErrorCode))
	p.notify()
	p.mu.Unlock()
	s.finish()
	if last != nil {
		_ = last.Close(websocket.StatusNormalClosure, "") // an error says that it was closed already
	}
	running.Wait()
	result.Duration = p.options.Now().Sub(start)
	return result
}

// wait returns when the session has ended, and opens a lost connection again if the session asks for it.
func (s *session) wait(ctx context.Context, running *sync.WaitGroup) Result {
	p := s.phone
	for {
		var ended bool
		var changed chan struct{}
		p.mu.Lock()
		ended, changed = s.end != nil, p.changed
		p.mu.Unlock()
		if ended {
			p.options.Wait(s.ctx, afterEnd) // what comes now comes after the end
			r := Result{Status: "ended"}
			if s.end.HandoffData != nil {
				r.Handoff, r.HasHandoff = *s.end.HandoffData, true
			}
			return r
		}
		select {
		case <-changed:
		case err := <-s.lost:
			if ctx.Err() != nil {
				return Result{Status: "completed"}
			}
			if !s.reconnect(ctx, running) {
				return Result{Status: "failed", ErrorCode: "64105", ErrorMessage: "WebSocket connection ended: " + err.Error()}
			}
		case <-ctx.Done():
			p.mu.Lock()
			s.silence() // a turn that was being spoken is no violation
			p.mu.Unlock()
			s.flush()
			return Result{Status: "completed"}
		}
	}
}

// setup returns the first message of a connection.
func (s *session) setup() any {
	parameters := map[string]string{}
	for _, c := range s.o.Relay.Children {
		if c.Name == "Parameter" {
			parameters[c.Attributes["name"]] = c.Attributes["value"]
		}
	}
	return struct {
		Type string `json:"type"`
		Setup
		Parameters map[string]string `json:"customParameters"`
	}{"setup", s.o.Setup, parameters}
}

// enqueue adds a message from Twilio. The caller holds the lock.
func (s *session) enqueue(message any) {
	if s.ended || s.end != nil {
		return
	}
	if s.outbox = append(s.outbox, message); s.conn == nil && len(s.outbox) > maxBuffered {
		s.outbox = s.outbox[1:]
	}
	s.phone.notify()
}

// receive handles a message to Twilio. The caller holds the lock.
func (s *session) receive(data []byte) {
	p := s.phone
	f, wrong := readFrame(data)
	switch {
	case s.end != nil:
		p.violate(AfterEnd, clip(data), 0)
		return
	case wrong != "":
		p.violate(InvalidMessage, "64107: "+wrong+": "+clip(data), 0)
		s.enqueue(map[string]any{"type": "error", "description": "Invalid message received: " + clip(data)})
		return
	}
	switch f.Type {
	case "text":
		s.text(f)
	case "play":
		s.add(f, "["+*f.Source+"] ", true)
	case "sendDigits":
		p.emit("digits", Agent, *f.Digits)
	case "config":
		s.enqueue(map[string]any{"type": "configUpdated"})
	case "end":
		rest := ""
		for _, t := range s.talks {
			rest += t.rest
		}
		if strings.TrimSpace(rest) != "" {
			p.violate(CutByEnd, rest, 0)
		}
		if t := s.openTalk(); t != nil {
			p.violate(NotClosed, "the session was ended after: "+t.text, 0)
		}
		s.end = &f
		s.silence()
	}
}

// clip shortens a message for a report.
func clip(data []byte) string {
	if len(data) > 300 {
		return string(data[:300]) + "…"
	}
	return string(data)
}
