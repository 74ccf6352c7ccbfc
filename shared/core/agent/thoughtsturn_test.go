package agent_test

import (
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
)

// A model's thoughts are neither in the events, nor in the answer, nor in the conversation.
func TestTurnWithoutThoughts(t *testing.T) {
	for name, c := range map[string]struct {
		script   [][]agent.Chunk
		events   string
		text     string
		messages []string
	}{
		"before an answer": {[][]agent.Chunk{{textChunk("<thi"), textChunk("nk>Hm.</think>\n"), textChunk("\nHello"), finishChunk("stop")}},
			"Hello", "Hello", []string{"A: Hello"}},
		"before tool calls": {[][]agent.Chunk{toolCallReply("<think>I look.</think>\n\n", "look {}"), textReply("<think>Found.</think>It is nine.")},
			"It is nine.", "It is nine.", []string{"A: look(look-0, {})", "look(look-0) = found", "A: It is nine."}},
		"after an earlier message": {[][]agent.Chunk{toolCallReply("One moment.", "look {}"), textReply("Found.</think>\nIt is nine.")},
			"One moment.\nIt is nine.", "One moment.\nIt is nine.", []string{"A: One moment. look(look-0, {})", "look(look-0) = found", "A: It is nine."}},
		"without an opening tag, in pieces": {[][]agent.Chunk{{textChunk("Hm."), textChunk("\n</think>\n\n"), textChunk("Hello"), finishChunk("stop")}},
			"Hm.\nHello", "Hello", []string{"A: Hello"}},
		"alone": {[][]agent.Chunk{textReply("<think>Hm.")}, "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			turn, _ := newTurn([]agent.Tool{toolReturning("look", agent.ToolResult{Content: "found"})}, c.script...)
			var events strings.Builder
			var end *agent.TurnResult
			for e, err := range turn.Run(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				events.WriteString(e.Text)
				if e.End != nil {
					end = e.End
				}
			}
			check(t, "text of the events", events.String(), c.events)
			check(t, "text of the turn", end.Text, c.text)
			checkMessages(t, end.Messages, c.messages)
		})
	}
}
