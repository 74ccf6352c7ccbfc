package eventcase

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twilio/twilio-go/client"
)

// repository writes the cases of a function f, and other files by their paths, and returns the folder.
func repository(t *testing.T, cases string, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(root, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("functions/f/testdata/cases.yaml", cases)
	for path, text := range files {
		write(path, text)
	}
	return root
}

// build returns the event of the only case.
func build(t *testing.T, root string, into any) {
	t.Helper()
	cases, err := Load(root, "f")
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) != 1 {
		t.Fatalf("there are %d cases, want 1", len(cases))
	}
	event, err := cases[0].Build()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(event, into); err != nil {
		t.Fatal(err)
	}
}

func TestBodies(t *testing.T) {
	files := map[string]string{
		"functions/f/testdata/long.json": "{\n  \"cost\": 0.50,\n  \"id\": \"x\"\n}\n",
		"events/f/whole.json":            `{"body":"{\"a\":{\"b\":[1,2]},\"c\":\"\\ud83d\\ude00\"}"}`,
	}
	for _, c := range []struct{ name, fields, want string }{
		{"a mapping is JSON in its order", "body: {b: 1, a: [true, null, x], n: '1'}", `{"b":1,"a":[true,null,"x"],"n":"1"}`},
		{"numbers keep their spelling", "body: {cost: 0.50, big: 12345678901234567890123}", `{"cost":0.50,"big":12345678901234567890123}`},
		{"a text is sent as it is", `body: '{"a":1}{}'`, `{"a":1}{}`},
		{"a date is a text", "body: {until: 2026-11-23}", `{"until":"2026-11-23"}`},
		{"repeated and joined texts", "body: {name: !join [a, !repeat [é, 3], b]}", `{"name":"aéééb"}`},
		{"a file beside the cases", "body: !file long.json", `{"cost":0.50,"id":"x"}`},
		{"changes to a file", "{body: !file long.json, set: {id: y, more: 1}, remove: [cost]}", `{"id":"y","more":1}`},
		{"changes to a whole event's body", "{like: whole, set: {a.b.1: 3}}", `{"a":{"b":[1,3]},"c":"😀"}`},
		{"form fields", "form: {b: x y, a: '+1'}", "b=x+y&a=%2B1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fields := strings.TrimSuffix(strings.TrimPrefix(c.fields, "{"), "}")
			if strings.HasPrefix(c.fields, "{") {
				fields = strings.ReplaceAll(fields, ", set:", "\n    set:")
				fields = strings.ReplaceAll(fields, ", remove:", "\n    remove:")
			} else {
				fields = c.fields
			}
			var event struct{ Body string }
			build(t, repository(t, "cases:\n  - name: x\n    "+fields+"\n", files), &event)
			if event.Body != c.want {
				t.Errorf("the body is %s, want %s", event.Body, c.want)
			}
		})
	}
}

func TestDefaultsFillWhatACaseDoesNotSay(t *testing.T) {
	root := repository(t, `
defaults:
  path: /a/b
  route: /a/{id}
  headers: {X-One: "1", X-Two: "2"}
  authorizer: {keyId: k}
  body: {a: 1}
  url: {headers: {X-Url: u}}
cases:
  - name: x
    headers: {x-one: null, X-Two: [a, b]}
    query: {q: "1"}
`, nil)
	var event struct {
		Resource          string
		PathParameters    map[string]string
		Headers           map[string]string
		MultiValueHeaders map[string][]string
		Query             map[string]string `json:"queryStringParameters"`
		RequestContext    struct{ Authorizer map[string]any }
		Body              string
	}
	build(t, root, &event)
	if event.Resource != "/a/{id}" || event.PathParameters["id"] != "b" {
		t.Errorf("the route is %s with %v, want /a/{id} with the id b", event.Resource, event.PathParameters)
	}
	if _, sent := event.Headers["X-One"]; sent {
		t.Error("a header that the case sets to null is sent")
	}
	if got := event.MultiValueHeaders["X-Two"]; !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("X-Two has the values %q, want a and b", got)
	}
	if got := event.Headers["X-Two"]; got != "b" {
		t.Errorf("the single value of X-Two is %q, want the last one, b", got)
	}
	if _, sent := event.Headers["X-Url"]; sent {
		t.Error("a header of function URLs is sent in a REST event")
	}
	if event.Query["q"] != "1" {
		t.Errorf("the query is %v, want q=1", event.Query)
	}
	if event.RequestContext.Authorizer["principalId"] != "k" {
		t.Errorf("the authorizer's context is %v, want the principal k", event.RequestContext.Authorizer)
	}
	if event.Body != `{"a":1}` {
		t.Errorf("the body is %s, want that of the defaults", event.Body)
	}
}

