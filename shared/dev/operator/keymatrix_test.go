package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/fakeopenai"
)

// keyedRoute is a route that needs a key: what the key's header is, and a request about documentAssistant.
type keyedRoute struct {
	kind     auth.KeyKind
	header   string // its value is "Bearer <key>" if it is Authorization
	use      auth.Use
	body     string
	function string // the logical id, if the function has a URL of its own
	// allAssistants says that the route acts for all assistants, so that no limited key opens it.
	allAssistants bool
	// noAssistant says that the route acts for none.
	noAssistant bool
}

// keyedRoutes are all routes of the API document but those of openRoutes.
var keyedRoutes = func() map[string]keyedRoute {
	const (
		chat     = `{"messages":[{"role":"user","content":"Hi"}],"call":{"assistantId":"` + documentAssistant + `","caller_phone_number":"+14155550123"}}`
		web      = `{"messages":[{"role":"user","content":"Hi"}],"call":{"id":"w1"},"target_assistant_id":"` + documentAssistant + `"}`
		internal = "BINARYTINT-INTERNAL-API-KEY"
	)
	bearer := func(function, body string) keyedRoute {
		return keyedRoute{kind: auth.KindAPI, header: "Authorization", use: auth.UseChat, body: body, function: function}
	}
	models := keyedRoute{kind: auth.KindAPI, header: "Authorization", use: auth.UseChat, noAssistant: true}
	const chatPath = "/api/v1/openai/"
	return map[string]keyedRoute{
		"POST " + chatPath + "chat/completions":       bearer("ChatCompletionsFunction", chat),
		"POST " + chatPath + "chat/completions/voice": bearer("ChatCompletionsVoiceFunction", chat),
		"POST " + chatPath + "voice/chat/completions": bearer("ChatCompletionsVoiceFunction", chat),
		"POST " + chatPath + "chat/completions/sms":   bearer("ChatCompletionsSmsFunction", chat),
		"POST " + chatPath + "sms/chat/completions":   bearer("ChatCompletionsSmsFunction", chat),
		"POST " + chatPath + "chat/completions/chat":  bearer("ChatCompletionsChatFunction", web),
		"POST " + chatPath + "chat/chat/completions":  bearer("ChatCompletionsChatFunction", web),
		"GET " + chatPath + "models":                  models,
		"GET " + chatPath + "models/gpt-4o":           models,
		"POST /api/webhook": {kind: auth.KindAPI, header: "FLASK-API-KEY", use: auth.UseWebhook,
			body: `{"message":{"type":"assistant-request","session":"` + documentAssistant + `"}}`},
		"POST /api/outbound-call-uat": {kind: auth.KindInternal, header: internal, function: "OutboundCallUatFunction",
			body: `{"client":{"phoneNumber":"+14155550142","name":"John Doe","email":"john@example.com"},"assistantId":"` + documentAssistant + `"}`},
		"POST /api/hyperscale/outbound-call": {kind: auth.KindInternal, header: internal, function: "HyperscaleOutboundCallFunction",
			body: `{"phoneNumber":"+14155550143","name":"John Doe","info":"Some relevant info"}`},
		"POST /api/reports/aurora-report/weekly":          {kind: auth.KindInternal, header: internal, body: `{"ASSISTANT_ID":"` + documentAssistant + `"}`},
		"POST /api/reports/aurora-internal-report/weekly": {kind: auth.KindInternal, header: internal, body: `{}`, allAssistants: true},
	}
}()

// openRoutes are checked by a signature instead of a key.
var openRoutes = []string{"POST /api/outbound-call-status", "POST /twilio/voice", "POST /twilio/voice/after", "POST /twilio/voice/status", "POST /twilio/messages", "POST /twilio/messages/status", "GET /api/reports/view", "POST /api/reports/view", "GET /api/reports/view/{token}"}

// TestKeysOnEveryRoute tries every kind of key on every route of the API document, on the REST API and the function URLs.
func TestKeysOnEveryRoute(t *testing.T) {
	checkRoutesAreKnown(t)
	b := &testStack{data: t.TempDir()}
	b.model = fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text("Hello.") })
	b.start(t, "OPENAI_BASE_URL="+b.model.URL, "DEFAULT_REGION=US", "LIMIT_KEY_PER_MINUTE=1000", "LIMIT_DESTINATION_PER_DAY=100", "HYPERSCALE_ASSISTANT_ID="+documentAssistant)
	keys := map[string]string{}
	for _, name := range []string{"unlimited", "this assistant", "another assistant", "both assistants", "expired", "not expired", "chat only", "webhook only", "unreadable limit", "noisy neighbour"} {
		keys[name] = "aur_test_" + strings.ReplaceAll(name, " ", "_") + strings.Repeat("0", 32)
	}
	entries := map[string]string{
		"unlimited": ``, "this assistant": `,"assistants":["` + documentAssistant + `"]`, "another assistant": `,"assistants":["` + otherAssistant + `"]`,
		"both assistants": `,"assistants":["` + otherAssistant + `","` + documentAssistant + `"]`,
		"expired":         `,"expiresAt":"2020-01-01T00:00:00Z"`, "not expired": `,"expiresAt":"2099-01-01T00:00:00Z"`,
		"chat only": `,"uses":["chat"]`, "webhook only": `,"uses":["webhook"]`, "unreadable limit": `,"assistants":"` + documentAssistant + `"`,
		"noisy neighbour": limitedEntry,
	}
	b.putKeys(t, keys, entries)
	for route, r := range keyedRoutes {
		method, path, _ := strings.Cut(route, " ")
		addresses := map[string]string{"REST": b.info.API + path}
		if r.function != "" {
			if b.info.FunctionURLs[r.function] == "" {
				t.Fatalf("%s has no URL", r.function)
			}
			addresses["function URL"] = b.info.FunctionURLs[r.function] + path
		}
		for name, want := range wantedStatuses(r) {
			for kind, address := range addresses {
				status, code := b.tryKey(t, r, method, address, name, keys[name])
				if want == 200 && status != 200 && status != 201 || want != 200 && status != want || want == http.StatusForbidden && code != "assistant_not_allowed" {
					t.Errorf("%s, %s, key %q: %d %s, want %d", route, kind, name, status, code, want)
				}
			}
		}
	}
	b.checkNoisyNeighbour(t, keys["noisy neighbour"], keys["unlimited"])
}

