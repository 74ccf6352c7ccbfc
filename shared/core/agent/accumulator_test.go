package agent

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestMergeDeltas(t *testing.T) {
	for name, c := range map[string]struct {
		chunks [][]ToolCallDelta
		want   []ToolCall
	}{
		"arguments in pieces": {[][]ToolCallDelta{{{Index: 0, ID: "a", Name: "f"}}, {{Index: 0, Arguments: `{"x"`}}, {{Index: 0, Arguments: `:1}`}}},
			[]ToolCall{{ID: "a", Name: "f", Arguments: `{"x":1}`}}},
		"id and name in every fragment": {[][]ToolCallDelta{{{Index: 0, ID: "a", Name: "f", Arguments: `{`}}, {{Index: 0, ID: "a", Name: "f", Arguments: `}`}}},
			[]ToolCall{{ID: "a", Name: "f", Arguments: `{}`}}},
		"a name in pieces": {[][]ToolCallDelta{{{Index: 0, ID: "a", Name: "book_"}}, {{Index: 0, Name: "table"}}, {{Index: 0, Name: "book_table", Arguments: `{}`}}},
			[]ToolCall{{ID: "a", Name: "book_table", Arguments: `{}`}}},
		"several in one chunk": {[][]ToolCallDelta{{{Index: 0, ID: "a", Name: "f"}, {Index: 1, ID: "b", Name: "g"}}, {{Index: 1, Arguments: `2`}, {Index: 0, Arguments: `1`}}},
			[]ToolCall{{ID: "a", Name: "f", Arguments: `1`}, {ID: "b", Name: "g", Arguments: `2`}}},
		"interleaved": {[][]ToolCallDelta{{{Index: 1, ID: "b", Name: "g"}}, {{Index: 0, ID: "a", Name: "f"}}, {{Index: 1, Arguments: `2`}}, {{Index: 0, Arguments: `1`}}},
			[]ToolCall{{ID: "a", Name: "f", Arguments: `1`}, {ID: "b", Name: "g", Arguments: `2`}}},
		"no index, several in one chunk": {[][]ToolCallDelta{{{Index: -1, ID: "a", Name: "f"}, {Index: -1, ID: "b", Name: "g"}}, {{Index: -1, Arguments: `1`}, {Index: -1, Arguments: `2`}}},
			[]ToolCall{{ID: "a", Name: "f", Arguments: `1`}, {ID: "b", Name: "g", Arguments: `2`}}},
		"no index, one after the other": {[][]ToolCallDelta{{{Index: -1, ID: "a", Name: "f"}}, {{Index: -1, Arguments: `1`}}, {{Index: -1, ID: "b", Name: "g"}}, {{Index: -1, Arguments: `2`}}},
			[]ToolCall{{ID: "a", Name: "f", Arguments: `1`}, {ID: "b", Name: "g", Arguments: `2`}}},
		"no index, ids in every fragment": {[][]ToolCallDelta{{{Index: -1, ID: "a", Name: "f"}}, {{Index: -1, ID: "b", Name: "g"}}, {{Index: -1, ID: "a", Arguments: `1`}}, {{Index: -1, ID: "b", Arguments: `2`}}},
			[]ToolCall{{ID: "a", Name: "f", Arguments: `1`}, {ID: "b", Name: "g", Arguments: `2`}}},
		"no index and no id": {[][]ToolCallDelta{{{Index: -1, Name: "f"}}, {{Index: -1, Arguments: `{}`}}}, []ToolCall{{ID: "", Name: "f", Arguments: `{}`}}},
		"one index for all calls": {[][]ToolCallDelta{{{Index: 0, ID: "a", Name: "f", Arguments: `{}`}}, {{Index: 0, ID: "b", Name: "g", Arguments: `{`}}, {{Index: 0, Arguments: `}`}}},
			[]ToolCall{{ID: "a", Name: "f", Arguments: `{}`}, {ID: "b", Name: "g", Arguments: `{}`}}},
		"one index for all calls, without ids": {[][]ToolCallDelta{{{Index: 0, Name: "f", Arguments: `{"x":1}`}}, {{Index: 0, Name: "f", Arguments: `{"x":2}`}}, {{Index: 0, Name: "g"}}},
			[]ToolCall{{Name: "f", Arguments: `{"x":1}`}, {Name: "f", Arguments: `{"x":2}`}, {Name: "g"}}},
		"no index and no id, whole calls": {[][]ToolCallDelta{{{Index: -1, Name: "f", Arguments: `{}`}}, {{Index: -1, Name: "f", Arguments: `{}`}}, {{Index: -1, Name: "g"}}},
			[]ToolCall{{Name: "f", Arguments: `{}`}, {Name: "f", Arguments: `{}`}, {Name: "g"}}},
		"no index, whole calls with one id": {[][]ToolCallDelta{{{Index: -1, ID: "a", Name: "f", Arguments: `{}`}}, {{Index: -1, ID: "a", Name: "g", Arguments: `{}`}}},
			[]ToolCall{{ID: "a", Name: "f", Arguments: `{}`}, {ID: "a", Name: "g", Arguments: `{}`}}},
		"no index, no id, calls without arguments": {[][]ToolCallDelta{{{Index: -1, Name: "f"}, {Index: -1, Name: "g"}}, {{Index: -1, Name: "h"}}},
			[]ToolCall{{Name: "f"}, {Name: "g"}, {Name: "h"}}},
		"indexes with one id": {[][]ToolCallDelta{{{Index: 0, ID: "a", Name: "f"}, {Index: 1, ID: "a", Name: "f"}}}, []ToolCall{{ID: "a", Name: "f"}, {ID: "a", Name: "f"}}},
		"another id in every delta": {[][]ToolCallDelta{{{Index: 0, ID: "a", Name: "f", Arguments: `{`}}, {{Index: 0, ID: "b", Arguments: `}`}}, {{Index: -1, ID: "c", Arguments: ` `}}},
			[]ToolCall{{ID: "a", Name: "f", Arguments: `{} `}}},
		"name and no arguments after the end": {[][]ToolCallDelta{{{Index: 0, ID: "a", Name: "f", Arguments: `{}`}}, {{Index: 0, ID: "a", Name: "f"}}}, []ToolCall{{ID: "a", Name: "f", Arguments: `{}`}}},
		"a hostile index":                     {[][]ToolCallDelta{{{Index: 1 << 60, ID: "a"}, {Index: maxToolCallsPerMessage, ID: "b"}, {Index: 0, ID: "c"}}}, []ToolCall{{ID: "c"}, {ID: "b"}, {ID: "a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var m callMerger
			for _, chunk := range c.chunks {
				m.addAll(chunk)
			}
			if got := m.complete(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestMergeDeltasIsBounded(t *testing.T) {
	var m callMerger
	for i := range 10 * maxToolCallsPerMessage {
		m.addAll([]ToolCallDelta{{Index: -1, ID: strings.Repeat("x", i+1), Name: "f"}, {Index: i, ID: "y", Name: "g"}})
	}
	if n := len(m.complete()); n > maxToolCallsPerMessage {
		t.Errorf("%d calls, want at most %d", n, maxToolCallsPerMessage)
	}
}

func (m *callMerger) addAll(deltas []ToolCallDelta) {
	for i, d := range deltas {
		m.add(d, i, len(deltas))
	}
}

// quoted returns a text as arguments: no beginning of them is whole.
func quoted(s string) string {
	b, _ := json.Marshal(map[string]string{"text": s})
	return string(b)
}

// FuzzMergeDeltas splits the arguments of calls into deltas, and deltas into chunks, in any way that servers do. Merging
// must give the same calls.
func FuzzMergeDeltas(f *testing.F) {
	f.Add(`{"a":1}`, `{"b":"2"}`, []byte{3, 1, 200, 7, 0, 0, 91})
	f.Add(``, `[]`, []byte{})
	f.Add("\xff\u2028", strings.Repeat("x", 100), []byte{255, 254, 253, 252, 1, 2, 4, 8, 16, 32})
	f.Fuzz(func(t *testing.T, first, second string, cuts []byte) {
		want := []ToolCall{{ID: "call_a", Name: "book", Arguments: quoted(first)}, {ID: "call_b", Name: "book_table", Arguments: quoted(second)}}
		for _, indexed := range []bool{true, false} {
			if got := sendAsDeltas(want, cuts, indexed); !reflect.DeepEqual(got, want) {
				t.Fatalf("indexed %v: got %q, want %q", indexed, got, want)
			}
		}
	})
}

// sendAsDeltas sends calls as deltas and returns what callMerger makes of them. Each byte of cuts says which call goes on,
// how much of it is sent, whether id and name are repeated, and whether the chunk ends here.
func sendAsDeltas(calls []ToolCall, cuts []byte, indexed bool) []ToolCall {
	var m callMerger
	var chunk []ToolCallDelta
	send := func(i int, arguments string, named bool) {
		f := ToolCallDelta{Index: -1, Arguments: arguments}
		if indexed {
			f.Index = i
		}
		if named || !indexed { // without an index only the id says to which call the delta belongs
			f.ID = calls[i].ID
		}
		if named {
			f.Name = calls[i].Name
		}
		chunk = append(chunk, f)
	}
	flush := func() { m.addAll(chunk); chunk = nil }
	rest := make([]string, len(calls))
	for i := range calls {
		rest[i] = calls[i].Arguments
		send(i, "", true)
	}
	for _, c := range cuts {
		i := int(c) % len(calls)
		n := min(int(c>>3)%8, len(rest[i]))
		send(i, rest[i][:n], c&2 != 0)
		rest[i] = rest[i][n:]
		if c&4 != 0 {
			flush()
		}
	}
	for i := range calls {
		send(i, rest[i], false)
	}
	flush()
	return m.complete()
}
