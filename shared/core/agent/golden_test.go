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
	why      string
	script   [][]agent.Chunk // after what was recorded
	messages []string        // in place of the recorded ones
	asked    int             // how often
	trouble  string
}

const sorry = "Sorry, I got stuck."

var (
	sf   = `A: weather(t1, {"location":"SF"})`
	done = [][]agent.Chunk{{said("done"), ended("stop")}}
)

var differences = map[string]difference{
	"stream_two_tools_same_chunk_BUG": {why: "the reference reads only the first tool call of a chunk", asked: 2,
		messages: []string{`A: weather(t1, {"location":"A"}) weather(t2, {"location":"B"})`, "weather(t1) = sunny in A", "weather(t2) = sunny in B", "A: done"}},
	"stream_handoff_sender_BUG": {why: "the reference names the first agent as the sender of what the second one said", asked: 2,
		messages: []string{"A: to2(t1, {})", `to2(t1) = {"assistant": "Agent 2"}`, "Agent 2: I am 2"}},
	"tool_raises": {why: "an exception in a tool ends the reference's run; here the model is told, and goes on", asked: 2,
		script:   append([][]agent.Chunk{{calls("t1", "boom", `{}`), ended("tool_calls")}}, done...),
		messages: []string{"A: boom(t1, {})", "boom(t1) = Error: The tool failed.", "A: done"}},
	"bad_json_args": {why: "so do arguments that are no JSON", asked: 2,
		script:   append([][]agent.Chunk{{calls("t1", "weather", `{"location":`), ended("tool_calls")}}, done...),
		messages: []string{`A: weather(t1, {"location":)`, "weather(t1) = Error: The arguments are not a JSON object.", "A: done"}},
	"wrong_args": {why: "and arguments that the tool does not take", asked: 2,
		script:   append([][]agent.Chunk{{calls("t1", "weather", `{"city":"SF"}`), ended("tool_calls")}}, done...),
		messages: []string{`A: weather(t1, {"city":"SF"})`, "weather(t1) = Error: location is required.", "A: done"}},
	"max_turns_0": {why: "0 is the default of 10 here, not none: a caller always gets an answer", asked: 1,
		script: done, messages: []string{"A: done"}},
	"max_turns_1": {why: "a turn that must end says so", asked: 1, trouble: "turn_limit",
		messages: []string{sf, "weather(t1) = sunny in SF", "A: " + sorry}},
	"max_turns_2": {why: "the reference counts messages, and 2 of them are one turn of the model; here it has two", asked: 2,
		script: done, messages: []string{sf, "weather(t1) = sunny in SF", "A: done"}},
	"non_string_results": {why: "the reference gives the model Python's repr of what is no string", asked: 2,
		messages: []string{`A: cv_set(t1, {"k":"v"}) none_fn(t2, {})`, `cv_set(t1) = {"a":1}`, "none_fn(t2) = ", "A: ok"}},
}

func calls(id, name, arguments string) agent.Chunk {
	return called(agent.Fragment{Index: 0, ID: id, Name: name, Arguments: arguments})
}

