package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/webhook"
)

// fakeAnalyser is an analyst that says what it was told, each time differently.
type fakeAnalyser struct {
	mu         sync.Mutex
	asked      []string
	err        error
	note       string
	assistants []string // of the assistants whose calls they were
}

func (d *fakeAnalyser) Analyse(_ context.Context, a aurora.Assistant, r aurora.EndOfCall, said []aurora.Utterance) (aurora.AnalysisResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return aurora.AnalysisResult{}, d.err
	}
	var texts []string
	for _, turn := range said {
		texts = append(texts, turn.Text)
	}
	d.asked, d.assistants = append(d.asked, strings.Join(texts, "|")), append(d.assistants, a.ID())
	f := aurora.AnalysisResult{Analysis: aurora.Analysis{Outcome: aurora.OutcomeResolved, Sentiment: aurora.SentimentNeutral, Topics: []string{fmt.Sprint("question ", len(d.asked))}, AnalysisNote: d.note,
		Extracted: json.RawMessage(`{"n":1}`)}}
	if r.Summary == "" {
		f.Summary = fmt.Sprint("Summary ", len(d.asked))
	}
	return f, nil
}

const firstReportKey = "eoc/riley/2026/11/18/v1.json"

// spoken is a report of one call in which somebody spoke.
func spoken(made int, words string) string {
	return endOfCallBody(fmt.Sprintf(`"timestamp":%d,"call":{"id":"v1","assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","endedReason":"customer-ended-call","transcript":"AI: Hi\nUser: %s"`, made, words))
}

func newAnalysisFixture(t *testing.T, reports ...string) (*fixture, *fakeAnalyser) {
	t.Helper()
	h, d := newFixture(), &fakeAnalyser{}
	h.worker.Analyser = d
	for _, body := range reports {
		if err := h.post(t, body); err != nil {
			t.Fatal(err)
		}
	}
	return h, d
}

func (h *fixture) row(t *testing.T) aurora.Call {
	t.Helper()
	if len(h.rows) != 1 {
		t.Fatalf("%d rows: %+v", len(h.rows), h.rows)
	}
	for _, c := range h.rows {
		return c
	}
	return aurora.Call{}
}

func TestCallIsAnalysedOnce(t *testing.T) {
	h, d := newAnalysisFixture(t, spoken(1795014286704, "Hello"))
	for range 3 {
		if err := h.worker.ObjectCreated(t.Context(), firstReportKey); err != nil {
			t.Fatal(err)
		}
	}
	c := h.row(t)
	if len(d.asked) != 1 || d.asked[0] != "Hi|Hello" || d.assistants[0] != "riley" || c.Summary != "Summary 1" || c.Outcome != aurora.OutcomeResolved || c.Topics[0] != "question 1" {
		t.Errorf("asked %q, row %+v", d.asked, c)
	}
	if _, ok := h.objects["analysis/riley/2026/11/18/v1.json"]; !ok || len(h.objects) != 2 {
		t.Errorf("%v", h.objects)
	}
	clear(h.rows)
	clear(h.aliases)
	h.worker.Analyser = nil // as `make reindex` has it
	if err := h.worker.ObjectCreated(t.Context(), firstReportKey); err != nil {
		t.Fatal(err)
	}
	if again := h.row(t); again.Version != c.Version || again.Summary != c.Summary || len(d.asked) != 1 {
		t.Errorf("indexed again: %+v, want %+v", again, c)
	}
}

func TestCallWithoutSpeechIsNotAnalysed(t *testing.T) {
	h, d := newAnalysisFixture(t, endOfCallBody(`"call":{"id":"v1","assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","endedReason":"silence-timed-out","transcript":"AI: Hello?"`))
	h.deliverAll(t)
	if c := h.row(t); c.Outcome != aurora.OutcomeDropped || len(d.asked) != 0 || len(h.objects) != 1 {
		t.Errorf("%+v, asked %q", c, d.asked)
	}
}

