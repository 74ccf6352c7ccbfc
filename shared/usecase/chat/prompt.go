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

// CheckPrompt reports what is wrong with a prompt's Liquid, for refusing it before a caller meets it.
func CheckPrompt(prompt string) error {
	if !hasMarkup(prompt) {
		return nil
	}
	if _, err := (&promptRenderer{}).engineFor(time.UTC, time.Now).ParseString(prompt); err != nil {
		return fmt.Errorf("the template cannot be read: %w", err)
	}
	return nil
}

// promptRenderer fills in templates. It keeps an engine for each zone, since making one registers all of Liquid's filters.
type promptRenderer struct {
	engines sync.Map // zone → *liquid.Engine
}

// render fills a prompt's variables. A prompt that fails in a call is used without its markup being filled in: the
// caller is on the line, and an assistant that says something odd is better than silence.
func (p *promptRenderer) render(ctx context.Context, prompt string, vars map[string]any, zone *time.Location, now func() time.Time) string {
	if !hasMarkup(prompt) {
		return prompt
	}
	var page boundedBuilder
	var invalid liquid.SourceError
	panicked := safego.Call(func() error { // some of Liquid's filters panic, such as slice beyond the end
		invalid = p.engineFor(zone, now).ParseAndFRender(&page, []byte(prompt), vars)
		return nil
	})
	switch {
	case panicked != nil:
		slog.WarnContext(ctx, "prompt template panicked; it is used as it is")
		return prompt
	case invalid != nil:
		// The error quotes the template, which is nothing for a log.
		slog.WarnContext(ctx, "prompt template failed; it is used as it is", "line", invalid.LineNumber())
		return prompt
	}
	return page.String()
}

func hasMarkup(s string) bool { return strings.Contains(s, "{{") || strings.Contains(s, "{%") }

// boundedBuilder takes what a template writes, as far as a conversation may be long.
type boundedBuilder struct{ strings.Builder }

var errPromptTooLong = errors.New("the prompt is too long")

func (p *boundedBuilder) Write(b []byte) (int, error) {
	if p.Len()+len(b) > maxCharacters {
		return 0, errPromptTooLong
	}
	return p.Builder.Write(b)
}

// WriteString is what io.WriteString would take instead of Write.
func (p *boundedBuilder) WriteString(s string) (int, error) { return p.Write([]byte(s)) }

// engineFor is Liquid with a date filter that knows "now" and the assistant's zone, and without files.
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
		if name := in(""); name != "" { // Vapi's second argument
			if named, err := time.LoadLocation(name); err == nil {
				zone = named
			}
		}
		t, ok := parseTime(value, zone, now)
		if !ok {
			return formatValue(value), nil // Liquid leaves what is no date as it is
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

// parseTime reads what a template calls a date. One that names no zone is in the assistant's.
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

// zonelessLayouts are the layouts that Liquid knows and that say nothing of a zone.
var zonelessLayouts = []string{"2006-01-02", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "January 2, 2006",
	"January 2 2006", "Jan 2, 2006", "Jan 2 2006", "02 January 2006", "02 Jan 2006", time.ANSIC}

func formatValue(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
