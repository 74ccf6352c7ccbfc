package tools

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
)

const (
	listTTL        = 5 * time.Minute
	staleListTTL   = time.Hour        // if the server does not answer
	listRetryAfter = 30 * time.Second // after a failure
	listTimeout    = 2 * time.Second
	maxServers     = 5 // of one assistant
)

// toolList is the tool list of one server.
type toolList struct {
	mu       sync.Mutex // held while the list is loaded, so that concurrent turns wait for one request
	tools    []mcpTool
	loadedAt time.Time
	failedAt time.Time
}

// mcpTools returns the tools of the assistant's MCP servers. It asks all servers at the same time and waits for two seconds
// at most. others are tools whose names are taken.
func (k *Kit) mcpTools(ctx context.Context, s Scope, others []agent.Tool) []agent.Tool {
	servers := s.Assistant.MCPServers
	if len(servers) > maxServers {
		servers = servers[:maxServers]
	}
	if len(servers) == 0 {
		return nil
	}
	type answer struct {
		server int
		tools  []mcpTool
	}
	answers := make(chan answer, len(servers)) // has room, so that a late answer does not block
	for i, server := range servers {
		safego.Go(ctx, func() { answers <- answer{i, k.serverTools(ctx, server)} }, func(error) { answers <- answer{server: i} })
	}
	timeout := time.NewTimer(listTimeout)
	defer timeout.Stop()
	lists := make([][]mcpTool, len(servers))
	for range servers {
		select {
		case a := <-answers:
			lists[a.server] = a.tools
		case <-timeout.C:
			return k.nameTools(s, servers, lists, others)
		case <-ctx.Done():
			return k.nameTools(s, servers, lists, others)
		}
	}
	return k.nameTools(s, servers, lists, others)
}

// serverTools returns the tools of a server, from the cache or from the server itself. If the server fails, it returns the
// last list that is not older than an hour, else none.
func (k *Kit) serverTools(ctx context.Context, server aurora.MCPServer) []mcpTool {
	l := &k.mcpServers.get(ctx, server).list
	l.mu.Lock()
	defer l.mu.Unlock()
	now := k.Now()
	if !l.loadedAt.IsZero() && now.Sub(l.loadedAt) < listTTL {
		return l.tools
	}
	if l.failedAt.IsZero() || now.Sub(l.failedAt) >= listRetryAfter {
		// Other turns wait for this request, so it must not end with this turn's context.
		listCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTimeout)
		defer cancel()
		found, err := k.listTools(listCtx, server)
		if err == nil {
			l.tools, l.loadedAt, l.failedAt = found, now, time.Time{}
			return found
		}
		l.failedAt = now
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.WarnContext(ctx, "tool list of an MCP server not loaded", "event", "mcp.list_failed", "server", hostName(server), "error", describeError(err))
	}
	if !l.loadedAt.IsZero() && now.Sub(l.loadedAt) < staleListTTL {
		return l.tools
	}
	return nil
}

func hostName(server aurora.MCPServer) string {
	u, err := url.Parse(server.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// nameTools gives each tool a name that no other tool has: its own, or with the server's name before it, or with a number
// after it.
func (k *Kit) nameTools(s Scope, servers []aurora.MCPServer, lists [][]mcpTool, others []agent.Tool) []agent.Tool {
	var all []agent.Tool
	same := func(name string) func(agent.Tool) bool { return func(t agent.Tool) bool { return t.Name == name } }
	taken := func(name string) bool {
		return name == "" || findBuiltin(name) != nil || isHandoffName(name) || slices.Contains(s.CallerTools, name) ||
			slices.ContainsFunc(others, same(name)) || slices.ContainsFunc(all, same(name))
	}
	for i, tools := range lists {
		for _, t := range tools {
			name := safeToolName(t.name)
			if taken(name) {
				name = safeToolName(hostName(servers[i]) + "_" + t.name)
			}
			for n, base := 2, name; taken(name); n++ {
				suffix := fmt.Sprintf("_%d", n)
				name = base[:min(len(base), 64-len(suffix))] + suffix
			}
			all = append(all, k.newMCPTool(servers[i], t, name, s))
		}
	}
	return all
}

// safeToolName returns a name that models accept: at most 64 letters, digits, _ and -.
func safeToolName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x80 && isToolName(string(r)) {
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), 64)]
}
