package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/aurora/shared/core/assistantcheck"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/golden"
)

// command runs the program with a data folder of its own.
func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return commandIn(t, t.TempDir(), nil, args...)
}

// commandIn runs the program with a data folder and environment variables.
func commandIn(t *testing.T, data string, environment map[string]string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	p := &program{out: &out, args: args, env: func(name string) string {
		if name == "AURORA_DATA" {
			return data
		}
		return environment[name]
	}}
	err := p.dispatch(context.Background())
	return out.String(), err
}

func TestUnknownCommand(t *testing.T) {
	for _, args := range [][]string{nil, {""}, {"fly"}} {
		if _, err := command(t, args...); err == nil || !strings.Contains(err.Error(), "name one of these commands:\n  assistant") {
			t.Errorf("the error of %q is %v, want a list of the commands", args, err)
		}
	}
	if out, err := command(t, "key", "-h"); err != nil || !strings.Contains(out, "-kind") {
		t.Errorf("help: %q, %v", out, err)
	}
}

func TestCommandsNeedARunningStack(t *testing.T) {
	file := filepath.Join("assistants", "document.json")
	for _, args := range [][]string{{"demo"}, {"redrive"}, {"reindex"}, {"assistant", "-file", file}} {
		if _, err := command(t, args...); err == nil || !strings.Contains(err.Error(), "make run") {
			t.Errorf("the error of %q is %v, want one that names make run", args, err)
		}
	}
}

var madeKey = regexp.MustCompile(`(?m)^key     (aur_internal_[A-Za-z0-9_-]{43})\ndigest  sha256:([0-9a-f]{64})$`)

func TestSigningKey(t *testing.T) {
	const given = "key_0123456789abcdef0123456789ab"
	for scheme, secret := range map[string]string{"vapi-hmac": "", "retell": given} {
		var out bytes.Buffer
		p := &program{out: &out, args: []string{"key", "-signature", scheme, "-name", "voice", "-assistants", "a1"}, env: func(name string) string {
			return map[string]string{"SIGNING_SECRET": secret}[name]
		}}
		if err := p.dispatch(t.Context()); err != nil {
			t.Fatal(err)
		}
		entry := regexp.MustCompile(`\{"name".*\}`).FindString(out.String())
		entries, err := auth.ParseKeys("[" + entry + "]")
		if err != nil || len(entries) != 1 || entries[0].Name != "voice" || len(entries[0].Assistants) != 1 || !strings.Contains(entry, secret) {
			t.Errorf("%s: the entry %s is %+v, %v", scheme, entry, entries, err)
		}
		if scheme == "vapi-hmac" {
			golden.Equal(t, "signing-key", regexp.MustCompile(`aur_signing_[A-Za-z0-9_-]{43}`).ReplaceAll(out.Bytes(), []byte("…")))
		}
	}
}