// wantedStatuses returns the status for each key; 200 stands for any success.
func wantedStatuses(r keyedRoute) map[string]int {
	want := map[string]int{"none": 401, "wrong": 401, "of another kind": 401, "unlimited": 200, "this assistant": 200, "both assistants": 200,
		"another assistant": 403, "expired": 401, "not expired": 200, "unreadable limit": 401, "chat only": 200, "webhook only": 200}
	switch {
	case r.use == auth.UseChat:
		want["webhook only"] = 401
	case r.use == auth.UseWebhook:
		want["chat only"] = 401
	default: // uses are for api keys
		delete(want, "chat only")
		delete(want, "webhook only")
	}
	if r.allAssistants {
		want["this assistant"], want["both assistants"] = 403, 403
	}
	if r.noAssistant {
		want["another assistant"] = 200
	}
	for name, s := range signedRequests {
		if want[name] = 401; r.use == auth.UseWebhook {
			want[name] = s.want
		}
	}
	return want
}

// putKeys stores the keys in the secrets of every kind. Only api keys have uses.
func (b *testStack) putKeys(t *testing.T, keys, entries map[string]string) {
	t.Helper()
	for _, kind := range []auth.KeyKind{auth.KindAPI, auth.KindInternal, auth.KindExternal} {
		var list []string
		for _, name := range slices.Sorted(maps.Keys(keys)) {
			if kind == auth.KindAPI || !strings.Contains(entries[name], "uses") {
				list = append(list, fmt.Sprintf(`{"digest":"sha256:%x","name":%q%s}`, sha256.Sum256([]byte(string(kind)+keys[name])), name, entries[name]))
			}
		}
		if kind == auth.KindAPI {
			for name, s := range signedRequests {
				list = append(list, s.entry(name))
			}
		}
		b.putKeyList(t, kind, list)
	}
}

// putKeyList stores the entries of one kind of keys.
func (b *testStack) putKeyList(t *testing.T, kind auth.KeyKind, entries []string) {
	t.Helper()
	stack := localStack(b.info)
	config, err := stack.awsConfig("secretsmanager")()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secretsmanager.NewFromConfig(config).PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(stack.secretName(string(kind))), SecretString: aws.String("[" + strings.Join(entries, ",") + "]")}); err != nil {
		t.Fatal(err)
	}
}

// tryKey sends a route's request with a key. The names "none", "wrong" and "of another kind" are no stored keys of the route.
func (b *testStack) tryKey(t *testing.T, r keyedRoute, method, address, name, key string) (status int, code string) {
	t.Helper()
	value := string(r.kind) + key
	switch name {
	case "none":
		value = ""
	case "wrong":
		value = strings.Repeat("w", 40)
	case "of another kind":
		if value = b.info.Keys["BINARYTINT_API_KEY"]; r.kind == auth.KindAPI {
			value = b.info.Keys["BINARYTINT_INTERNAL_API_KEY"]
		}
	}
	body, header := r.body, http.Header{}
	if s, ok := signedRequests[name]; ok {
		body, value = s.apply(header, name, r.header, r.body), ""
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", "one call for all") // a replay, too, must not be given to a key that may not place the call
	if value != "" && r.header == "Authorization" {
		value = "Bearer " + value
	}
	if value != "" {
		request.Header.Set(r.header, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Error struct{ Code string } }
	_ = json.NewDecoder(response.Body).Decode(&answer)
	return response.StatusCode, answer.Error.Code
}

// checkRoutesAreKnown fails if the API document has a route that is in neither list.
func checkRoutesAreKnown(t *testing.T) {
	t.Helper()
	document, err := os.ReadFile("../openapi/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	known := openRoutes
	for route := range keyedRoutes {
		known = append(known, strings.NewReplacer("/weekly", "/{period}", "/gpt-4o", "/{id}").Replace(route))
	}
	var found []string
	path := ""
	for _, m := range regexp.MustCompile(`(?m)^  (/\S+):$|^    (get|post|put|delete|patch):`).FindAllStringSubmatch(string(document), -1) {
		if m[1] != "" {
			path = m[1]
			continue
		}
		if strings.HasPrefix(path, "/api/v1/") && !strings.HasPrefix(path, "/api/v1/openai/") {
			continue // the operators' routes have a table of their own, in functions/operators
		}
		found = append(found, strings.ToUpper(m[2])+" "+path)
	}
	for _, route := range found {
		if !slices.Contains(known, route) {
			t.Errorf("%s is in no list of this test", route)
		}
	}
	if len(found) != len(known) {
		t.Errorf("the API document has %d routes, this test %d", len(found), len(known))
	}
}
