package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// toolCallReply is a message of the model that asks for calls, each "name arguments", with ids of their own.
func toolCallReply(text string, wanted ...string) []agent.Chunk {
	chunk := agent.Chunk{Text: text}
	for i, w := range wanted {
		name, arguments, _ := strings.Cut(w, " ")
		chunk.ToolCalls = append(chunk.ToolCalls, agent.ToolCallDelta{Index: i, ID: fmt.Sprintf("%s-%d", name, i), Name: name, Arguments: arguments})
	}
	return []agent.Chunk{chunk, finishChunk("tool_calls")}
}

func textReply(text string) []agent.Chunk { return []agent.Chunk{textChunk(text), finishChunk("stop")} }

// toolReturning is a tool that answers at once.
func toolReturning(name string, o agent.ToolResult) agent.Tool {
	return agent.Tool{Name: name, Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) { return o, nil }}
}

// slowTool is a tool that takes its time, and heeds the end of it.
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

func newTurn(tools []agent.Tool, script ...[]agent.Chunk) (*agent.Turn, *scriptedModel) {
	model := &scriptedModel{turns: script}
	return &agent.Turn{Model: model, Agent: agent.Agent{Name: "A", ModelName: "m", Tools: tools}, GiveUpMessage: giveUpText,
		Messages: []agent.Message{{Role: agent.RoleUser, Content: "Hi"}}}, model
}

// runTurn runs a turn that ends well and compares its messages.
func runTurn(t *testing.T, turn *agent.Turn, want ...string) *agent.TurnResult {
	t.Helper()
	result, err := agent.Collect(turn.Run(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if got := describeMessages(result.Messages); !slices.Equal(got, want) {
		t.Errorf("messages %s\n    want %s", strings.Join(got, "\n         "), strings.Join(want, "\n         "))
	}
	return result
}

func TestToolsRunConcurrentlyAndReportInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn, model := newTurn([]agent.Tool{slowTool("a", 3*time.Second), slowTool("b", time.Second), slowTool("c", 2*time.Second)}, toolCallReply("Wait.", "a", "b", "c"), textReply("Done."))
		began := time.Now()
		var seen []string
		for e, err := range turn.Run(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			for _, tool := range e.ToolsStarted {
				seen = append(seen, tool.Name)
			}
			seen = append(seen, e.Text)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
		if want := []string{"Wait.", "a", "b", "c", "", "\nDone.", ""}; !slices.Equal(seen, want) {
			t.Errorf("events %q, want %q", seen, want)
		}
		if got := describeMessages(model.requests[1].Messages)[1:]; !slices.Equal(got, []string{"A: Wait. a(a-0, ) b(b-1, ) c(c-2, )", "a(a-0) = a is done", "b(b-1) = b is done", "c(c-2) = c is done"}) {
			t.Errorf("sent %q", got)
		}
	})
}

func TestFault24ToolTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		limit, want time.Duration
	}{"its own limit": {700 * time.Millisecond, 700 * time.Millisecond}, "5 s": {0, 5 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				heeds := slowTool("heeds", time.Hour)
				release := make(chan struct{})
				deaf := agent.Tool{Name: "deaf", Run: func(_ context.Context, in agent.Invocation) (agent.ToolResult, error) {
					<-release
					return agent.ToolResult{Content: fmt.Sprint("too late", in.Variables["a"]), Variables: map[string]any{"late": true}}, nil
				}}
				heeds.Timeout, deaf.Timeout = c.limit, c.limit
				turn, _ := newTurn([]agent.Tool{heeds, deaf, toolReturning("quick", agent.ToolResult{Content: "ok"})}, toolCallReply("", "heeds", "deaf", "quick"), textReply("Sorry."))
				began := time.Now()
				result := runTurn(t, turn, "A: heeds(heeds-0, ) deaf(deaf-1, ) quick(quick-2, )",
					"heeds(heeds-0) = Error: The tool did not answer in time.", "deaf(deaf-1) = Error: The tool did not answer in time.", "quick(quick-2) = ok", "A: Sorry.")
				if took := time.Since(began); took != c.want {
					t.Errorf("took %v", took)
				}
				close(release)
				synctest.Wait()
				if len(result.Variables) != 0 {
					t.Errorf("a late tool changed the result: %v", result.Variables)
				}
			})
		})
	}
}

