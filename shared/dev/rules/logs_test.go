package rules_test

import (
	"go/ast"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// eventName is the form of a log line's event: noun.verb_past, as in report.stored or idempotency.finish_failed.
var eventName = regexp.MustCompile(`^[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*$`)

// TestLogLines checks every log call of deployed code: it has a context, which carries the request id, and a stable
// event that operators can search for.
func TestLogLines(t *testing.T) {
	t.Parallel()
	found := 0
	for _, s := range allSources(t) {
		if s.isTest() || layerOf(s.folder()) == "shared/dev" {
			continue
		}
		eachCall(s, func(c *ast.CallExpr) {
			of, name := calledName(c)
			level, _ := strings.CutSuffix(name, "Context")
			if of != "slog" || level != "Debug" && level != "Info" && level != "Warn" && level != "Error" && level != "Log" && level != "LogAttrs" {
				return
			}
			found++
			if name == level && level != "Log" && level != "LogAttrs" {
				t.Errorf("%s: slog.%s loses the request id; use slog.%sContext", position(c), name, name)
			}
			if event := eventOf(c); event == "" {
				t.Errorf("%s: the line has no \"event\" attribute", position(c))
			} else if !eventName.MatchString(event) {
				t.Errorf("%s: event %q is not noun.verb_past", position(c), event)
			}
		})
	}
	if found < 50 {
		t.Errorf("only %d log calls were found", found)
	}
}

// eventOf returns the value of a call's "event" attribute, which is a literal.
func eventOf(c *ast.CallExpr) string {
	for i, argument := range c.Args {
		if key, ok := argument.(*ast.BasicLit); ok && key.Value == `"event"` && i+1 < len(c.Args) {
			if value, ok := c.Args[i+1].(*ast.BasicLit); ok {
				event, _ := strconv.Unquote(value.Value)
				return event
			}
		}
		if call, ok := argument.(*ast.CallExpr); ok {
			if event := eventOf(call); event != "" {
				return event
			}
		}
	}
	return ""
}
