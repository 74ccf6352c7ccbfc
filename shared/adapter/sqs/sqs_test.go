package sqs_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/dev/testkit"
)

func newBatch(bodies ...string) events.SQSEvent {
	var e events.SQSEvent
	for i, body := range bodies {
		e.Records = append(e.Records, events.SQSMessage{MessageId: string(rune('a' + i)), Body: body})
	}
	return e
}

func failedIDs(r events.SQSEventResponse) (ids []string) {
	for _, f := range r.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

func TestOnlyFailedRecordsAreReported(t *testing.T) {
	testkit.DiscardLog(t)
	consume := sqs.Consume(func(_ context.Context, m sqs.Message) error {
		switch m.Body {
		case "fails":
			return errors.New("no")
		case "panics":
			panic("no")
		}
		return nil
	})
	r, err := consume(t.Context(), newBatch("good", "fails", "good", "panics", "good"))
	if err != nil || !slices.Equal(failedIDs(r), []string{"b", "d"}) {
		t.Errorf("the messages %v failed, %v; want b and d", failedIDs(r), err)
	}
	if r, err := consume(t.Context(), newBatch()); err != nil || r.BatchItemFailures == nil || len(r.BatchItemFailures) != 0 {
		t.Errorf("an empty batch is answered with %+v, %v; want an empty list, since null fails the whole batch", r, err)
	}
}

func TestGroups(t *testing.T) {
	testkit.DiscardLog(t)
	e := newBatch("1", "2", "fails", "3", "4", "panics", "5")
	for i, group := range []string{"a", "b", "a", "a", "b", "c", "c"} {
		e.Records[i].Attributes = map[string]string{"MessageGroupId": group}
	}
	var mu sync.Mutex
	handled := map[string]string{}
	r, err := sqs.ConsumeGroups(func(_ context.Context, group []sqs.Message) []error {
		errs := make([]error, len(group))
		for i, m := range group {
			mu.Lock()
			handled[m.Group] += m.Body + " "
			mu.Unlock()
			switch m.Body {
			case "fails":
				errs[i] = errors.New("no")
			case "panics":
				panic("no")
			}
		}
		return errs
	})(t.Context(), e)
	if handled["a"] != "1 fails 3 " || handled["b"] != "2 4 " {
		t.Errorf("handled %v, want each group in order", handled)
	}
	if err != nil || !slices.Equal(failedIDs(r), []string{"c", "f", "g"}) {
		t.Errorf("the messages %v failed, %v; want the failed one, and both of the group whose handler panicked: c, f and g", failedIDs(r), err)
	}
}

func TestGroupsNotStartedInTimeFail(t *testing.T) {
	testkit.DiscardLog(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		e := newBatch(strings.Split("abcdefghi", "")...)
		for i := range e.Records {
			e.Records[i].Attributes = map[string]string{"MessageGroupId": e.Records[i].Body}
		}
		r, err := sqs.ConsumeGroups(func(_ context.Context, group []sqs.Message) []error {
			time.Sleep(9 * time.Second)
			return make([]error, len(group))
		})(ctx, e)
		if err != nil || !slices.Equal(failedIDs(r), []string{"i"}) {
			t.Errorf("the messages %v failed, %v; want i, which was not started two seconds before the deadline", failedIDs(r), err)
		}
	})
}

func TestMessageFields(t *testing.T) {
	e := newBatch("x")
	e.Records[0].Attributes = map[string]string{"ApproximateReceiveCount": "3"}
	e.Records[0].MessageAttributes = map[string]events.SQSMessageAttribute{"key": {StringValue: aws.String("v"), DataType: "String"}, "bytes": {DataType: "Binary"}}
	_, _ = sqs.Consume(func(_ context.Context, m sqs.Message) error {
		if m.ID != "a" || m.ReceiveCount != "3" || len(m.Attributes) != 1 || m.Attributes["key"] != "v" {
			t.Errorf("the message is %+v, want id a, three receives and only the string attribute", m)
		}
		return nil
	})(t.Context(), e)
}

func TestRecordsNotStartedInTimeFail(t *testing.T) {
	testkit.DiscardLog(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var most, now atomic.Int32
		consume := sqs.Consume(func(ctx context.Context, m sqs.Message) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(5 * time.Second):
				return nil
			}
		})
		start := time.Now()
		r, err := consume(ctx, newBatch(strings.Split("abcdefghijklmnopqrst", "")...))
		if took := time.Since(start); err != nil || took != 8*time.Second {
			t.Errorf("the batch took %v, %v; want 8s", took, err)
		}
		if n := len(failedIDs(r)); n != 12 || most.Load() != 8 {
			t.Errorf("%d messages failed and %d ran at the same time, want 12 and 8", n, most.Load())
		}
	})
}

func TestSend(t *testing.T) {
	var calls atomic.Int32
	var body, target string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		body, target = string(b), r.Header.Get("X-Amz-Target")
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if calls.Add(1) == 1 { // the SDK retries
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"MessageId":"1"}`)
	}))
	defer server.Close()
	q := sqs.New(testkit.AWSConfig(server.URL, nil), server.URL+"/000000000000/raw")
	if err := q.Send(t.Context(), "hello", map[string]string{"key": "v"}); err != nil {
		t.Fatal(err)
	}
	if target != "AmazonSQS.SendMessage" || !strings.Contains(body, `"MessageBody":"hello"`) || !strings.Contains(body, `"key":{"DataType":"String","StringValue":"v"}`) {
		t.Errorf("the request is %s %s, want SendMessage with body and attribute", target, body)
	}
	if err := q.SendDelayed(t.Context(), "later", 1500*time.Millisecond); err != nil || !strings.Contains(body, `"DelaySeconds":2`) {
		t.Errorf("the delayed message is %s, %v; want a delay of 2 s", body, err)
	}
	if err := q.SendToGroup(t.Context(), "in order", "pair", "SM1"); err != nil || !strings.Contains(body, `"MessageGroupId":"pair"`) || !strings.Contains(body, `"MessageDeduplicationId":"SM1"`) {
		t.Errorf("the message of a group is %s, %v; want its group and its deduplication id", body, err)
	}
	before := calls.Load()
	if err := q.SendDelayed(t.Context(), "x", sqs.MaxDelay+time.Second); err == nil || calls.Load() != before {
		t.Errorf("a delay of more than 15 minutes: %v after %d requests, want an error without a request", err, calls.Load()-before)
	}
	if err := q.Send(t.Context(), strings.Repeat("x", sqs.MaxSize-len("keyStringv")+1), map[string]string{"key": "v"}); err == nil || calls.Load() != before {
		t.Errorf("a message over the limit: %v after %d requests, want an error without a request", err, calls.Load()-before)
	}
}

func TestSendWithoutConfiguration(t *testing.T) {
	q := sqs.New(func() (aws.Config, error) { return aws.Config{}, errors.New("no region") }, "http://127.0.0.1:1/q")
	if err := q.Send(t.Context(), "x", nil); err == nil || !strings.Contains(err.Error(), "no region") {
		t.Errorf("the error is %v, want the configuration's", err)
	}
}