func TestFault23OneToolFails(t *testing.T) {
	fails := func(name string, f func()) agent.Tool {
		return agent.Tool{Name: name, Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
			f()
			return agent.ToolResult{}, nil
		}}
	}
	errs := func(name string, err error) agent.Tool {
		return agent.Tool{Name: name, Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
			return agent.ToolResult{Content: "half", Variables: map[string]any{"half": true}}, err
		}}
	}
	turn, _ := newTurn([]agent.Tool{toolReturning("one", agent.ToolResult{Content: "1"}), fails("panics", func() { panic("secret") }),
		errs("errs", errors.New("secret")), errs("tells", fault.New(fault.Upstream, "The number is busy.").Because(errors.New("secret"))), toolReturning("two", agent.ToolResult{Content: "2"})},
		toolCallReply("", "one", "panics", "errs", "tells", "two"), textReply("Done."))
	result := runTurn(t, turn, "A: one(one-0, ) panics(panics-1, ) errs(errs-2, ) tells(tells-3, ) two(two-4, )", "one(one-0) = 1",
		"panics(panics-1) = Error: The tool failed.", "errs(errs-2) = Error: The tool failed.", "tells(tells-3) = Error: The number is busy.", "two(two-4) = 2", "A: Done.")
	if result.SoftError != nil || len(result.Variables) != 0 {
		t.Errorf("%v, %v", result.SoftError, result.Variables)
	}
}

// rejectingTool is a tool that must never run.
func rejectingTool(t *testing.T) agent.Tool {
	return agent.Tool{Name: "picky",
		Validate: func(json.RawMessage) error { return fault.New(fault.Invalid, "day must be a date.") },
		Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
			t.Error("a tool ran with arguments that it refuses")
			return agent.ToolResult{}, nil
		}}
}

func TestInvalidToolCalls(t *testing.T) {
	for name, c := range map[string]struct{ call, told string }{
		"20 no JSON":            {`picky {"day":`, "Error: The arguments are not a JSON object."},
		"20 no object":          {`picky [1]`, "Error: The arguments are not a JSON object."},
		"20 null":               {`picky null`, "Error: The arguments are not a JSON object."},
		"20 more than one":      {`picky {}{}`, "Error: The arguments are not a JSON object."},
		"20 a brace too many":   {`picky {"day":1}}`, "Error: The arguments are not a JSON object."},
		"20 against the schema": {`picky {"day":1}`, "Error: day must be a date."},
		"20 none, where needed": {`picky`, "Error: day must be a date."},
		"21 unknown":            {`rm {"-rf":"/"}`, "Error: Tool rm not found."},
		"21 without a function": {`empty {}`, "Error: Tool empty not found."},
	} {
		t.Run(name, func(t *testing.T) {
			tool, arguments, _ := strings.Cut(c.call, " ")
			id := tool + "-0"
			asked := fmt.Sprintf("A: %s(%s, %s)", tool, id, arguments)
			answer := fmt.Sprintf("%s(%s) = %s", tool, id, c.told)
			tools := []agent.Tool{rejectingTool(t), {Name: "empty"}}
			once, _ := newTurn(tools, toolCallReply("", c.call), textReply("Then not."))
			if r := runTurn(t, once, asked, answer, "A: Then not."); r.SoftError != nil {
				t.Errorf("trouble after one wrong call: %v", r.SoftError)
			}
			twice, model := newTurn(tools, toolCallReply("", c.call), toolCallReply("", c.call))
			r := runTurn(t, twice, asked, answer, asked, answer, "A: "+giveUpText)
			if r.SoftError == nil || r.SoftError.Code != "tool_calls_invalid" || r.FinishReason != agent.FinishStop || r.Text != giveUpText || len(model.requests) != 2 {
				t.Errorf("%+v, asked %d times", r, len(model.requests))
			}
		})
	}
}

