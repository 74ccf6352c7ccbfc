package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/fault"
)

func TestOnceUnderFifty(t *testing.T) {
	config, _ := newTables(t)
	var n atomic.Int32
	ready := make(chan struct{})
	do := func(context.Context) (string, error) {
		<-ready // the others meet one that is under way
		return fmt.Sprintf("result %d", n.Add(1)), nil
	}
	ledgers := []*dynamo.Ledger{dynamo.NewLedger(config, "ledger", newClock().now), dynamo.NewLedger(config, "ledger", newClock().now)} // two processes
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if i == 49 {
				close(ready)
			}
			got, err := ledgers[i%2].Once(t.Context(), "k", do)
			if got != "result 1" || err != nil {
				t.Errorf("%q %v", got, err)
			}
		})
	}
	all.Wait()
	if n.Load() != 1 {
		t.Errorf("done %d times", n.Load())
	}
}

func TestOnce(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	s := dynamo.NewLedger(config, "ledger", c.now)
	n := 0
	do := func(err error) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { n++; return fmt.Sprintf("result %d", n), err }
	}
	step := func(name, key string, err error, want string, kind fault.Kind, times int) {
		t.Helper()
		n = 0
		got, failed := s.Once(t.Context(), key, do(err))
		if n != times || failed == nil && got != want || failed != nil && (want != "" || fault.From(failed).Kind != kind) {
			t.Errorf("%s: %q %v, done %d times", name, got, failed, n)
		}
	}
	away := fault.New(fault.Unavailable, "Away.")
	step("a failure frees the key", "a", away, "", fault.Unavailable, 1)
	step("so it is done", "a", nil, "result 1", 0, 1)
	step("and not again", "a", nil, "result 1", 0, 0)
	step("another key is another wish", "b", nil, "result 1", 0, 1)
	c.advance(24*time.Hour - time.Second)
	step("for a day", "a", nil, "result 1", 0, 0)
	c.advance(time.Second)
	step("and no longer", "a", nil, "result 1", 0, 1)

	step("what nobody knows", "u", fmt.Errorf("send: %w", fault.New(fault.Timeout, "Nobody knows.")), "", fault.Timeout, 1)
	step("is not tried again", "u", nil, "", fault.Timeout, 0)
	c.advance(2 * time.Minute)
	step("not after a lease either", "u", nil, "", fault.Timeout, 0)
	step("nor what was given up", "v", fmt.Errorf("send: %w", context.Canceled), "", fault.Internal, 1)
	step("is", "v", nil, "", fault.Timeout, 0)
	step("an empty result is one", "e", nil, "result 1", 0, 1)

	f.setRule(func(string, int) (func(*http.Request) (*http.Response, error), bool) {
		return errorReply(400, "ThrottlingException"), false
	})
	step("without the ledger nothing is done", "x", nil, "", fault.Unavailable, 0)
}

// The caller is gone, and its context with it: how it ended is written down all the same.
func TestOnceAfterTheCallerHasGone(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewLedger(config, "ledger", newClock().now)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := s.Once(ctx, "k", func(context.Context) (string, error) { cancel(); return "sent", nil }); err != nil {
		t.Fatal(err)
	}
	got, err := s.Once(t.Context(), "k", func(context.Context) (string, error) { return "twice", nil })
	if got != "sent" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

// A process that was killed leaves a record under way. It is respected for 60 s, and then taken over.
func TestOnceTakesOverFromTheDead(t *testing.T) {
	config, _ := newTables(t)
	c := newClock()
	s := dynamo.NewLedger(config, "ledger", c.now)
	cfg, _ := config()
	text := func(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
	number := func(at time.Time) types.AttributeValue {
		return &types.AttributeValueMemberN{Value: fmt.Sprint(at.UnixMilli())}
	}
	table := "ledger"
	_, err := dynamodb.NewFromConfig(cfg).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: map[string]types.AttributeValue{
		"key": text("once#k"), "owner": text("dead"), "state": text("under way"), "until": number(c.now().Add(60 * time.Second)),
		"expiresAt": &types.AttributeValueMemberN{Value: fmt.Sprint(c.now().Add(24 * time.Hour).Unix())}}})
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	if got, err := s.Once(short, "k", func(context.Context) (string, error) { return "early", nil }); !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
		t.Errorf("%q %v", got, err)
	}
	c.advance(60 * time.Second)
	var n atomic.Int32
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if got, err := s.Once(t.Context(), "k", func(context.Context) (string, error) { n.Add(1); return "mine", nil }); got != "mine" || err != nil {
				t.Errorf("%q %v", got, err)
			}
		})
	}
	all.Wait()
	if n.Load() != 1 {
		t.Errorf("taken over %d times", n.Load())
	}
}

// Row 36: the reply to any of the writes is lost after it was applied. It is done once, and known.
func TestFault36Once(t *testing.T) {
	for _, lost := range []int{1, 2} {
		for name, failed := range map[string]error{"done": nil, "failed": errors.New("no")} {
			t.Run(fmt.Sprintf("%s, reply %d lost", name, lost), func(t *testing.T) {
				config, f := newTables(t)
				s := dynamo.NewLedger(config, "ledger", newClock().now)
				f.setRule(func(operation string, n int) (func(*http.Request) (*http.Response, error), bool) {
					if writes := f.writeCount(); operation != "GetItem" && writes == lost {
						return dropReply, true
					}
					return nil, false
				})
				n := 0
				do := func(context.Context) (string, error) { n++; return "first", failed }
				_, _ = s.Once(t.Context(), "k", do)
				f.setRule(nil)
				got, err := s.Once(t.Context(), "k", func(context.Context) (string, error) { n++; return "second", nil })
				want, times := "first", 1
				if failed != nil {
					want, times = "second", 2
				}
				if got != want || err != nil || n != times {
					t.Errorf("%q %v, done %d times", got, err, n)
				}
			})
		}
	}
}
