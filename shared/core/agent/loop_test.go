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

// asks is a message of the model that asks for calls, each "name arguments", with ids of their own.
func asks(text string, wanted ...string) []agent.Chunk {
	chunk := agent.Chunk{Text: text}
	for i, w := range wanted {
		name, arguments, _ := strings.Cut(w, " ")
		chunk.Calls = append(chunk.Calls, agent.Fragment{Index: i, ID: fmt.Sprintf("%s-%d", name, i), Name: name, Arguments: arguments})
	}
	return []agent.Chunk{chunk, ended("tool_calls")}
}

func says(text string) []agent.Chunk { return []agent.Chunk{said(text), ended("stop")} }

// answering is a tool that answers at once.
func answering(name string, o agent.Outcome) agent.Tool {
	return agent.Tool{Name: name, Call: func(context.Context, agent.Call) (agent.Outcome, error) { return o, nil }}
}

// slow is a tool that takes its time, and heeds the end of it.
func slow(name string, d time.Duration) agent.Tool {
	return agent.Tool{Name: name, Call: func(ctx context.Context, _ agent.Call) (agent.Outcome, error) {
		select {
		case <-time.After(d):
			return agent.Outcome{Content: name + " is done"}, nil
		case <-ctx.Done():
			return agent.Outcome{}, ctx.Err()
		}
	}}
}

func turnOf(tools []agent.Tool, script ...[]agent.Chunk) (*agent.Turn, *player) {
	model := &player{turns: script}
	return &agent.Turn{Model: model, Agent: agent.Agent{Name: "A", Model: "m", Tools: tools}, Apology: sorry,
		Messages: []agent.Message{{Role: agent.User, Content: "Hi"}}}, model
}

// finish runs a turn that ends well and compares its messages.
func finish(t *testing.T, turn *agent.Turn, want ...string) *agent.Result {
	t.Helper()
	result, err := agent.Collect(turn.Run(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if got := lines(result.Messages); !slices.Equal(got, want) {
		t.Errorf("messages %s\n    want %s", strings.Join(got, "\n         "), strings.Join(want, "\n         "))
	}
	return result
}

func TestToolsRunAtOnceAndAnswerInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn, model := turnOf([]agent.Tool{slow("a", 3*time.Second), slow("b", time.Second), slow("c", 2*time.Second)}, asks("Wait.", "a", "b", "c"), says("Done."))
		began := time.Now()
		var seen []string
		for e, err := range turn.Run(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			for _, tool := range e.Calling {
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
		if got := lines(model.asked[1].Messages)[1:]; !slices.Equal(got, []string{"A: Wait. a(a-0, ) b(b-1, ) c(c-2, )", "a(a-0) = a is done", "b(b-1) = b is done", "c(c-2) = c is done"}) {
			t.Errorf("sent %q", got)
		}
	})
}

func TestFault24AToolThatTakesTooLong(t *testing.T) {
	for name, c := range map[string]struct {
		limit, want time.Duration
	}{"its own limit": {700 * time.Millisecond, 700 * time.Millisecond}, "5 s": {0, 5 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				heeds := slow("heeds", time.Hour)
				release := make(chan struct{})
				deaf := agent.Tool{Name: "deaf", Call: func(_ context.Context, in agent.Call) (agent.Outcome, error) {
					<-release
					return agent.Outcome{Content: fmt.Sprint("too late", in.Context["a"]), Context: map[string]any{"late": true}}, nil
				}}
				heeds.Timeout, deaf.Timeout = c.limit, c.limit
				turn, _ := turnOf([]agent.Tool{heeds, deaf, answering("quick", agent.Outcome{Content: "ok"})}, asks("", "heeds", "deaf", "quick"), says("Sorry."))
				began := time.Now()
				result := finish(t, turn, "A: heeds(heeds-0, ) deaf(deaf-1, ) quick(quick-2, )",
					"heeds(heeds-0) = Error: The tool did not answer in time.", "deaf(deaf-1) = Error: The tool did not answer in time.", "quick(quick-2) = ok", "A: Sorry.")
				if took := time.Since(began); took != c.want {
					t.Errorf("took %v", took)
				}
				close(release)
				synctest.Wait()
				if len(result.Context) != 0 {
					t.Errorf("a late tool changed the result: %v", result.Context)
				}
			})
		})
	}
}

