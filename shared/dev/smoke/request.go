package smoke

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/aurora/shared/core/auth"
)

// route is one request: to a route of the API, or to a function URL.
type route struct {
	method, path string
	function     string       // the folder of the function that answers
	atURL        bool         // at the function URL instead of the API
	kind         auth.KeyKind // of the key; empty for a route without a key
	header       string       // that holds the key
	signature    string       // X-Twilio-Signature
}

// name returns the name of the route's check.
func (q route) name() string {
	if q.atURL {
		return q.method + " function URL of " + q.function
	}
	return q.method + " " + q.path
}

// answer is what a route answered.
type answer struct {
	status    int
	header    http.Header
	body      []byte
	firstByte time.Duration // from the request to the first byte of the body
}

// send sends JSON, or a form, to a route. path replaces the route's path if it is not empty: a path has parameters.
func (r *run) send(ctx context.Context, q route, path string, body any) (a answer, err error) {
	base := r.API
	if q.atURL {
		if base = strings.TrimSuffix(r.FunctionURLs[q.function], "/"); base == "" {
			return a, fmt.Errorf("the function URL of %s is not known: the stack has no such output", q.function)
		}
	}
	if path == "" {
		path = q.path
	}
	for began := time.Now(); ; {
		a, err = r.sendOnce(ctx, q, base+path, body)
		// Functions read the key secrets once a minute.
		if err != nil || a.status != http.StatusUnauthorized || !r.isWaitingFor(q.kind) || !sleep(ctx, time.Second) {
			return a, r.describeTransport(q, base, time.Since(began), err)
		}
	}
}

