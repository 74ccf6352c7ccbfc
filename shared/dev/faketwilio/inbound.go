package faketwilio

import (
	"cmp"
	"context"
	"net/http"
)

// AddInbound adds a call in progress that reached a number of the account, and returns its sid. An update ends it.
func (s *Server) AddInbound(from, to string) string {
	now := s.options.Now()
	c := &call{Call: Call{SID: newSID("CA"), From: from, To: to, Direction: directionInbound, Status: statusInProgress, Created: now, Started: now}}
	var live context.Context
	live, c.hangup = context.WithCancel(s.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = appendBounded(s.calls, c)
	if s.closed {
		c.hangup()
		return c.SID
	}
	s.running.Go(func() {
		<-live.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		c.Status, c.Ended = cmp.Or(c.requestedEnd, statusCompleted), s.options.Now()
	})
	return c.SID
}

// addInbound serves AddInbound to developers: a form with From and To. It is not part of Twilio's API.
func (s *Server) addInbound(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	from, to := r.FormValue("From"), r.FormValue("To")
	if from == "" || to == "" {
		http.Error(w, "From and To are needed", http.StatusBadRequest)
		return
	}
	writeJSON(w, http.StatusCreated, map[string]any{"sid": s.AddInbound(from, to)})
}
