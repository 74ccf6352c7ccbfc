package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"sync"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// Page is a report as people see it: its figures, its links, and texts around them. It is rendered as HTML and as mail.
type Page struct {
	Report  aurora.Report
	OrgName string
	// Language is the BCP 47 tag of the narrative and the summaries; empty if it is unknown.
	Language string
	// Number names the report, for questions about it and for the revocation of its links.
	Number string
	// MadeAt is shown in the assistant's time zone.
	MadeAt time.Time
	// HTMLLink, CSVLink and JSONLink are signed addresses; empty if there is none.
	HTMLLink, CSVLink, JSONLink string
	// Public is PUBLIC_URL, or empty. Links to its host may be http; all others must be https.
	Public string
}

//go:embed templates/*.tmpl
var templateFiles embed.FS

// templates parses the templates on first use, so that functions that make no report do not pay for them at start.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"third": func(n int) bool { return n%3 == 0 },
	}).ParseFS(templateFiles, "templates/*.tmpl"))
})

// render executes a template.
func render(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// HTML returns the report as one HTML file that loads nothing and runs nothing.
func (p Page) HTML() ([]byte, error) { return render("page.html.tmpl", p.view(pageLimits)) }

// limits bound the texts and lists of a page or mail.
type limits struct {
	narrative, summary, note, action int // characters
	attention, actions, outcomes     int // entries
	endings, topics, days            int
	linkBytes                        int // length of a link
}

var pageLimits = limits{narrative: 12_000, summary: 4_000, note: 600, action: 400,
	attention: aurora.MaxAttention, actions: 12, outcomes: 12, endings: 12, topics: 12, days: 62, linkBytes: maxLinkBytes}