func TestFault21UnknownToolBesideCallerTool(t *testing.T) {
	turn, _ := newTurn(nil, []agent.Chunk{textChunk("Wait."), toolCallsChunk(agent.ToolCallDelta{Index: 0, ID: "c1", Name: "book", Arguments: `{"day":1}`}, agent.ToolCallDelta{Index: 1, ID: "c2", Name: "rm"}), finishChunk("tool_calls")})
	turn.CallerTools = []agent.Tool{bookTool}
	r := runTurn(t, turn, "A: Wait. rm(c2, )", "rm(c2) = Error: Tool rm not found.", `A: book(c1, {"day":1})`)
	if r.FinishReason != agent.FinishToolCalls || !reflect.DeepEqual(r.CallerToolCalls, []agent.ToolCall{bookCall}) || r.SoftError != nil {
		t.Errorf("%+v", r)
	}
}

func TestFault22TurnLimits(t *testing.T) {
	ran := 0
	var mu sync.Mutex
	tool := agent.Tool{Name: "again", Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
		mu.Lock()
		defer mu.Unlock()
		ran++
		return agent.ToolResult{Content: "ok"}, nil
	}}
	for name, c := range map[string]struct{ calls, limit, asked, ran int }{
		"10 turns": {1, 0, 10, 10}, "its own limit": {1, 3, 3, 3}, "20 calls": {3, 0, 7, 20}, "in one message": {50, 0, 1, 20},
	} {
		t.Run(name, func(t *testing.T) {
			ran = 0
			script := make([][]agent.Chunk, 20)
			for i := range script {
				script[i] = toolCallReply("Hm.", slices.Repeat([]string{"again {}"}, c.calls)...)
			}
			turn, model := newTurn([]agent.Tool{tool}, script...)
			turn.MaxTurns = c.limit
			r, err := agent.Collect(turn.Run(t.Context()))
			if err != nil || r.FinishReason != agent.FinishStop || r.SoftError == nil || r.SoftError.Code != "turn_limit" || !strings.HasSuffix(r.Text, "Hm.\n"+giveUpText) {
				t.Errorf("%v, %+v", err, r)
			}
			if len(model.requests) != c.asked || ran != c.ran {
				t.Errorf("asked %d times, %d calls ran", len(model.requests), ran)
			}
			answered := 0
			for _, m := range r.Messages {
				answered += len(m.ToolCalls)
				if m.Role == agent.RoleTool {
					answered--
				}
			}
			if answered != 0 {
				t.Errorf("%d calls without an answer: no model takes such a conversation", answered)
			}
			if last := r.Messages[len(r.Messages)-1]; last.Content != giveUpText || last.Sender != "A" {
				t.Errorf("last message %+v", last)
			}
		})
	}
}