func TestKey(t *testing.T) {
	out, err := command(t, "key", "-kind", "internal", "-name", "reports")
	if err != nil {
		t.Fatal(err)
	}
	m := madeKey.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no key in\n%s", out)
	}
	entry := regexp.MustCompile(`\{"digest".*\}`).FindString(out)
	entries, err := auth.ParseKeys("[" + entry + "]")
	if err != nil || len(entries) != 1 || entries[0].Name != "reports" || entries[0].ID() != m[2][:12] {
		t.Errorf("entry %s: %+v, %v", entry, entries, err)
	}
	if strings.Count(out, m[1]) != 1 {
		t.Error("the key must be shown once")
	}
	if again, _ := command(t, "key", "-kind", "internal"); strings.Contains(again, m[1]) {
		t.Error("the same key twice")
	}
	golden.Equal(t, "key", regexp.MustCompile(`[A-Za-z0-9_-]{43,}`).ReplaceAll([]byte(out), []byte("…")))
	if _, err := command(t, "key", "-kind", "master"); err == nil {
		t.Error("a kind that there is not")
	}
	limited, err := command(t, "key", "-assistants", "a1, a2", "-uses", "webhook", "-expires", "2027-01-01T00:00:00Z")
	if want := `"assistants":["a1","a2"],"uses":["webhook"],"expiresAt":"2027-01-01T00:00:00Z"}`; err != nil || !strings.Contains(limited, want) {
		t.Errorf("a limited key: error %v, output\n%s\nwant an entry with %s", err, limited, want)
	}
	shared, err := command(t, "key", "-limits", "chatTurnsPerMinute=60, chatTokensPerDay=1000000")
	if want := `"limits":{"chatTokensPerDay":1000000,"chatTurnsPerMinute":60}}`; err != nil || !strings.Contains(shared, want) || strings.Contains(shared, `"name"`) {
		t.Errorf("a key with limits and without a name: error %v, output\n%s\nwant an entry with %s and no name", err, shared, want)
	}
	partner, err := command(t, "key", "-kind", "external", "-name", "acme", "-limits", "callsPerDay=50,callsToCountryPerDay=20,callsToNumberPerDay=3,callsPerMinute=5,spendPerDayUsd=12.5")
	if want := `"name":"acme","limits":{"callsPerDay":50,"callsPerMinute":5,"callsToCountryPerDay":20,"callsToNumberPerDay":3,"spendPerDayUsd":12.5}}`; err != nil || !strings.Contains(partner, want) {
		t.Errorf("a partner's key: error %v, output\n%s\nwant an entry with %s", err, partner, want)
	}
	operator, err := command(t, "key", "-kind", "internal", "-name", "dana", "-role", "editor", "-assistants", "a1")
	if want := `"name":"dana","role":"editor","assistants":["a1"]}`; err != nil || !strings.Contains(operator, want) {
		t.Errorf("an operator's key: error %v, output\n%s\nwant an entry with %s", err, operator, want)
	}
	for _, args := range [][]string{{"-kind", "internal", "-role", "viewer"}, {"-kind", "internal", "-name", "dana", "-role", "Admin"},
		{"-name", "dana", "-role", "viewer"}, {"-kind", "external", "-name", "dana", "-role", "viewer"}, {"-signature", "vapi-hmac", "-name", "dana", "-role", "viewer"},
		{"-signature", "vapi-hmac", "-kind", "internal"}, {"-signature", "hmac"}, {"-signature", "retell"}, {"-signature", "vapi-hmac", "-uses", "chat"},
		{"-assistants", ","}, {"-uses", "reports"}, {"-expires", "tomorrow"}, {"-kind", "internal", "-uses", "chat"},
		{"-limits", "chatTurns=5"}, {"-limits", "chatTurnsPerMinute"}, {"-limits", "chatTurnsPerMinute=-1"}, {"-limits", "chatTurnsPerMinute=many"},
		{"-limits", "chatTurnsPerMinute=1,chatTurnsPerMinute=2"}, {"-limits", "spendPerDayUsd=1e3"}, {"-limits", "callsPerDay=5"},
		{"-kind", "external", "-limits", "chatTurnsPerMinute=5"}, {"-kind", "internal", "-limits", "textsPerDay=5"}} {
		if out, err := command(t, append([]string{"key"}, args...)...); err == nil || strings.Contains(out, "aur_") {
			t.Errorf("%v: error %v, output %q; want an error and no key", args, err, out)
		}
	}
}

func TestDemoAssistantsAreValid(t *testing.T) {
	files, _ := filepath.Glob("assistants/*.json")
	if len(files) != 3 {
		t.Fatalf("%d assistants", len(files))
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if complaints := (assistantcheck.Checker{}).Check(b); len(complaints) > 0 {
			t.Errorf("%s:\n%s", f, assistantcheck.Lines(complaints))
		}
	}
}

// assistantWith is a valid assistant with a field of its own; the last of two equal keys counts.
func assistantWith(field string) string {
	return `{"assistantId":"a1","assistantName":"A","assistantPrompt":"P",` + field + `}`
}

func TestReadEventListsEvents(t *testing.T) {
	t.Chdir("../../..")
	if _, err := readEvent("webhook", "assistant-request"); err != nil {
		t.Error(err)
	}
	if _, err := readEvent("webhook", "events/webhook/assistant-request.json"); err != nil {
		t.Error(err)
	}
	if _, err := readEvent("webhook", "no-such"); err == nil || !strings.Contains(err.Error(), "assistant-request ") {
		t.Errorf("the error is %v, want a list of events", err)
	}
}

