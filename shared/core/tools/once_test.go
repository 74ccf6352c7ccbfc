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
func TestFault25(t *testing.T) {
	k, w := newKit(t)
	var posts atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(rw, `{"booking":%d}`, posts.Add(1))
	}))
	defer server.Close()
	k.PrivateHosts = []string{strings.TrimPrefix(server.URL, "http://")}
	s := session()
	s.Assistant.CallControl, s.CallSID = aurora.AuroraControl, callSID
	s.Assistant.Tools = []aurora.HTTPTool{{Name: "book", URL: server.URL}}
	turn := func(s Session, suffix string) (said []string) {
		t.Helper()
		offered := k.For(t.Context(), s)
		for i, c := range []struct{ tool, arguments string }{
			{"send_sms", `{"message":"At nine."}`}, {"send_email", `{"subject":"a","body":"b"}`}, {"add_to_do_not_call", `{}`},
			{"book", `{"a":1,"b":2}`}, {"transfer_call", `{"destination":"sales"}`}, {"end_call", `{}`},
		} {
			out, err := find(t, offered, c.tool).Call(t.Context(), agent.Call{ID: fmt.Sprintf("id%d%s", i, suffix), Arguments: json.RawMessage(c.arguments)})
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
	if len(w.texts) != 1 || len(w.mails) != 1 || len(w.control) != 2 || posts.Load() != 1 {
		t.Errorf("%d texts, %d mails, control %v, %d posts", len(w.texts), len(w.mails), w.control, posts.Load())
	}
	delete(w.refused, caller)
	s.UserMessages++ // the caller spoke again: a new wish
	turn(s, "-later")
	if len(w.texts) != 2 || posts.Load() != 2 {
		t.Errorf("a later wish was not done: %d texts, %d posts", len(w.texts), posts.Load())
	}
}

func TestWish(t *testing.T) {
	s := Session{CallID: "c", UserMessages: 1}
	in := agent.Call{ID: "x", Arguments: json.RawMessage(`{"a":1,"b":[2.0]}`)}
	first := wish(s, "book", in)
	for name, other := range map[string]struct {
		key  string
		same bool
	}{
		"another id":      {wish(s, "book", agent.Call{ID: "y", Arguments: in.Arguments}), true},
		"keys in order":   {wish(s, "book", agent.Call{Arguments: json.RawMessage(` {"b": [2.0], "a":1 }`)}), true},
		"by the sid":      {wish(Session{CallSID: "c", UserMessages: 1}, "book", in), true},
		"another call":    {wish(Session{CallID: "d", UserMessages: 1}, "book", in), false},
		"a later turn":    {wish(Session{CallID: "c", UserMessages: 2}, "book", in), false},
		"another tool":    {wish(s, "cancel", in), false},
		"other arguments": {wish(s, "book", agent.Call{Arguments: json.RawMessage(`{"a":1,"b":[2.1]}`)}), false},
		"a second time":   {wish(s, "book", agent.Call{Arguments: in.Arguments, Occurrence: 1}), false},
		"moved borders":   {wish(Session{CallID: "c", UserMessages: 11}, "book", in), false},
		"nobody's":        {wish(Session{UserMessages: 1}, "book", in), false},
	} {
		if (other.key == first) != other.same {
			t.Errorf("%s: same = %v", name, !other.same)
		}
	}
	if wish(Session{}, "book", in) != "" || len(first) != 64 || strings.Contains(first, "c#") {
		t.Errorf("key %q", first)
	}
}

func TestFiftyAtOnceSendOne(t *testing.T) {
	k, w := newKit(t)
	tool := find(t, k.For(t.Context(), session()), "send_sms")
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			out, err := tool.Call(t.Context(), agent.Call{ID: fmt.Sprint(i), Arguments: json.RawMessage(`{"message":"a"}`)})
			if err != nil || out.Content == "" {
				t.Errorf("%q %v", out.Content, err)
			}
		})
	}
	all.Wait()
	if len(w.texts) != 1 {
		t.Errorf("%d texts", len(w.texts))
	}
}

func TestAFailureIsTriedAgainAndTheUnknownIsNot(t *testing.T) {
	k, w := newKit(t)
	s := session()
	tool := find(t, k.For(t.Context(), s), "send_email")
	w.err = fault.New(fault.Unavailable, "Not now.")
	_, _ = use(t, tool, `{"subject":"a","body":"b"}`)
	w.err = fault.New(fault.Timeout, "Nobody knows.")
	_, _ = use(t, tool, `{"subject":"a","body":"b"}`)
	w.err = nil
	if _, err := use(t, tool, `{"subject":"a","body":"b"}`); !fault.Is(err, fault.Timeout) || len(w.mails) != 2 {
		t.Errorf("%d mails, %v", len(w.mails), err)
	}
}

// Twice is worse than not at all.
func TestWithoutTheLedgerNothingHappens(t *testing.T) {
	k, w := newKit(t)
	w.away = fault.New(fault.Unavailable, "The ledger is away.")
	for _, c := range []struct{ tool, arguments string }{{"send_sms", `{"message":"a"}`}, {"send_email", `{"subject":"a","body":"b"}`}, {"add_to_do_not_call", `{}`}} {
		if _, err := use(t, find(t, k.For(t.Context(), session()), c.tool), c.arguments); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", c.tool, err)
		}
	}
	if len(w.texts)+len(w.mails)+len(w.refused) != 0 {
		t.Error("something happened")
	}
}

// A panic must not leave the ledger in the dark.
func TestAPanicIsAFailure(t *testing.T) {
	k, _ := newKit(t)
	_, err := k.once(t.Context(), session(), "x", agent.Call{}, func(context.Context) (string, error) { panic("boom") })
	if !fault.Is(err, fault.Internal) || errors.Unwrap(err) == nil {
		t.Errorf("%v", err)
	}
}
