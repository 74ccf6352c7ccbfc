package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// recording is one run of OpenAI's Swarm with a scripted model: the input, the requests to the model and the response.
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

// difference is a run in which ours must differ from Swarm's, because Swarm is wrong or a telephone call needs something
// else.
type difference struct {
	why           string
	script        [][]agent.Chunk // what the model says after the recorded messages
	messages      []string        // expected, in place of the recorded ones
	requests      int             // expected model calls
	softErrorCode string          // expected
}

var (
	weatherCallSF = `A: weather(t1, {"location":"SF"})`
	doneReply     = [][]agent.Chunk{{textChunk("done"), finishChunk("stop")}}
)

var differences = map[string]difference{
	"stream_two_tools_same_chunk_BUG": {why: "Swarm reads only the first tool call of a chunk", requests: 2,
		messages: []string{`A: weather(t1, {"location":"A"}) weather(t2, {"location":"B"})`, "weather(t1) = sunny in A", "weather(t2) = sunny in B", "A: done"}},
	"stream_handoff_sender_BUG": {why: "Swarm names the first agent as the sender of the second agent's message", requests: 2,
		messages: []string{"A: to2(t1, {})", `to2(t1) = {"assistant": "Agent 2"}`, "Agent 2: I am 2"}},
	"tool_raises": {why: "an exception in a tool ends Swarm's run; here the model gets an error and continues", requests: 2,
		script:   append([][]agent.Chunk{{toolCallChunk("t1", "boom", `{}`), finishChunk("tool_calls")}}, doneReply...),
		messages: []string{"A: boom(t1, {})", "boom(t1) = Error: The tool failed.", "A: done"}},
	"bad_json_args": {why: "arguments that are not JSON end Swarm's run", requests: 2,
		script:   append([][]agent.Chunk{{toolCallChunk("t1", "weather", `{"location":`), finishChunk("tool_calls")}}, doneReply...),
		messages: []string{`A: weather(t1, {"location":)`, "weather(t1) = Error: The arguments are not a JSON object.", "A: done"}},
	"wrong_args": {why: "arguments that the tool does not accept end Swarm's run", requests: 2,
		script:   append([][]agent.Chunk{{toolCallChunk("t1", "weather", `{"city":"SF"}`), finishChunk("tool_calls")}}, doneReply...),
		messages: []string{`A: weather(t1, {"city":"SF"})`, "weather(t1) = Error: location is required.", "A: done"}},
	"max_turns_0": {why: "0 means the default of 10 here, so that a caller always gets an answer", requests: 1,
		script: doneReply, messages: []string{"A: done"}},
	"max_turns_1": {why: "a turn that gives up says so", requests: 1, softErrorCode: "turn_limit",
		messages: []string{weatherCallSF, "weather(t1) = sunny in SF", "A: " + giveUpText}},
	"max_turns_2": {why: "Swarm counts messages, and two of them are one model call; here the limit counts model calls", requests: 2,
		script: doneReply, messages: []string{weatherCallSF, "weather(t1) = sunny in SF", "A: done"}},
	"non_string_results": {why: "Swarm sends Python's repr of a result that is not a string", requests: 2,
		messages: []string{`A: cv_set(t1, {"k":"v"}) none_fn(t2, {})`, `cv_set(t1) = {"a":1}`, "none_fn(t2) = ", "A: ok"}},
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
		t.Errorf("%d recordings, want 25; differences without a recording: %v", len(all.Cases), slices.Collect(maps.Keys(unused)))
	}
}

func (c *recording) replay(t *testing.T) {
	model := &scriptedModel{turns: c.script(t)}
	turn := c.newTurn(model)
	result := collect(t, turn)
	want, differs := differences[c.Name]
	if !differs {
		want = difference{messages: describeMessages(c.Response.Messages), requests: len(c.Requests)}
	}
	if got := describeMessages(result.Messages); !slices.Equal(got, want.messages) {
		t.Errorf("%s\nmessages %s\n    want %s", want.why, strings.Join(got, "\n         "), strings.Join(want.messages, "\n         "))
	}
	check(t, "model calls", len(model.requests), want.requests)
	check(t, "total tokens", result.Usage.TotalTokens, 3*want.requests)
	if c.Response != nil {
		check(t, "active agent", result.ActiveAgent, c.Response.Agent)
		if len(result.Variables)+len(c.Response.Context) > 0 { // no variables may be nil or empty
			check(t, "variables", result.Variables, c.Response.Context)
		}
	}
	code := ""
	if result.SoftError != nil {
		code = result.SoftError.Code
	}
	check(t, "code of the soft error", code, want.softErrorCode)
	reason := agent.FinishStop
	if c.Input.ExecuteTools != nil {
		reason = agent.FinishToolCalls
	}
	check(t, "finish reason", result.FinishReason, reason)
	check(t, "calls were handed back", len(result.CallerToolCalls) > 0, reason == agent.FinishToolCalls)
	c.compareRequests(t, model.requests, differs)
}

// compareRequests compares the model requests with the recorded ones. If the run differs, only the first request must have
// equal messages.
func (c *recording) compareRequests(t *testing.T, requests []agent.ModelRequest, differs bool) {
	t.Helper()
	for i, want := range c.Requests {
		got := requests[i]
		if got.Model != want.Model || string(got.Options) != string(options(want.ToolChoice)) {
			t.Errorf("request %d: model %q with %s, want %q with %s", i, got.Model, got.Options, want.Model, want.ToolChoice)
		}
		var tools []recordedTool
		for _, tool := range want.Tools {
			tools = append(tools, tool.Function)
		}
		if g, w := describeTools(t, got.Tools), mustJSON(t, tools); g != w {
			t.Errorf("request %d: tools %s, want %s", i, g, w)
		}
		if g, w := describeMessages(got.Messages), describeMessages(want.Messages); !slices.Equal(g, w) && (!differs || i == 0) {
			t.Errorf("request %d: messages %q, want %q", i, g, w)
		}
	}
}

func describeTools(t *testing.T, tools []agent.Tool) string {
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

// script returns what the model sent: the chunks of a streamed run, or the messages of one that was not streamed.
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
		case e.Delim == "end": // the recording has no finish reasons
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

// newTurn returns a turn with the input and the tools of the recorded run.
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
		if c.Input.ExecuteTools != nil { // not run by Swarm: a tool of the caller
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

// toolFunc returns a tool that does what the recorded one did.
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