func TestInvokeSuggestsTheNearestName(t *testing.T) {
	t.Chdir("../../..")
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no event", []string{"-function", "webhook"}, "make invoke FUNCTION=webhook EVENT="},
		{"no function", []string{"-event", "assistant-request"}, "make invoke FUNCTION=webhook EVENT="},
		{"misspelt function", []string{"-function", "webhok", "-event", "x"}, `there is no function "webhok". Did you mean webhook? The functions are: `},
		{"beginning of a function", []string{"-function", "call", "-event", "x"}, "Did you mean call-worker?"},
		{"unknown function", []string{"-function", "zzzzzzzz", "-event", "x"}, `there is no function "zzzzzzzz". The functions are: `},
		{"misspelt event", []string{"-function", "webhook", "-event", "asistant-request"}, `webhook has no event "asistant-request". Did you mean assistant-request? Its events are: `},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := command(t, append([]string{"invoke"}, c.args...)...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want one with %s", err, c.want)
			}
		})
	}
}

func TestEditDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"webhok", "webhook", 1}, {"ab", "ba", 2}} {
		if got := eventcase.EditDistance(c.a, c.b); got != c.want {
			t.Errorf("eventcase.EditDistance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// fakeRun writes what a running stack leaves in its data folder.
func fakeRun(t *testing.T, data, api, privateHosts string) {
	t.Helper()
	for name, text := range map[string]string{
		"run.json": `{"ready":true,"api":"` + api + `","endpoints":{"dynamodb":"` + api + `"},"tables":{"assistants":"aurora-local-assistants"}}`,
		"sam.yaml": `Resources: {Chat: {Properties: {Role: !GetAtt R.Arn, Environment: {Variables: {TOOL_PRIVATE_HOSTS: "` + privateHosts + `"}}}}}`,
	} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A stack that was killed leaves a run.json behind.
func TestCommandsNoticeAStackThatIsGone(t *testing.T) {
	data := t.TempDir()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close() // nothing listens there from now on
	fakeRun(t, data, "http://"+gone.Addr().String(), "")
	for _, name := range []string{"demo", "redrive"} {
		if _, err := commandIn(t, data, nil, name); err == nil || !strings.Contains(err.Error(), "start one with `make run`") {
			t.Errorf("%s: the error is %v, want one that names make run", name, err)
		}
	}
}

// The hosts that the running stack lets tools reach are those that an assistant's tools may name.
func TestAssistantTakesPrivateHostsFromTheStack(t *testing.T) {
	data := t.TempDir()
	api := httptest.NewServer(http.NotFoundHandler())
	defer api.Close()
	fakeRun(t, data, api.URL, "127.0.0.1:8080")
	file := filepath.Join(t.TempDir(), "assistant.json")
	tool := func(address string) string {
		return assistantWith(`"tools":[{"name":"look_up","description":"Looks up.","url":"` + address + `"}]`)
	}
	for _, c := range []struct {
		name, address string
		environment   map[string]string
		allowed       bool
	}{
		{"the stack's host", "http://127.0.0.1:8080/tool", nil, true},
		{"another host", "http://127.0.0.1:9090/tool", nil, false},
		{"the command's own host", "http://127.0.0.1:9090/tool", map[string]string{"TOOL_PRIVATE_HOSTS": "127.0.0.1:9090"}, true},
		{"the stack's host where the command has its own", "http://127.0.0.1:8080/tool", map[string]string{"TOOL_PRIVATE_HOSTS": "127.0.0.1:9090"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(tool(c.address)), 0o600); err != nil {
				t.Fatal(err)
			}
			// The fake stack has no table, so the document is never stored. It is checked before.
			_, err := commandIn(t, data, c.environment, "assistant", "-file", file)
			if err == nil {
				t.Fatal("there is no error, want one of the table")
			}
			if rejected := strings.Contains(err.Error(), "tools.0.url: "); rejected == c.allowed {
				t.Errorf("the error is %v, want the address to be allowed: %v", err, c.allowed)
			}
		})
	}
}

func TestRetentionIsAtMostTheDeployments(t *testing.T) {
	days := ""
	p := &program{env: func(string) string { return days }}
	if n, err := p.maxRetention(nil); n != 400 || err != nil {
		t.Errorf("without a setting: %d, %v, want 400", n, err)
	}
	days = "500"
	if n, err := p.maxRetention(nil); n != 500 || err != nil {
		t.Errorf("RETENTION_DAYS=500: %d, %v", n, err)
	}
}
