package faketwilio

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
)

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Telephone</title>
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:56rem;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #ddd}
td:last-child{white-space:pre-wrap;overflow-wrap:anywhere}</style>
<p><a href="/phone/">Call an assistant</a> <a href="/texts">Text an assistant</a></p>
<h1>Text messages</h1>
{{with .Messages}}<table><tr><th>At<th>From<th>To<th>Text{{range .}}
<tr><td>{{.At.Format "15:04:05"}}<td>{{.From}}<td>{{.To}}<td>{{.Body}}{{end}}</table>{{else}}<p>None yet.{{end}}
<h1>Calls</h1>
{{with .Calls}}<table><tr><th>At<th>Call<th>From<th>To<th>Status<th>Answered by<th>Instructions{{range .}}
<tr><td>{{.Created.Format "15:04:05"}}<td>{{.SID}}<td>{{.From}}<td>{{.To}}<td>{{.Status}}<td>{{.AnsweredBy}}<td>{{.Twiml}}{{end}}</table>{{else}}<p>None yet.{{end}}
<h1>Callbacks</h1>
{{with .Callbacks}}<table><tr><th>At<th>Call<th>What<th>Answer<th>Address{{range .}}
<tr><td>{{.At.Format "15:04:05"}}<td>{{.SID}}<td>{{.Form.Get "CallStatus"}} {{.Form.Get "AnsweredBy"}}<td>{{with .Err}}{{.}}{{else}}{{.Status}}{{end}}<td>{{.URL}}{{end}}</table>{{else}}<p>None yet.{{end}}
<h1>Changes of calls</h1>
{{with .Updates}}<table><tr><th>At<th>Call<th>Status<th>Instructions{{range .}}
<tr><td>{{.At.Format "15:04:05"}}<td>{{.SID}}<td>{{.Status}}<td>{{.Twiml}}{{.URL}}{{end}}</table>{{else}}<p>None yet.{{end}}
</html>
`))

// phonePage is the page where a person is the caller of a phone call.
//
//go:embed phonepage
var phonePage embed.FS

// servePhonePage serves the page and its files under /phone/.
func (s *Server) servePhonePage() {
	files, err := fs.Sub(phonePage, "phonepage")
	if err != nil {
		panic(err) // the folder is embedded
	}
	server := http.StripPrefix("/phone/", http.FileServerFS(files))
	s.mux.HandleFunc("GET /phone/{file...}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if r.PathValue("file") == "" {
			http.ServeFileFS(w, r, files, "phone.html")
			return
		}
		server.ServeHTTP(w, r)
	})
	s.mux.HandleFunc("GET /phone", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/phone/", http.StatusFound) })
}

// page shows what would have been sent, the newest first.
func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	messages, updates, calls, callbacks := s.Messages(), s.Updates(), s.Calls(), s.Callbacks()
	slices.Reverse(messages)
	slices.Reverse(updates)
	slices.Reverse(calls)
	slices.Reverse(callbacks)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = page.Execute(w, map[string]any{"Messages": messages, "Updates": updates, "Calls": calls, "Callbacks": callbacks})
}
