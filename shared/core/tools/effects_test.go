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

// TestFault25RetryHasNoSecondEffect: the stream breaks after the effect, and the caller retries the turn. The model then
// gives its calls new ids.
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
	turn := func(s Scope, suffix string) (contents []string) {
		t.Helper()
		available := k.ForScope(t.Context(), s)
		for i, c := range []struct{ tool, arguments string }{
			{"send_sms", `{"message":"At nine."}`}, {"send_email", `{"subject":"a","body":"b"}`}, {"add_to_do_not_call", `{}`},
			{"book", `{"a":1,"b":2}`}, {"transfer_call", `{"destination":"sales"}`}, {"end_call", `{}`},
		} {
			id := fmt.Sprintf("id%d%s", i, suffix)
			out, err := findTool(t, available, c.tool).Run(t.Context(), agent.Invocation{ID: id, Arguments: json.RawMessage(c.arguments)})
			if err != nil {
				t.Errorf("%s: %v", c.tool, err)
			}
			if out.Action != nil {
				check(t, c.tool+": call id of the action", out.Action.ToolCallID, id)
			}
			contents = append(contents, out.Content)
		}
		return contents
	}
	first := turn(s, "-first")
	quotas := len(w.quotas)
	check(t, "contents of the retry", turn(s, "-again"), first)
	check(t, "quotas taken", []int{quotas, len(w.quotas)}, []int{9, 9}) // six of the text message, three of the mail
	check(t, "text messages", len(w.sentSMS), 1)
	check(t, "mails", len(w.sentMail), 1)
	check(t, "call control", len(w.callControl), 2)
	check(t, "requests to the HTTP tool", posts.Load(), 1)
	delete(w.doNotCall, caller)
	s.UserMessageCount++ // the caller spoke again, so this is a new request
	turn(s, "-later")
	check(t, "text messages after a later turn", len(w.sentSMS), 2)
	check(t, "requests to the HTTP tool after a later turn", posts.Load(), 2)
}

func withAssistant(s Scope, id string) Scope {
	s.Assistant.AssistantID = aurora.Text(id)
	return s
}

func TestIdempotencyKey(t *testing.T) {
	s := Scope{CallID: "c", UserMessageCount: 1}
	in := agent.Invocation{ID: "x", Arguments: json.RawMessage(`{"a":1,"b":[2.0]}`)}
	first := idempotencyKey(s, "book", in)
	for name, other := range map[string]struct {
		key  string
		same bool
	}{
		"another id of the call":             {idempotencyKey(s, "book", agent.Invocation{ID: "y", Arguments: in.Arguments}), true},
		"the call SID for the call id":       {idempotencyKey(Scope{CallSID: "c", UserMessageCount: 1}, "book", in), true},
		"another assistant":                  {idempotencyKey(withAssistant(s, "a2"), "book", in), false},
		"another caller":                     {idempotencyKey(Scope{CallID: "c", UserMessageCount: 1, Caller: "+14155550101"}, "book", in), false},
		"another key":                        {idempotencyKey(Scope{CallID: "c", UserMessageCount: 1, PrincipalID: "00000000000b"}, "book", in), false},
		"another call":                       {idempotencyKey(Scope{CallID: "d", UserMessageCount: 1}, "book", in), false},
		"a later turn":                       {idempotencyKey(Scope{CallID: "c", UserMessageCount: 2}, "book", in), false},
		"another tool":                       {idempotencyKey(s, "cancel", in), false},
		"other arguments":                    {idempotencyKey(s, "book", agent.Invocation{Arguments: json.RawMessage(`{"a":1,"b":[2.1]}`)}), false},
		"a second occurrence":                {idempotencyKey(s, "book", agent.Invocation{Arguments: in.Arguments, Occurrence: 1}), false},
		"digits that move between the parts": {idempotencyKey(Scope{CallID: "c", UserMessageCount: 11}, "book", in), false},
		"the request for the call id":        {idempotencyKey(Scope{RequestHash: "c", UserMessageCount: 1}, "book", in), true},
		"no call id":                         {idempotencyKey(Scope{UserMessageCount: 1}, "book", in), false},
	} {
		if (other.key == first) != other.same {
			t.Errorf("%s: the same key: %v, want %v", name, !other.same, other.same)
		}
	}
	check(t, "key without a call id", idempotencyKey(Scope{}, "book", in), "")
	check(t, "length of a key", len(first), 64)
}

