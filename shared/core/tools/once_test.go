package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Fault row 25: the stream dies after the effect, and the caller tries the turn again. A real model mints new ids.
func TestFault25RetryHasNoSecondEffect(t *testing.T) {
	k, w := newKit(t)
	var posts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(rw, `{"booking":%d}`, posts.Add(1))
	}))
	defer server.Close()
	k.PrivateHosts = []string{strings.TrimPrefix(server.URL, "http://")}
	s := testScope()
	s.Assistant.CallControl, s.CallSID = aurora.CallControlAurora, callSID
	s.Assistant.Tools = []aurora.HTTPTool{{Name: "book", URL: server.URL}}
	turn := func(s Scope, suffix string) (said []string) {
		t.Helper()
		offered := k.ForScope(t.Context(), s)
		for i, c := range []struct{ tool, arguments string }{
			{"send_sms", `{"message":"At nine."}`}, {"send_email", `{"subject":"a","body":"b"}`}, {"add_to_do_not_call", `{}`},
			{"book", `{"a":1,"b":2}`}, {"transfer_call", `{"destination":"sales"}`}, {"end_call", `{}`},
		} {
			out, err := findTool(t, offered, c.tool).Run(t.Context(), agent.Invocation{ID: fmt.Sprintf("id%d%s", i, suffix), Arguments: json.RawMessage(c.arguments)})
			if err != nil {
				t.Errorf("%s: %v", c.tool, err)
			}
			if out.Action != nil && out.Action.ToolCallID != fmt.Sprintf("id%d%s", i, suffix) {
				t.Errorf("%s: the action names %s", c.tool, out.Action.ToolCallID)
			}
			said = append(said, out.Content)
		}
		return said
	}
	first := turn(s, "-first")
	if again := turn(s, "-again"); strings.Join(first, "|") != strings.Join(again, "|") {
		t.Errorf("told %q, then %q", first, again)
	}
	if len(w.sentSMS) != 1 || len(w.sentMail) != 1 || len(w.callControl) != 2 || posts.Load() != 1 {
		t.Errorf("%d texts, %d mails, control %v, %d posts", len(w.sentSMS), len(w.sentMail), w.callControl, posts.Load())
	}
	delete(w.doNotCall, caller)
	s.UserMessageCount++ // the caller spoke again: a new wish
	turn(s, "-later")
	if len(w.sentSMS) != 2 || posts.Load() != 2 {
		t.Errorf("a later wish was not done: %d texts, %d posts", len(w.sentSMS), posts.Load())
	}
}

func TestIdempotencyKey(t *testing.T) {
	s := Scope{CallID: "c", UserMessageCount: 1}
	in := agent.Invocation{ID: "x", Arguments: json.RawMessage(`{"a":1,"b":[2.0]}`)}
	first := idempotencyKey(s, "book", in)
	for name, other := range map[string]struct {
		key  string
		same bool
	}{
		"another id":      {idempotencyKey(s, "book", agent.Invocation{ID: "y", Arguments: in.Arguments}), true},
		"by the sid":      {idempotencyKey(Scope{CallSID: "c", UserMessageCount: 1}, "book", in), true},
		"another call":    {idempotencyKey(Scope{CallID: "d", UserMessageCount: 1}, "book", in), false},
		"a later turn":    {idempotencyKey(Scope{CallID: "c", UserMessageCount: 2}, "book", in), false},
		"another tool":    {idempotencyKey(s, "cancel", in), false},
		"other arguments": {idempotencyKey(s, "book", agent.Invocation{Arguments: json.RawMessage(`{"a":1,"b":[2.1]}`)}), false},
		"a second time":   {idempotencyKey(s, "book", agent.Invocation{Arguments: in.Arguments, Occurrence: 1}), false},
		"moved borders":   {idempotencyKey(Scope{CallID: "c", UserMessageCount: 11}, "book", in), false},
		"nobody's":        {idempotencyKey(Scope{UserMessageCount: 1}, "book", in), false},
	} {
		if (other.key == first) != other.same {
			t.Errorf("%s: same = %v", name, !other.same)
		}
	}
	if idempotencyKey(Scope{}, "book", in) != "" || len(first) != 64 || strings.Contains(first, "c#") {
		t.Errorf("key %q", first)
	}
}

func TestConcurrentEqualCallsSendOnce(t *testing.T) {
	k, w := newKit(t)
	tool := findTool(t, k.ForScope(t.Context(), testScope()), "send_sms")
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			out, err := tool.Run(t.Context(), agent.Invocation{ID: fmt.Sprint(i), Arguments: json.RawMessage(`{"message":"a"}`)})
			if err != nil || out.Content == "" {
				t.Errorf("%q %v", out.Content, err)
			}
		})
	}
	all.Wait()
	if len(w.sentSMS) != 1 {
		t.Errorf("%d texts", len(w.sentSMS))
	}
}

func TestFailureIsRetriedButTimeoutIsNot(t *testing.T) {
	k, w := newKit(t)
	s := testScope()
	tool := findTool(t, k.ForScope(t.Context(), s), "send_email")
	w.err = fault.New(fault.Unavailable, "Not now.")
	_, _ = callTool(t, tool, `{"subject":"a","body":"b"}`)
	w.err = fault.New(fault.Timeout, "Nobody knows.")
	_, _ = callTool(t, tool, `{"subject":"a","body":"b"}`)
	w.err = nil
	if _, err := callTool(t, tool, `{"subject":"a","body":"b"}`); !fault.Is(err, fault.Timeout) || len(w.sentMail) != 2 {
		t.Errorf("%d mails, %v", len(w.sentMail), err)
	}
}

// Twice is worse than not at all.
func TestNoEffectWithoutIdempotencyStore(t *testing.T) {
	k, w := newKit(t)
	w.onceErr = fault.New(fault.Unavailable, "The ledger is away.")
	for _, c := range []struct{ tool, arguments string }{{"send_sms", `{"message":"a"}`}, {"send_email", `{"subject":"a","body":"b"}`}, {"add_to_do_not_call", `{}`}} {
		if _, err := callTool(t, findTool(t, k.ForScope(t.Context(), testScope()), c.tool), c.arguments); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", c.tool, err)
		}
	}
	if len(w.sentSMS)+len(w.sentMail)+len(w.doNotCall) != 0 {
		t.Error("something happened")
	}
}

// A panic must not leave the ledger in the dark.
func TestPanicIsRecordedAsFailure(t *testing.T) {
	k, _ := newKit(t)
	_, err := k.runOnce(t.Context(), testScope(), "x", agent.Invocation{}, func(context.Context) (string, error) { panic("boom") })
	if !fault.Is(err, fault.Internal) || errors.Unwrap(err) == nil {
		t.Errorf("%v", err)
	}
}
