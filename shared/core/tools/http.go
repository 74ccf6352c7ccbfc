package tools

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	maxAnswer   = 64 << 10 // bytes of a tool's answer; the rest is cut off
	maxReason   = 500      // bytes of what a server says is wrong
	usualTime   = 5 * time.Second
	longestTime = 30 * time.Second
)

// anyObject is the schema of a tool that says nothing about its parameters.
const anyObject = `{"type":"object","properties":{}}`

// refusal is a failure that a tool tells of in words meant for the model. No log repeats them.
type refusal struct{ told string }

func (refusal) Error() string { return "the tool refused" }

// httpTool makes the tool that a configuration declares, or says why it cannot be offered.
func (k *Kit) httpTool(h aurora.HTTPTool, s Session) (agent.Tool, error) {
	if !toolName(h.Name) {
		return agent.Tool{}, errors.New("its name is not 1 to 64 letters, digits, _ and -")
	}
	to, err := k.guard.target(h.URL)
	if err != nil {
		return agent.Tool{}, err
	}
	schema := parameters(h.Parameters)
	check, err := k.schemas.check(schema)
	if err != nil {
		return agent.Tool{}, fmt.Errorf("its parameters: %w", err)
	}
	limit := usualTime
	if h.TimeoutMs > 0 {
		limit = min(time.Duration(h.TimeoutMs)*time.Millisecond, longestTime)
	}
	return agent.Tool{Name: h.Name, Description: h.Description, Parameters: schema, Check: check, Timeout: limit, Filler: h.Filler,
		Call: func(ctx context.Context, in agent.Call) (agent.Outcome, error) {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return told(k.once(ctx, s, h.Name, in, func(ctx context.Context) (string, error) { return k.post(ctx, to, h, s, in) }))
		}}, nil
}

// told makes an outcome of what a tool of a server said.
func told(content string, err error) (agent.Outcome, error) {
	if r, ok := errors.AsType[refusal](err); ok {
		return agent.Outcome{Content: r.told}, nil
	}
	return agent.Outcome{Content: content}, err
}

func parameters(declared json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(declared)) == 0 || string(bytes.TrimSpace(declared)) == "null" {
		return json.RawMessage(anyObject)
	}
	return declared
}

// post calls a server. Its answer is what a body with a status of 2xx says.
func (k *Kit) post(ctx context.Context, to *url.URL, h aurora.HTTPTool, s Session, in agent.Call) (string, error) {
	secret, err := k.secret(ctx, h.Secret)
	if err != nil {
		return "", err
	}
	call := s.Call
	if len(call) == 0 {
		call = json.RawMessage(`{}`)
	}
	body, err := json.Marshal(map[string]any{"toolCallId": in.ID, "name": h.Name, "arguments": in.Arguments, "assistantId": s.Assistant.ID(), "call": call})
	if err != nil {
		return "", fmt.Errorf("write tool request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return "", fault.New(fault.Upstream, "The tool's server could not be reached.").Because(errGuard)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/plain;q=0.9")
	if key := wish(s, h.Name, in); key != "" {
		r.Header.Set("Idempotency-Key", key) // for a server that wants to be as sure as we are
	}
	response, err := k.guard.client(to, secret).Do(r)
	if err != nil {
		return "", unreached(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	return answer(ctx, response, secret)
}

// answer reads a server's answer.
func answer(ctx context.Context, response *http.Response, secret string) (string, error) {
	if e := response.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return "", fault.New(fault.Upstream, "The tool failed: its answer was compressed, which was not asked for.")
	}
	b, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return "", unreached(ctx, err)
	}
	content := redact(strings.TrimSpace(strings.ToValidUTF8(string(b), "")), secret)
	switch status := response.StatusCode; {
	case status >= 200 && status < 300 && content == "":
		return "Done.", nil
	case status >= 200 && status < 300:
		return content, nil
	case status >= 400 && status < 500:
		return "", refusal{told: fmt.Sprintf("Error: The tool failed (status %d). %s", status, clip(content, maxReason))}
	default:
		return "", fault.Newf(fault.Upstream, "The tool failed (status %d).", status)
	}
}

// redact takes a secret out of what its server echoes.
func redact(content, secret string) string {
	if len(secret) < 8 {
		return content
	}
	return strings.ReplaceAll(content, secret, "[redacted]")
}

// unreached says why there is no answer, without the address: it may hold what a log must not.
func unreached(ctx context.Context, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	var op *net.OpError
	switch {
	case ctx.Err() != nil:
		return fault.New(fault.Timeout, "The tool did not answer in time.").Coded("tool_timeout").Because(ctx.Err())
	case errors.Is(err, errGuard):
		return fault.New(fault.Forbidden, "The tool's server must not be reached.").Coded("tool_address").Because(errGuard)
	case errors.As(err, &op) && op.Op == "dial":
		return fault.New(fault.Upstream, "The tool's server could not be reached.").Because(fmt.Errorf("dial: %w", op.Err))
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return fault.New(fault.Upstream, "The tool's server could not be reached.").Because(errors.New("its certificate is not trusted"))
	}
	return fault.New(fault.Timeout, "The tool failed: its answer was lost, and it is not known whether it was done.").
		Coded("tool_timeout").Because(fmt.Errorf("no usable answer (%T)", err))
}

// secret is the bearer token of this name; no name is none.
func (k *Kit) secret(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	if k.Secrets == nil {
		return "", fault.New(fault.Unavailable, "The tool is not set up.")
	}
	text, err := k.Secrets.Secret(ctx, k.SecretPrefix+name)
	if err != nil {
		return "", fault.New(fault.Unavailable, "The tool is not set up.").Because(err)
	}
	text = strings.TrimSpace(text)
	for _, r := range text {
		if r <= ' ' || r >= 0x7f {
			return "", fault.New(fault.Unavailable, "The tool is not set up.").Because(errors.New("its secret holds what no header may"))
		}
	}
	if text == "" {
		return "", fault.New(fault.Unavailable, "The tool is not set up.").Because(errors.New("its secret is empty"))
	}
	return text, nil
}
