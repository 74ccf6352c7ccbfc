package faketwilio

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/dev/fakerelay"
)

const (
	version      = "2010-04-01"
	maxStored    = 1000    // of each kind
	maxFormBytes = 1 << 20 // bytes of a request
)

// Options configure the account.
type Options struct {
	AccountSID string           // AC and 32 hexadecimal digits
	AuthToken  string           // its password
	Now        func() time.Time // time.Now if nil
	// Wait waits, and reports whether the whole duration passed. The default is a timer.
	Wait func(context.Context, time.Duration) bool

	MessageURL string // receives inbound text messages; "" is none
	VoiceURL   string // is asked for the TwiML of inbound calls
	StatusURL  string // receives the final status of inbound calls; "" is none
	// RelayAddress returns the ws:// address that is dialled in place of the url of ConversationRelay; nil is the url itself.
	RelayAddress func() string
	Speed        float64       // how many times faster than a voice everything is spoken; 0 is 1
	TurnTimeout  time.Duration // see fakerelay.Options
	// Callee is what a person or machine does who answers an outbound call; nil is a person who asks who is calling, or a machine
	// that records.
	Callee func(ctx context.Context, phone *fakerelay.Phone)
}

// Server is the API of one account.
type Server struct {
	options Options
	mux     *http.ServeMux

	callbackClient *http.Client
	ctx            context.Context // until Close
	cancel         context.CancelFunc
	running        sync.WaitGroup // the calls in progress

	mu           sync.Mutex
	closed       bool
	messages     []Message          // the oldest first
	blocked      map[[2]string]bool // our address and the person's, after a STOP
	updates      []Update
	endedUnknown map[string]bool // calls that were not created here and were ended, by sid
	calls        []*call
	callbacks    []Callback
	busy         map[string]bool // destinations whose next request is accepted, after a 429
}

// New returns an account without messages and calls. The caller must Close it.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = sleepContext
	}
	s := &Server{blocked: map[[2]string]bool{}, options: o, mux: http.NewServeMux(), callbackClient: newCallbackClient(), endedUnknown: map[string]bool{}, busy: map[string]bool{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	account := "/" + version + "/Accounts/{account}/"
	s.handle("POST "+account+"Messages.json", s.sendMessage)
	s.handle("GET "+account+"Messages.json", s.listMessages)
	s.handle("GET "+account+"Messages/{name}", s.fetchMessage)
	s.handle("POST "+account+"Calls.json", s.create)
	s.handle("GET "+account+"Calls.json", s.listCalls)
	s.handle("POST "+account+"Calls/{name}", s.updateCall)
	s.handle("GET "+account+"Calls/{name}", s.fetchCall)
	s.mux.HandleFunc("GET /{$}", s.page)
	s.mux.HandleFunc("POST /inbound-calls", s.addInbound)
	s.mux.HandleFunc("POST /inbound-messages", s.addInboundText)
	s.mux.HandleFunc("GET /texts", s.textsPage)
	s.handlePhone()
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { notFound(r).write(w) })
	return s
}

// SetNumbers sets the addresses of Options for the calls that begin from now on: a stack's addresses are known only after it has
// started, and it needs this server before.
func (s *Server) SetNumbers(voiceURL, statusURL string, relay func() string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.VoiceURL, s.options.StatusURL, s.options.RelayAddress = voiceURL, statusURL, relay
}

// numbers returns the addresses that SetNumbers sets.
func (s *Server) numbers() (voiceURL, statusURL string, relay func() string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options.VoiceURL, s.options.StatusURL, s.options.RelayAddress
}

// Close ends the calls in progress without callbacks and waits for them. Calls that are created later stay queued.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
}

// sleepContext waits, and reports whether the whole duration passed before the context ended.
func sleepContext(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ServeHTTP serves the account's part of Twilio's API under /2010-04-01, and at / a page that shows what was sent.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "//") { // Accounts//Messages.json; the mux would redirect it
		notFound(r).write(w)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// handle serves a route to requests with the account's credentials.
func (s *Server) handle(pattern string, do func(http.ResponseWriter, *http.Request) *apiError) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
		if problem := s.authenticate(r); problem != nil {
			problem.write(w)
			return
		}
		if problem := do(w, r); problem != nil {
			problem.write(w)
		}
	})
}

func (s *Server) authenticate(r *http.Request) *apiError {
	sid, token, _ := r.BasicAuth()
	known := subtle.ConstantTimeCompare([]byte(sid), []byte(s.options.AccountSID)) & subtle.ConstantTimeCompare([]byte(token), []byte(s.options.AuthToken))
	if known != 1 {
		return newError(http.StatusUnauthorized, 20003, "Authenticate")
	}
	if r.PathValue("account") != sid {
		return notFound(r)
	}
	if err := r.ParseForm(); err != nil {
		return newError(http.StatusBadRequest, 20001, "The request could not be read: %v", err)
	}
	return nil
}

// Message is a text message.
type Message struct {
	SID                 string
	From                string
	To                  string
	Body                string
	MessagingServiceSID string
	Direction           string // outbound-api, inbound, or outbound-reply for a reply of Twilio's own and for one in TwiML
	Status              string
	ErrorCode           int // 0 if there is none
	At                  time.Time
}

// Messages returns the text messages so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Update is a change of a live call.
type Update struct {
	SID    string
	Status string // completed or canceled, to end the call
	Twiml  string // new instructions
	URL    string // the address of new instructions
	At     time.Time
}

// Updates returns the changes of calls so far, in order.
func (s *Server) Updates() []Update {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.updates)
}

// appendBounded appends to a list and drops the oldest entries above the limit.
func appendBounded[T any](list []T, one T) []T {
	list = append(list, one)
	return list[max(0, len(list)-maxStored):]
}

// newSID returns a sid with a prefix: SM for messages, CA for calls.
func newSID(kind string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	return kind + hex.EncodeToString(b[:])
}

// formatTime formats a time as Twilio does.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }

// resourceSID returns the sid of a path that ends in <sid>.json.
func resourceSID(r *http.Request) (string, bool) {
	return strings.CutSuffix(r.PathValue("name"), ".json")
}
