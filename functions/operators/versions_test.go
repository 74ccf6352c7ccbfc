package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/fakeversions"
	"example.com/aurora/shared/dev/testkit"
)

// TestStoryOfAnAssistant drafts, validates, publishes, rolls back and deletes an assistant, as an editor and an admin do.
func TestStoryOfAnAssistant(t *testing.T) {
	testkit.DiscardLog(t)
	operators := eventtest.NewOperators(0)
	m := fakeversions.New()
	shell := serve(&operators.Operators, newService(m), "", newTimelines())
	const route = "/api/v1/assistants/{id}"
	document := func(prompt string) string {
		return fmt.Sprintf(`{"assistantId":"riley","assistantName":"Riley","assistantPrompt":%q}`, prompt)
	}
	for i, step := range []struct {
		what, method, path, body string
		header                   []string // name, value
		status                   int
		want                     string // a part of the body
	}{
		{"nothing is there", "GET", "", "", nil, 404, "assistant_not_found"},
		{"a draft without a precondition", "PUT", "/draft", document("one"), nil, 428, "if_match_required"},
		{"a draft of another id", "PUT", "/draft", `{"assistantId":"avery"}`, []string{"If-None-Match", "*"}, 400, "invalid_assistant_id"},
		{"a draft", "PUT", "/draft", document("{{ broken"), []string{"If-None-Match", "*"}, 201, `"rev":1`},
		{"a second draft", "PUT", "/draft", document("x"), []string{"If-None-Match", "*"}, 412, `"etag":"\"d1\""`},
		{"publishing what is not valid", "POST", "/publish", `{}`, []string{"If-Match", `"d1"`}, 400, `"path":"assistantPrompt"`},
		{"a patch of another type", "PATCH", "/draft", `{"assistantPrompt":"one"}`, []string{"If-Match", `"d1"`}, 415, "unsupported_media_type"},
		{"a patch", "PATCH", "/draft", `{"assistantPrompt":"one","orgName":null}`, []string{"If-Match", `"d1"`, "Content-Type", "application/merge-patch+json"}, 200, `"rev":2`},
		{"a stale patch", "PATCH", "/draft", `{}`, []string{"If-Match", `"d1"`, "Content-Type", "application/merge-patch+json"}, 412, `"editor":"ada"`},
		{"validation", "POST", "/validate", `{"assistantId":"riley"}`, nil, 200, `"valid":false`},
		{"publishing", "POST", "/publish", `{"note":"first"}`, []string{"If-Match", `"d2"`, "Idempotency-Key", "k1"}, 200, `"version":1`},
		{"publishing again", "POST", "/publish", `{"note":"first"}`, []string{"If-Match", `"d2"`, "Idempotency-Key", "k1"}, 200, `"version":1`},
		{"the published one", "GET", "", "", nil, 200, `"etag":"\"v1\""`},
		{"the next draft", "PUT", "/draft", document("two"), []string{"If-None-Match", "*"}, 201, `"basedOn":1`},
		{"publishing the next", "POST", "/publish", `{}`, []string{"If-Match", `"d4"`}, 200, `"version":2`},
		{"the difference", "GET", "/diff?from=1&to=live", "", nil, 200, `"path":"assistantPrompt","before":"one","after":"two"`},
		{"a difference to nothing", "GET", "/diff?from=1&to=yesterday", "", nil, 400, "invalid_version"},
		{"a stale rollback", "POST", "/rollback", `{"version":1}`, []string{"If-Match", `"v1"`}, 412, "changed_meanwhile"},
		{"a rollback", "POST", "/rollback", `{"version":1}`, []string{"If-Match", `"v2"`}, 200, `"restoredFrom":1`},
		{"the versions", "GET", "/versions?limit=2", "", nil, 200, `"nextCursor":"2"`},
		{"no version", "GET", "/versions/x", "", nil, 404, "version_not_found"},
		{"deleting without a precondition", "DELETE", "", "", nil, 428, "if_match_required"},
		{"deleting", "DELETE", "", "", []string{"If-Match", `"v3"`}, 204, ""},
		{"restoring", "POST", "/rollback", `{"version":3}`, []string{"If-None-Match", "*"}, 200, `"version":4`},
	} {
		header := http.Header{"Binarytint-Internal-Api-Key": {eventtest.AdminKey}}
		for n := 0; n < len(step.header); n += 2 {
			header.Set(step.header[n], step.header[n+1])
		}
		path, query, _ := strings.Cut(step.path, "?")
		resource := route + path
		if strings.HasPrefix(path, "/versions/") {
			resource = route + "/versions/{number}"
		}
		answer := send(t, shell, request{step.method, resource, strings.Replace(route, "{id}", "riley", 1) + path + "?" + query, apiHost, header, step.body})
		if text := string(answer.Body); answer.Status != step.status || !strings.Contains(text, step.want) {
			t.Fatalf("step %d, %s: %d %s, want %d with %s", i, step.what, answer.Status, text, step.status, step.want)
		}
		if replayed := answer.Header.Get("Idempotent-Replayed"); (replayed != "") != (step.what == "publishing again") {
			t.Errorf("%s: Idempotent-Replayed is %q", step.what, replayed)
		}
	}
	var audit struct{ Data []json.RawMessage }
	answer := send(t, shell, request{"GET", "/api/v1/audit", "/api/v1/audit", apiHost, http.Header{"Binarytint-Internal-Api-Key": {eventtest.AdminKey}}, ""})
	if err := json.Unmarshal(answer.Body, &audit); err != nil || len(audit.Data) != 5 {
		t.Errorf("the audit is %s, %v; want four publications and a deletion", answer.Body, err)
	}
}
