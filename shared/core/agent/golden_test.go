package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// recording is one run of OpenAI's Swarm with a scripted model: what went in, what was sent, what came out.
type recording struct {
	Name  string `json:"name"`
	Input struct {
		Messages      []agent.Message `json:"messages"`
		Context       map[string]any  `json:"context_variables"`
		ModelOverride string          `json:"model_override"`
		MaxTurns      *int            `json:"max_turns"`
		ExecuteTools  *bool           `json:"execute_tools"`
	} `json:"input"`
	Response *recorded         `json:"response"`
	Events   []json.RawMessage `json:"events"`
	Requests []struct {
		Model    string          `json:"model"`
		Messages []agent.Message `json:"messages"`
		Tools    []struct {
			Function recordedTool `json:"function"`
		} `json:"tools"`
		ToolChoice json.RawMessage `json:"tool_choice"`
	} `json:"model_requests"`
}

type recorded struct {
	Messages []agent.Message `json:"messages"`
	Agent    string          `json:"agent"`
	Context  map[string]any  `json:"context_variables"`
}

type recordedTool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
}

// difference is where the reference is wrong, or where a telephone call needs something else: why, what the model says
// in our run where the recording has nothing, and what must come of it.
type difference struct {
	why           string
	script        [][]agent.Chunk // after what was recorded
	messages      []string        // in place of the recorded ones
	requests      int             // how often
	softErrorCode string
}

const giveUpText = "Sorry, I got stuck."

var (
	weatherCallSF = `A: weather(t1, {"location":"SF"})`
	doneReply     = [][]agent.Chunk{{textChunk("done"), finishChunk("stop")}}
)

var differences = map[string]difference{
	"stream_two_tools_same_chunk_BUG": {why: "the reference reads only the first tool call of a chunk", requests: 2,
		messages: []string{`A: weather(t1, {"location":"A"}) weather(t2, {"location":"B"})`, "weather(t1) = sunny in A", "weather(t2) = sunny in B", "A: done"}},
	"stream_handoff_sender_BUG": {why: "the reference names the first agent as the sender of what the second one said", requests: 2,
		messages: []string{"A: to2(t1, {})", `to2(t1) = {"assistant": "Agent 2"}`, "Agent 2: I am 2"}},
	"tool_raises": {why: "an exception in a tool ends the reference's run; here the model is told, and goes on", requests: 2,
		script:   append([][]agent.Chunk{{toolCallChunk("t1", "boom", `{}`), finishChunk("tool_calls")}}, doneReply...),
		messages: []string{"A: boom(t1, {})", "boom(t1) = Error: The tool failed.", "A: done"}},
	"bad_json_args": {why: "so do arguments that are no JSON", requests: 2,
		script:   append([][]agent.Chunk{{toolCallChunk("t1", "weather", `{"location":`), finishChunk("tool_calls")}}, doneReply...),
		messages: []string{`A: weather(t1, {"location":)`, "weather(t1) = Error: The arguments are not a JSON object.", "A: done"}},
	"wrong_args": {why: "and arguments that the tool does not take", requests: 2,
		script:   append([][]agent.Chunk{{toolCallChunk("t1", "weather", `{"city":"SF"}`), finishChunk("tool_calls")}}, doneReply...),
		messages: []string{`A: weather(t1, {"city":"SF"})`, "weather(t1) = Error: location is required.", "A: done"}},
	"max_turns_0": {why: "0 is the default of 10 here, not none: a caller always gets an answer", requests: 1,
		script: doneReply, messages: []string{"A: done"}},
	"max_turns_1": {why: "a turn that must end says so", requests: 1, softErrorCode: "turn_limit",
		messages: []string{weatherCallSF, "weather(t1) = sunny in SF", "A: " + giveUpText}},
	"max_turns_2": {why: "the reference counts messages, and 2 of them are one turn of the model; here it has two", requests: 2,
		script: doneReply, messages: []string{weatherCallSF, "weather(t1) = sunny in SF", "A: done"}},
	"non_string_results": {why: "the reference gives the model Python's repr of what is no string", requests: 2,
		messages: []string{`A: cv_set(t1, {"k":"v"}) none_fn(t2, {})`, `cv_set(t1) = {"a":1}`, "none_fn(t2) = ", "A: ok"}},
}

func toolCallChunk(id, name, arguments string) agent.Chunk {
	return toolCallsChunk(agent.ToolCallDelta{Index: 0, ID: id, Name: name, Arguments: arguments})
}

func TestRecordedSwarmRuns(t *testing.T) {
	b, err := os.ReadFile("testdata/swarm-golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Cases []recording `json:"cases"`
	}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	unused := maps.Clone(differences)
	for _, c := range all.Cases {
		delete(unused, c.Name)
		t.Run(c.Name, func(t *testing.T) { c.replay(t) })
	}
	if len(all.Cases) != 25 || len(unused) != 0 {
		t.Errorf("%d recordings; differences of no recording: %v", len(all.Cases), slices.Collect(maps.Keys(unused)))
	}
}

