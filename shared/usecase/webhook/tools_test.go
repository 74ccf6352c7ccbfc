package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/webhook"
)

// anyAssistant returns a table that holds an assistant for every id.
func anyAssistant() *testkit.Assistants {
	return &testkit.Assistants{Default: func(id string) (a aurora.Assistant, err error) {
		a.AssistantID = aurora.Text(id)
		return a, nil
	}}
}

// toolFunc is a function that stands for every tool of the names "t", "quick", "slow", "deaf" and "heeds".
type toolFunc func(ctx context.Context, name string, arguments json.RawMessage) (string, error)

func (f toolFunc) ForScope(context.Context, aurora.ToolScope) []agent.Tool {
	var all []agent.Tool
	for _, name := range []string{"t", "quick", "slow", "deaf", "heeds"} {
		all = append(all, agent.Tool{Name: name, Timeout: time.Minute, Run: func(ctx context.Context, in agent.Invocation) (agent.ToolResult, error) {
			content, err := f(ctx, name, in.Arguments)
			return agent.ToolResult{Content: content}, err
		}})
	}
	return all
}

// callTools sends calls of these tools and returns the answer as JSON.
func callTools(t *testing.T, available webhook.Tools, names ...string) string {
	t.Helper()
	var calls []string
	for i, name := range names {
		calls = append(calls, fmt.Sprintf(`{"id":"c%d","function":{"name":%q,"arguments":"{}"}}`, i, name))
	}
	r := webhook.Receiver{Assistants: anyAssistant(), Tools: available}
	answer, err := r.Receive(t.Context(), auth.Principal{}, []byte(`{"message":{"type":"tool-calls","session":"riley","toolCallList":[`+strings.Join(calls, ",")+`]}}`))
	if err != nil || answer.Created {
		t.Fatal(answer, err)
	}
	b, err := json.Marshal(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestToolCallsRunInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		start := time.Now()
		got := callTools(t, toolFunc(func(ctx context.Context, name string, _ json.RawMessage) (string, error) {
			switch name {
			case "quick":
				<-time.After(time.Second)
				return "quick", nil
			case "slow":
				<-time.After(14 * time.Second)
				return "slow", nil
			case "heeds":
				<-ctx.Done()
				return "", errors.New("gone")
			}
			<-release
			return "too late", nil
		}), "slow", "deaf", "quick", "heeds")
		want := `{"results":[{"toolCallId":"c0","name":"slow","result":"slow"},{"toolCallId":"c1","name":"deaf","error":"The tool did not answer in time."},` +
			`{"toolCallId":"c2","name":"quick","result":"quick"},{"toolCallId":"c3","name":"heeds","error":"The tool did not answer in time."}]}`
		if took := time.Since(start); got != want || took != 15*time.Second {
			t.Errorf("after %v the answer is %s\nwant after 15s %s", took, got, want)
		}
		close(release)
		synctest.Wait()
	})
}

func TestToolCallWithoutTools(t *testing.T) {
	if got := callTools(t, nil, "send_sms"); got != `{"results":[{"toolCallId":"c0","name":"send_sms","error":"There is no tool send_sms."}]}` {
		t.Errorf("the answer is %s, want an error for the call", got)
	}
}

func TestToolCallLimit(t *testing.T) {
	var mu sync.Mutex
	ran := 0
	counting := toolFunc(func(context.Context, string, json.RawMessage) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		ran++
		return "ok", nil
	})
	if callTools(t, counting, make([]string, 500)...); ran != 0 {
		t.Errorf("%d calls without a name were run, want none", ran)
	}
	got := callTools(t, counting, slices.Repeat([]string{"t"}, 500)...)
	if ran != 40 || strings.Count(got, `"Too many tools were asked for."`) != 460 {
		t.Errorf("%d of 500 calls were run, want 40 and an error for each other: %s", ran, got[:200])
	}
}