// TestEffectsWithoutCallID checks that a repeated request without a call id has its effect once, by the store that soon forgets,
// and that the tool's server gets no key: it may remember longer.
func TestEffectsWithoutCallID(t *testing.T) {
	keys := []string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		_, _ = w.Write([]byte("Booked."))
	}))
	defer server.Close()
	k, w := newKit(t)
	k.PrivateHosts, k.Idempotency, k.BriefIdempotency = []string{strings.TrimPrefix(server.URL, "http://")}, nil, w
	book := func(hash string) {
		t.Helper()
		s := testScope()
		s.CallID, s.CallSID, s.RequestHash = "", "", hash
		s.Assistant.Tools = []aurora.HTTPTool{{Name: "book", Description: "Books.", URL: server.URL}}
		tool := findTool(t, k.ForScope(t.Context(), s), "book")
		if out, err := tool.Run(t.Context(), agent.Invocation{Arguments: json.RawMessage(`{"day":1}`)}); err != nil || out.Content != "Booked." {
			t.Errorf("content %q, error %v", out.Content, err)
		}
	}
	book("a")
	book("a")
	check(t, "requests after the same request twice", keys, []string{""})
	book("b")
	check(t, "requests after another request", keys, []string{"", ""})
}

func TestConcurrentEqualCallsSendOnce(t *testing.T) {
	k, w := newKit(t)
	tool := findTool(t, k.ForScope(t.Context(), testScope()), "send_sms")
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			out, err := tool.Run(t.Context(), agent.Invocation{ID: fmt.Sprint(i), Arguments: json.RawMessage(`{"message":"a"}`)})
			if err != nil || out.Content == "" {
				t.Errorf("content %q, error %v", out.Content, err)
			}
		})
	}
	all.Wait()
	check(t, "text messages", len(w.sentSMS), 1)
}

func TestFailureIsRetriedButTimeoutIsNot(t *testing.T) {
	k, w := newKit(t)
	s := testScope()
	tool := findTool(t, k.ForScope(t.Context(), s), "send_email")
	w.err = fault.New(fault.Unavailable, "Not now.")
	_, _ = callTool(t, tool, `{"subject":"a","body":"b"}`)
	w.err = fault.New(fault.Timeout, "No answer.")
	_, _ = callTool(t, tool, `{"subject":"a","body":"b"}`)
	w.err = nil
	if _, err := callTool(t, tool, `{"subject":"a","body":"b"}`); !fault.Is(err, fault.Timeout) {
		t.Errorf("error = %v, want the timeout of the second try", err)
	}
	check(t, "mails", len(w.sentMail), 2)
}

// An effect that happens twice is worse than one that does not happen.
func TestNoEffectWithoutIdempotencyStore(t *testing.T) {
	k, w := newKit(t)
	w.onceErr = fault.New(fault.Unavailable, "The store cannot be reached.")
	for _, c := range []struct{ tool, arguments string }{{"send_sms", `{"message":"a"}`}, {"send_email", `{"subject":"a","body":"b"}`}, {"add_to_do_not_call", `{}`}} {
		if _, err := callTool(t, findTool(t, k.ForScope(t.Context(), testScope()), c.tool), c.arguments); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: error = %v, want unavailable", c.tool, err)
		}
	}
	check(t, "effects", len(w.sentSMS)+len(w.sentMail)+len(w.doNotCall), 0)
}

// After a panic the store must still learn how the effect ended.
func TestPanicIsRecordedAsFailure(t *testing.T) {
	k, _ := newKit(t)
	_, err := k.runOnce(t.Context(), testScope(), "x", agent.Invocation{}, func(context.Context) (string, error) { panic("boom") })
	if !fault.Is(err, fault.Internal) || errors.Unwrap(err) == nil {
		t.Errorf("error = %v, want internal with the panic as its cause", err)
	}
}
