package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/webhook"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	os.Exit(m.Run())
}

// fixture is a receiver and a worker over one memory.
type fixture struct {
	*memory
	metricCounts
	receiver *webhook.Receiver
	worker   *webhook.Worker
}

func newFixture() *fixture {
	h := &fixture{memory: newMemory()}
	now := func() time.Time { return noon }
	keeper := webhook.Archive{Objects: memoryBucket{h.memory}, Now: now, Count: h.count}
	known := fakeAssistants{list: []aurora.Assistant{{Configuration: aurora.Configuration{AssistantID: "riley", AssistantPhoneNumber: "+15551230100"}}}}
	h.receiver = &webhook.Receiver{Assistants: known, Archive: keeper, Queue: memoryQueue{h.memory}}
	h.worker = &webhook.Worker{Reader: memoryBucket{h.memory}, Assistants: known, Archive: keeper,
		Index: &webhook.Index{Aliases: h.memory, Rows: h.memory, Now: now, Retention: 400 * 24 * time.Hour}}
	return h
}

func (h *fixture) post(t *testing.T, body string) error {
	t.Helper()
	_, err := h.receiver.Receive(t.Context(), []byte(body))
	return err
}

// deliverAll delivers every notification there is to deliver, twice.
func (h *fixture) deliverAll(t *testing.T) {
	t.Helper()
	for range 2 {
		for _, key := range (memoryBucket{h.memory}).keys() {
			if err := h.worker.ObjectCreated(t.Context(), key); err != nil {
				t.Error(err)
			}
		}
	}
}

func endOfCallBody(fields string) string {
	return `{"message":{"type":"end-of-call-report",` + fields + `}}`
}