func TestFault23OneOfSeveralToolsFails(t *testing.T) {
	fails := func(name string, f func()) agent.Tool {
		return agent.Tool{Name: name, Call: func(context.Context, agent.Call) (agent.Outcome, error) {
			f()
			return agent.Outcome{}, nil
		}}
	}
	errs := func(name string, err error) agent.Tool {
		return agent.Tool{Name: name, Call: func(context.Context, agent.Call) (agent.Outcome, error) {
			return agent.Outcome{Content: "half", Context: map[string]any{"half": true}}, err
		}}
	}
	turn, _ := turnOf([]agent.Tool{answering("one", agent.Outcome{Content: "1"}), fails("panics", func() { panic("secret") }),
		errs("errs", errors.New("secret")), errs("tells", fault.New(fault.Upstream, "The number is busy.").Because(errors.New("secret"))), answering("two", agent.Outcome{Content: "2"})},
		asks("", "one", "panics", "errs", "tells", "two"), says("Done."))
	result := finish(t, turn, "A: one(one-0, ) panics(panics-1, ) errs(errs-2, ) tells(tells-3, ) two(two-4, )", "one(one-0) = 1",
		"panics(panics-1) = Error: The tool failed.", "errs(errs-2) = Error: The tool failed.", "tells(tells-3) = Error: The number is busy.", "two(two-4) = 2", "A: Done.")
	if result.Trouble != nil || len(result.Context) != 0 {
		t.Errorf("%v, %v", result.Trouble, result.Context)
	}
}

// picky is a tool that must never run.
func picky(t *testing.T) agent.Tool {
	return agent.Tool{Name: "picky",
		Check: func(json.RawMessage) error { return fault.New(fault.Invalid, "day must be a date.") },
		Call: func(context.Context, agent.Call) (agent.Outcome, error) {
			t.Error("a tool ran with arguments that it refuses")
			return agent.Outcome{}, nil
		}}
}

func TestCallsThatCannotBeMade(t *testing.T) {
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
			tools := []agent.Tool{picky(t), {Name: "empty"}}
			once, _ := turnOf(tools, asks("", c.call), says("Then not."))
			if r := finish(t, once, asked, answer, "A: Then not."); r.Trouble != nil {
				t.Errorf("trouble after one wrong call: %v", r.Trouble)
			}
			twice, model := turnOf(tools, asks("", c.call), asks("", c.call))
			r := finish(t, twice, asked, answer, asked, answer, "A: "+sorry)
			if r.Trouble == nil || r.Trouble.Code != "tool_calls_invalid" || r.FinishReason != agent.Stop || r.Said != sorry || len(model.asked) != 2 {
				t.Errorf("%+v, asked %d times", r, len(model.asked))
			}
		})
	}
}

func TestFault21BesideACallersTool(t *testing.T) {
	turn, _ := turnOf(nil, []agent.Chunk{said("Wait."), called(agent.Fragment{Index: 0, ID: "c1", Name: "book", Arguments: `{"day":1}`}, agent.Fragment{Index: 1, ID: "c2", Name: "rm"}), ended("tool_calls")})
	turn.Offered = []agent.Tool{book}
	r := finish(t, turn, "A: Wait. rm(c2, )", "rm(c2) = Error: Tool rm not found.", `A: book(c1, {"day":1})`)
	if r.FinishReason != agent.ToolCalls || !reflect.DeepEqual(r.Calls, []agent.ToolCall{booking}) || r.Trouble != nil {
		t.Errorf("%+v", r)
	}
}

