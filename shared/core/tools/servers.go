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
	"example.com/aurora/shared/core/safego"
)

const (
	listTTL        = 5 * time.Minute  // how long a server's list is used without asking again
	staleListTTL   = time.Hour        // and how long where the server does not answer
	listRetryAfter = 30 * time.Second // after a failure, until it is asked again
	listTimeout    = 2 * time.Second  // for asking
	maxServers     = 5                // of one assistant
	maxCachedLists = 500              // that are kept
)

// listCache keep what MCP servers offer.
type listCache struct {
	mu    sync.Mutex
	lists map[aurora.MCPServer]*toolList
}

type toolList struct {
	mu       sync.Mutex // held while one asks, so that the others wait for its answer
	tools    []mcpTool
	loadedAt time.Time
	failedAt time.Time
}

func (s *listCache) list(server aurora.MCPServer) *toolList {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lists[server]
	if l == nil {
		if s.lists == nil || len(s.lists) >= maxCachedLists {
			s.lists = map[aurora.MCPServer]*toolList{}
		}
		l = &toolList{}
		s.lists[server] = l
	}
	return l
}

// mcpTools are the tools of the assistant's MCP servers. All servers are asked at once, and none is waited for longer
// than two seconds.
func (k *Kit) mcpTools(ctx context.Context, s Scope, have []agent.Tool) []agent.Tool {
	from := s.Assistant.MCPServers
	if len(from) > maxServers {
		from = from[:maxServers]
	}
	if len(from) == 0 {
		return nil
	}
	type answer struct {
		server int
		tools  []mcpTool
	}
	answers := make(chan answer, len(from)) // room for those that come too late
	for i, server := range from {
		safego.Go(ctx, func() { answers <- answer{i, k.serverTools(ctx, server)} }, func(error) { answers <- answer{server: i} })
	}
	enough := time.NewTimer(listTimeout)
	defer enough.Stop()
	lists := make([][]mcpTool, len(from))
	for range from {
		select {
		case a := <-answers:
			lists[a.server] = a.tools
		case <-enough.C:
			return k.nameTools(s, from, lists, have)
		case <-ctx.Done():
			return k.nameTools(s, from, lists, have)
		}
	}
	return k.nameTools(s, from, lists, have)
}

// serverTools is what a server offers, as far as it is known.
func (k *Kit) serverTools(ctx context.Context, server aurora.MCPServer) []mcpTool {
	l := k.toolLists.list(server)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := k.Now()
	if !l.loadedAt.IsZero() && now.Sub(l.loadedAt) < listTTL {
		return l.tools
	}
	if l.failedAt.IsZero() || now.Sub(l.failedAt) >= listRetryAfter {
		// Whoever asks does it for all, so its hanging up must not fail the others.
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTimeout)
		defer cancel()
		found, err := k.listTools(asking, server)
		if err == nil {
			l.tools, l.loadedAt, l.failedAt = found, now, time.Time{}
			return found
		}
		l.failedAt = now
		slog.WarnContext(ctx, "an MCP server does not say what it offers", "server", hostName(server), "error", describeError(err))
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

// nameTools gives each tool a name that no other has: its own, or with its server's before it, or with a number after it.
func (k *Kit) nameTools(s Scope, from []aurora.MCPServer, lists [][]mcpTool, have []agent.Tool) []agent.Tool {
	var all []agent.Tool
	same := func(name string) func(agent.Tool) bool { return func(t agent.Tool) bool { return t.Name == name } }
	taken := func(name string) bool {
		return name == "" || findBuiltin(name) != nil || isHandoffName(name) || slices.Contains(s.CallerTools, name) ||
			slices.ContainsFunc(have, same(name)) || slices.ContainsFunc(all, same(name))
	}
	for i, tools := range lists {
		for _, t := range tools {
			name := safeToolName(t.name)
			if taken(name) {
				name = safeToolName(hostName(from[i]) + "_" + t.name)
			}
			for n, base := 2, name; taken(name); n++ {
				suffix := fmt.Sprintf("_%d", n)
				name = base[:min(len(base), 64-len(suffix))] + suffix
			}
			all = append(all, k.newMCPTool(from[i], t, name, s))
		}
	}
	return all
}

// safeToolName is a name as models take it: at most 64 letters, digits, _ and -.
func safeToolName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x80 && isToolName(string(r)) {
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), 64)]
}
