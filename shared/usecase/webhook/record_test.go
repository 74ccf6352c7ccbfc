package webhook_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/redact"
	"example.com/aurora/shared/core/trace"
	"example.com/aurora/shared/dev/testkit"
)

// traceStore remembers records. A write waits until mu is free.
type traceStore struct {
	mu      sync.Mutex
	records []trace.Record
}

func (s *traceStore) Write(_ context.Context, records []trace.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = append(s.records, records...)
	return nil
}

// textsOf calls visit for every text in a JSON value.
func textsOf(v any, visit func(string)) {
	switch v := v.(type) {
	case string:
		visit(v)
	case []any:
		for _, item := range v {
			textsOf(item, visit)
		}
	case map[string]any:
		for _, item := range v {
			textsOf(item, visit)
		}
	}
}

// No text, name or number of any known message is in its record.
func TestRecordsHoldNoPersonalData(t *testing.T) {
	testkit.DiscardLog(t)
	for name, body := range webhookBodies(t) {
		synctest.Test(t, func(t *testing.T) {
			r, _ := newReceiver()
			s := &traceStore{}
			r.Traces = &trace.Writer{Store: s, Sample: 100}
			_, _ = r.Receive(logfields.New(t.Context()), auth.Principal{}, []byte(body)) // the answer does not matter here
			synctest.Wait()
			var sent any
			_ = json.Unmarshal([]byte(body), &sent) // a body that is no JSON has no texts to look for
			for _, record := range s.records {
				b, err := json.Marshal(record)
				if err != nil {
					t.Fatal(err)
				}
				var stored any
				_ = json.Unmarshal(b, &stored) // was just written
				textsOf(stored, func(text string) {
					if strings.ContainsAny(text, " \n@+") || redact.Text(text) != text {
						t.Errorf("%s: the record holds the text %q", name, text)
					}
				})
				textsOf(sent, func(text string) {
					_, isNumber := aurora.ParsePhone(text)
					if isNumber && strings.Contains(string(b), strings.TrimPrefix(text, "+")) {
						t.Errorf("%s: the record holds the number %q: %s", name, text, b)
					}
				})
			}
		})
	}
}

// A provider that waits for an answer does not wait for the record; the record of a message that needs no answer is stored when
// Receive returns.
func TestAnswersDoNotWaitForTheRecord(t *testing.T) {
	testkit.DiscardLog(t)
	synctest.Test(t, func(t *testing.T) {
		r, _ := newReceiver()
		s := &traceStore{}
		r.Traces = &trace.Writer{Store: s, Sample: 100}
		ctx := logfields.New(t.Context())
		s.mu.Lock() // the store does not answer
		began := time.Now()
		if _, err := r.Receive(ctx, auth.Principal{}, []byte(`{"message":{"type":"assistant-request","call":{"id":"c1","assistantId":"riley"}}}`)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the answer waited for %v", took)
		}
		s.mu.Unlock()
		synctest.Wait()
		_, _ = r.Receive(ctx, auth.Principal{}, []byte(`{"message":{"type":"hang","call":{"id":"c1"}}}`))
		if len(s.records) != 2 || s.records[1].Message.Type.String() != "hang" {
			t.Errorf("the records are %+v, want those of both messages", s.records)
		}
	})
}
