package faketwilio

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"example.com/aurora/shared/dev/stricttwiml"
)

var callSID = regexp.MustCompile(`^CA[0-9a-fA-F]{32}$`)

// updateCall ends a live call or gives it new instructions: https://www.twilio.com/docs/voice/api/call-resource
func (s *Server) updateCall(w http.ResponseWriter, r *http.Request) *apiError {
	sid, _ := resourceSID(r)
	if !callSID.MatchString(sid) {
		return notFound(r)
	}
	u := Update{SID: sid, Status: r.PostForm.Get("Status"), Twiml: r.PostForm.Get("Twiml"), URL: r.PostForm.Get("Url"), At: s.options.Now()}
	switch {
	case u.Status != "" && u.Status != statusCompleted && u.Status != "canceled":
		return newError(400, 20001, "Invalid status: %s", u.Status)
	case u.Status == "" && u.Twiml == "" && u.URL == "":
		return newError(400, 21205, "Url parameter is required.")
	case utf8.RuneCountInString(u.Twiml) > stricttwiml.MaxInline:
		return newError(400, 20001, "Twiml may not be longer than %d characters", stricttwiml.MaxInline)
	case u.Twiml != "" && !isTwiml(u.Twiml):
		return newError(400, 12100, "Document parse failure")
	}
	c := s.findCall(sid)
	if c == nil {
		s.mu.Lock()
		over := s.endedUnknown[sid]
		if !over {
			s.updates = appendBounded(s.updates, u)
			s.endedUnknown[sid] = u.Status != ""
		}
		s.mu.Unlock()
		if over {
			return newError(400, 21220, "Call is not in-progress. Cannot redirect.")
		}
		writeJSON(w, http.StatusOK, s.describeUnknownCall(sid))
		return nil
	}
	if problem := s.redirectCall(c, u); problem != nil {
		return problem
	}
	writeJSON(w, http.StatusOK, s.describeCall(c))
	return nil
}

// redirectCall changes a call that was created here.
func (s *Server) redirectCall(c *call, u Update) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	answered := c.Status == statusInProgress
	switch {
	case isFinal(c.Status), u.Status == "" && !answered:
		return newError(400, 21220, "Call is not in-progress. Cannot redirect.")
	case u.Status == "canceled" && answered:
		return newError(400, 20001, "Invalid status: %s", u.Status)
	}
	s.updates = appendBounded(s.updates, u)
	if u.Status != "" {
		c.requestedEnd = statusCompleted
		if !answered {
			c.requestedEnd = "canceled" // it was not answered yet
		}
		c.hangup()
	} else if c.stopVerb != nil {
		c.redirection = &u
		c.stopVerb()
	}
	return nil
}

func (s *Server) fetchCall(w http.ResponseWriter, r *http.Request) *apiError {
	sid, _ := resourceSID(r)
	if !callSID.MatchString(sid) {
		return notFound(r)
	}
	if c := s.findCall(sid); c != nil {
		writeJSON(w, http.StatusOK, s.describeCall(c))
		return nil
	}
	writeJSON(w, http.StatusOK, s.describeUnknownCall(sid))
	return nil
}

// listCalls lists calls, the newest first: https://www.twilio.com/docs/voice/api/call-resource#read-multiple-call-resources
// A call that has not started is filtered by its creation time.
func (s *Server) listCalls(w http.ResponseWriter, r *http.Request) *apiError {
	size, page, problem := parsePaging(r)
	if problem != nil {
		return problem
	}
	after, okAfter := parseTime(r.Form.Get("StartTime>"))
	before, okBefore := parseTime(r.Form.Get("StartTime<"))
	if !okAfter || !okBefore {
		return newError(400, 20001, "Invalid StartTime")
	}
	s.mu.Lock()
	all := slices.Clone(s.calls)
	s.mu.Unlock()
	list := []map[string]any{}
	for _, c := range slices.Backward(all) {
		seen := s.snapshot(c)
		fits := func(name, is string) bool { want := r.Form.Get(name); return want == "" || want == is }
		if !fits("To", seen.To) || !fits("From", seen.From) || !fits("Status", seen.Status) ||
			!after.IsZero() && seen.Created.Before(after) || !before.IsZero() && seen.Created.After(before) {
			continue
		}
		list = append(list, s.describeCall(c))
	}
	at := func(n int) string {
		q := r.URL.Query()
		q.Set("Page", strconv.Itoa(n))
		q.Set("PageSize", strconv.Itoa(size))
		return r.URL.Path + "?" + q.Encode()
	}
	start := min(page*size, len(list))
	end := min(start+size, len(list))
	answered := map[string]any{"calls": list[start:end], "page": page, "page_size": size, "start": start, "end": max(start, end-1), "uri": r.URL.RequestURI(),
		"first_page_uri": at(0), "next_page_uri": nil, "previous_page_uri": nil}
	if end < len(list) {
		answered["next_page_uri"] = at(page + 1)
	}
	if page > 0 {
		answered["previous_page_uri"] = at(page - 1)
	}
	writeJSON(w, http.StatusOK, answered)
	return nil
}