func TestFault22AModelThatLoops(t *testing.T) {
	ran := 0
	var mu sync.Mutex
	tool := agent.Tool{Name: "again", Call: func(context.Context, agent.Call) (agent.Outcome, error) {
		mu.Lock()
		defer mu.Unlock()
		ran++
		return agent.Outcome{Content: "ok"}, nil
	}}
	for name, c := range map[string]struct{ calls, limit, asked, ran int }{
		"10 turns": {1, 0, 10, 10}, "its own limit": {1, 3, 3, 3}, "20 calls": {3, 0, 7, 20}, "in one message": {50, 0, 1, 20},
	} {
		t.Run(name, func(t *testing.T) {
			ran = 0
			script := make([][]agent.Chunk, 20)
			for i := range script {
				script[i] = asks("Hm.", slices.Repeat([]string{"again {}"}, c.calls)...)
			}
			turn, model := turnOf([]agent.Tool{tool}, script...)
			turn.MaxTurns = c.limit
			r, err := agent.Collect(turn.Run(t.Context()))
			if err != nil || r.FinishReason != agent.Stop || r.Trouble == nil || r.Trouble.Code != "turn_limit" || !strings.HasSuffix(r.Said, "Hm.\n"+sorry) {
				t.Errorf("%v, %+v", err, r)
			}
			if len(model.asked) != c.asked || ran != c.ran {
				t.Errorf("asked %d times, %d calls ran", len(model.asked), ran)
			}
			answered := 0
			for _, m := range r.Messages {
				answered += len(m.ToolCalls)
				if m.Role == agent.ToolRole {
					answered--
				}
			}
			if answered != 0 {
				t.Errorf("%d calls without an answer: no model takes such a conversation", answered)
			}
			if last := r.Messages[len(r.Messages)-1]; last.Content != sorry || last.Sender != "A" {
				t.Errorf("last message %+v", last)
			}
		})
	}
}

func TestFault25TheSameCallHasTheSameName(t *testing.T) {
	type seen struct {
		arguments  string
		occurrence int
	}
	var mu sync.Mutex
	got := map[string]seen{}
	tool := agent.Tool{Name: "send", Call: func(_ context.Context, in agent.Call) (agent.Outcome, error) {
		mu.Lock()
		defer mu.Unlock()
		got[in.ID] = seen{string(in.Arguments), in.Occurrence}
		return agent.Outcome{Content: "sent"}, nil
	}}
	turn, _ := turnOf([]agent.Tool{tool}, asks("", `send {"b":12345678901234567890,"a":"x"}`, `send { "a" : "\u0078", "b":12345678901234567890 }`, `send {"a":"y"}`, "send"),
		[]agent.Chunk{called(agent.Fragment{Index: 0, ID: "later", Name: "send", Arguments: `{"a":"x","b":12345678901234567890}`}), ended("tool_calls")}, says("Sent."))
	if _, err := agent.Collect(turn.Run(t.Context())); err != nil {
		t.Fatal(err)
	}
	same := `{"a":"x","b":12345678901234567890}`
	want := map[string]seen{"send-0": {same, 0}, "send-1": {same, 1}, "send-2": {`{"a":"y"}`, 0}, "send-3": {"{}", 0}, "later": {same, 2}}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestContextAndHandoffs(t *testing.T) {
	second, third := &player{}, &player{turns: [][]agent.Chunk{says("I am C.")}}
	tools := []agent.Tool{
		answering("b", agent.Outcome{Content: "to B", Handoff: &agent.Agent{Name: "B", Via: second}, Context: map[string]any{"x": 1, "y": 1}}),
		answering("c", agent.Outcome{Content: "to C", Context: map[string]any{"y": 2}, Handoff: &agent.Agent{Name: "C", Instructions: "Be C.", Model: "m3", Via: third,
			Options: json.RawMessage(`{"temperature":0}`), Tools: []agent.Tool{answering("only_c", agent.Outcome{})}}}),
	}
	turn, first := turnOf(tools, asks("", "b {}", "c {}"))
	turn.Options = json.RawMessage(`{"seed":1}`)
	turn.Context = map[string]any{"x": 0, "z": 0}
	r := finish(t, turn, "A: b(b-0, {}) c(c-1, {})", "b(b-0) = to B", "c(c-1) = to C", "C: I am C.")
	if r.Agent != "C" || r.Model != "gpt-4o-2024" || !reflect.DeepEqual(r.Context, map[string]any{"x": 1, "y": 2, "z": 0}) || r.Usage.TotalTokens != 6 {
		t.Errorf("%+v", r)
	}
	if !reflect.DeepEqual(turn.Context, map[string]any{"x": 0, "z": 0}) {
		t.Errorf("the caller's variables were changed: %v", turn.Context)
	}
	if len(first.asked) != 1 || len(second.asked) != 0 || len(third.asked) != 1 {
		t.Fatalf("asked %d, %d, %d times", len(first.asked), len(second.asked), len(third.asked))
	}
	if a := third.asked[0]; a.Model != "m3" || string(a.Options) != `{"temperature":0}` || len(a.Tools) != 1 || a.Messages[0].Content != "Be C." || len(a.Messages) != 5 {
		t.Errorf("asked %+v", a)
	}
	if string(first.asked[0].Options) != `{"seed":1}` {
		t.Errorf("asked with %s", first.asked[0].Options)
	}
}

func TestCancellationDuringTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		turn, model := turnOf([]agent.Tool{slow("slow", 4*time.Second)}, asks("Wait.", "slow {}"), says("never"))
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		r, err := agent.Collect(turn.Run(ctx))
		if !errors.Is(err, context.Canceled) || time.Since(began) != time.Second || len(model.asked) != 1 {
			t.Errorf("%v after %v, asked %d times", err, time.Since(began), len(model.asked))
		}
		if r == nil || r.Said != "Wait." || len(r.Messages) != 2 {
			t.Errorf("%+v", r)
		}
	})
}

