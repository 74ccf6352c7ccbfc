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

// Page is a report as people see it: its figures, and what stands beside them.
type Page struct {
	Report  aurora.Report
	OrgName string
	// Language is the BCP 47 tag of the narrative and the summaries; empty where it is unknown.
	Language string
	// MadeAt is told by the assistant's clock.
	MadeAt time.Time
	// HTMLLink, CSVLink and JSONLink are signed addresses; empty where none can be made.
	HTMLLink, CSVLink, JSONLink string
	// Public is PUBLIC_URL's origin: links to it may do without https, every other one may not. It may be empty.
	Public string
}

//go:embed templates/*.tmpl
var templateFiles embed.FS

// templates are read on first use: a function that makes no report must not pay for them when it starts.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"third": func(n int) bool { return n%3 == 0 },
	}).ParseFS(templateFiles, "templates/*.tmpl"))
})

func render(name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// HTML is the report as one file that loads and runs nothing.
func (p Page) HTML() ([]byte, error) { return render("page.html.tmpl", p.view(pageLimits)) }

// limits are how much of each list and text is told.
type limits struct {
	narrative, summary, note, action int // characters
	attention, actions, outcomes     int // entries
	endings, topics, days            int
	linkBytes                        int // bytes of a link
}

var pageLimits = limits{narrative: 12_000, summary: 4_000, note: 600, action: 400,
	attention: aurora.MaxAttention, actions: 12, outcomes: 12, endings: 12, topics: 12, days: 62, linkBytes: maxLinkBytes}
