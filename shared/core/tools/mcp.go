package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	maxTraffic     = 1 << 20 // bytes of one answer of an MCP server, lists of tools among them
	maxRemote      = 64      // tools of one server
	maxPages       = 10      // of a server's list
	maxDescription = 1000    // bytes
)

// remoteTool is a tool of an MCP server.
type remoteTool struct {
	name, description string
	schema            json.RawMessage
	check             func(json.RawMessage) error
	readOnly          bool
}

// dialled is a session with a server, and the secret that no text of its may hold.
type dialled struct {
	*mcp.ClientSession
	secret string
}

// dial opens a session with a server.
func (k *Kit) dial(ctx context.Context, server aurora.MCPServer) (*dialled, error) {
	to, err := k.guard.target(server.URL)
	if err != nil {
		return nil, err
	}
	secret, err := k.secret(ctx, server.Secret)
	if err != nil {
		return nil, err
	}
	through := k.guard.client(to, secret)
	through.Transport = plainBody{through.Transport}
	client := mcp.NewClient(&mcp.Implementation{Name: "aurora", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: to.String(), HTTPClient: through, MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: maxTraffic,
	}, nil)
	if err != nil {
		return nil, err
	}
	return &dialled{session, secret}, nil
}

// leave ends a session without waiting: a server may take its time to say goodbye.
func (d *dialled) leave() {
	go func() {
		defer func() { _ = recover() }() // nobody needs it any more
		_ = d.Close()
	}()
}

// plainBody bounds what is read of an answer, and takes none that unpacks.
type plainBody struct{ through http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p plainBody) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := p.through.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if e := response.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		_ = response.Body.Close()
		return nil, errors.New("a compressed answer was not asked for")
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxTraffic), response.Body}
	return response, nil
}

// inventory asks a server for its tools.
func (k *Kit) inventory(ctx context.Context, server aurora.MCPServer) ([]remoteTool, error) {
	d, err := k.dial(ctx, server)
	if err != nil {
		return nil, err
	}
	defer d.leave()
	var all []remoteTool
	params := &mcp.ListToolsParams{}
	for range maxPages {
		page, err := d.ListTools(ctx, params)
		if err != nil {
			return nil, err
		}
		for _, t := range page.Tools {
			if t == nil || len(all) == maxRemote {
				continue
			}
			if tool, err := k.adopt(t); err == nil { // a tool whose schema is none cannot be checked
				all = append(all, tool)
			}
		}
		if page.NextCursor == "" {
			break
		}
		params.Cursor = page.NextCursor
	}
	return all, nil
}

func (k *Kit) adopt(t *mcp.Tool) (remoteTool, error) {
	schema, err := json.Marshal(t.InputSchema)
	if err != nil {
		return remoteTool{}, err
	}
	schema = parameters(schema)
	check, err := k.schemas.check(schema)
	if err != nil {
		return remoteTool{}, err
	}
	return remoteTool{name: t.Name, description: clip(printable(t.Description), maxDescription), schema: schema, check: check,
		readOnly: t.Annotations != nil && t.Annotations.ReadOnlyHint}, nil
}

// offer makes a swarm's tool of a server's, under a name that is free.
func (k *Kit) offer(server aurora.MCPServer, t remoteTool, name string, s Session) agent.Tool {
	return agent.Tool{Name: name, Description: t.description, Parameters: t.schema, Check: t.check, Timeout: usualTime,
		Call: func(ctx context.Context, in agent.Call) (agent.Outcome, error) {
			ctx, cancel := context.WithTimeout(ctx, usualTime)
			defer cancel()
			do := func(ctx context.Context) (string, error) { return k.callRemote(ctx, server, t, name, s, in) }
			if t.readOnly {
				return told(do(ctx))
			}
			return told(k.once(ctx, s, name, in, do))
		}}
}

// callRemote calls a server's tool.
func (k *Kit) callRemote(ctx context.Context, server aurora.MCPServer, t remoteTool, name string, s Session, in agent.Call) (string, error) {
	d, err := k.dial(ctx, server)
	if err != nil {
		if fault.Is(err, fault.Unavailable) {
			return "", err
		}
		return "", fault.New(fault.Upstream, "The tool's server could not be reached.").Because(errors.New(reason(err)))
	}
	defer d.leave()
	params := &mcp.CallToolParams{Name: t.name, Arguments: in.Arguments}
	if key := wish(s, name, in); key != "" {
		params.Meta = mcp.Meta{"aurora/idempotencyKey": key}
	}
	result, err := d.CallTool(ctx, params)
	if err != nil {
		if said, ok := errors.AsType[*jsonrpc.Error](err); ok && ctx.Err() == nil {
			return "", refusal{told: "Error: " + clip(redact(printable(said.Message), d.secret), maxReason)}
		}
		return "", fault.New(fault.Timeout, "The tool did not answer; it is not known whether it was done.").
			Coded("tool_timeout").Because(errors.New(reason(err)))
	}
	content := redact(text(result), d.secret)
	if result.IsError {
		return "", refusal{told: "Error: " + clip(content, maxReason)}
	}
	if content == "" {
		content = "Done."
	}
	return content, nil
}

// text is what a result says to a model that reads.
func text(result *mcp.CallToolResult) string {
	var parts []string
	for _, c := range result.Content {
		switch c := c.(type) {
		case *mcp.TextContent:
			parts = append(parts, c.Text)
		case *mcp.EmbeddedResource:
			if c.Resource != nil && c.Resource.Text != "" {
				parts = append(parts, c.Resource.Text)
			}
		case *mcp.ResourceLink:
			parts = append(parts, c.Name+" "+c.URI)
		default:
			parts = append(parts, "(something that is no text)")
		}
	}
	if len(parts) == 0 && result.StructuredContent != nil {
		if b, err := json.Marshal(result.StructuredContent); err == nil {
			parts = append(parts, string(b))
		}
	}
	return clip(strings.TrimSpace(strings.ToValidUTF8(strings.Join(parts, "\n"), "")), maxAnswer)
}

// reason says why a server did not do its part, without repeating what it said or where it is.
func reason(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	said, ok := errors.AsType[*jsonrpc.Error](err)
	f, ours := errors.AsType[*fault.Error](err)
	switch {
	case errors.Is(err, errGuard):
		return errGuard.Error()
	case ours:
		return f.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case ok:
		return fmt.Sprintf("it refused with code %d", said.Code)
	}
	for inner := err; inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return fmt.Sprintf("no usable answer (%T)", err)
}
