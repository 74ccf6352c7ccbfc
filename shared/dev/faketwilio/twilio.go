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
)

const (
	version      = "2010-04-01"
	maxStored    = 1000    // of each kind
	maxFormBytes = 1 << 20 // bytes of a request
)

// Options say whose account it is.
type Options struct {
	AccountSID string           // AC and 32 hex digits
	AuthToken  string           // its password
	Now        func() time.Time // time.Now where nil
	// Wait lets time pass in a call, and reports whether all of it did; a timer where nil.
	Wait func(context.Context, time.Duration) bool
}

// Server is one account.
type Server struct {
	options Options
	mux     *http.ServeMux

	callbackClient *http.Client
	ctx            context.Context // until Close
	cancel         context.CancelFunc
	running        sync.WaitGroup // the calls under way

	mu           sync.Mutex
	closed       bool
	messages     []Message // the oldest first
	updates      []Update
	endedUnknown map[string]bool // calls that somebody else's telephone made, by sid
	calls        []*call
	callbacks    []Callback
	busy         map[string]bool // destinations whose next call is taken, after one that was not
}

// New makes an account without a message and without a call. Close ends what it does by itself.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == nil {
		o.Wait = sleepContext
	}
	s := &Server{options: o, mux: http.NewServeMux(), callbackClient: newCallbackClient(), endedUnknown: map[string]bool{}, busy: map[string]bool{}}
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
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { notFound(r).write(w) })
	return s
}

// Close ends the calls under way, without a word to anybody, and waits for them. Calls that are created later stay queued.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
}

// sleepContext waits, and reports whether all of the time went by.
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
	if strings.Contains(r.URL.Path, "//") { // Accounts//Messages.json; the mux would send it elsewhere
		notFound(r).write(w)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// handle serves a route to whoever knows the account's password.
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

// Message is a text message as it was sent.
type Message struct {
	SID  string
	From string
	To   string
	Body string
	At   time.Time
}

// Messages are the text messages so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Update is what was asked of a live call.
type Update struct {
	SID    string
	Status string // completed or canceled, where the call was to end
	Twiml  string // what the call was to do instead
	URL    string // where to ask what the call is to do instead
	At     time.Time
}

// Updates are the changes of calls so far, in order.
func (s *Server) Updates() []Update {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.updates)
}

// appendBounded adds to a list, and drops the oldest where it grows too long.
func appendBounded[T any](list []T, one T) []T {
	list = append(list, one)
	return list[max(0, len(list)-maxStored):]
}

// newSID is a sid of a kind: SM for messages, CA for calls.
func newSID(kind string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	return kind + hex.EncodeToString(b[:])
}

// formatTime is how Twilio writes times.
func formatTime(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }

// resourceSID is the sid in a path whose last part is <sid>.json.
func resourceSID(r *http.Request) (string, bool) {
	return strings.CutSuffix(r.PathValue("name"), ".json")
}