func TestAConsumerWhoStopsBeforeTools(t *testing.T) {
	ran := false
	tool := agent.Tool{Name: "t", Call: func(context.Context, agent.Call) (agent.Outcome, error) { ran = true; return agent.Outcome{}, nil }}
	turn, model := turnOf([]agent.Tool{tool}, asks("", "t {}"), says("never"))
	for e := range turn.Run(t.Context()) {
		if len(e.Calling) > 0 {
			break
		}
	}
	if ran || len(model.asked) != 1 {
		t.Errorf("ran: %v, asked %d times", ran, len(model.asked))
	}
}

func TestAConsumerWhoStopsAtTheApology(t *testing.T) {
	turn, _ := turnOf(nil, asks("", "x {}"), asks("", "x {}"))
	events := 0
	for e := range turn.Run(t.Context()) {
		events++
		if e.Text == sorry {
			break
		}
	}
	if events != 1 {
		t.Errorf("%d events", events)
	}
}

func TestCallsWithoutAnID(t *testing.T) {
	turn, _ := turnOf([]agent.Tool{answering("t", agent.Outcome{Content: "ok"})},
		[]agent.Chunk{called(agent.Fragment{Index: 0, Name: "t"}, agent.Fragment{Index: 1, Name: "t"}), ended("tool_calls")},
		[]agent.Chunk{called(agent.Fragment{Index: 0, Name: "t"}), ended("tool_calls")}, says("Done."))
	r, err := agent.Collect(turn.Run(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	asked, answered := map[string]bool{}, map[string]bool{}
	for _, m := range r.Messages {
		for _, c := range m.ToolCalls {
			asked[c.ID] = true
		}
		if m.Role == agent.ToolRole {
			answered[m.ToolCallID] = true
		}
	}
	if len(asked) != 3 || asked[""] || !maps.Equal(asked, answered) {
		t.Errorf("asked %v, answered %v", asked, answered)
	}
}

func TestNoApologyToSay(t *testing.T) {
	turn, _ := turnOf(nil, asks("", "x {}"), asks("", "x {}"))
	turn.Apology = ""
	r, err := agent.Collect(turn.Run(t.Context()))
	if err != nil || r.Said != "" || r.Trouble == nil || len(r.Messages) != 4 {
		t.Errorf("%v, %+v", err, r)
	}
}
