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
	"example.com/aurora/shared/core/netguard"
	"example.com/aurora/shared/core/redact"
	"example.com/aurora/shared/core/text"
)

const (
	maxResultBytes = 64 << 10 // of a tool's result; the rest is cut off
	maxErrorBytes  = 500      // of a server's error message
	defaultTimeout = 5 * time.Second
	maxTimeout     = 30 * time.Second
)

// anyObjectSchema is the schema of a tool that declares no parameters.
const anyObjectSchema = `{"type":"object","properties":{}}`

// toolError is an error that a tool's server reports in words for the model. Its Error text leaves them out, because they
// may hold what a log must not.
type toolError struct{ message string }

func (toolError) Error() string { return "the tool's server reported an error" }

// httpTool returns the agent's tool for an HTTP tool of the configuration. The error says why it cannot be used.
func (k *Kit) httpTool(h aurora.HTTPTool, s Scope) (agent.Tool, error) {
	if !isToolName(h.Name) {
		return agent.Tool{}, errors.New("its name is not 1 to 64 letters, digits, _ and -")
	}
	server, err := k.guard.parseURL(h.URL)
	if err != nil {
		return agent.Tool{}, err
	}
	schema := parametersOrAny(h.Parameters)
	validate, err := k.validators.validator(schema)
	if err != nil {
		return agent.Tool{}, fmt.Errorf("its parameters: %w", err)
	}
	limit := defaultTimeout
	if h.TimeoutMs > 0 {
		limit = min(time.Duration(h.TimeoutMs)*time.Millisecond, maxTimeout)
	}
	return agent.Tool{Name: h.Name, Description: h.Description, Parameters: schema, Validate: validate, Timeout: limit, Filler: h.Filler,
		Run: func(ctx context.Context, in agent.Invocation) (agent.ToolResult, error) {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return toResult(k.runOnce(ctx, s, h.Name, in, func(ctx context.Context) (string, error) { return k.callHTTP(ctx, server, h, s, in) }))
		}}, nil
}

// toResult returns the result of a tool on a server. A toolError becomes a result, because its message is for the model.
func toResult(content string, err error) (agent.ToolResult, error) {
	if r, ok := errors.AsType[toolError](err); ok {
		return agent.ToolResult{Content: r.message}, nil
	}
	return agent.ToolResult{Content: content}, err
}

func parametersOrAny(declared json.RawMessage) json.RawMessage {
	if len(bytes.TrimSpace(declared)) == 0 || string(bytes.TrimSpace(declared)) == "null" {
		return json.RawMessage(anyObjectSchema)
	}
	return declared
}

// callHTTP calls the server of a tool and returns the body of a 2xx response.
func (k *Kit) callHTTP(ctx context.Context, server *url.URL, h aurora.HTTPTool, s Scope, in agent.Invocation) (string, error) {
	secret, err := k.secret(ctx, h.Secret)
	if err != nil {
		return "", err
	}
	call := s.CallDetails
	if len(call) == 0 {
		call = json.RawMessage(`{}`)
	}
	body, err := json.Marshal(map[string]any{"toolCallId": in.ID, "name": h.Name, "arguments": in.Arguments, "assistantId": s.Assistant.ID(), "call": call})
	if err != nil {
		return "", fmt.Errorf("write tool request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.String(), bytes.NewReader(body))
	if err != nil {
		return "", fault.New(fault.Upstream, "The tool's server could not be reached.").Because(netguard.ErrBlockedAddress)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/plain;q=0.9")
	if key := idempotencyKey(s, h.Name, in); key != "" && hasCallID(s) {
		r.Header.Set("Idempotency-Key", key) // lets the server recognize a retry, too
	}
	signingSecret, err := k.signRequest(ctx, h.SigningSecret, r.Header, body)
	if err != nil {
		return "", err
	}
	response, err := k.guard.client(server, secret).Do(r)
	if err != nil {
		return "", requestError(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	return readResponse(ctx, response, secret, signingSecret)
}

// readResponse returns the content of a server's response, without the secrets.
func readResponse(ctx context.Context, response *http.Response, secrets ...string) (string, error) {
	if e := response.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return "", fault.New(fault.Upstream, "The tool failed: its answer was compressed, which was not asked for.")
	}
	b, err := io.ReadAll(io.LimitReader(response.Body, maxResultBytes))
	if err != nil {
		return "", requestError(ctx, err)
	}
	content := strings.TrimSpace(strings.ToValidUTF8(string(b), ""))
	for _, secret := range secrets {
		content = redact.Secret(content, secret)
	}
	switch status := response.StatusCode; {
	case status >= 200 && status < 300 && content == "":
		return "Done.", nil
	case status >= 200 && status < 300:
		return content, nil
	case status >= 400 && status < 500:
		return "", toolError{message: fmt.Sprintf("Error: The tool failed (status %d). %s", status, text.Clip(content, maxErrorBytes))}
	default:
		return "", fault.Newf(fault.Upstream, "The tool failed (status %d).", status)
	}
}

// requestError returns a fault that says why there is no response. It leaves out the address, which may hold what a log
// must not.
func requestError(ctx context.Context, err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	var op *net.OpError
	switch {
	case ctx.Err() != nil:
		return fault.New(fault.Timeout, "The tool did not answer in time.").WithCode("tool_timeout").Because(ctx.Err())
	case errors.Is(err, netguard.ErrBlockedAddress):
		return fault.New(fault.Forbidden, "The tool's server must not be reached.").WithCode("tool_address").Because(netguard.ErrBlockedAddress)
	case errors.As(err, &op) && op.Op == "dial":
		return fault.New(fault.Upstream, "The tool's server could not be reached.").Because(fmt.Errorf("dial: %w", op.Err))
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return fault.New(fault.Upstream, "The tool's server could not be reached.").Because(errors.New("its certificate is not trusted"))
	}
	return fault.New(fault.Timeout, "The tool failed: its answer was lost, and it is not known whether it was done.").
		WithCode("tool_timeout").Because(fmt.Errorf("no usable answer (%T)", err))
}

// secret returns the value of the secret of this name, or "" if name is empty. It is a bearer token or a signing secret.
func (k *Kit) secret(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	if k.Secrets == nil {
		return "", fault.New(fault.Unavailable, "The tool is not set up.")
	}
	token, err := k.Secrets.Secret(ctx, k.SecretPrefix+name)
	if err != nil {
		return "", fault.New(fault.Unavailable, "The tool is not set up.").Because(err)
	}
	token = strings.TrimSpace(token)
	for _, r := range token {
		if r <= ' ' || r >= 0x7f {
			return "", fault.New(fault.Unavailable, "The tool is not set up.").Because(errors.New("its secret has a character that a header must not have"))
		}
	}
	if token == "" {
		return "", fault.New(fault.Unavailable, "The tool is not set up.").Because(errors.New("its secret is empty"))
	}
	return token, nil
}
