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
	"example.com/aurora/shared/core/redact"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/core/text"
)

const (
	maxMCPResponseBytes = 1 << 20 // bytes of one answer of an MCP server, lists of tools among them
	maxToolsPerServer   = 64      // tools of one server
	maxListPages        = 10      // of a server's list
	maxDescriptionBytes = 1000    // bytes
)

// mcpTool is a tool of an MCP server.
type mcpTool struct {
	name, description string
	schema            json.RawMessage
	validate          func(json.RawMessage) error
	readOnly          bool
}

// mcpConnection is a session with a server, and the secret that no text of its may hold.
type mcpConnection struct {
	*mcp.ClientSession
	secret string
}

// connectMCP opens a session with a server.
func (k *Kit) connectMCP(ctx context.Context, server aurora.MCPServer) (*mcpConnection, error) {
	to, err := k.guard.parseURL(server.URL)
	if err != nil {
		return nil, err
	}
	secret, err := k.bearerToken(ctx, server.Secret)
	if err != nil {
		return nil, err
	}
	through := k.guard.client(to, secret)
	through.Transport = limitedTransport{through.Transport}
	client := mcp.NewClient(&mcp.Implementation{Name: "aurora", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: to.String(), HTTPClient: through, MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: maxMCPResponseBytes,
	}, nil)
	if err != nil {
		return nil, err
	}
	return &mcpConnection{session, secret}, nil
}

// closeAsync ends a session without waiting: a server may take its time to say goodbye.
func (d *mcpConnection) closeAsync(ctx context.Context) {
	safego.Go(ctx, func() { _ = d.Close() }, nil)
}

// limitedTransport bounds what is read of an answer, and takes none that unpacks.
type limitedTransport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := p.next.RoundTrip(r)
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
	}{io.LimitReader(response.Body, maxMCPResponseBytes), response.Body}
	return response, nil
}

// listTools asks a server for its tools.
func (k *Kit) listTools(ctx context.Context, server aurora.MCPServer) ([]mcpTool, error) {
	d, err := k.connectMCP(ctx, server)
	if err != nil {
		return nil, err
	}
	defer d.closeAsync(ctx)
	var all []mcpTool
	params := &mcp.ListToolsParams{}
	for range maxListPages {
		page, err := d.ListTools(ctx, params)
		if err != nil {
			return nil, err
		}
		for _, t := range page.Tools {
			if t == nil || len(all) == maxToolsPerServer {
				continue
			}
			if tool, err := k.convertTool(t); err == nil { // a tool whose schema is none cannot be checked
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

func (k *Kit) convertTool(t *mcp.Tool) (mcpTool, error) {
	schema, err := json.Marshal(t.InputSchema)
	if err != nil {
		return mcpTool{}, err
	}
	schema = parametersOrAny(schema)
	check, err := k.validators.validator(schema)
	if err != nil {
		return mcpTool{}, err
	}
	return mcpTool{name: t.Name, description: text.Clip(text.Printable(t.Description), maxDescriptionBytes), schema: schema, validate: check,
		readOnly: t.Annotations != nil && t.Annotations.ReadOnlyHint}, nil
}

// newMCPTool makes a swarm's tool of a server's, under a name that is free.
func (k *Kit) newMCPTool(server aurora.MCPServer, t mcpTool, name string, s Scope) agent.Tool {
	return agent.Tool{Name: name, Description: t.description, Parameters: t.schema, Validate: t.validate, Timeout: defaultTimeout,
		Run: func(ctx context.Context, in agent.Invocation) (agent.ToolResult, error) {
			ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
			defer cancel()
			do := func(ctx context.Context) (string, error) { return k.callMCP(ctx, server, t, name, s, in) }
			if t.readOnly {
				return toResult(do(ctx))
			}
			return toResult(k.runOnce(ctx, s, name, in, do))
		}}
}

// callMCP calls a server's tool.
func (k *Kit) callMCP(ctx context.Context, server aurora.MCPServer, t mcpTool, name string, s Scope, in agent.Invocation) (string, error) {
	d, err := k.connectMCP(ctx, server)
	if err != nil {
		if fault.Is(err, fault.Unavailable) {
			return "", err
		}
		return "", fault.New(fault.Upstream, "The tool's server could not be reached.").Because(errors.New(describeError(err)))
	}
	defer d.closeAsync(ctx)
	params := &mcp.CallToolParams{Name: t.name, Arguments: in.Arguments}
	if key := idempotencyKey(s, name, in); key != "" {
		params.Meta = mcp.Meta{"aurora/idempotencyKey": key}
	}
	result, err := d.CallTool(ctx, params)
	if err != nil {
		if said, ok := errors.AsType[*jsonrpc.Error](err); ok && ctx.Err() == nil {
			return "", toolError{message: "Error: " + text.Clip(redact.Secret(text.Printable(said.Message), d.secret), maxErrorBytes)}
		}
		return "", fault.New(fault.Timeout, "The tool did not answer; it is not known whether it was done.").
			WithCode("tool_timeout").Because(errors.New(describeError(err)))
	}
	content := redact.Secret(resultText(result), d.secret)
	if result.IsError {
		return "", toolError{message: "Error: " + text.Clip(content, maxErrorBytes)}
	}
	if content == "" {
		content = "Done."
	}
	return content, nil
}

// resultText is what a result says to a model that reads.
func resultText(result *mcp.CallToolResult) string {
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
	return text.Clip(strings.TrimSpace(strings.ToValidUTF8(strings.Join(parts, "\n"), "")), maxResultBytes)
}

// describeError says why a server did not do its part, without repeating what it said or where it is.
func describeError(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	said, ok := errors.AsType[*jsonrpc.Error](err)
	f, ours := errors.AsType[*fault.Error](err)
	switch {
	case errors.Is(err, errBlockedAddress):
		return errBlockedAddress.Error()
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
