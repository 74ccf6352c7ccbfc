package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

func TestToolsRunConcurrentlyAndReportInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tools := []agent.Tool{slowTool("a", 3*time.Second), slowTool("b", time.Second), slowTool("c", 2*time.Second)}
		turn, model := newTurn(tools, toolCallReply("Wait.", "a", "b", "c"), textReply("Done."))
		start := time.Now()
		var events []string
		for e, err := range turn.Run(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if (e.End == nil) != (e.SoFar != nil) {
				t.Errorf("event %+v: SoFar must be set in every event but the last one", e)
			}
			for _, tool := range e.ToolsStarted {
				events = append(events, tool.Name)
			}
			events = append(events, e.Text)
		}
		check(t, "duration", time.Since(start), 3*time.Second)
		check(t, "events", events, []string{"Wait.", "a", "b", "c", "", "\nDone.", ""})
		checkMessages(t, model.requests[1].Messages[1:], []string{"A: Wait. a(a-0, ) b(b-1, ) c(c-2, )",
			"a(a-0) = a is done", "b(b-1) = b is done", "c(c-2) = c is done"})
	})
}

func TestFault24ToolTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		timeout, want time.Duration
	}{"of the tool": {700 * time.Millisecond, 700 * time.Millisecond}, "default": {0, 5 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := slowTool("slow", time.Hour)
				release := make(chan struct{})
				deaf := agent.Tool{Name: "deaf", Run: func(_ context.Context, in agent.Invocation) (agent.ToolResult, error) {
					<-release // ignores its context
					return agent.ToolResult{Content: fmt.Sprint("too late", in.Variables["a"]), Variables: map[string]any{"late": true}}, nil
				}}
				slow.Timeout, deaf.Timeout = c.timeout, c.timeout
				tools := []agent.Tool{slow, deaf, toolReturning("quick", agent.ToolResult{Content: "ok"})}
				turn, _ := newTurn(tools, toolCallReply("", "slow", "deaf", "quick"), textReply("Sorry."))
				start := time.Now()
				result := runTurn(t, turn, "A: slow(slow-0, ) deaf(deaf-1, ) quick(quick-2, )",
					"slow(slow-0) = Error: The tool did not answer in time.", "deaf(deaf-1) = Error: The tool did not answer in time.", "quick(quick-2) = ok", "A: Sorry.")
				check(t, "duration", time.Since(start), c.want)
				close(release)
				synctest.Wait()
				check(t, "variables after the late result", len(result.Variables), 0)
			})
		})
	}
}

func TestFault23OneToolFails(t *testing.T) {
	panics := agent.Tool{Name: "panics", Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) { panic("secret") }}
	failing := func(name string, err error) agent.Tool {
		return agent.Tool{Name: name, Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
			return agent.ToolResult{Content: "half", Variables: map[string]any{"half": true}}, err
		}}
	}
	tools := []agent.Tool{toolReturning("one", agent.ToolResult{Content: "1"}), panics, failing("error", errors.New("secret")),
		failing("fault", fault.New(fault.Upstream, "The number is busy.").Because(errors.New("secret"))), toolReturning("two", agent.ToolResult{Content: "2"})}
	turn, _ := newTurn(tools, toolCallReply("", "one", "panics", "error", "fault", "two"), textReply("Done."))
	result := runTurn(t, turn, "A: one(one-0, ) panics(panics-1, ) error(error-2, ) fault(fault-3, ) two(two-4, )", "one(one-0) = 1",
		"panics(panics-1) = Error: The tool failed.", "error(error-2) = Error: The tool failed.", "fault(fault-3) = Error: The number is busy.", "two(two-4) = 2", "A: Done.")
	check(t, "soft error", result.SoftError, nil)
	check(t, "variables", len(result.Variables), 0)
}

