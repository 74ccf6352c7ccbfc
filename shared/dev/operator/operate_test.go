package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/golden"
)

// command runs the program with a data folder of its own.
func command(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	data := t.TempDir()
	p := &program{out: &out, args: args, env: func(name string) string {
		if name == "AURORA_DATA" {
			return data
		}
		return ""
	}}
	err := p.dispatch(context.Background())
	return out.String(), err
}

func TestUnknownCommand(t *testing.T) {
	for _, args := range [][]string{nil, {""}, {"fly"}} {
		if _, err := command(t, args...); err == nil || !strings.Contains(err.Error(), "which command?") {
			t.Errorf("%q: %v", args, err)
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
			t.Errorf("%q: %v", args, err)
		}
	}
}

var madeKey = regexp.MustCompile(`(?m)^key     (aur_internal_[A-Za-z0-9_-]{43})\ndigest  sha256:([0-9a-f]{64})$`)

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
		if err := checkAssistant(b); err != nil {
			t.Errorf("%s:\n%v", f, err)
		}
	}
}

func TestCheckAssistantNamesEachField(t *testing.T) {
	for name, c := range map[string]struct{ document, want string }{
		"no JSON":             {`{`, "it is not JSON"},
		"no object":           {`[]`, "the document: "},
		"nothing":             {`{}`, "assistantId, assistantName, assistantPrompt: is missing"},
		"misspelt field":      {assistantWith(`"asistantName":"x"`), "asistantName: is not a field of an assistant"},
		"bad id":              {assistantWith(`"assistantId":"../x"`), "assistantId: "},
		"bad mail":            {assistantWith(`"emails":["a@example.com","nope"]`), "emails.1: "},
		"mails no list":       {assistantWith(`"emails":"a@example.com"`), "emails: "},
		"bad number":          {assistantWith(`"assistantPhoneNumber":"call me"`), "assistantPhoneNumber: "},
		"temperature":         {assistantWith(`"temperature":3`), "temperature: "},
		"zone":                {assistantWith(`"timeZone":"Mars/Olympus"`), `timeZone: "Mars/Olympus" is no zone`},
		"broken template":     {assistantWith(`"assistantPrompt":"{% if x %}never closed"`), "assistantPrompt: the template cannot be read"},
		"broken greeting":     {assistantWith(`"assistantFirstMessage":"Hi {{ name | }}"`), "assistantFirstMessage: the template cannot be read"},
		"destination":         {assistantWith(`"transferDestinations":[{"name":"x"}]`), "transferDestinations.0"},
		"two things at once":  {assistantWith(`"temperature":3,"timeZone":"Mars"`), "timeZone: "},
		"schema":              {assistantWith(`"analysis":{"schema":{"type":"object","properties":{"day":{"type":"no such type"}}}}`), "analysis.schema: "},
		"schema of a list":    {assistantWith(`"analysis":{"schema":{"type":"array"}}`), "analysis.schema: its type must be object"},
		"schema elsewhere":    {assistantWith(`"analysis":{"schema":{"$ref":"https://example.com/s.json"}}`), "analysis.schema: "},
		"schema of files":     {assistantWith(`"analysis":{"schema":{"$ref":"file:///etc/passwd"}}`), "analysis.schema: "},
		"schema's unchecked":  {assistantWith(`"analysis":{"schema":{"type":"object","contains":7}}`), "analysis.schema.contains: "},
		"tool's unchecked":    {assistantWith(`"tools":[{"name":"t","description":"x","url":"https://example.com/","parameters":{"type":"object","dependentRequired":{"a":"b"}}}]`), "tools.0.parameters.dependentRequired.a: "},
		"analysis misspelt":   {assistantWith(`"analysis":{"shema":{}}`), "analysis.shema: is not a field"},
		"schema of an object": {assistantWith(`"analysis":{"schema":{"type":"object","properties":{"day":{"type":"string"}}}},"language":"pt-BR"`), ""},
		"language":            {assistantWith(`"language":"portuguese, please"`), "language: "},
		"number as a scalar":  {assistantWith(`"gracePeriodMs":300`), ""},
		"valid template":      {assistantWith(`"assistantPrompt":"Hi {{ customer.name | default: 'there' }}"`), ""},
		"number as it may be": {assistantWith(`"assistantPhoneNumber":"4639465275"`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkAssistant([]byte(c.document))
			if c.want == "" && err != nil {
				t.Errorf("refused:\n%v", err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("complained\n%v\nwant %s", err, c.want)
			}
		})
	}
	if err := checkAssistant([]byte(assistantWith(`"temperature":3,"timeZone":"Mars"`))); strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("want two lines:\n%v", err)
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
		t.Errorf("err = %v", err)
	}
	if _, err := command(t, "invoke", "-function", "webhook"); err == nil || !strings.Contains(err.Error(), "EVENT=") {
		t.Errorf("err = %v", err)
	}
}
