package faketwilio

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// maxTextWait bounds how long POST /inbound-messages waits for answers.
const maxTextWait = time.Minute

// answerPollTime is the time between two looks for an answer.
const answerPollTime = 100 * time.Millisecond

// addInboundText serves ReceiveText to developers: a form with From, To and Body, and any other field of Twilio's. With Wait, a
// number of seconds, it waits for the first message to the person and answers with all there are. It is not part of Twilio's API.
func (s *Server) addInboundText(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil || r.PostForm.Get("From") == "" || r.PostForm.Get("To") == "" {
		http.Error(w, "From and To are needed", http.StatusBadRequest)
		return
	}
	in := InboundText{From: r.PostForm.Get("From"), To: r.PostForm.Get("To"), Body: r.PostForm.Get("Body"), Fields: url.Values{}}
	for name, values := range r.PostForm {
		if !slices.Contains([]string{"From", "To", "Body", "Wait", "Then"}, name) {
			in.Fields[name] = values
		}
	}
	sid, answer := s.ReceiveText(in)
	if r.PostForm.Get("Then") == "/texts" {
		http.Redirect(w, r, "/texts?"+url.Values{"From": {in.From}, "To": {in.To}}.Encode(), http.StatusSeeOther)
		return
	}
	seconds, _ := strconv.ParseFloat(r.PostForm.Get("Wait"), 64) // 0 if it is missing
	var answers []string
	for until := s.options.Now().Add(min(time.Duration(seconds*float64(time.Second)), maxTextWait)); ; {
		if answers = s.answersTo(sid); len(answers) > 0 || !s.options.Now().Before(until) || !s.options.Wait(r.Context(), answerPollTime) {
			break
		}
	}
	failure := ""
	if answer.Err != nil {
		failure = answer.Err.Error()
	}
	writeJSON(w, http.StatusCreated, map[string]any{"sid": sid, "status": answer.Status, "error": failure, "answers": answers})
}

// answersTo returns the messages to the sender of an inbound message that came after it.
func (s *Server) answersTo(sid string) []string {
	var from, to string
	answers := []string{}
	for _, m := range s.Messages() {
		if m.SID == sid {
			from, to = m.From, m.To
		} else if from != "" && m.From == to && m.To == from {
			answers = append(answers, m.Body)
		}
	}
	return answers
}

var textsTemplate = template.Must(template.New("texts").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="15"><title>Text messages</title>
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:40rem;padding:0 1rem;color:#222;background:#fff}
p{white-space:pre-wrap;overflow-wrap:anywhere;padding:.5rem .8rem;border-radius:.6rem;max-width:80%;width:fit-content;margin:.4rem 0}
.person{background:#dbeafe;margin-left:auto}.own{background:#eee}small{color:#666;display:block}
form{display:grid;gap:.5rem;margin:1rem 0}input,textarea,button{font:inherit;padding:.4rem}</style>
<a href="/">Everything that was sent</a>
<h1>Text an assistant</h1>
<form method="post" action="/inbound-messages"><input type="hidden" name="Then" value="/texts">
<label>Your number <input name="From" value="{{.From}}" required></label><label>The assistant's number <input name="To" value="{{.To}}" required></label>
<label>Text <textarea name="Body" rows="2" autofocus></textarea></label><button>Send</button></form>
<a href="/texts?From={{.From}}&amp;To={{.To}}">Look for answers</a>
{{range .Conversations}}<h2>{{.Person}} and {{.Own}}</h2>
{{range .Messages}}<p class="{{if eq .Direction "inbound"}}person{{else}}own{{end}}">{{.Body}}<small>{{.At.Format "15:04:05"}} {{.Status}}{{with .ErrorCode}} {{.}}{{end}}{{if eq .Direction "outbound-reply"}} by Twilio{{end}}</small></p>
{{end}}{{else}}<p>No messages yet.</p>{{end}}
</html>
`))

// conversation is the messages between a person and one of our addresses.
type conversation struct {
	Person, Own string
	Messages    []Message
}

// conversations returns the messages by pair of addresses, the pair with the newest message first.
func conversations(messages []Message) (all []conversation) {
	for _, m := range slices.Backward(messages) {
		person, own := m.To, m.From
		if m.Direction == directionInbound {
			person, own = m.From, m.To
		}
		i := slices.IndexFunc(all, func(c conversation) bool { return c.Person == person && c.Own == own })
		if i < 0 {
			i, all = len(all), append(all, conversation{Person: person, Own: own})
		}
		all[i].Messages = append([]Message{m}, all[i].Messages...)
	}
	return all
}

// textsPage shows the conversations, and lets a person text an assistant.
func (s *Server) textsPage(w http.ResponseWriter, r *http.Request) {
	from, to := r.URL.Query().Get("From"), r.URL.Query().Get("To")
	if from == "" {
		from = "+14155550150"
	}
	if to == "" {
		to = "+15551230100"
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	_ = textsTemplate.Execute(w, map[string]any{"From": from, "To": to, "Conversations": conversations(s.Messages())})
}