func TestInvalidToolCalls(t *testing.T) {
	for name, c := range map[string]struct{ call, want string }{
		"fault 20: not JSON":                   {`strict {"day":`, "Error: The arguments are not a JSON object."},
		"fault 20: a list":                     {`strict [1]`, "Error: The arguments are not a JSON object."},
		"fault 20: null":                       {`strict null`, "Error: The arguments are not a JSON object."},
		"fault 20: two objects":                {`strict {}{}`, "Error: The arguments are not a JSON object."},
		"fault 20: one brace too many":         {`strict {"day":1}}`, "Error: The arguments are not a JSON object."},
		"fault 20: against the schema":         {`strict {"day":1}`, "Error: day must be a date."},
		"fault 20: none, but some are needed":  {`strict`, "Error: day must be a date."},
		"fault 21: unknown tool":               {`rm {"-rf":"/"}`, "Error: Tool rm not found."},
		"fault 21: tool that cannot be called": {`empty {}`, "Error: Tool empty not found."},
	} {
		t.Run(name, func(t *testing.T) {
			strict := agent.Tool{Name: "strict",
				Validate: func(json.RawMessage) error { return fault.New(fault.Invalid, "day must be a date.") },
				Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
					t.Error("the tool ran with arguments that it rejects")
					return agent.ToolResult{}, nil
				}}
			tools := []agent.Tool{strict, {Name: "empty"}}
			tool, arguments, _ := strings.Cut(c.call, " ")
			id := tool + "-0"
			call, result := fmt.Sprintf("A: %s(%s, %s)", tool, id, arguments), fmt.Sprintf("%s(%s) = %s", tool, id, c.want)

			once, _ := newTurn(tools, toolCallReply("", c.call), textReply("Then not."))
			check(t, "soft error after one invalid call", runTurn(t, once, call, result, "A: Then not.").SoftError, nil)

			twice, model := newTurn(tools, toolCallReply("", c.call), toolCallReply("", c.call))
			r := runTurn(t, twice, call, result, call, result, "A: "+giveUpText)
			if r.SoftError == nil || r.SoftError.Code != "tool_calls_invalid" {
				t.Errorf("soft error after two invalid calls = %v, want tool_calls_invalid", r.SoftError)
			}
			check(t, "finish reason", r.FinishReason, agent.FinishStop)
			check(t, "text", r.Text, giveUpText)
			check(t, "model calls", len(model.requests), 2)
		})
	}
}

func TestFault21UnknownToolBesideCallerTool(t *testing.T) {
	turn, _ := newTurn(nil, []agent.Chunk{textChunk("Wait."), toolCallsChunk(agent.ToolCallDelta{Index: 0, ID: "c1", Name: "book", Arguments: `{"day":1}`},
		agent.ToolCallDelta{Index: 1, ID: "c2", Name: "rm"}), finishChunk("tool_calls")})
	turn.CallerTools = []agent.Tool{bookTool}
	r := runTurn(t, turn, "A: Wait. rm(c2, )", "rm(c2) = Error: Tool rm not found.", `A: book(c1, {"day":1})`)
	check(t, "finish reason", r.FinishReason, agent.FinishToolCalls)
	check(t, "calls for the caller", r.CallerToolCalls, []agent.ToolCall{bookCall})
	check(t, "soft error", r.SoftError, nil)
}

