package faketwilio

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"example.com/aurora/shared/dev/fakerelay"
)

// handlePhone serves the routes with which a person at the page, or make call, is the caller. They are not part of Twilio's API.
func (s *Server) handlePhone() {
	s.servePhonePage()
	protection := http.NewCrossOriginProtection()
	handle := func(pattern string, do http.HandlerFunc) { s.mux.Handle(pattern, protection.Handler(do)) }
	handle("POST /phone/calls", s.startRemoteCall)
	handle("GET /phone/calls/{sid}", s.remote(s.showReport))
	handle("GET /phone/calls/{sid}/events", s.remote(s.streamEvents))
	for name, do := range map[string]func(context.Context, *call, *http.Request) error{
		"say": func(ctx context.Context, c *call, r *http.Request) error {
			return c.phone.Say(ctx, r.PostForm.Get("Text"))
		},
		"press": func(ctx context.Context, c *call, r *http.Request) error {
			return c.phone.Press(ctx, r.PostForm.Get("Keys"))
		},
		"listen": listenRemotely,
		"leave":  func(ctx context.Context, c *call, _ *http.Request) error { return c.phone.Leave(ctx) },
		"cough":  func(ctx context.Context, c *call, _ *http.Request) error { return c.phone.Cough(ctx) },
		"drop":   func(ctx context.Context, c *call, _ *http.Request) error { return c.phone.Drop(ctx) },
		"hangup": func(_ context.Context, c *call, _ *http.Request) error { c.hangup(); return nil },
	} {
		handle("POST /phone/calls/{sid}/"+name, s.remote(func(w http.ResponseWriter, r *http.Request, c *call) {
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			defer context.AfterFunc(c.live, cancel)()
			if err := do(ctx, c, r); err != nil {
				if c.live.Err() != nil {
					err = fakerelay.ErrCallOver
				}
				http.Error(w, err.Error(), http.StatusConflict)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}))
	}
}

// momentToThink passes between an answer and what the caller says next.
const momentToThink = 500 * time.Millisecond

// listenRemotely waits for the end of the answer and a moment, or for so many words of the answer.
func listenRemotely(ctx context.Context, c *call, r *http.Request) error {
	text := r.PostForm.Get("Words")
	if text == "" {
		err := c.phone.Listen(ctx)
		c.phone.Pause(ctx, momentToThink)
		return err
	}
	words, err := strconv.Atoi(text)
	if err != nil || words < 1 {
		return fmt.Errorf("the number of words must be one such as 5, not %q", text)
	}
	return c.phone.ListenTo(ctx, words)
}

// startRemoteCall starts a call whose caller is at the page. The form has From, To and possibly Dialled.
func (s *Server) startRemoteCall(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	from, to := r.FormValue("From"), r.FormValue("To")
	switch voiceURL, _, _ := s.numbers(); {
	case voiceURL == "":
		http.Error(w, "no address is set that answers calls", http.StatusConflict)
		return
	case from == "" || !e164.MatchString(to):
		http.Error(w, "From must be a caller, and To a number such as +15551230100", http.StatusBadRequest)
		return
	}
	sid := s.StartInbound(InboundCall{From: from, To: to, Play: Play{Dialled: r.FormValue("Dialled")}})
	writeJSON(w, http.StatusCreated, map[string]any{"sid": sid})
}

// remote finds the call of a path.
func (s *Server) remote(do func(http.ResponseWriter, *http.Request, *call)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := s.findCall(r.PathValue("sid"))
		if c == nil || c.events == nil {
			http.Error(w, "no such call is played here", http.StatusNotFound)
			return
		}
		s.mu.Lock()
		rings := c.phone == nil
		s.mu.Unlock()
		if rings && r.Method == http.MethodPost {
			http.Error(w, "the call was not answered yet", http.StatusConflict)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "the form cannot be read", http.StatusBadRequest)
			return
		}
		do(w, r, c)
	}
}

func (s *Server) showReport(w http.ResponseWriter, _ *http.Request, c *call) {
	r := s.report(c)
	writeJSON(w, http.StatusOK, RemoteReport{SID: r.SID, Status: r.Status, Over: r.Over, Problems: r.Problems, Violations: r.Violations, Sessions: r.Sessions,
		Dialled: r.Dialled, Utterances: r.Utterances})
}

// RemoteReport is the part of a Report that is served to make call.
type RemoteReport struct {
	SID        string                `json:"sid"`
	Status     string                `json:"status"`
	Over       bool                  `json:"over"`
	Problems   []string              `json:"problems"`
	Violations []fakerelay.Violation `json:"violations"`
	Sessions   []fakerelay.Result    `json:"sessions"`
	Dialled    []Dialled             `json:"dialled"`
	Utterances []fakerelay.Utterance `json:"utterances"`
}

// streamEvents sends the events of a call as Server-Sent Events, from the first one or after Last-Event-ID, and ends after the
// event done, which follows the last request about the call.
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request, c *call) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w).Flush
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	from, err := strconv.Atoi(r.Header.Get("Last-Event-ID"))
	if err != nil {
		from = 0
	}
	for {
		events := c.events.next(ctx, from)
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			from++
			data, err := json.Marshal(e)
			if err != nil {
				return
			}
			if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", from, data); err != nil {
				return
			}
			if e.Type == done {
				_ = flush()
				return
			}
		}
		_ = flush()
	}
}