func TestBodyInBase64(t *testing.T) {
	for _, c := range []struct {
		name, fields, want string
		encoded            bool
	}{
		{"true", "body: text\n    base64: true", base64.StdEncoding.EncodeToString([]byte("text")), true},
		{"claimed", "body: text\n    base64: claimed", "text", true},
		{"bytes that are no text", "body: !!binary /w==", "/w==", true},
		{"not at all", "body: text", "text", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var event struct {
				Body            string
				IsBase64Encoded bool
			}
			build(t, repository(t, "cases:\n  - name: x\n    event: url\n    "+c.fields+"\n", nil), &event)
			if event.Body != c.want {
				t.Errorf("the body is %q, want %q", event.Body, c.want)
			}
			if event.IsBase64Encoded != c.encoded {
				t.Errorf("isBase64Encoded is %v, want %v", event.IsBase64Encoded, c.encoded)
			}
		})
	}
}

// Twilio's own library is the oracle.
func TestTwilioSignature(t *testing.T) {
	root := repository(t, `
cases:
  - name: x
    form: {CallSid: CA1, Caller: "+15551230100", To: "+14155550142"}
    twilio: {token: "12345", address: "https://aurora.example.com/status?foo=1&bar=2"}
`, nil)
	var event struct{ Headers map[string]string }
	build(t, root, &event)
	validator := client.NewRequestValidator("12345")
	form := map[string]string{"CallSid": "CA1", "Caller": "+15551230100", "To": "+14155550142"}
	if got := event.Headers["X-Twilio-Signature"]; !validator.Validate("https://aurora.example.com/status?foo=1&bar=2", form, got) {
		t.Errorf("Twilio's validator does not accept the signature %q", got)
	}
}

func TestLoadFindsMistakes(t *testing.T) {
	for _, c := range []struct{ name, cases, want string }{
		{"a field that does not exist", "cases: [{name: x, bodi: {}}]", "bodi"},
		{"a case without a name", "cases: [{body: x}]", "case 1 has no name"},
		{"two names that are one file name", "cases: [{name: a b}, {name: A-B}]", "cannot be told apart"},
		{"an included file that is not there", "include: [{file: none.yaml}]", "none.yaml"},
		{"a variable without a value", "include: [{file: shared.yaml, with: {}}]", "$(client) has no value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := repository(t, c.cases, map[string]string{"functions/f/testdata/shared.yaml": "cases: [{name: $(client)x}]"})
			if _, err := Load(root, "f"); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestUnusedFiles(t *testing.T) {
	root := repository(t, "cases: [{name: a, file: used}, {name: b, body: !file used.json}]", map[string]string{
		"events/f/used.json": "{}", "events/f/unused.json": "{}", "functions/f/testdata/used.json": "{}", "functions/f/testdata/unused.json": "{}"})
	cases, err := Load(root, "f")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Unused(root, "f", cases)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{filepath.Join(root, "events", "f", "unused.json"), filepath.Join(root, "functions", "f", "testdata", "unused.json")}
	if !slices.Equal(got, want) {
		t.Errorf("unused files are %v, want %v", got, want)
	}
}