func TestFault22TurnLimits(t *testing.T) {
	for name, c := range map[string]struct{ calls, maxTurns, modelCalls, toolCalls int }{
		"25 model calls":              {1, 0, 25, 25},
		"the turn's own limit":        {1, 3, 3, 3},
		"40 tool calls":               {3, 0, 14, 40},
		"40 tool calls of 50 at once": {50, 0, 1, 40},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			ran := 0
			tool := agent.Tool{Name: "again", Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
				mu.Lock()
				defer mu.Unlock()
				ran++
				return agent.ToolResult{Content: "ok"}, nil
			}}
			script := make([][]agent.Chunk, 30)
			for i := range script {
				script[i] = toolCallReply("Hm.", slices.Repeat([]string{"again {}"}, c.calls)...)
			}
			turn, model := newTurn([]agent.Tool{tool}, script...)
			turn.MaxTurns = c.maxTurns
			r := collect(t, turn)
			if r.SoftError == nil || r.SoftError.Code != "turn_limit" {
				t.Errorf("soft error = %v, want turn_limit", r.SoftError)
			}
			if !strings.HasSuffix(r.Text, "Hm.\n"+giveUpText) {
				t.Errorf("text %q does not end with the model's words and the give-up message", r.Text)
			}
			check(t, "finish reason", r.FinishReason, agent.FinishStop)
			check(t, "model calls", len(model.requests), c.modelCalls)
			check(t, "tool calls that ran", ran, c.toolCalls)
			unanswered := 0
			for _, m := range r.Messages {
				unanswered += len(m.ToolCalls)
				if m.Role == agent.RoleTool {
					unanswered--
				}
			}
			check(t, "tool calls without a result, which no model accepts", unanswered, 0)
			last := r.Messages[len(r.Messages)-1]
			check(t, "last message", last.Content, giveUpText)
			check(t, "sender of the last message", last.Sender, "A")
		})
	}
}

func TestFault25EqualCallsAreNumbered(t *testing.T) {
	type call struct {
		arguments  string
		occurrence int
	}
	var mu sync.Mutex
	got := map[string]call{}
	tool := agent.Tool{Name: "send", Run: func(_ context.Context, in agent.Invocation) (agent.ToolResult, error) {
		mu.Lock()
		defer mu.Unlock()
		got[in.ID] = call{string(in.Arguments), in.Occurrence}
		return agent.ToolResult{Content: "sent"}, nil
	}}
	turn, _ := newTurn([]agent.Tool{tool}, toolCallReply("", `send {"b":12345678901234567890,"a":"x"}`, `send { "a" : "\u0078", "b":12345678901234567890 }`, `send {"a":"y"}`, "send"),
		[]agent.Chunk{toolCallChunk("later", "send", `{"a":"x","b":12345678901234567890}`), finishChunk("tool_calls")}, textReply("Sent."))
	collect(t, turn)
	canonical := `{"a":"x","b":12345678901234567890}`
	check(t, "calls", got, map[string]call{"send-0": {canonical, 0}, "send-1": {canonical, 1}, "send-2": {`{"a":"y"}`, 0}, "send-3": {"{}", 0}, "later": {canonical, 2}})
}

func TestVariablesAndHandoffs(t *testing.T) {
	second, third := &scriptedModel{}, &scriptedModel{turns: [][]agent.Chunk{textReply("I am C.")}}
	tools := []agent.Tool{
		toolReturning("b", agent.ToolResult{Content: "to B", Handoff: &agent.Agent{Name: "B", Model: second}, Variables: map[string]any{"x": 1, "y": 1}}),
		toolReturning("c", agent.ToolResult{Content: "to C", Variables: map[string]any{"y": 2}, Handoff: &agent.Agent{Name: "C", Instructions: "Be C.", ModelName: "m3", Model: third,
			Options: json.RawMessage(`{"temperature":0}`), Tools: []agent.Tool{toolReturning("only_c", agent.ToolResult{})}}}),
	}
	turn, first := newTurn(tools, toolCallReply("", "b {}", "c {}"))
	turn.Options = json.RawMessage(`{"seed":1}`)
	turn.Variables = map[string]any{"x": 0, "z": 0}
	r := runTurn(t, turn, "A: b(b-0, {}) c(c-1, {})", "b(b-0) = to B", "c(c-1) = to C", "C: I am C.")
	check(t, "active agent", r.ActiveAgent, "C")
	check(t, "model", r.Model, "gpt-4o-2024")
	check(t, "variables", r.Variables, map[string]any{"x": 1, "y": 2, "z": 0})
	check(t, "total tokens", r.Usage.TotalTokens, 6)
	check(t, "the caller's variables", turn.Variables, map[string]any{"x": 0, "z": 0})
	if len(first.requests) != 1 || len(second.requests) != 0 || len(third.requests) != 1 {
		t.Fatalf("%d, %d and %d model calls, want 1, 0 and 1", len(first.requests), len(second.requests), len(third.requests))
	}
	check(t, "options of the first agent", string(first.requests[0].Options), `{"seed":1}`)
	request := third.requests[0]
	check(t, "model name of the third agent", request.Model, "m3")
	check(t, "options of the third agent", string(request.Options), `{"temperature":0}`)
	check(t, "tools of the third agent", len(request.Tools), 1)
	check(t, "messages for the third agent", len(request.Messages), 5)
	check(t, "instructions of the third agent", request.Messages[0].Content, "Be C.")
}

func TestCancellationDuringTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		turn, model := newTurn([]agent.Tool{slowTool("slow", 4*time.Second)}, toolCallReply("Wait.", "slow {}"), textReply("never"))
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		r, err := agent.Collect(turn.Run(ctx))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want context.Canceled", err)
		}
		check(t, "duration", time.Since(start), time.Second)
		check(t, "model calls", len(model.requests), 1)
		if r == nil {
			t.Fatal("no result beside the error")
		}
		check(t, "text", r.Text, "Wait.")
		check(t, "messages", len(r.Messages), 2)
	})
}

func TestConsumerStopsBeforeTools(t *testing.T) {
	ran := false
	tool := agent.Tool{Name: "t", Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
		ran = true
		return agent.ToolResult{}, nil
	}}
	turn, model := newTurn([]agent.Tool{tool}, toolCallReply("", "t {}"), textReply("never"))
	for e := range turn.Run(t.Context()) {
		if len(e.ToolsStarted) > 0 {
			break
		}
	}
	check(t, "the tool ran", ran, false)
	check(t, "model calls", len(model.requests), 1)
}

func TestConsumerStopsAtGiveUpMessage(t *testing.T) {
	turn, _ := newTurn(nil, toolCallReply("", "x {}"), toolCallReply("", "x {}"))
	events := 0
	for e := range turn.Run(t.Context()) {
		events++
		if e.Text == giveUpText {
			break
		}
	}
	check(t, "events", events, 1)
}

// TestToolCallIDs has servers that send no ids, or one id for several calls, in the second turn of a conversation. Each call
// of a message gets an id of its own, which is new in the conversation, and its result names it.
func TestToolCallIDs(t *testing.T) {
	one, two := agent.ToolCallDelta{Index: 0, ID: "a", Name: "t"}, agent.ToolCallDelta{Index: 1, ID: "a", Name: "t"}
	none := agent.ToolCallDelta{Index: -1, Name: "t", Arguments: "{}"}
	turn, _ := newTurn([]agent.Tool{toolReturning("t", agent.ToolResult{Content: "ok"})},
		[]agent.Chunk{toolCallsChunk(one, two), finishChunk("tool_calls")},
		[]agent.Chunk{toolCallsChunk(none), toolCallsChunk(none), finishChunk("tool_calls")}, textReply("Done."))
	turn.Messages = []agent.Message{{Role: agent.RoleAssistant, ToolCalls: []agent.ToolCall{{ID: "call00000", Name: "t"}, {ID: "call00002", Name: "t"}}}}
	var calls, results []string
	for _, m := range collect(t, turn).Messages {
		for _, c := range m.ToolCalls {
			calls = append(calls, c.ID)
		}
		if m.Role == agent.RoleTool {
			results = append(results, m.ToolCallID)
		}
	}
	check(t, "ids of the calls", calls, []string{"a", "call00001", "call00003", "call00004"})
	check(t, "ids that the results name", results, calls)
}

// TestToolChoice checks that only the first model request of a turn has the caller's tool_choice.
func TestToolChoice(t *testing.T) {
	turn, model := newTurn([]agent.Tool{toolReturning("t", agent.ToolResult{Content: "ok"})}, toolCallReply("", "t {}"), toolCallReply("", "t {}"), textReply("Done."))
	turn.ToolChoice = json.RawMessage(`"required"`)
	check(t, "text", collect(t, turn).Text, "Done.")
	var choices []string
	for _, r := range model.requests {
		choices = append(choices, string(r.ToolChoice))
	}
	check(t, "tool choices", choices, []string{`"required"`, "", ""})
}