func (r *run) sendOnce(ctx context.Context, q route, address string, body any) (a answer, err error) {
	content, contentType := []byte(nil), "application/json"
	switch b := body.(type) {
	case nil:
	case url.Values:
		content, contentType = []byte(b.Encode()), "application/x-www-form-urlencoded"
	default:
		if content, err = json.Marshal(b); err != nil {
			return a, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, q.method, address, bytes.NewReader(content))
	if err != nil {
		return a, err
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("User-Agent", "aurora-smoke")
	if q.kind != "" {
		key, err := r.key(ctx, q.kind)
		if err != nil {
			return a, err
		}
		if q.header == "Authorization" {
			key = "Bearer " + key
		}
		request.Header.Set(q.header, key)
	}
	if q.signature != "" {
		request.Header.Set("X-Twilio-Signature", q.signature)
	}
	return r.read(request)
}

// read sends a request and reads the whole answer.
func (r *run) read(request *http.Request) (a answer, err error) {
	began := time.Now()
	response, err := r.client.Do(request)
	if err != nil {
		return a, err
	}
	defer func() { _ = response.Body.Close() }()
	a.status, a.header = response.StatusCode, response.Header
	buffer := make([]byte, 32<<10)
	for {
		n, err := response.Body.Read(buffer)
		if n > 0 && len(a.body) == 0 {
			a.firstByte = time.Since(began)
		}
		a.body = append(a.body, buffer[:n]...)
		if err == io.EOF {
			return a, nil
		}
		if err != nil {
			return a, fmt.Errorf("the answer broke off after %d bytes: %w", len(a.body), err)
		}
	}
}

// describeTransport returns the error of a request without an answer, with the part that did not answer.
func (r *run) describeTransport(q route, base string, after time.Duration, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("no answer of %s after %d ms: %w%s", base, after.Milliseconds(), err, r.logHint(q.function))
}

// errorBody is the body of an answer that is an error.
type errorBody struct {
	Message string `json:"message"`
	Error   struct {
		Message string `json:"message"`
		Code    string `json:"code"`
		Param   string `json:"param"`
	} `json:"error"`
}

// fail returns the error for an answer that is not the wanted one, with the part that is broken as far as the answer tells.
func (r *run) fail(q route, a answer, want string) error {
	var e errorBody
	_ = json.Unmarshal(a.body, &e) // an answer of another form is quoted
	text := e.Error.Message
	if text == "" {
		text = e.Message
	}
	if text == "" {
		text = fmt.Sprintf("%.200s", a.body)
	}
	return fmt.Errorf("%s%d %s, wanted %s: %s%s", r.brokenPart(q, a.status, e.Error.Code, text), a.status, e.Error.Code, want, text, r.logHint(q.function))
}

// logHint says where to look, with the function's last error where the log is at hand.
func (r *run) logHint(function string) string {
	if r.LastError == nil {
		return " (log group /aurora/" + r.Stage + "/" + function + ")"
	}
	if last := r.LastError(function); last != "" {
		return " (" + function + " logged: " + last + ")"
	}
	return ""
}

// brokenPart returns what an error code says about the part that is broken, with a colon, or "".
func (r *run) brokenPart(q route, status int, code, message string) string {
	part := ""
	switch {
	case code == "invalid_api_key" || code == "keys_unavailable" || code == "internal_error" && strings.Contains(message, "key could not be checked"):
		part = "key secret " + r.secretName(string(q.kind))
	case code == "assistant_not_allowed":
		part = "the key that was given: its entry must allow the assistant " + AssistantID
	case strings.HasPrefix(code, "upstream"), strings.HasPrefix(code, "model"), code == "timeout" && strings.Contains(q.path, "/chat/"):
		part = "model, or its key in the secret " + r.secretName("openai")
	case strings.HasPrefix(code, "telephone"), code == "invalid_signature":
		part = "Twilio, or its secret " + r.secretName("twilio") + ", or template parameter PublicUrl"
	case code == "outbound_not_set_up" && strings.Contains(message, "assistant"):
		part = "template parameter HyperscaleAssistantId (HYPERSCALE_ASSISTANT_ID)"
	case code == "outbound_not_set_up":
		part = "template parameter VoiceMode, VoiceStreamUrl or VoiceRelayUrl (VOICE_MODE, VOICE_STREAM_URL, VOICE_RELAY_URL)"
	case code == "country_blocked":
		part = "template parameter AllowedCountries (ALLOWED_COUNTRIES), or NUMBER: " + r.Number
	case code == "budget_exhausted":
		part = "template parameter LimitSpendPerDayUsd (LIMIT_SPEND_PER_DAY_USD)"
	case code == "country_limit":
		part = "template parameter LimitCountryPerDay (LIMIT_COUNTRY_PER_DAY)"
	case code == "destination_limit":
		part = "template parameter LimitDestinationPerDay (LIMIT_DESTINATION_PER_DAY)"
	case code == "assistant_not_found" && q.function == "hyperscale-outbound-call":
		part = "template parameter HyperscaleAssistantId (HYPERSCALE_ASSISTANT_ID): it names no stored assistant"
	case code == "assistant_number_invalid" && q.function == "hyperscale-outbound-call":
		part = "the assistant of template parameter HyperscaleAssistantId (HYPERSCALE_ASSISTANT_ID): it has no number to call from"
	case code == "assistant_not_found":
		part = "table " + r.Tables["assistants"]
	case code == "invalid_link", code == "links_not_set_up":
		part = "secret " + r.secretName("links")
	case code == "store_unavailable" && strings.Contains(message, "assistants"):
		part = "table " + r.Tables["assistants"]
	case code == "store_unavailable" && strings.Contains(message, "calls cannot be read"):
		part = "table " + r.Tables["calls"]
	case code == "store_unavailable":
		part = "table " + r.Tables["ledger"]
	case code == "report_unavailable":
		part = "table " + r.Tables["calls"] + " or bucket " + r.Bucket
	case status >= http.StatusInternalServerError:
		part = "function " + q.function + " or what it uses"
	case code == "unknown_route" || status == http.StatusForbidden && code == "":
		part = "template: the API or the function URL does not have the route, or does not let callers use it"
	}
	if part == "" {
		return ""
	}
	return part + ": "
}