func TestQueuedReportIsStoredByWorker(t *testing.T) {
	h := newFixture()
	h.bucketErr = errors.New("SlowDown")
	body := endOfCallBody(`"call":{"id":"c1","assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","authToken":"0000"`)
	if err := h.post(t, body); err != nil || len(h.queue) != 1 || h.n[webhook.MetricReportQueued] != 1 {
		t.Fatalf("%v, %d queued, counted %v", err, len(h.queue), h.n)
	}
	if key := h.queue[0].attributes[webhook.QueuedKeyAttribute]; key != "eoc/riley/2026/11/18/c1.json" {
		t.Errorf("key %q", key)
	}
	if err := h.worker.StoreQueued(t.Context(), h.queue[0].body); err == nil {
		t.Error("the bucket still refuses, and the worker took it")
	}
	h.bucketErr = nil
	for range 2 { // SQS delivers at least once
		if err := h.worker.StoreQueued(t.Context(), h.queue[0].body); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.post(t, body); err != nil || len(h.objects) != 1 { // the provider tried again, too
		t.Errorf("%v, %v", err, h.objects)
	}
	h.deliverAll(t)
	if len(h.rows) != 1 || strings.Contains(h.objects["eoc/riley/2026/11/18/c1.json"].body, "0000") {
		t.Errorf("%v %v", h.rows, h.objects)
	}
}

func TestReportIs503WithoutBucketAndQueue(t *testing.T) {
	h := newFixture()
	h.bucketErr, h.queueErr = errors.New("SlowDown"), errors.New("too large")
	err := h.post(t, endOfCallBody(`"call":{"id":"c1"}`))
	if f := fault.From(err); f == nil || f.Kind != fault.Unavailable || f.RetryAfter <= 0 || h.n[webhook.MetricReportNotStored] != 1 {
		t.Errorf("%v, counted %v", err, h.n)
	}
}

func TestWorkerFindsAssistantByNumber(t *testing.T) {
	h := newFixture()
	for _, body := range []string{
		endOfCallBody(`"call":{"id":"c1"},"phoneNumber":{"number":"+1 555 123 0100"},"endedAt":"2026-11-18T15:04:42Z"`),
		endOfCallBody(`"call":{"id":"c2"},"phoneNumber":{"number":"+15559999999"},"endedAt":"2026-11-18T15:04:42Z"`),
		endOfCallBody(`"call":{"id":"c3","assistantId":"../x"},"endedAt":"2026-11-18T15:04:42Z"`),
	} {
		if err := h.post(t, body); err != nil {
			t.Fatal(err)
		}
	}
	h.deliverAll(t)
	for id, want := range map[string]string{"c1": "riley", "c2": "_", "c3": "_"} {
		if _, ok := h.rows[aurora.CallKey{AssistantID: want, Day: "2026-11-18", CallID: id}]; !ok {
			t.Errorf("%s is not in %v", id, h.rows)
		}
	}
	h.worker.Assistants = fakeAssistants{err: fault.New(fault.Unavailable, "Away.")}
	if err := h.worker.ObjectCreated(t.Context(), "eoc/_/2026/11/18/c1.json"); err == nil {
		t.Error("the table is away, and the report was indexed without its assistant")
	}
}

func TestRowKeepsDayAndTakesNewestReport(t *testing.T) {
	h := newFixture()
	for _, fields := range []string{
		`"timestamp":1795014286704,"call":{"id":"v1","assistantId":"riley","transport":{"callSid":"CA1"}},"endedAt":"2026-11-18T23:59:59Z","cost":1`,
		`"timestamp":1795014286705,"call":{"id":"CA1","assistantId":"riley"},"endedAt":"2026-11-19T00:00:01Z","cost":2`,
		`"timestamp":1795014286703,"call":{"id":"v1","assistantId":"riley"},"endedAt":"2026-11-17T00:00:01Z","cost":3`,
	} {
		if err := h.post(t, endOfCallBody(fields)); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"eoc/riley/2026/11/18/v1.json", "eoc/riley/2026/11/19/CA1.json", "eoc/riley/2026/11/17/v1.json"} {
		if err := h.worker.ObjectCreated(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	row, ok := h.rows[aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: "v1"}]
	if !ok || len(h.rows) != 1 || *row.Cost != 2 {
		t.Errorf("%+v", h.rows)
	}
}

// TestFault43CrashDuringIndexing ends the worker before and after each of its calls in turn; the notification is delivered again.
func TestFault43CrashDuringIndexing(t *testing.T) {
	for died := 0; ; died++ {
		h := newFixture()
		if err := h.post(t, endOfCallBody(`"call":{"id":"v1","assistantId":"riley","phoneCallProviderId":"CA1"},"endedAt":"2026-11-18T15:04:42Z"`)); err != nil {
			t.Fatal(err)
		}
		left := died
		w := *h.worker
		w.Index = &webhook.Index{Aliases: crashingStore{h.memory, &left}, Rows: crashingStore{h.memory, &left}, Now: h.worker.Index.Now, Retention: time.Hour}
		err := w.ObjectCreated(t.Context(), "eoc/riley/2026/11/18/v1.json")
		h.deliverAll(t)
		if len(h.rows) != 1 || len(h.aliases) != 2 {
			t.Fatalf("dead after %d: %v %v", died, h.rows, h.aliases)
		}
		if err == nil {
			if died < 6 {
				t.Errorf("only %d calls: nothing was tried", died)
			}
			return
		}
	}
}

// crashingStore dies once it has made so many calls.
type crashingStore struct {
	*memory
	left *int
}

func (m crashingStore) countCall() error {
	if *m.left--; *m.left < 0 {
		return errCrash
	}
	return nil
}

func (m crashingStore) Alias(ctx context.Context, name string) (aurora.CallAlias, bool, error) {
	if err := m.countCall(); err != nil {
		return aurora.CallAlias{}, false, err
	}
	return m.memory.Alias(ctx, name)
}
func (m crashingStore) CreateAlias(ctx context.Context, a aurora.CallAlias) (bool, error) {
	if err := m.countCall(); err != nil {
		return false, err
	}
	return m.memory.CreateAlias(ctx, a)
}
func (m crashingStore) Put(ctx context.Context, c aurora.Call) error {
	if err := m.countCall(); err != nil {
		return err
	}
	return m.memory.Put(ctx, c)
}

func TestExpiredAliases(t *testing.T) {
	h := newFixture()
	body := endOfCallBody(`"call":{"id":"v1","assistantId":"riley","phoneCallProviderId":"CA1"},"endedAt":"2026-11-18T15:04:42Z"`)
	if err := h.post(t, body); err != nil {
		t.Fatal(err)
	}
	h.deliverAll(t)
	delete(h.aliases, "v1") // the root expired, its child did not yet
	clear(h.rows)
	h.deliverAll(t)
	h.deliverAll(t)
	if len(h.rows) != 1 {
		t.Errorf("%v %v", h.rows, h.aliases)
	}
}

func TestConcurrentWorkersWriteOneRow(t *testing.T) {
	h := newFixture()
	for i := range 20 {
		id := []string{"v1", "CA1", "MZ1"}[i%3]
		if err := h.post(t, endOfCallBody(fmt.Sprintf(`"timestamp":%d,"call":{"id":%q,"assistantId":%q},"session":{"callSid":"CA1","streamSid":"MZ1"},"callId":"v1","endedAt":"2026-11-18T15:04:42Z","n":%d`,
			1795014286704+i, id, []string{"", "riley"}[i%2], i))); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for _, key := range (memoryBucket{h.memory}).keys() {
		for range 3 {
			wg.Go(func() {
				for h.worker.ObjectCreated(t.Context(), key) != nil { // SQS delivers it again
				}
			})
		}
	}
	wg.Wait()
	if len(h.rows) != 1 {
		t.Fatalf("%d rows: %v", len(h.rows), h.rows)
	}
	for at, row := range h.rows {
		if at.AssistantID != "riley" || !strings.HasPrefix(row.Version, "01795014286723-") {
			t.Errorf("%+v", row)
		}
	}
}

// FuzzReportKey: nothing in a report leads out of eoc/, and what is stored is what was hashed.
func FuzzReportKey(f *testing.F) {
	for _, body := range webhookBodies(f) {
		f.Add([]byte(body))
	}
	shape := regexp.MustCompile(`^eoc/[A-Za-z0-9_-]{1,64}/(undated|20[0-9]{2}/[01][0-9]/[0-3][0-9])/[A-Za-z0-9_-]{1,64}\.json$`)
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := aurora.ParseEndOfCall(body)
		if err != nil {
			return
		}
		clean, err := webhook.Scrub(body)
		if err != nil {
			t.Fatalf("parsed, and not scrubbed: %v", err)
		}
		if key := webhook.ReportKey(r, clean.Hash); !shape.MatchString(key) {
			t.Errorf("%q", key)
		}
	})
}
