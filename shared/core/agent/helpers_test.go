package agent_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// check reports an error if got is not want; what names the value.
func check[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %+v, want %+v", what, got, want)
	}
}

// codeOf returns the code of a fault, "" for any other error.
func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

// giveUpText is the GiveUpMessage of these tests.
const giveUpText = "Sorry, I got stuck."

// The chunks of a model's message.
func textChunk(text string) agent.Chunk     { return agent.Chunk{Text: text, Model: "gpt-4o-2024"} }
func finishChunk(reason string) agent.Chunk { return agent.Chunk{FinishReason: reason} }
func toolCallsChunk(deltas ...agent.ToolCallDelta) agent.Chunk {
	return agent.Chunk{ToolCalls: deltas}
}
func toolCallChunk(id, name, arguments string) agent.Chunk {
	return toolCallsChunk(agent.ToolCallDelta{Index: 0, ID: id, Name: name, Arguments: arguments})
}

// textReply is a message of text.
func textReply(text string) []agent.Chunk { return []agent.Chunk{textChunk(text), finishChunk("stop")} }

// toolCallReply is a message with tool calls, each written "name arguments". The id of a call is its name and number.
func toolCallReply(text string, calls ...string) []agent.Chunk {
	chunk := agent.Chunk{Text: text}
	for i, call := range calls {
		name, arguments, _ := strings.Cut(call, " ")
		chunk.ToolCalls = append(chunk.ToolCalls, agent.ToolCallDelta{Index: i, ID: fmt.Sprintf("%s-%d", name, i), Name: name, Arguments: arguments})
	}
	return []agent.Chunk{chunk, finishChunk("tool_calls")}
}

// A tool of the caller, a call of it, and the chunk with this call.
var (
	bookTool  = agent.Tool{Name: "book"}
	bookCall  = agent.ToolCall{ID: "c1", Name: "book", Arguments: `{"day":1}`}
	bookChunk = toolCallChunk("c1", "book", `{"day":1}`)
)

// toolReturning is a tool with this result.
func toolReturning(name string, result agent.ToolResult) agent.Tool {
	return agent.Tool{Name: name, Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) { return result, nil }}
}

// slowTool is a tool that takes this time, or ends with its context.
func slowTool(name string, d time.Duration) agent.Tool {
	return agent.Tool{Name: name, Run: func(ctx context.Context, _ agent.Invocation) (agent.ToolResult, error) {
		select {
		case <-time.After(d):
			return agent.ToolResult{Content: name + " is done"}, nil
		case <-ctx.Done():
			return agent.ToolResult{}, ctx.Err()
		}
	}}
}

// scriptedModel sends one message of its script for each request, and a usage of three tokens. It records the requests.
type scriptedModel struct {
	turns    [][]agent.Chunk
	requests []agent.ModelRequest
}

func (m *scriptedModel) Stream(_ context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		m.requests = append(m.requests, r)
		if len(m.requests) > len(m.turns) {
			yield(agent.Chunk{}, errors.New("the script has no further message"))
			return
		}
		for _, chunk := range m.turns[len(m.requests)-1] {
			if !yield(chunk, nil) {
				return
			}
		}
		yield(agent.Chunk{Usage: &agent.Usage{PromptTokens: 1, CompletionTokens: 2, TotalTokens: 3}}, nil)
	}
}

// newTurn returns a turn of agent A with these tools, and its model.
func newTurn(tools []agent.Tool, script ...[]agent.Chunk) (*agent.Turn, *scriptedModel) {
	model := &scriptedModel{turns: script}
	return &agent.Turn{Model: model, Agent: agent.Agent{Name: "A", ModelName: "m", Tools: tools}, GiveUpMessage: giveUpText,
		Messages: []agent.Message{{Role: agent.RoleUser, Content: "Hi"}}}, model
}

// collect runs a turn that must end without an error.
func collect(t *testing.T, turn *agent.Turn) *agent.TurnResult {
	t.Helper()
	result, err := agent.Collect(turn.Run(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// runTurn runs a turn that must end without an error and with these messages, described as by describeMessages.
func runTurn(t *testing.T, turn *agent.Turn, messages ...string) *agent.TurnResult {
	t.Helper()
	result := collect(t, turn)
	checkMessages(t, result.Messages, messages)
	return result
}

func checkMessages(t *testing.T, got []agent.Message, want []string) {
	t.Helper()
	if lines := describeMessages(got); !slices.Equal(lines, want) {
		t.Errorf("messages %s\n    want %s", strings.Join(lines, "\n         "), strings.Join(want, "\n         "))
	}
}

// describeMessages writes each message on a line: "agent: text name(id, arguments) …", or "name(id) = result" for a tool's.
func describeMessages(messages []agent.Message) []string {
	var out []string
	for _, m := range messages {
		switch m.Role {
		case agent.RoleTool:
			out = append(out, fmt.Sprintf("%s(%s) = %s", m.ToolName, m.ToolCallID, m.Content))
			continue
		case agent.RoleAssistant:
		default:
			out = append(out, m.Role+": "+m.Content)
			continue
		}
		line := m.Sender + ":"
		if m.Content != "" {
			line += " " + m.Content
		}
		for _, call := range m.ToolCalls {
			line += fmt.Sprintf(" %s(%s, %s)", call.Name, call.ID, call.Arguments)
		}
		out = append(out, line)
	}
	return out
}
