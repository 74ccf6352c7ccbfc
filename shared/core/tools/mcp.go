package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/netguard"
	"example.com/aurora/shared/core/redact"
	"example.com/aurora/shared/core/text"
)

const (
	maxMCPResponseBytes = 1 << 20 // of one response, also of a tool list
	maxToolsPerServer   = 64
	maxListPages        = 10 // of one tool list
	maxDescriptionBytes = 1000
)

// mcpTool is a tool of an MCP server.
type mcpTool struct {
	name, description string
	schema            json.RawMessage
	validate          func(json.RawMessage) error
	readOnly          bool
}

// listTools returns the tools of a server.
func (k *Kit) listTools(ctx context.Context, server aurora.MCPServer) (all []mcpTool, err error) {
	err = k.withMCP(ctx, server, true, func(ctx context.Context, c *mcpConnection) (err error) {
		all, err = k.listPages(ctx, c)
		return err
	})
	return all, err
}

func (k *Kit) listPages(ctx context.Context, c *mcpConnection) ([]mcpTool, error) {
	var all []mcpTool
	params := &mcp.ListToolsParams{}
	for range maxListPages {
		page, err := c.ListTools(ctx, params)
		if err != nil {
			return nil, err
		}
		for _, t := range page.Tools {
			if t == nil || len(all) == maxToolsPerServer {
				continue
			}
			if tool, err := k.convertTool(t); err == nil { // without a valid schema the arguments could not be checked
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
	validate, err := k.validators.validator(schema)
	if err != nil {
		return mcpTool{}, err
	}
	return mcpTool{name: t.Name, description: text.Clip(text.Printable(t.Description), maxDescriptionBytes), schema: schema, validate: validate,
		readOnly: t.Annotations != nil && t.Annotations.ReadOnlyHint}, nil
}

// newMCPTool returns the agent's tool for a server's, under this name.
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
	params := &mcp.CallToolParams{Name: t.name, Arguments: in.Arguments}
	if key := idempotencyKey(s, name, in); key != "" && hasCallID(s) {
		params.Meta = mcp.Meta{"aurora/idempotencyKey": key}
	}
	var result *mcp.CallToolResult
	secret := ""
	err := k.withMCP(ctx, server, t.readOnly, func(ctx context.Context, c *mcpConnection) (err error) {
		secret = c.secret
		result, err = c.CallTool(ctx, params)
		return err
	})
	if failed, ok := errors.AsType[*connectError](err); ok {
		if fault.Is(failed.cause, fault.Unavailable) {
			return "", failed.cause
		}
		return "", fault.New(fault.Upstream, "The tool's server could not be reached.").Because(errors.New(describeError(failed.cause)))
	}
	if err != nil {
		if rpcErr := serverError(err); rpcErr != nil && ctx.Err() == nil {
			return "", toolError{message: "Error: " + text.Clip(redact.Secret(text.Printable(rpcErr.Message), secret), maxErrorBytes)}
		}
		return "", fault.New(fault.Timeout, "The tool did not answer; it is not known whether it was done.").
			WithCode("tool_timeout").Because(errors.New(describeError(err)))
	}
	content := redact.Secret(resultText(result), secret)
	if result.IsError {
		return "", toolError{message: "Error: " + text.Clip(content, maxErrorBytes)}
	}
	if content == "" {
		content = "Done."
	}
	return content, nil
}

// resultText returns the text of a result. What is not text is mentioned only.
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

// describeError says for the log why a server failed. It repeats neither the server's words nor its address.
func describeError(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	rpcErr := serverError(err)
	f, isFault := errors.AsType[*fault.Error](err)
	switch {
	case errors.Is(err, netguard.ErrBlockedAddress):
		return netguard.ErrBlockedAddress.Error()
	case isFault:
		return f.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case rpcErr != nil:
		return fmt.Sprintf("the server returned the error code %d", rpcErr.Code)
	}
	for inner := err; inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return fmt.Sprintf("no usable answer (%T)", err)
}
