package fakeses

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
)

//go:embed page.html
var pageTemplates string

var page = template.Must(template.New("").Parse(pageTemplates))

// showList lists the mails, the newest first.
func (s *Server) showList(w http.ResponseWriter, _ *http.Request) {
	mails := s.Mails()
	slices.Reverse(mails)
	render(w, "list", mails)
}

func (s *Server) listJSON(w http.ResponseWriter, _ *http.Request) {
	mails := s.Mails()
	slices.Reverse(mails)
	writeJSON(w, http.StatusOK, map[string]any{"mails": mails})
}

func (s *Server) showMail(w http.ResponseWriter, r *http.Request) {
	if m, ok := s.find(r.PathValue("id")); ok {
		render(w, "mail", m)
		return
	}
	http.NotFound(w, r)
}

func (s *Server) showRaw(w http.ResponseWriter, r *http.Request) {
	m, ok := s.find(r.PathValue("id"))
	if !ok || m.Raw == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(m.Raw)
}

func (s *Server) find(id string) (Mail, bool) {
	for _, m := range s.Mails() {
		if m.ID == id {
			return m, true
		}
	}
	return Mail{}, false
}

func render(w http.ResponseWriter, name string, v any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// The policy also applies to the frame of a mail: no scripts, no requests, no forms.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; form-action 'none'; base-uri 'none'")
	_ = page.ExecuteTemplate(w, name, v)
}