func TestOnlyTheNewestReportIsAnalysed(t *testing.T) {
	h, d := newAnalysisFixture(t, spoken(1795014286704, "one"), spoken(1795014286705, "two"))
	keys := (memoryBucket{h.memory}).keys()
	newest := keys[1] // the second lies beside the first
	for _, key := range []string{newest, keys[0], keys[0], newest} {
		if err := h.worker.ObjectCreated(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if c := h.row(t); len(d.asked) != 1 || d.asked[0] != "Hi|two" || c.ObjectKey != newest || c.Summary != "Summary 1" {
		t.Errorf("asked %q, row %+v", d.asked, c)
	}
	// The other way round both were the newest once, and the later one counts.
	h, d = newAnalysisFixture(t, spoken(1795014286704, "one"), spoken(1795014286705, "two"))
	h.deliverAll(t)
	if c := h.row(t); len(d.asked) != 2 || c.ObjectKey != newest || c.Summary != "Summary 2" {
		t.Errorf("asked %q, row %+v", d.asked, c)
	}
}

func TestFault42RowIsWrittenWhenAnalysisFails(t *testing.T) {
	h, d := newAnalysisFixture(t, spoken(1795014286704, "Hello"))
	d.err = fault.New(fault.Upstream, "The model could not be reached or failed.")
	if err := h.worker.ObjectCreated(t.Context(), firstReportKey); err == nil || h.n[webhook.MetricAnalysisFailed] != 1 {
		t.Errorf("%v, counted %v", err, h.n)
	}
	if c := h.row(t); c.Disposition != aurora.DispositionAnswered || c.Outcome != "" {
		t.Errorf("%+v", c)
	}
	d.err, d.note = nil, "The answer is not one JSON object."
	h.deliverAll(t)
	if c := h.row(t); c.Outcome != aurora.OutcomeResolved || h.n[webhook.MetricAnalysisIncomplete] != 1 {
		t.Errorf("%+v, counted %v", c, h.n)
	}
}

// An analysis that could not be kept stands in the row, and is kept from there the next time, unasked.
func TestAnalysisIsStoredLaterFromRow(t *testing.T) {
	h, d := newAnalysisFixture(t, spoken(1795014286704, "Hello"))
	h.bucketErr = errors.New("SlowDown")
	if err := h.worker.ObjectCreated(t.Context(), firstReportKey); err == nil {
		t.Error("the bucket refuses, and the message is done with")
	}
	if c := h.row(t); c.Outcome != aurora.OutcomeResolved {
		t.Errorf("%+v", c)
	}
	h.bucketErr = nil
	if err := h.worker.ObjectCreated(t.Context(), firstReportKey); err != nil {
		t.Fatal(err)
	}
	var f aurora.AnalysisResult
	if err := json.Unmarshal([]byte(h.objects["analysis/riley/2026/11/18/v1.json"].body), &f); err != nil || f.Summary != "Summary 1" || f.Outcome != aurora.OutcomeResolved || len(d.asked) != 1 {
		t.Errorf("%+v, %v, asked %q", f, err, d.asked)
	}
}

func TestUnreadableAnalysisIsRepeated(t *testing.T) {
	h, d := newAnalysisFixture(t, spoken(1795014286704, "Hello"))
	h.objects["analysis/riley/2026/11/18/v1.json"] = storedObject{body: `{"summary":`}
	if err := h.worker.ObjectCreated(t.Context(), firstReportKey); err != nil || h.row(t).Summary != "Summary 1" || len(d.asked) != 1 {
		t.Errorf("%v, %+v", err, h.rows)
	}
}

func TestAnalysisNeedsAssistantStore(t *testing.T) {
	h, d := newAnalysisFixture(t, strings.Replace(spoken(1795014286704, "Hello"), "riley", "nobody", 1))
	if err := h.worker.ObjectCreated(t.Context(), "eoc/nobody/2026/11/18/v1.json"); err != nil || d.assistants[0] != "" {
		t.Errorf("%v, %q", err, d.assistants)
	}
	h, d = newAnalysisFixture(t, spoken(1795014286704, "Hello"))
	h.worker.Assistants = fakeAssistants{err: fault.New(fault.Unavailable, "Away.")}
	if err := h.worker.ObjectCreated(t.Context(), firstReportKey); err == nil || len(d.asked) != 0 || len(h.rows) != 1 {
		t.Errorf("%v: a call was analysed without its assistant's wishes", err)
	}
}

// A call of which no time is known counts when it was reported.
func TestReportWithoutTimesCountsAtArrival(t *testing.T) {
	h, _ := newAnalysisFixture(t, endOfCallBody(`"call":{"id":"v1","assistantId":"riley"}`))
	h.deliverAll(t)
	if c := h.row(t); !c.CountedAt().Equal(noon.Add(time.Second)) || c.Day != "2026-11-18" {
		t.Errorf("%+v counts at %v", c, c.CountedAt())
	}
}

// TestFault43CrashDuringAnalysis ends the worker before and after each of its calls to a store or the model, in turn; the
// notification is delivered again. The row comes out analysed, and its analysis kept.
func TestFault43CrashDuringAnalysis(t *testing.T) {
	for died := 0; ; died++ {
		h, d := newAnalysisFixture(t, spoken(1795014286704, "Hello"))
		left := died
		w := *h.worker
		w.Index = &webhook.Index{Aliases: crashingStore{h.memory, &left}, Rows: crashingStore{h.memory, &left}, Now: h.worker.Index.Now, Retention: time.Hour}
		w.Reader, w.Analyser = crashingBucket{memoryBucket{h.memory}, &left}, crashingAnalyser{d, &left}
		w.Archive.Objects = crashingBucket{memoryBucket{h.memory}, &left}
		err := w.ObjectCreated(t.Context(), firstReportKey)
		h.deliverAll(t)
		c := h.row(t)
		var kept aurora.AnalysisResult
		if e := json.Unmarshal([]byte(h.objects["analysis/riley/2026/11/18/v1.json"].body), &kept); e != nil || kept.Summary != c.Summary || c.Outcome != aurora.OutcomeResolved || len(d.asked) > 2 {
			t.Fatalf("dead after %d: row %+v, kept %+v, asked %d times, %v", died, c, kept, len(d.asked), e)
		}
		if err == nil {
			if died < 12 {
				t.Errorf("only %d calls: nothing was tried", died)
			}
			return
		}
	}
}

// crashingBucket and crashingAnalyser die when mortal does; the desk after it was asked, when it is paid for.
type crashingBucket struct {
	memoryBucket
	left *int
}

func (m crashingBucket) Read(ctx context.Context, key string) ([]byte, time.Time, error) {
	if err := (crashingStore{left: m.left}).countCall(); err != nil {
		return nil, time.Time{}, err
	}
	return m.memoryBucket.Read(ctx, key)
}

func (m crashingBucket) Create(ctx context.Context, key string, body []byte, hash string) (bool, error) {
	if err := (crashingStore{left: m.left}).countCall(); err != nil {
		return false, err
	}
	return m.memoryBucket.Create(ctx, key, body, hash)
}

type crashingAnalyser struct {
	*fakeAnalyser
	left *int
}

func (m crashingAnalyser) Analyse(ctx context.Context, a aurora.Assistant, r aurora.EndOfCall, said []aurora.Utterance) (aurora.AnalysisResult, error) {
	f, err := m.fakeAnalyser.Analyse(ctx, a, r, said)
	return f, errors.Join(err, crashingStore{left: m.left}.countCall())
}

func (m crashingStore) Row(ctx context.Context, at aurora.CallKey) (aurora.Call, bool, error) {
	if err := m.countCall(); err != nil {
		return aurora.Call{}, false, err
	}
	return m.memory.Row(ctx, at)
}

func TestConcurrentWorkersStoreOneAnalysis(t *testing.T) {
	h, d := newAnalysisFixture(t, spoken(1795014286704, "Hello"))
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := h.worker.ObjectCreated(t.Context(), firstReportKey); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var kept aurora.AnalysisResult
	if err := json.Unmarshal([]byte(h.objects["analysis/riley/2026/11/18/v1.json"].body), &kept); err != nil {
		t.Fatal(err)
	}
	if c := h.row(t); c.Summary != kept.Summary || c.Topics[0] != kept.Topics[0] || len(d.asked) == 0 {
		t.Errorf("the row says %q, and %q is kept", c.Summary, kept.Summary)
	}
}
