package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/fault"
)

func TestSend(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	s := dynamo.NewLedger(config, "ledger", c.now)
	step := func(name, key string, again bool, err error, sent bool, kind fault.Kind, times int) {
		t.Helper()
		n := 0
		got, failed := s.Send(t.Context(), key, again, func(context.Context) error { n++; return err })
		if n != times || got != sent || (failed != nil) != (kind != 0) || failed != nil && fault.From(failed).Kind != kind {
			t.Errorf("%s: %v %v, sent %d times", name, got, failed, n)
		}
	}
	busy := fault.New(fault.RateLimited, "Busy.")
	unknown := fmt.Errorf("send: %w", fault.New(fault.Timeout, "Nobody knows."))
	step("what was refused", "a", false, busy, false, fault.RateLimited, 1)
	step("is tried again", "a", false, nil, true, 0, 1)
	step("and then no more", "a", false, nil, false, 0, 0)
	step("another mail is another", "b", false, nil, true, 0, 1)
	c.advance(400*24*time.Hour - time.Second)
	step("for as long as calls are kept", "a", false, nil, false, 0, 0)
	step("unless it is asked for", "a", true, nil, true, 0, 1)
	step("which is remembered", "a", false, nil, false, 0, 0)
	step("a mail that was asked for and refused", "b", true, busy, false, fault.RateLimited, 1)
	step("may be sent", "b", false, nil, true, 0, 1)

	step("what nobody knows", "u", false, unknown, false, fault.Timeout, 1)
	step("is not tried again", "u", false, nil, false, 0, 0)
	c.advance(2 * time.Minute)
	step("not after a lease either", "u", false, nil, false, 0, 0)
	step("but where it is asked for", "u", true, nil, true, 0, 1)
	step("and then it is known", "u", false, nil, false, 0, 0)

	if _, err := s.Once(t.Context(), "a", func(context.Context) (string, error) { return "", nil }); err != nil {
		t.Errorf("a mail's key is another's too: %v", err)
	}
	f.setRule(func(string, int) (func(*http.Request) (*http.Response, error), bool) {
		return errorReply(400, "ThrottlingException"), false
	})
	step("without the ledger nothing is sent", "x", false, nil, false, fault.Unavailable, 0)
}

// Two processes are given the same job. One mail leaves.
func TestSendUnderTwenty(t *testing.T) {
	config, _ := newTables(t)
	var n, sent atomic.Int32
	ledgers := []*dynamo.Ledger{dynamo.NewLedger(config, "ledger", newClock().now), dynamo.NewLedger(config, "ledger", newClock().now)}
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			ok, err := ledgers[i%2].Send(t.Context(), "k", false, func(context.Context) error { n.Add(1); return nil })
			if err != nil {
				t.Error(err)
			}
			if ok {
				sent.Add(1)
			}
		})
	}
	all.Wait()
	if n.Load() != 1 || sent.Load() != 1 {
		t.Errorf("sent %d times, and %d say so", n.Load(), sent.Load())
	}
}

func TestReportedAssistants(t *testing.T) {
	config, f := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, `{"assistantId":"b","internal":true}`, `{"assistantId":"a","internal":true,"report":{"scheduled":true}}`,
		`{"assistantId":"c","report":{"scheduled":true}}`, `{"assistantId":"d"}`)
	putItem(t, config, "assistants", map[string]types.AttributeValue{"assistantId": stringValue("poison"), "internalKey": stringValue("internal"), "tools": stringValue("none")})
	internal, wrong, err := s.Internal(t.Context())
	if err != nil || len(internal) != 2 || internal[0].ID() != "a" || internal[1].ID() != "b" || len(wrong) != 1 || !strings.Contains(wrong[0].Error(), "poison") {
		t.Errorf("%v %v %v", internal, wrong, err)
	}
	scheduled, wrong, err := s.Scheduled(t.Context())
	if err != nil || len(scheduled) != 2 || scheduled[0].ID() != "a" || scheduled[1].ID() != "c" || len(wrong) != 0 {
		t.Errorf("%v %v %v", scheduled, wrong, err)
	}
	for i := range 400 { // over a megabyte: several pages
		putAssistants(t, s, fmt.Sprintf(`{"assistantId":"many%03d","report":{"scheduled":true},"assistantPrompt":%q}`, i, strings.Repeat("p", 3500)))
	}
	if scheduled, _, err = s.Scheduled(t.Context()); err != nil || len(scheduled) != 402 {
		t.Errorf("%d of 402, %v", len(scheduled), err)
	}
	f.setRule(func(string, int) (func(*http.Request) (*http.Response, error), bool) {
		return func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") }, false
	})
	gone, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := s.Internal(gone); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}
