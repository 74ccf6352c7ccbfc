package twilio

import (
	"encoding/xml"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var callSID = regexp.MustCompile(`^CA[0-9a-fA-F]{32}$`)

// maxTwiml is how long TwiML inside a request may be.
const maxTwiml = 4000

// change ends a live call, or gives it something else to do: https://www.twilio.com/docs/voice/api/call-resource
func (s *Server) change(w http.ResponseWriter, r *http.Request) *refusal {
	sid, _ := resource(r)
	if !callSID.MatchString(sid) {
		return notFound(r)
	}
	u := Update{SID: sid, Status: r.PostForm.Get("Status"), Twiml: r.PostForm.Get("Twiml"), URL: r.PostForm.Get("Url"), At: s.options.Now()}
	switch {
	case u.Status != "" && u.Status != "completed" && u.Status != "canceled":
		return refuse(400, 20001, "Invalid status: %s", u.Status)
	case u.Status == "" && u.Twiml == "" && u.URL == "":
		return refuse(400, 21205, "Url parameter is required.")
	case len(u.Twiml) > maxTwiml:
		return refuse(400, 20001, "Twiml may not be longer than %d characters", maxTwiml)
	case u.Twiml != "" && !isTwiml(u.Twiml):
		return refuse(400, 12100, "Document parse failure")
	}
	s.mu.Lock()
	over := s.ended[sid]
	if !over {
		s.updates = keep(s.updates, u)
		s.ended[sid] = u.Status != ""
	}
	s.mu.Unlock()
	if over {
		return refuse(400, 21220, "Call is not in-progress. Cannot redirect.")
	}
	answer(w, http.StatusOK, s.describeCall(sid))
	return nil
}

func (s *Server) call(w http.ResponseWriter, r *http.Request) *refusal {
	sid, _ := resource(r)
	if !callSID.MatchString(sid) {
		return notFound(r)
	}
	answer(w, http.StatusOK, s.describeCall(sid))
	return nil
}

func (s *Server) describeCall(sid string) map[string]any {
	s.mu.Lock()
	status := "in-progress"
	if s.ended[sid] {
		status = "completed"
	}
	s.mu.Unlock()
	path := "/" + version + "/Accounts/" + s.options.AccountSID + "/Calls/" + sid
	return map[string]any{"sid": sid, "account_sid": s.options.AccountSID, "api_version": version, "status": status, "direction": "inbound",
		"date_updated": date(s.options.Now()), "price_unit": "USD", "uri": path + ".json"}
}

// isTwiml reports whether a text is one XML document whose root is Response. Twilio itself takes any text, and says
// 12100 only in its console when the caller has heard an apology; better to see that here.
func isTwiml(text string) bool {
	d := xml.NewDecoder(strings.NewReader(text))
	depth, roots := 0, []string{}
	for {
		token, err := d.Token()
		if err == io.EOF {
			return depth == 0 && slices.Equal(roots, []string{"Response"})
		}
		if err != nil {
			return false
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots = append(roots, token.Name.Local)
			}
			depth++
		case xml.EndElement:
			depth--
		}
	}
}
