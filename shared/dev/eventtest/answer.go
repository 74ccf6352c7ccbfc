package eventtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/web"
)

// Invoke sends an event to an HTTP function and returns what it answered.
func Invoke(t *testing.T, f *web.Function, event json.RawMessage) Observed {
	t.Helper()
	ctx, metrics := testkit.RecordMetrics(Context(t))
	answer, err := f.Invoke(ctx, event)
	if err != nil {
		t.Fatal(err)
	}
	o := decodeAnswer(t, answer)
	o.Metrics = metrics.All() // the handler has ended: it closes a stream last
	if strings.HasPrefix(o.Header.Get("Content-Type"), "text/event-stream") {
		o.Stream = strings.Split(strings.TrimSuffix(string(o.Body), "\n\n"), "\n\n")
	}
	return o
}

// decodeAnswer decodes the wire form of an answer: JSON, or for a streamed answer JSON, eight NUL bytes and the body.
func decodeAnswer(t *testing.T, answer any) Observed {
	t.Helper()
	wire, err := []byte(nil), error(nil)
	if stream, ok := answer.(io.Reader); ok {
		wire, err = io.ReadAll(stream)
	} else {
		wire, err = json.Marshal(answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	head, body, streamed := bytes.Cut(wire, make([]byte, 8))
	var r struct {
		StatusCode        int
		Headers           map[string]string
		MultiValueHeaders http.Header
		Body              string
		IsBase64Encoded   bool
	}
	if err := json.Unmarshal(head, &r); err != nil {
		t.Fatalf("the answer does not start with a JSON object: %v in %.300q", err, wire)
	}
	if !streamed {
		body = []byte(r.Body)
		if r.IsBase64Encoded {
			if body, err = base64.StdEncoding.DecodeString(r.Body); err != nil {
				t.Fatal(err)
			}
		}
	}
	header := http.Header{}
	for name, value := range r.Headers {
		header.Set(name, value)
	}
	for name, values := range r.MultiValueHeaders {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	return Observed{Status: r.StatusCode, Header: header, Body: body}
}