func TestToolResultsAreOneLine(t *testing.T) {
	for result, want := range map[string]string{
		"a\nb": "a b", " a \r\n\t b\u2028c\u0085": "a b c", "two  spaces": "two  spaces", "": "Done.", "\n": "Done.", "\xff": "\uFFFD",
		"{\n \"a\": [ 1 ]\n}": `{"a":[1]}`, "[1,\n2]": "[1,2]", "{not\njson}": "{not json}", "\"quoted\n\"": "\"quoted \"",
	} {
		got := callTools(t, toolFunc(func(context.Context, string, json.RawMessage) (string, error) { return result, nil }), "t")
		quoted, _ := json.Marshal(want)
		if got != `{"results":[{"toolCallId":"c0","name":"t","result":`+string(quoted)+`}]}` {
			t.Errorf("the result %q is answered as %s, want %s", result, got, quoted)
		}
	}
}

// FuzzToolCalls checks that any list of calls is answered with 200 and results on one line, and that a tool runs only with
// an object of arguments.
func FuzzToolCalls(f *testing.F) {
	for _, list := range []string{`[]`, `[{"id":"a","function":{"name":"t","arguments":"{}"}}]`, `"[{\"name\":\"t\"}]"`, `[{"toolCall":{"id":1,"parameters":{"a":1}},"name":"t"}]`,
		`{"0":1}`, `[[],{},null,1,"{}",{"toolCall":"{\"function\":\"{}\"}"},{"function":[1]}]`, `[{"name":"t","arguments":"{\"a\":1e999}"}]`} {
		f.Add(list)
	}
	f.Fuzz(func(t *testing.T, list string) {
		if !json.Valid([]byte(list)) {
			t.Skip("no JSON is another test")
		}
		for _, kind := range []string{`"tool-calls","toolCallList":`, `"tool-calls","toolCalls":`, `"tool-calls","toolWithToolCallList":`, `"function-call","functionCall":`} {
			r := webhook.Receiver{Assistants: anyAssistant(), Tools: toolFunc(func(_ context.Context, name string, arguments json.RawMessage) (string, error) {
				var object map[string]json.RawMessage
				if err := json.Unmarshal(arguments, &object); err != nil || object == nil || name == "" {
					t.Errorf("the tool %q was run with the arguments %s, want a name and an object", name, arguments)
				}
				return string(arguments), nil
			})}
			answer, err := r.Receive(t.Context(), auth.Principal{}, []byte(`{"message":{"session":"riley","type":`+kind+list+`}}`))
			if err != nil || answer.Created {
				t.Fatal(answer, err)
			}
			b, err := json.Marshal(answer.Body)
			if err != nil || !strings.Contains(string(b), `"result`) || strings.ContainsAny(string(b), "\n\r") {
				t.Fatalf("the answer is %s, %v; want results on one line", b, err)
			}
		}
	})
}

// scopes is a toolbox that notes for whom tools are asked.
type scopes []aurora.ToolScope

func (s *scopes) ForScope(_ context.Context, scope aurora.ToolScope) []agent.Tool {
	*s = append(*s, scope)
	return nil
}

// TestRepeatedMessageWithoutCallID checks that a message that arrives a second time is known, also if it names no call.
func TestRepeatedMessageWithoutCallID(t *testing.T) {
	var seen scopes
	r := webhook.Receiver{Assistants: anyAssistant(), Tools: &seen}
	for _, message := range []string{
		`"toolCallList":[{"id":"c1","function":{"name":"t"}},{"id":"c2","function":{"name":"t"}}]`,
		`"toolCallList":[{"id":"c1","function":{"name":"t"}},{"id":"c2","function":{"name":"t"}}]`,
		`"toolCallList":[{"id":"c3","function":{"name":"t"}}]`,
		`"toolCallList":[{"function":{"name":"t"}}]`,
		`"call":{"id":"k1"},"toolCallList":[{"id":"c1","function":{"name":"t"}}]`,
	} {
		if _, err := r.Receive(t.Context(), auth.Principal{}, []byte(`{"message":{"type":"tool-calls","session":"riley",`+message+`}}`)); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 5 || seen[0].RequestHash == "" || seen[0].RequestHash != seen[1].RequestHash || seen[0].RequestHash == seen[2].RequestHash {
		t.Errorf("the scopes are %+v; want the first two requests alike, and the third another one", seen)
	}
	if seen[3].RequestHash != "" || seen[4].RequestHash != "" {
		t.Errorf("the hashes are %q and %q; want none without ids of tool calls, and none with a call's id", seen[3].RequestHash, seen[4].RequestHash)
	}
}