func TestSwarm(t *testing.T) {
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
	model := &player{turns: c.script(t)}
	turn := c.turn(model)
	result, err := agent.Collect(turn.Run(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	want, differs := differences[c.Name]
	if !differs {
		want = difference{messages: lines(c.Response.Messages), asked: len(c.Requests)}
	}
	if got := lines(result.Messages); !slices.Equal(got, want.messages) {
		t.Errorf("%s\nmessages %s\n    want %s", want.why, strings.Join(got, "\n         "), strings.Join(want.messages, "\n         "))
	}
	if len(model.asked) != want.asked || result.Usage.TotalTokens != 3*want.asked {
		t.Errorf("asked %d times for %d tokens, want %d", len(model.asked), result.Usage.TotalTokens, want.asked)
	}
	if c.Response != nil && (result.Agent != c.Response.Agent || len(result.Context)+len(c.Response.Context) > 0 && !reflect.DeepEqual(result.Context, c.Response.Context)) {
		t.Errorf("agent %q, context %v, want %q, %v", result.Agent, result.Context, c.Response.Agent, c.Response.Context)
	}
	if code := ""; result.Trouble != nil && result.Trouble.Code != want.trouble || result.Trouble == nil && want.trouble != code {
		t.Errorf("trouble %v, want %q", result.Trouble, want.trouble)
	}
	reason := agent.Stop
	if c.Input.ExecuteTools != nil {
		reason = agent.ToolCalls
	}
	if result.FinishReason != reason || len(result.Calls) > 0 != (reason == agent.ToolCalls) {
		t.Errorf("ended with %q and %v handed back", result.FinishReason, result.Calls)
	}
	c.compareRequests(t, model.asked, differs)
}

// compareRequests holds what was sent against the recording. Of what follows a difference only the kind is compared.
func (c *recording) compareRequests(t *testing.T, asked []agent.Request, differs bool) {
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
		if g, w := lines(got.Messages), lines(want.Messages); !slices.Equal(g, w) && (!differs || i == 0) {
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

// lines are messages as a person reads them: who says what, who answers which call.
func lines(messages []agent.Message) []string {
	var out []string
	for _, m := range messages {
		switch {
		case m.Role == agent.ToolRole:
			out = append(out, fmt.Sprintf("%s(%s) = %s", m.ToolName, m.ToolCallID, m.Content))
			continue
		case m.Role != agent.Assistant:
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
		turns = c.streamed(t)
	} else if c.Response != nil {
		for _, m := range c.Response.Messages {
			if m.Role != agent.Assistant {
				continue
			}
			chunk := agent.Chunk{Text: m.Content, FinishReason: agent.Stop}
			for i, call := range m.ToolCalls {
				chunk.Calls = append(chunk.Calls, agent.Fragment{Index: i, ID: call.ID, Name: call.Name, Arguments: call.Arguments})
				chunk.FinishReason = agent.ToolCalls
			}
			turns = append(turns, []agent.Chunk{chunk})
		}
	}
	return append(turns, differences[c.Name].script...)
}

func (c *recording) streamed(t *testing.T) (turns [][]agent.Chunk) {
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
			turns[len(turns)-1] = append(turns[len(turns)-1], ended("stop"))
		default:
			chunk := agent.Chunk{Text: e.Content}
			for _, f := range e.Calls {
				chunk.Calls = append(chunk.Calls, agent.Fragment{Index: f.Index, ID: f.ID, Name: f.Function.Name, Arguments: f.Function.Arguments})
			}
			turns[len(turns)-1] = append(turns[len(turns)-1], chunk)
		}
	}
	return turns
}

// turn is the recorded run as ours.
func (c *recording) turn(model agent.Model) *agent.Turn {
	turn := &agent.Turn{Model: model, Messages: c.Input.Messages, Context: c.Input.Context, Apology: sorry,
		Agent: agent.Agent{Name: "A", Instructions: "You are a helpful agent.", Model: c.model("gpt-4o")}}
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
			turn.Offered = append(turn.Offered, tool)
			continue
		}
		tool.Call = c.does(tool.Name)
		if tool.Name == "weather" {
			tool.Check = func(arguments json.RawMessage) error {
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

// does is what a recorded tool did.
func (c *recording) does(name string) func(context.Context, agent.Call) (agent.Outcome, error) {
	return func(_ context.Context, in agent.Call) (agent.Outcome, error) {
		var arguments struct{ Location, K string }
		if err := json.Unmarshal(in.Arguments, &arguments); err != nil {
			return agent.Outcome{}, err
		}
		person, _ := in.Context["name"].(string)
		second := &agent.Agent{Name: "Agent 2", Instructions: "You help " + person + " missing=[]", Model: c.model("gpt-4o-mini")}
		switch name {
		case "weather":
			return agent.Outcome{Content: "sunny in " + arguments.Location}, nil
		case "cv":
			return agent.Outcome{Content: "hi " + person, Context: map[string]any{"seen": true}}, nil
		case "cv_set":
			return agent.Outcome{Content: `{"a":1}`, Context: map[string]any{"mut": arguments.K}}, nil
		case "none_fn":
			return agent.Outcome{}, nil
		case "to2":
			return agent.Outcome{Content: `{"assistant": "Agent 2"}`, Handoff: second}, nil
		case "to2_res":
			return agent.Outcome{Content: "moved", Handoff: second, Context: map[string]any{"from": "a1"}}, nil
		case "to3":
			third := &agent.Agent{Name: "Agent 3", Instructions: "You are a helpful agent.", Model: "gpt-4o"}
			return agent.Outcome{Content: `{"assistant": "Agent 3"}`, Handoff: third}, nil
		}
		return agent.Outcome{}, errors.New("db down")
	}
}

// player is a model that plays one turn of its script after the other, at three tokens each, and remembers what it was
// asked.
type player struct {
	turns [][]agent.Chunk
	asked []agent.Request
}

func (p *player) Stream(_ context.Context, r agent.Request) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		p.asked = append(p.asked, r)
		if len(p.asked) > len(p.turns) {
			yield(agent.Chunk{}, errors.New("asked once too often"))
			return
		}
		for _, chunk := range p.turns[len(p.asked)-1] {
			if !yield(chunk, nil) {
				return
			}
		}
		yield(agent.Chunk{Usage: &agent.Usage{PromptTokens: 1, CompletionTokens: 2, TotalTokens: 3}}, nil)
	}
}
