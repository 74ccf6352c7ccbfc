package eventtest

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/dev/openapi"
)

// root is the repository, seen from functions/<function>/.
var root = filepath.Join("..", "..")

// RequestID is the id of the request in every case.
const RequestID = "req-1"

// Context returns the context in which Lambda invokes a function.
func Context(t *testing.T) context.Context {
	t.Helper()
	return lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: RequestID})
}

// Observed is what came of a case. A field that is empty was not observed.
type Observed struct {
	Status int
	Header http.Header
	Body   []byte
	Stream []string
	// Metrics are the failures and times that were recorded, as testkit.Metrics.All returns them. No case compares them.
	Metrics []string
	// Effects is what else the test looks at, by the names that the cases' want uses.
	Effects map[string]any
}

// Run sends the event of every case of a function through observe, and compares what was observed with what the case
// wants. HTTP answers are also checked against the OpenAPI document. Files of the cases that no case uses are failures.
func Run(t *testing.T, function string, observe func(t *testing.T, c *eventcase.Case, event json.RawMessage) Observed) {
	t.Helper()
	cases, err := eventcase.Load(root, function)
	if err != nil {
		t.Fatal(err)
	}
	unused, err := eventcase.Unused(root, function, cases)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range unused {
		t.Errorf("no case uses %s: name it in a case of %s, or delete it", path, eventcase.Path(root, function))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			event, err := c.Build()
			if err != nil {
				t.Fatal(err)
			}
			o := observe(t, c, event)
			compareCase(t, c, o)
			if o.Status != 0 {
				openapi.CheckEvent(t, event, o.Status, o.Header, o.Body)
			}
		})
	}
}

// compareCase compares what was observed with what a case wants, field by field.
func compareCase(t *testing.T, c *eventcase.Case, o Observed) {
	t.Helper()
	got := o.fields(t)
	if name, ok := c.Want["golden"]; ok {
		golden.JSON(t, name.Value, inOrder(t, got))
		return
	}
	want := wantedFields(t, c, o.Status)
	names := maps.Clone(got)
	maps.Copy(names, want)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		compareField(t, name, got[name], want[name])
	}
	if t.Failed() {
		t.Logf("what was observed, as cases.yaml would want it:\n%s", asYAML(t, got))
	}
}

// fields returns what was observed, by the names that want uses, without what is empty.
func (o Observed) fields(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	all := map[string]json.RawMessage{}
	if o.Status != 0 {
		all["status"] = encode(t, o.Status)
		headers := map[string]string{}
		for name, values := range o.Header {
			headers[name] = strings.Join(values, ", ")
		}
		all["headers"] = encode(t, headers)
	}
	switch {
	case len(o.Stream) > 0:
		all["stream"] = encode(t, o.Stream)
	case json.Valid(o.Body):
		all["body"] = o.Body
	default:
		all["body"] = encode(t, string(o.Body))
	}
	for name, effect := range o.Effects {
		all[name] = encode(t, effect)
	}
	maps.DeleteFunc(all, func(_ string, v json.RawMessage) bool { return isEmpty(v) })
	return all
}

func isEmpty(v json.RawMessage) bool {
	return slices.Contains([]string{"", "null", `""`, "[]"}, string(v))
}

// wantedFields returns what a case wants, with error written out as the body that it stands for.
func wantedFields(t *testing.T, c *eventcase.Case, status int) map[string]json.RawMessage {
	t.Helper()
	all := map[string]json.RawMessage{}
	for name, node := range c.Want {
		text, err := eventcase.JSON(&node)
		if err != nil {
			t.Fatalf("want.%s: %v", name, err)
		}
		if name == "body" && !bytes.HasPrefix(text, []byte(`"`)) { // the functions' encoder of JSON escapes <, > and &
			var b bytes.Buffer
			json.HTMLEscape(&b, text)
			text = b.Bytes()
		}
		all[name] = text
	}
	if short, ok := all["error"]; ok {
		delete(all, "error")
		all["body"] = errorBody(t, short, status)
	}
	maps.DeleteFunc(all, func(_ string, v json.RawMessage) bool { return isEmpty(v) })
	return all
}

// errorTypes are the error types that OpenAI's clients know, by status.
var errorTypes = map[int]string{400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
	405: "invalid_request_error", 409: "conflict_error", 413: "invalid_request_error", 415: "invalid_request_error", 429: "rate_limit_error",
	500: "server_error", 502: "upstream_error", 503: "server_error", 504: "timeout_error"}

// errorBody returns the body of an error answer. All functions answer with the same, but for the code, the message and
// the param that the case wants.
func errorBody(t *testing.T, short json.RawMessage, status int) json.RawMessage {
	t.Helper()
	type detail struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	}
	var e detail
	d := json.NewDecoder(bytes.NewReader(short))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Fatalf("want.error: %v", err)
	}
	e.Type = errorTypes[status]
	return encode(t, struct {
		Status    string `json:"status"`
		Message   string `json:"message"`
		Error     detail `json:"error"`
		RequestID string `json:"requestId"`
	}{"error", e.Message, e, RequestID})
}