func (c *recording) replay(t *testing.T) {
	model := &scriptedModel{turns: c.script(t)}
	turn := c.newTurn(model)
	result, err := agent.Collect(turn.Run(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	want, differs := differences[c.Name]
	if !differs {
		want = difference{messages: describeMessages(c.Response.Messages), requests: len(c.Requests)}
	}
	if got := describeMessages(result.Messages); !slices.Equal(got, want.messages) {
		t.Errorf("%s\nmessages %s\n    want %s", want.why, strings.Join(got, "\n         "), strings.Join(want.messages, "\n         "))
	}
	if len(model.requests) != want.requests || result.Usage.TotalTokens != 3*want.requests {
		t.Errorf("asked %d times for %d tokens, want %d", len(model.requests), result.Usage.TotalTokens, want.requests)
	}
	if c.Response != nil && (result.ActiveAgent != c.Response.Agent || len(result.Variables)+len(c.Response.Context) > 0 && !reflect.DeepEqual(result.Variables, c.Response.Context)) {
		t.Errorf("agent %q, context %v, want %q, %v", result.ActiveAgent, result.Variables, c.Response.Agent, c.Response.Context)
	}
	if code := ""; result.SoftError != nil && result.SoftError.Code != want.softErrorCode || result.SoftError == nil && want.softErrorCode != code {
		t.Errorf("trouble %v, want %q", result.SoftError, want.softErrorCode)
	}
	reason := agent.FinishStop
	if c.Input.ExecuteTools != nil {
		reason = agent.FinishToolCalls
	}
	if result.FinishReason != reason || len(result.CallerToolCalls) > 0 != (reason == agent.FinishToolCalls) {
		t.Errorf("ended with %q and %v handed back", result.FinishReason, result.CallerToolCalls)
	}
	c.compareRequests(t, model.requests, differs)
}

// compareRequests holds what was sent against the recording. Of what follows a difference only the kind is compared.
func (c *recording) compareRequests(t *testing.T, asked []agent.ModelRequest, differs bool) {
	for i, want := range c.Requests {
		got := asked[i]
		if got.Model != want.Model || string(got.Options) != string(options(want.ToolChoice)) {
			t.Errorf("request %d: model %q with %s, want %q with %s", i, got.Model, got.Options, want.Model, want.ToolChoice)
		}
		var tools []recordedTool
		for _, tool := range want.Tools {
			tools = append(tools, tool.Function)
		}
		if g, w := offered(t, got.Tools), mustJSON(t, tools); g != w {
			t.Errorf("request %d: tools %s, want %s", i, g, w)
		}
		if g, w := describeMessages(got.Messages), describeMessages(want.Messages); !slices.Equal(g, w) && (!differs || i == 0) {
			t.Errorf("request %d: messages %q, want %q", i, g, w)
		}
	}
}

func offered(t *testing.T, tools []agent.Tool) string {
	var out []recordedTool
	for _, tool := range tools {
		out = append(out, recordedTool{tool.Name, tool.Description, tool.Parameters})
	}
	return mustJSON(t, out)
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func options(toolChoice json.RawMessage) json.RawMessage {
	if len(toolChoice) == 0 || string(toolChoice) == "null" {
		return nil
	}
	return fmt.Appendf(nil, `{"tool_choice":%s}`, toolChoice)
}

// describeMessages are messages as a person reads them: who says what, who answers which call.
func describeMessages(messages []agent.Message) []string {
	var out []string
	for _, m := range messages {
		switch {
		case m.Role == agent.RoleTool:
			out = append(out, fmt.Sprintf("%s(%s) = %s", m.ToolName, m.ToolCallID, m.Content))
			continue
		case m.Role != agent.RoleAssistant:
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

// script is what the model said: of a streamed run its very chunks, of a whole one its messages.
func (c *recording) script(t *testing.T) (turns [][]agent.Chunk) {
	if c.Events != nil {
		turns = c.streamedScript(t)
	} else if c.Response != nil {
		for _, m := range c.Response.Messages {
			if m.Role != agent.RoleAssistant {
				continue
			}
			chunk := agent.Chunk{Text: m.Content, FinishReason: agent.FinishStop}
			for i, call := range m.ToolCalls {
				chunk.ToolCalls = append(chunk.ToolCalls, agent.ToolCallDelta{Index: i, ID: call.ID, Name: call.Name, Arguments: call.Arguments})
				chunk.FinishReason = agent.FinishToolCalls
			}
			turns = append(turns, []agent.Chunk{chunk})
		}
	}
	return append(turns, differences[c.Name].script...)
}

func (c *recording) streamedScript(t *testing.T) (turns [][]agent.Chunk) {
	for _, raw := range c.Events {
		var e struct {
			Delim    string    `json:"delim"`
			Content  string    `json:"content"`
			Response *recorded `json:"response"`
			Calls    []struct {
				Index    int `json:"index"`
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Response != nil:
			c.Response = e.Response
		case e.Delim == "start":
			turns = append(turns, nil)
		case e.Delim == "end": // the recording has no reasons
			turns[len(turns)-1] = append(turns[len(turns)-1], finishChunk("stop"))
		default:
			chunk := agent.Chunk{Text: e.Content}
			for _, f := range e.Calls {
				chunk.ToolCalls = append(chunk.ToolCalls, agent.ToolCallDelta{Index: f.Index, ID: f.ID, Name: f.Function.Name, Arguments: f.Function.Arguments})
			}
			turns[len(turns)-1] = append(turns[len(turns)-1], chunk)
		}
	}
	return turns
}

// newTurn is the recorded run as ours.
func (c *recording) newTurn(model agent.Model) *agent.Turn {
	turn := &agent.Turn{Model: model, Messages: c.Input.Messages, Variables: c.Input.Context, GiveUpMessage: giveUpText,
		Agent: agent.Agent{Name: "A", Instructions: "You are a helpful agent.", ModelName: c.model("gpt-4o")}}
	if c.Input.MaxTurns != nil {
		turn.MaxTurns = *c.Input.MaxTurns
	}
	if len(c.Requests) == 0 {
		return turn
	}
	turn.Options = options(c.Requests[0].ToolChoice)
	for _, recorded := range c.Requests[0].Tools {
		tool := agent.Tool{Name: recorded.Function.Name, Description: recorded.Function.Description, Parameters: recorded.Function.Parameters}
		if c.Input.ExecuteTools != nil { // not run: the caller's own
			turn.CallerTools = append(turn.CallerTools, tool)
			continue
		}
		tool.Run = c.toolFunc(tool.Name)
		if tool.Name == "weather" {
			tool.Validate = func(arguments json.RawMessage) error {
				if !bytes.Contains(arguments, []byte(`"location"`)) {
					return fault.New(fault.Invalid, "location is required.")
				}
				return nil
			}
		}
		turn.Agent.Tools = append(turn.Agent.Tools, tool)
	}
	return turn
}

func (c *recording) model(name string) string {
	if c.Input.ModelOverride != "" {
		return c.Input.ModelOverride
	}
	return name
}

// toolFunc is what a recorded tool did.
func (c *recording) toolFunc(name string) func(context.Context, agent.Invocation) (agent.ToolResult, error) {
	return func(_ context.Context, in agent.Invocation) (agent.ToolResult, error) {
		var arguments struct{ Location, K string }
		if err := json.Unmarshal(in.Arguments, &arguments); err != nil {
			return agent.ToolResult{}, err
		}
		person, _ := in.Variables["name"].(string)
		second := &agent.Agent{Name: "Agent 2", Instructions: "You help " + person + " missing=[]", ModelName: c.model("gpt-4o-mini")}
		switch name {
		case "weather":
			return agent.ToolResult{Content: "sunny in " + arguments.Location}, nil
		case "cv":
			return agent.ToolResult{Content: "hi " + person, Variables: map[string]any{"seen": true}}, nil
		case "cv_set":
			return agent.ToolResult{Content: `{"a":1}`, Variables: map[string]any{"mut": arguments.K}}, nil
		case "none_fn":
			return agent.ToolResult{}, nil
		case "to2":
			return agent.ToolResult{Content: `{"assistant": "Agent 2"}`, Handoff: second}, nil
		case "to2_res":
			return agent.ToolResult{Content: "moved", Handoff: second, Variables: map[string]any{"from": "a1"}}, nil
		case "to3":
			third := &agent.Agent{Name: "Agent 3", Instructions: "You are a helpful agent.", ModelName: "gpt-4o"}
			return agent.ToolResult{Content: `{"assistant": "Agent 3"}`, Handoff: third}, nil
		}
		return agent.ToolResult{}, errors.New("db down")
	}
}

// scriptedModel is a model that plays one turn of its script after the other, at three tokens each, and remembers what it was
// asked.
type scriptedModel struct {
	turns    [][]agent.Chunk
	requests []agent.ModelRequest
}

func (p *scriptedModel) Stream(_ context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		p.requests = append(p.requests, r)
		if len(p.requests) > len(p.turns) {
			yield(agent.Chunk{}, errors.New("asked once too often"))
			return
		}
		for _, chunk := range p.turns[len(p.requests)-1] {
			if !yield(chunk, nil) {
				return
			}
		}
		yield(agent.Chunk{Usage: &agent.Usage{PromptTokens: 1, CompletionTokens: 2, TotalTokens: 3}}, nil)
	}
}
