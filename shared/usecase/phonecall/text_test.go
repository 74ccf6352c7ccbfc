package phonecall

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/aurora/shared/core/agent"
)

func TestCutMessages(t *testing.T) {
	call := agent.Message{Role: agent.RoleAssistant, Content: "Let me check.", ToolCalls: []agent.ToolCall{{ID: "c1", Name: "find"}}}
	result := agent.Message{Role: agent.RoleTool, ToolCallID: "c1", Content: "9:00"}
	answer := agent.Message{Role: agent.RoleAssistant, Content: "There is **one** at nine, on Friday."}
	turn := []agent.Message{call, result, answer}
	for _, c := range []struct {
		name, heard, want string
		fillers           []string
	}{
		{name: "nothing", want: "assistant: call/tool:9:00"},
		{name: "part of the first words", heard: "let me", want: "assistant:Let me call/tool:9:00"},
		{name: "the first words", heard: "Let me check", want: "assistant:Let me check. call/tool:9:00"},
		{name: "part of the answer, in other case and punctuation", heard: "LET ME CHECK; there is one at nine", want: "assistant:Let me check. call/tool:9:00/assistant:There is **one** at nine,"},
		{name: "everything", heard: "Let me check. There is one at nine, on Friday.", want: "assistant:Let me check. call/tool:9:00/assistant:There is **one** at nine, on Friday."},
		{name: "part of a word", heard: "Let me check. The", want: "assistant:Let me check. call/tool:9:00/assistant:The"},
		{name: "a filler between", heard: "Let me check. One moment, please. There is", fillers: []string{"One moment, please. "}, want: "assistant:Let me check. call/tool:9:00/assistant:There is"},
		{name: "a filler last", heard: "Let me check. One mom", fillers: []string{"One moment, please. "}, want: "assistant:Let me check. call/tool:9:00"},
		{name: "something else", heard: "Good day", want: "assistant: call/tool:9:00/assistant:Good day"},
		{name: "more than was planned", heard: "Let me check. There is one at nine, on Friday. Bye", want: "assistant: call/tool:9:00/assistant:Let me check. There is one at nine, on Friday. Bye"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, m := range cutMessages(turn, c.heard, c.fillers) {
				line := m.Role + ":" + m.Content
				if len(m.ToolCalls) > 0 {
					line += " call"
				}
				got = append(got, line)
			}
			if all := strings.Join(got, "/"); all != c.want {
				t.Errorf("got  %s\nwant %s", all, c.want)
			}
		})
	}
	if turn[0].Content != "Let me check." || turn[2].Content != "There is **one** at nine, on Friday." {
		t.Error("the messages themselves were changed")
	}
}

func TestCutChunk(t *testing.T) {
	for _, c := range []struct {
		name, words     string
		age             time.Duration
		isFirst, isLast bool
		want            string
	}{
		{name: "nothing yet", isFirst: true},
		{name: "the first words, at once", words: "I can do", isFirst: true},
		{name: "the first clause", words: "Well, I think", isFirst: true, want: "Well, "},
		{name: "a clause that is perhaps not over", words: "At 3.", isFirst: true},
		{name: "a number", words: "It is 3.5 percent", isFirst: true},
		{name: "the first words after 120 ms", words: "I can do th", age: 120 * time.Millisecond, isFirst: true, want: "I can do "},
		{name: "a long first word", words: "Donaudampf", age: 120 * time.Millisecond, isFirst: true, want: "Donaudampf"},
		{name: "40 characters", words: "I can certainly do that for you right aw", isFirst: true, want: "I can certainly do that for you right "},
		{name: "a later clause", words: "Well, I think", age: 120 * time.Millisecond},
		{name: "a later sentence", words: "It is. Well", want: "It is. "},
		{name: "later words after 250 ms", words: "Well, I th", age: 250 * time.Millisecond, want: "Well, I "},
		{name: "the last words", words: "Bye", isLast: true, want: "Bye"},
		{name: "a script without spaces", words: "はい。それは", want: "はい。"},
		{name: "more than a message takes", words: strings.Repeat("é", 8<<10), isLast: true, want: strings.Repeat("é", 4<<10)},
	} {
		if n := cutChunk(c.words, c.age, c.isFirst, c.isLast); c.words[:n] != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.words[:n], c.want)
		}
	}
}

func FuzzCutChunk(f *testing.F) {
	f.Add("Well, I can. 3.5 é", 100, true, false)
	f.Fuzz(func(t *testing.T, words string, ms int, isFirst, isLast bool) {
		n := cutChunk(words, time.Duration(ms)*time.Millisecond, isFirst, isLast)
		if n < 0 || n > len(words) || n > maxChunkBytes || isLast && words != "" && utf8.ValidString(words) && n == 0 {
			t.Errorf("%d of %d bytes", n, len(words))
		}
		if utf8.ValidString(words) && !utf8.ValidString(words[:n]) {
			t.Errorf("a character was cut at %d", n)
		}
	})
}

func FuzzCutMessages(f *testing.F) {
	f.Add("One. Two.", "one t", "Hm. ")
	f.Fuzz(func(t *testing.T, planned, heard, filler string) {
		out := cutMessages([]agent.Message{{Role: agent.RoleAssistant, Content: planned}}, heard, []string{filler})
		for _, m := range out {
			if m.Content != heard && !strings.Contains(planned, m.Content) {
				t.Errorf("%q is neither a part of what was planned nor what was heard", m.Content)
			}
		}
	})
}