func TestFault25EqualCallsAreNumbered(t *testing.T) {
	type seen struct {
		arguments  string
		occurrence int
	}
	var mu sync.Mutex
	got := map[string]seen{}
	tool := agent.Tool{Name: "send", Run: func(_ context.Context, in agent.Invocation) (agent.ToolResult, error) {
		mu.Lock()
		defer mu.Unlock()
		got[in.ID] = seen{string(in.Arguments), in.Occurrence}
		return agent.ToolResult{Content: "sent"}, nil
	}}
	turn, _ := newTurn([]agent.Tool{tool}, toolCallReply("", `send {"b":12345678901234567890,"a":"x"}`, `send { "a" : "\u0078", "b":12345678901234567890 }`, `send {"a":"y"}`, "send"),
		[]agent.Chunk{toolCallsChunk(agent.ToolCallDelta{Index: 0, ID: "later", Name: "send", Arguments: `{"a":"x","b":12345678901234567890}`}), finishChunk("tool_calls")}, textReply("Sent."))
	if _, err := agent.Collect(turn.Run(t.Context())); err != nil {
		t.Fatal(err)
	}
	same := `{"a":"x","b":12345678901234567890}`
	want := map[string]seen{"send-0": {same, 0}, "send-1": {same, 1}, "send-2": {`{"a":"y"}`, 0}, "send-3": {"{}", 0}, "later": {same, 2}}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
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
	if r.ActiveAgent != "C" || r.Model != "gpt-4o-2024" || !reflect.DeepEqual(r.Variables, map[string]any{"x": 1, "y": 2, "z": 0}) || r.Usage.TotalTokens != 6 {
		t.Errorf("%+v", r)
	}
	if !reflect.DeepEqual(turn.Variables, map[string]any{"x": 0, "z": 0}) {
		t.Errorf("the caller's variables were changed: %v", turn.Variables)
	}
	if len(first.requests) != 1 || len(second.requests) != 0 || len(third.requests) != 1 {
		t.Fatalf("asked %d, %d, %d times", len(first.requests), len(second.requests), len(third.requests))
	}
	if a := third.requests[0]; a.Model != "m3" || string(a.Options) != `{"temperature":0}` || len(a.Tools) != 1 || a.Messages[0].Content != "Be C." || len(a.Messages) != 5 {
		t.Errorf("asked %+v", a)
	}
	if string(first.requests[0].Options) != `{"seed":1}` {
		t.Errorf("asked with %s", first.requests[0].Options)
	}
}

func TestCancellationDuringTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		turn, model := newTurn([]agent.Tool{slowTool("slow", 4*time.Second)}, toolCallReply("Wait.", "slow {}"), textReply("never"))
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		r, err := agent.Collect(turn.Run(ctx))
		if !errors.Is(err, context.Canceled) || time.Since(began) != time.Second || len(model.requests) != 1 {
			t.Errorf("%v after %v, asked %d times", err, time.Since(began), len(model.requests))
		}
		if r == nil || r.Text != "Wait." || len(r.Messages) != 2 {
			t.Errorf("%+v", r)
		}
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
	if ran || len(model.requests) != 1 {
		t.Errorf("ran: %v, asked %d times", ran, len(model.requests))
	}
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
	if events != 1 {
		t.Errorf("%d events", events)
	}
}

func TestToolCallsWithoutID(t *testing.T) {
	turn, _ := newTurn([]agent.Tool{toolReturning("t", agent.ToolResult{Content: "ok"})},
		[]agent.Chunk{toolCallsChunk(agent.ToolCallDelta{Index: 0, Name: "t"}, agent.ToolCallDelta{Index: 1, Name: "t"}), finishChunk("tool_calls")},
		[]agent.Chunk{toolCallsChunk(agent.ToolCallDelta{Index: 0, Name: "t"}), finishChunk("tool_calls")}, textReply("Done."))
	r, err := agent.Collect(turn.Run(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	asked, answered := map[string]bool{}, map[string]bool{}
	for _, m := range r.Messages {
		for _, c := range m.ToolCalls {
			asked[c.ID] = true
		}
		if m.Role == agent.RoleTool {
			answered[m.ToolCallID] = true
		}
	}
	if len(asked) != 3 || asked[""] || !maps.Equal(asked, answered) {
		t.Errorf("asked %v, answered %v", asked, answered)
	}
}

func TestNoGiveUpMessage(t *testing.T) {
	turn, _ := newTurn(nil, toolCallReply("", "x {}"), toolCallReply("", "x {}"))
	turn.GiveUpMessage = ""
	r, err := agent.Collect(turn.Run(t.Context()))
	if err != nil || r.Text != "" || r.SoftError == nil || len(r.Messages) != 4 {
		t.Errorf("%v, %+v", err, r)
	}
}
