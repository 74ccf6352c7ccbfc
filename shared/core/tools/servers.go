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
)

const (
	listFresh   = 5 * time.Minute  // how long a server's list is used without asking again
	listStale   = time.Hour        // and how long where the server does not answer
	listAgain   = 30 * time.Second // after a failure, until it is asked again
	listTime    = 2 * time.Second  // for asking
	mostServers = 5                // of one assistant
	mostLists   = 500              // that are kept
)

// servers keep what MCP servers offer.
type servers struct {
	mu    sync.Mutex
	lists map[aurora.MCPServer]*list
}

type list struct {
	mu     sync.Mutex // held while one asks, so that the others wait for its answer
	tools  []remoteTool
	read   time.Time
	failed time.Time
}

func (s *servers) of(server aurora.MCPServer) *list {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lists[server]
	if l == nil {
		if s.lists == nil || len(s.lists) >= mostLists {
			s.lists = map[aurora.MCPServer]*list{}
		}
		l = &list{}
		s.lists[server] = l
	}
	return l
}

// remote are the tools of the assistant's MCP servers. All servers are asked at once, and none is waited for longer
// than two seconds.
func (k *Kit) remote(ctx context.Context, s Session, have []agent.Tool) []agent.Tool {
	from := s.Assistant.MCPServers
	if len(from) > mostServers {
		from = from[:mostServers]
	}
	if len(from) == 0 {
		return nil
	}
	type answer struct {
		server int
		tools  []remoteTool
	}
	answers := make(chan answer, len(from)) // room for those that come too late
	for i, server := range from {
		go func() {
			a := answer{server: i}
			defer func() {
				if p := recover(); p != nil {
					slog.ErrorContext(ctx, "panic while listing tools", "panic", p)
				}
				answers <- a
			}()
			a.tools = k.listed(ctx, server)
		}()
	}
	enough := time.NewTimer(listTime)
	defer enough.Stop()
	lists := make([][]remoteTool, len(from))
	for range from {
		select {
		case a := <-answers:
			lists[a.server] = a.tools
		case <-enough.C:
			return k.name(s, from, lists, have)
		case <-ctx.Done():
			return k.name(s, from, lists, have)
		}
	}
	return k.name(s, from, lists, have)
}

// listed is what a server offers, as far as it is known.
func (k *Kit) listed(ctx context.Context, server aurora.MCPServer) []remoteTool {
	l := k.servers.of(server)
	l.mu.Lock()
	defer l.mu.Unlock()
	now := k.Now()
	if !l.read.IsZero() && now.Sub(l.read) < listFresh {
		return l.tools
	}
	if l.failed.IsZero() || now.Sub(l.failed) >= listAgain {
		// Whoever asks does it for all, so its hanging up must not fail the others.
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTime)
		defer cancel()
		found, err := k.inventory(asking, server)
		if err == nil {
			l.tools, l.read, l.failed = found, now, time.Time{}
			return found
		}
		l.failed = now
		slog.WarnContext(ctx, "an MCP server does not say what it offers", "server", host(server), "error", reason(err))
	}
	if !l.read.IsZero() && now.Sub(l.read) < listStale {
		return l.tools
	}
	return nil
}

func host(server aurora.MCPServer) string {
	u, err := url.Parse(server.URL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// name gives each tool a name that no other has: its own, or with its server's before it, or with a number after it.
func (k *Kit) name(s Session, from []aurora.MCPServer, lists [][]remoteTool, have []agent.Tool) []agent.Tool {
	var all []agent.Tool
	same := func(name string) func(agent.Tool) bool { return func(t agent.Tool) bool { return t.Name == name } }
	taken := func(name string) bool {
		return name == "" || known(name) != nil || isHandoff(name) || slices.Contains(s.Offered, name) ||
			slices.ContainsFunc(have, same(name)) || slices.ContainsFunc(all, same(name))
	}
	for i, tools := range lists {
		for _, t := range tools {
			name := safe(t.name)
			if taken(name) {
				name = safe(host(from[i]) + "_" + t.name)
			}
			for n, base := 2, name; taken(name); n++ {
				suffix := fmt.Sprintf("_%d", n)
				name = base[:min(len(base), 64-len(suffix))] + suffix
			}
			all = append(all, k.offer(from[i], t, name, s))
		}
	}
	return all
}

// safe is a name as models take it: at most 64 letters, digits, _ and -.
func safe(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < 0x80 && toolName(string(r)) {
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), 64)]
}
