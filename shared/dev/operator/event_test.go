package main

import (
	"encoding/json"
	"strings"
	"testing"

	"example.com/aurora/shared/dev/eventcase"
)

func TestEventIsTheWholeEventOfACase(t *testing.T) {
	t.Chdir("../../..")
	text, err := command(t, "event", "-function", "webhook", "-case", "Tool calls in parallel!")
	if err != nil {
		t.Fatal(err)
	}
	var event struct {
		Resource, HTTPMethod, Body string
		RequestContext             struct{ Stage string }
	}
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		t.Fatalf("the event is no JSON: %v: %.300s", err, text)
	}
	if event.Resource != "/api/webhook" {
		t.Errorf("resource is %q, want /api/webhook", event.Resource)
	}
	if event.HTTPMethod != "POST" {
		t.Errorf("httpMethod is %q, want POST", event.HTTPMethod)
	}
	if event.RequestContext.Stage != "prod" {
		t.Errorf("requestContext.stage is %q, want prod", event.RequestContext.Stage)
	}
	if !strings.Contains(event.Body, `"tool-calls"`) {
		t.Errorf("the body is not that of tool-calls: %.300s", event.Body)
	}
}

func TestEventNamesWhatIsNearest(t *testing.T) {
	t.Chdir("../../..")
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no function", nil, "make event FUNCTION=webhook"},
		{"unknown function", []string{"-function", "webhok", "-case", "x"}, "the nearest is webhook"},
		{"no case", []string{"-function", "webhook"}, "\n  tool calls in parallel\n"},
		{"misspelt case", []string{"-function", "webhook", "-case", "tool cals in paralel"}, "the nearest are:\n  tool calls in parallel\n"},
		{"a few words of a case", []string{"-function", "outbound-call-uat", "-case", "spreadsheet"}, "the nearest are:\n  name that is a spreadsheet formula"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := command(t, append([]string{"event"}, c.args...)...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
		})
	}
}

// webhookBody returns the body of a case of the webhook.
func webhookBody(t *testing.T, name string) string {
	t.Helper()
	bodies, err := eventcase.Payloads("../../..", "webhook")
	if err != nil {
		t.Fatal(err)
	}
	if bodies[name] == "" {
		t.Fatalf("the webhook has no case %q with a body", name)
	}
	return bodies[name]
}
