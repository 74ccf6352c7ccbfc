package agent

import (
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
			[]ToolCall{{"a", "f", `{"x":1}`}}},
		"id and name in every fragment": {[][]ToolCallDelta{{{Index: 0, ID: "a", Name: "f", Arguments: `{`}}, {{Index: 0, ID: "a", Name: "f", Arguments: `}`}}},
			[]ToolCall{{"a", "f", `{}`}}},
		"a name in pieces": {[][]ToolCallDelta{{{Index: 0, ID: "a", Name: "book_"}}, {{Index: 0, Name: "table"}}, {{Index: 0, Name: "book_table", Arguments: `{}`}}},
			[]ToolCall{{"a", "book_table", `{}`}}},
		"several in one chunk": {[][]ToolCallDelta{{{Index: 0, ID: "a", Name: "f"}, {Index: 1, ID: "b", Name: "g"}}, {{Index: 1, Arguments: `2`}, {Index: 0, Arguments: `1`}}},
			[]ToolCall{{"a", "f", `1`}, {"b", "g", `2`}}},
		"interleaved": {[][]ToolCallDelta{{{Index: 1, ID: "b", Name: "g"}}, {{Index: 0, ID: "a", Name: "f"}}, {{Index: 1, Arguments: `2`}}, {{Index: 0, Arguments: `1`}}},
			[]ToolCall{{"a", "f", `1`}, {"b", "g", `2`}}},
		"no index, several in one chunk": {[][]ToolCallDelta{{{Index: -1, ID: "a", Name: "f"}, {Index: -1, ID: "b", Name: "g"}}, {{Index: -1, Arguments: `1`}, {Index: -1, Arguments: `2`}}},
			[]ToolCall{{"a", "f", `1`}, {"b", "g", `2`}}},
		"no index, one after the other": {[][]ToolCallDelta{{{Index: -1, ID: "a", Name: "f"}}, {{Index: -1, Arguments: `1`}}, {{Index: -1, ID: "b", Name: "g"}}, {{Index: -1, Arguments: `2`}}},
			[]ToolCall{{"a", "f", `1`}, {"b", "g", `2`}}},
		"no index, ids in every fragment": {[][]ToolCallDelta{{{Index: -1, ID: "a", Name: "f"}}, {{Index: -1, ID: "b", Name: "g"}}, {{Index: -1, ID: "a", Arguments: `1`}}, {{Index: -1, ID: "b", Arguments: `2`}}},
			[]ToolCall{{"a", "f", `1`}, {"b", "g", `2`}}},
		"no index and no id": {[][]ToolCallDelta{{{Index: -1, Name: "f"}}, {{Index: -1, Arguments: `{}`}}}, []ToolCall{{"", "f", `{}`}}},
		"a hostile index":    {[][]ToolCallDelta{{{Index: 1 << 60, ID: "a"}, {Index: maxToolCallsPerMessage, ID: "b"}, {Index: 0, ID: "c"}}}, []ToolCall{{ID: "c"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []ToolCall
			for _, chunk := range c.chunks {
				calls = mergeDeltas(calls, chunk)
			}
			if !reflect.DeepEqual(calls, c.want) {
				t.Errorf("got %v, want %v", calls, c.want)
			}
		})
	}
}

func TestMergeDeltasIsBounded(t *testing.T) {
	var calls []ToolCall
	for i := range 10 * maxToolCallsPerMessage {
		calls = mergeDeltas(calls, []ToolCallDelta{{Index: -1, ID: strings.Repeat("x", i+1)}, {Index: i, ID: "y"}})
	}
	if len(calls) > maxToolCallsPerMessage {
		t.Errorf("%d calls, want at most %d", len(calls), maxToolCallsPerMessage)
	}
}

// FuzzMergeDeltas splits the arguments of calls into deltas, and deltas into chunks, in any way that servers do. Merging
// must give the same calls.
func FuzzMergeDeltas(f *testing.F) {
	f.Add(`{"a":1}`, `{"b":"2"}`, []byte{3, 1, 200, 7, 0, 0, 91})
	f.Add(``, `[]`, []byte{})
	f.Add("\xff\u2028", strings.Repeat("x", 100), []byte{255, 254, 253, 252, 1, 2, 4, 8, 16, 32})
	f.Fuzz(func(t *testing.T, first, second string, cuts []byte) {
		want := []ToolCall{{"call_a", "book", first}, {"call_b", "book_table", second}}
		for _, indexed := range []bool{true, false} {
			if got := sendAsDeltas(want, cuts, indexed); !reflect.DeepEqual(got, want) {
				t.Fatalf("indexed %v: got %q, want %q", indexed, got, want)
			}
		}
	})
}

// sendAsDeltas sends calls as deltas and returns what mergeDeltas makes of them. Each byte of cuts says which call goes on,
// how much of it is sent, whether id and name are repeated, and whether the chunk ends here.
func sendAsDeltas(calls []ToolCall, cuts []byte, indexed bool) []ToolCall {
	var got []ToolCall
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
	flush := func() { got, chunk = mergeDeltas(got, chunk), nil }
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
	return got
}
