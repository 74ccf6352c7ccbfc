package agent

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// callMerger adds deltas to the tool calls that they belong to. Servers differ: they send several deltas in one chunk, with
// an index or without, with the same index for all calls, and id and name once or in each delta.
type callMerger struct {
	calls   []ToolCall  // in the order in which they began
	indexes []int       // the server's index of each call
	byIndex map[int]int // the server's index → the place of the last call that began there
}

// add adds a delta; i is its place among the deltas of its chunk.
func (m *callMerger) add(d ToolCallDelta, i, deltas int) {
	at := m.place(d, i, deltas)
	if at >= maxToolCallsPerMessage {
		return
	}
	if at == len(m.calls) {
		m.calls, m.indexes = append(m.calls, ToolCall{}), append(m.indexes, d.Index)
	}
	if d.Index >= 0 {
		if m.byIndex == nil {
			m.byIndex = map[int]int{}
		}
		m.byIndex[d.Index] = at
	}
	c := &m.calls[at]
	if d.ID != "" && c.ID == "" {
		c.ID = d.ID
	}
	if d.Name != "" && d.Name != c.Name {
		c.Name += d.Name
	}
	c.Arguments += d.Arguments
	c.Extra, c.FunctionExtra = mergeExtra(c.Extra, d.Extra), mergeExtra(c.FunctionExtra, d.FunctionExtra)
}

// place returns the place of the call to which a delta belongs; len(m.calls) means a new call.
func (m *callMerger) place(d ToolCallDelta, i, deltas int) int {
	var at int
	switch known, ok := m.byIndex[d.Index]; {
	case d.Index >= 0 && ok:
		at = known
	case d.Index >= 0:
		return len(m.calls)
	case d.ID != "":
		at = lastIndex(m.calls, func(c ToolCall) bool { return c.ID == d.ID })
		if at < 0 && d.Name == "" { // a server that makes a new id for each delta
			at = len(m.calls) - 1
		}
		if at < 0 {
			return len(m.calls)
		}
	case deltas > 1: // the deltas of a chunk stand in the order of the calls
		at = min(i, len(m.calls))
	default:
		at = max(len(m.calls)-1, 0)
		if at < len(m.calls) && d.Name != "" && m.calls[at].Name != "" && d.Name != m.calls[at].Name {
			return len(m.calls)
		}
	}
	if at < len(m.calls) && m.calls[at].isFollowedBy(d) {
		return len(m.calls)
	}
	return at
}

// isFollowedBy reports whether a delta that seems to belong to the call begins another one.
func (c *ToolCall) isFollowedBy(d ToolCallDelta) bool {
	if d.Name == "" {
		return false
	}
	if c.ID != "" && d.ID != "" && c.ID != d.ID {
		return true
	}
	return isObject(c.Arguments) && (d.Name != c.Name || strings.HasPrefix(strings.TrimSpace(d.Arguments), "{"))
}

// isObject reports whether a text is a whole JSON object.
func isObject(s string) bool {
	return strings.HasPrefix(strings.TrimSpace(s), "{") && json.Valid([]byte(s))
}

// complete returns the calls of which something has come, in the order of the server's indexes if all have one.
func (m *callMerger) complete() []ToolCall {
	order := make([]int, len(m.calls))
	for i := range order {
		order[i] = i
	}
	if !slices.ContainsFunc(m.indexes, func(index int) bool { return index < 0 }) {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(m.indexes[a], m.indexes[b]) })
	}
	var calls []ToolCall
	for _, i := range order {
		if !m.calls[i].isEmpty() {
			calls = append(calls, m.calls[i])
		}
	}
	return calls
}

func lastIndex(calls []ToolCall, match func(ToolCall) bool) int {
	for i := len(calls) - 1; i >= 0; i-- {
		if match(calls[i]) {
			return i
		}
	}
	return -1
}

func mergeExtra(to, from Extra) Extra {
	if len(from) == 0 {
		return to
	}
	if to == nil {
		to = Extra{}
	}
	maps.Copy(to, from)
	return to
}
