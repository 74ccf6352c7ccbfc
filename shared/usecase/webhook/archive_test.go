package webhook_test

import (
	"context"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/webhook"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// memory is an in-memory bucket and raw queue; bucketErr and queueErr are returned instead of a write.
type memory struct {
	mu        sync.Mutex
	objects   map[string]storedObject
	bucketErr error
	queue     []queuedMessage
	queueErr  error
	metrics   map[string]int
}

type storedObject struct{ body, hash string }

type queuedMessage struct {
	body       string
	attributes map[string]string
}

func (m *memory) Create(_ context.Context, key string, body []byte, hash string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.bucketErr != nil {
		return false, m.bucketErr
	}
	if old, ok := m.objects[key]; ok {
		return old.hash == hash, nil
	}
	m.objects[key] = storedObject{string(body), hash}
	return true, nil
}

func (m *memory) Send(_ context.Context, body string, attributes map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queueErr != nil {
		return m.queueErr
	}
	m.queue = append(m.queue, queuedMessage{body, attributes})
	return nil
}

func (m *memory) count(_ context.Context, metric string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.metrics[metric]++
}

func newReceiver() (*webhook.Receiver, *memory) {
	m := &memory{objects: map[string]storedObject{}, metrics: map[string]int{}}
	archive := webhook.Archive{Objects: m, Now: func() time.Time { return time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC) }, Count: m.count}
	return &webhook.Receiver{Assistants: anyAssistant(), Archive: archive, Queue: m}, m
}

func endOfCallBody(fields string) []byte {
	return []byte(`{"message":{"type":"end-of-call-report",` + fields + `}}`)
}

func TestQueuedReportIsStored(t *testing.T) {
	r, m := newReceiver()
	m.bucketErr = errors.New("SlowDown")
	body := endOfCallBody(`"call":{"id":"c1","assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","authToken":"0000"`)
	if _, err := r.Receive(t.Context(), auth.Principal{}, body); err != nil {
		t.Fatalf("the bucket fails and the queue works: %v", err)
	}
	if len(m.queue) != 1 || m.metrics[webhook.MetricReportQueued] != 1 {
		t.Fatalf("%d reports are queued and %v counted, want one", len(m.queue), m.metrics)
	}
	const key = "eoc/riley/2026/11/18/c1.json"
	if got := m.queue[0].attributes[webhook.QueuedKeyAttribute]; got != key {
		t.Errorf("the message's key is %q, want %s", got, key)
	}
	if err := r.Archive.StoreQueued(t.Context(), m.queue[0].body); err == nil {
		t.Error("the bucket still fails, but the queued message is done with")
	}
	m.bucketErr = nil
	for range 2 { // SQS delivers a message at least once
		if err := r.Archive.StoreQueued(t.Context(), m.queue[0].body); err != nil {
			t.Fatalf("store the queued report: %v", err)
		}
	}
	if _, err := r.Receive(t.Context(), auth.Principal{}, body); err != nil { // the provider sends the report again, too
		t.Fatalf("receive the report again: %v", err)
	}
	if len(m.objects) != 1 || strings.Contains(m.objects[key].body, "0000") {
		t.Errorf("the bucket holds %v, want one report without the credential", m.objects)
	}
}

func TestReportIs503WithoutBucketAndQueue(t *testing.T) {
	r, m := newReceiver()
	m.bucketErr, m.queueErr = errors.New("SlowDown"), errors.New("too large")
	_, err := r.Receive(t.Context(), auth.Principal{}, endOfCallBody(`"call":{"id":"c1"}`))
	if f := fault.From(err); f == nil || f.Kind != fault.Unavailable || f.RetryAfter <= 0 {
		t.Errorf("the error is %v, want Unavailable with a time to retry", err)
	}
	if m.metrics[webhook.MetricReportNotStored] != 1 {
		t.Errorf("counted %v, want one %s", m.metrics, webhook.MetricReportNotStored)
	}
}

// FuzzReportKey checks that whatever is parsed can be scrubbed, that both read the same identity, and that no report is
// stored outside eoc/.
func FuzzReportKey(f *testing.F) {
	for _, body := range webhookBodies(f) {
		f.Add([]byte(body))
	}
	for _, message := range []string{
		`{"type":"x","call":{"id":"a"},"call":{"id":"b"}}`, `{"call":{"id":"a"},"type":"x","call":null}`, `{"type":"x","session":"{\"id\":\"a\",\"callSid\":1e400} more"}`,
		`{"type":"x","type":5}`, `{"type":"x","call":"{\"assistant\":\"{\\\"id\\\":7}\",\"id\":\"c\"}"}`, `{"type":" end-of-call-report","timestamp":1795014284,"call":{"id":" c "}}`,
		`{"type":"x","callId":true,"call":[{"id":"a"}],"artifact":{"endedAt":"2026-11-18T15:04:42Z"}}`, "{\"type\":\"x\",\"callId\":\"\xff\"}", `{"type":"x","c\u0061llId":"a"}`,
	} {
		f.Add([]byte(`{"message":` + message + `}`))
		f.Add([]byte(`{"message":{"type":"y","call":{"id":"z"}},"message":` + message + `}`))
	}
	f.Add([]byte(`{"message":{"type":"x","call":{"id":"a"}},"message":7}`))
	f.Add([]byte(`{"message":"{\"type\":\"x\"}"}`))
	shape := regexp.MustCompile(`^eoc/[A-Za-z0-9_-]{1,64}/(undated|20[0-9]{2}/[01][0-9]/[0-3][0-9])/[A-Za-z0-9_-]{1,64}\.json$`)
	f.Fuzz(func(t *testing.T, body []byte) {
		clean, scrubErr := webhook.Scrub(body)
		m, err := providermsg.ParseMessage(body)
		if err != nil {
			if scrubErr == nil && clean.Identity.Type != "" {
				t.Errorf("Scrub read a message of type %q, and ParseMessage says %v", clean.Identity.Type, err)
			}
			return
		}
		if scrubErr != nil {
			t.Fatalf("the message was parsed and cannot be scrubbed: %v", scrubErr)
		}
		if want := m.Identity(); !reflect.DeepEqual(clean.Identity, want) {
			t.Errorf("Scrub read the identity %+v, want %+v", clean.Identity, want)
		}
		if key := clean.Key(); !shape.MatchString(key) {
			t.Errorf("the key is %q, want eoc/<assistant>/<day>/<call>.json", key)
		}
	})
}