// parsePaging returns the requested page and page size.
func parsePaging(r *http.Request) (size, page int, problem *apiError) {
	size = 50
	for name, into := range map[string]*int{"PageSize": &size, "Page": &page} {
		if text := r.Form.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 || name == "PageSize" && n == 0 {
				return 0, 0, newError(400, 20001, "Invalid %s: %s", name, text)
			}
			*into = n
		}
	}
	return min(size, maxStored), page, nil
}

// parseTime parses a time in Twilio's formats: a date or a date with a time. The zero time stands for an empty value.
func parseTime(text string) (time.Time, bool) {
	if text == "" {
		return time.Time{}, true
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// describeUnknownCall returns the resource of a call that was not created here, such as an inbound one.
func (s *Server) describeUnknownCall(sid string) map[string]any {
	s.mu.Lock()
	status := statusInProgress
	if s.endedUnknown[sid] {
		status = statusCompleted
	}
	s.mu.Unlock()
	return map[string]any{"sid": sid, "account_sid": s.options.AccountSID, "api_version": version, "status": status, "direction": "inbound",
		"date_updated": formatTime(s.options.Now()), "price_unit": "USD", "uri": s.callPath(sid) + ".json"}
}

func (s *Server) callPath(sid string) string {
	return "/" + version + "/Accounts/" + s.options.AccountSID + "/Calls/" + sid
}

// describeCall returns the resource of a call that was created here.
func (s *Server) describeCall(c *call) map[string]any {
	seen := s.snapshot(c)
	when := func(t time.Time) any {
		if t.IsZero() {
			return nil
		}
		return formatTime(t)
	}
	updated := seen.Created
	for _, t := range []time.Time{seen.Started, seen.Ended} {
		if t.After(updated) {
			updated = t
		}
	}
	path := s.callPath(seen.SID)
	out := map[string]any{"sid": seen.SID, "account_sid": s.options.AccountSID, "api_version": version, "from": seen.From, "from_formatted": seen.From,
		"to": seen.To, "to_formatted": seen.To, "status": seen.Status, "direction": seen.Direction, "answered_by": nil, "duration": nil,
		"date_created": formatTime(seen.Created), "date_updated": formatTime(updated), "start_time": when(seen.Started), "end_time": when(seen.Ended),
		"annotation": nil, "caller_name": nil, "forwarded_from": nil, "group_sid": nil, "parent_call_sid": nil, "phone_number_sid": nil,
		"trunk_sid": nil, "price": nil, "price_unit": "USD", "queue_time": "0", "uri": path + ".json",
		"subresource_uris": map[string]string{"events": path + "/Events.json", "recordings": path + "/Recordings.json"}}
	if seen.AnsweredBy != "" {
		out["answered_by"] = seen.AnsweredBy
	}
	if !seen.Ended.IsZero() {
		out["duration"] = strconv.Itoa(durationSeconds(seen))
	}
	return out
}

// isTwiml reports whether a text is one XML document with the root Response. Twilio itself accepts any text and reports
// error 12100 only in its console, after the caller has heard an apology; this server rejects it at once.
func isTwiml(text string) bool {
	_, _, err := stricttwiml.Read(text)
	return err == nil
}
