package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/osteele/liquid"
	"github.com/osteele/liquid/render"
	"github.com/osteele/liquid/values"
	"github.com/osteele/tuesday"

	"example.com/aurora/shared/core/safego"
)

// CheckPrompt returns what is wrong with the Liquid template of a prompt. It is called before an assistant is stored.
func CheckPrompt(prompt string) error {
	if !hasMarkup(prompt) {
		return nil
	}
	if _, err := (&promptRenderer{}).engineFor(time.UTC, time.Now).ParseString(prompt); err != nil {
		return fmt.Errorf("the template cannot be read: %w", err)
	}
	return nil
}

// promptRenderer renders templates. It caches an engine for each time zone, because a new engine registers all of Liquid's
// filters.
type promptRenderer struct {
	engines sync.Map // zone → *liquid.Engine
}

// render fills in the variables of a prompt. If that fails it returns the prompt as it is: a person is on the line, and an
// assistant that says something odd is better than silence.
func (p *promptRenderer) render(ctx context.Context, prompt string, vars map[string]any, zone *time.Location, now func() time.Time) string {
	if !hasMarkup(prompt) {
		return prompt
	}
	var page boundedBuilder
	var invalid liquid.SourceError
	panicked := safego.Call(func() error { // some filters of Liquid panic, such as slice with an index beyond the end
		invalid = p.engineFor(zone, now).ParseAndFRender(&page, []byte(prompt), vars)
		return nil
	})
	switch {
	case panicked != nil:
		slog.WarnContext(ctx, "prompt not rendered: the template panicked", "event", "prompt.render_failed", "assistantId", vars["assistant_id"], "callId", vars["call_id"])
		return prompt
	case invalid != nil:
		// The error itself quotes the template, and prompts are not logged.
		slog.WarnContext(ctx, "prompt not rendered: the template is invalid", "event", "prompt.render_failed", "assistantId", vars["assistant_id"], "callId", vars["call_id"],
			"line", invalid.LineNumber())
		return prompt
	}
	return page.String()
}

func hasMarkup(s string) bool { return strings.Contains(s, "{{") || strings.Contains(s, "{%") }

// boundedBuilder collects what a template writes, up to the length of a conversation.
type boundedBuilder struct{ strings.Builder }

var errPromptTooLong = errors.New("the prompt is too long")

func (p *boundedBuilder) Write(b []byte) (int, error) {
	if p.Len()+len(b) > maxCharacters {
		return 0, errPromptTooLong
	}
	return p.Builder.Write(b)
}

// WriteString applies the limit too: io.WriteString prefers this method to Write.
func (p *boundedBuilder) WriteString(s string) (int, error) { return p.Write([]byte(s)) }

// engineFor returns a Liquid engine that cannot read files and whose date filter knows "now" and the assistant's time zone.
func (p *promptRenderer) engineFor(zone *time.Location, now func() time.Time) *liquid.Engine {
	if e, ok := p.engines.Load(zone.String()); ok {
		return e.(*liquid.Engine)
	}
	e := liquid.NewEngine()
	for _, tag := range []string{"include", "render"} {
		e.RegisterTag(tag, func(render.Context) (string, error) { return "", fmt.Errorf("%s is not available", tag) })
	}
	e.RegisterTemplateStore(noFiles{}) // the default one reads files below the working directory
	e.RegisterFilter("date", func(value any, format, in func(string) string) (string, error) {
		zone := zone
		if name := in(""); name != "" { // a time zone as second argument, as in Vapi's date filter
			if named, err := time.LoadLocation(name); err == nil {
				zone = named
			}
		}
		t, ok := parseTime(value, zone, now)
		if !ok {
			return formatValue(value), nil // like Liquid: a value that is not a date stays as it is
		}
		return tuesday.Strftime(format("%a, %b %d, %y"), t.In(zone))
	})
	p.engines.Store(zone.String(), e)
	return e
}

// noFiles is a template store without templates.
type noFiles struct{}

func (noFiles) ReadTemplate(string) ([]byte, error) {
	return nil, errors.New("templates cannot read files")
}

// parseTime reads the input of the date filter. A date without a time zone is in the assistant's.
func parseTime(value any, zone *time.Location, now func() time.Time) (time.Time, bool) {
	switch v := value.(type) {
	case time.Time:
		return v, true
	case int64:
		return time.Unix(v, 0), true
	case int:
		return time.Unix(int64(v), 0), true
	case string:
		if v == "now" || v == "today" {
			return now(), true
		}
		for _, layout := range zonelessLayouts {
			if t, err := time.ParseInLocation(layout, v, zone); err == nil {
				return t, true
			}
		}
		t, err := values.ParseDate(v)
		return t, err == nil
	}
	return time.Time{}, false
}

// zonelessLayouts are the layouts of Liquid that have no time zone.
var zonelessLayouts = []string{"2006-01-02", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "January 2, 2006",
	"January 2 2006", "Jan 2, 2006", "Jan 2 2006", "02 January 2006", "02 Jan 2006", time.ANSIC}

func formatValue(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