// TestWhatServersNeedBack checks that what a server sent beside a message and its tool calls goes back in the next request,
// unchanged, and survives the caller that stores the conversation.
func TestWhatServersNeedBack(t *testing.T) {
	signature := json.RawMessage(`{"google":{"thought_signature":"AbC=="}}`)
	thinking := func(s string) agent.Chunk {
		return agent.Chunk{IsThinking: true, Reasoning: agent.Extra{"reasoning_content": json.RawMessage(strconv.Quote(s))}}
	}
	turn, model := newTurn([]agent.Tool{toolReturning("t", agent.ToolResult{Content: "ok"})},
		[]agent.Chunk{thinking("I will "), thinking("ask."), toolCallsChunk(agent.ToolCallDelta{Index: 0, ID: "a", Name: "t", Extra: agent.Extra{"extra_content": signature}}), finishChunk("tool_calls")},
		[]agent.Chunk{thinking("Now I know."), {Text: "Done.", Reasoning: agent.Extra{"extra_content": signature}}, finishChunk("stop")})
	result := collect(t, turn)
	sent := model.requests[1].Messages
	want := `{"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"t","arguments":""},"extra_content":{"google":{"thought_signature":"AbC=="}}}],"sender":"A","reasoning_content":"I will ask."}`
	if b, err := json.Marshal(sent[len(sent)-2]); err != nil || string(b) != want {
		t.Errorf("sent %s, %v;\nwant %s", b, err, want)
	}
	last := result.Messages[len(result.Messages)-1]
	check(t, "what is kept of a message without tool calls", last.Extra, agent.Extra{"extra_content": signature})
	b, err := json.Marshal(result.Messages)
	if err != nil {
		t.Fatal(err)
	}
	var read []agent.Message
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatal(err)
	}
	check(t, "the stored messages", read, result.Messages)
}

func TestNoGiveUpMessage(t *testing.T) {
	turn, _ := newTurn(nil, toolCallReply("", "x {}"), toolCallReply("", "x {}"))
	turn.GiveUpMessage = ""
	r := collect(t, turn)
	check(t, "text", r.Text, "")
	check(t, "messages", len(r.Messages), 4)
	if r.SoftError == nil {
		t.Error("no soft error")
	}
}

func TestRunTools(t *testing.T) {
	tools := []agent.Tool{toolReturning("one", agent.ToolResult{Content: "1"})}
	calls := []agent.ToolCall{{Name: "one"}, {Name: "two"}, {Name: "one", Arguments: "[1]"}, {Name: "one", Arguments: "[]"}}
	for range 40 {
		calls = append(calls, agent.ToolCall{Name: "one"})
	}
	outcomes := agent.RunTools(t.Context(), nil, tools, calls)
	check(t, "outcomes", len(outcomes), len(calls))
	check(t, "first outcome", outcomes[0], agent.ToolOutcome{Result: agent.ToolResult{Content: "1"}, Run: agent.ToolRun{Name: "one"}})
	check(t, "outcome of a call whose arguments are an empty list", outcomes[3].Result, agent.ToolResult{Content: "1"})
	check(t, "runs of calls that were not run", []agent.ToolRun{outcomes[1].Run, outcomes[2].Run}, []agent.ToolRun{{Name: "unknown", Code: "unknown_tool"}, {Name: "rejected", Code: "invalid"}})
	for i, want := range map[int]string{1: "There is no tool two.", 2: "The arguments are not a JSON object.", 40: "Too many tools were asked for."} {
		if err := outcomes[i].Err; err == nil || err.Message != want {
			t.Errorf("error of call %d = %v, want %q", i, err, want)
		}
	}
}
