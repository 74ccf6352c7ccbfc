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

// desk is an analyst that says what it was told, each time differently.
type desk struct {
	mu    sync.Mutex
	asked []string
	away  error
	note  string
	names []string // of the assistants whose calls they were
}

func (d *desk) Analyse(_ context.Context, a aurora.Assistant, r aurora.EndOfCall, said []aurora.Turn) (aurora.Finding, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away != nil {
		return aurora.Finding{}, d.away
	}
	var texts []string
	for _, turn := range said {
		texts = append(texts, turn.Text)
	}
	d.asked, d.names = append(d.asked, strings.Join(texts, "|")), append(d.names, a.ID())
	f := aurora.Finding{Analysis: aurora.Analysis{Outcome: aurora.Resolved, Sentiment: aurora.Neutral, Topics: []string{fmt.Sprint("question ", len(d.asked))}, AnalysisNote: d.note,
		Extracted: json.RawMessage(`{"n":1}`)}}
	if r.Summary == "" {
		f.Summary = fmt.Sprint("Summary ", len(d.asked))
	}
	return f, nil
}

const firstKey = "eoc/riley/2026/11/18/v1.json"

// spoken is a report of one call in which somebody spoke.
func spoken(made int, words string) string {
	return eoc(fmt.Sprintf(`"timestamp":%d,"call":{"id":"v1","assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","endedReason":"customer-ended-call","transcript":"AI: Hi\nUser: %s"`, made, words))
}

func analysing(t *testing.T, reports ...string) (*house, *desk) {
	t.Helper()
	h, d := newHouse(), &desk{}
	h.worker.Analyst = d
	for _, body := range reports {
		if err := h.post(t, body); err != nil {
			t.Fatal(err)
		}
	}
	return h, d
}

func (h *house) row(t *testing.T) aurora.Call {
	t.Helper()
	if len(h.rows) != 1 {
		t.Fatalf("%d rows: %+v", len(h.rows), h.rows)
	}
	for _, c := range h.rows {
		return c
	}
	return aurora.Call{}
}

func TestACallIsAnalysedOnce(t *testing.T) {
	h, d := analysing(t, spoken(1795014286704, "Hello"))
	for range 3 {
		if err := h.worker.Kept(t.Context(), firstKey); err != nil {
			t.Fatal(err)
		}
	}
	c := h.row(t)
	if len(d.asked) != 1 || d.asked[0] != "Hi|Hello" || d.names[0] != "riley" || c.Summary != "Summary 1" || c.Outcome != aurora.Resolved || c.Topics[0] != "question 1" {
		t.Errorf("asked %q, row %+v", d.asked, c)
	}
	if _, ok := h.objects["analysis/riley/2026/11/18/v1.json"]; !ok || len(h.objects) != 2 {
		t.Errorf("%v", h.objects)
	}
	clear(h.rows)
	clear(h.aliases)
	h.worker.Analyst = nil // as `make reindex` has it
	if err := h.worker.Kept(t.Context(), firstKey); err != nil {
		t.Fatal(err)
	}
	if again := h.row(t); again.Version != c.Version || again.Summary != c.Summary || len(d.asked) != 1 {
		t.Errorf("indexed again: %+v, want %+v", again, c)
	}
}

func TestSilenceIsPlain(t *testing.T) {
	h, d := analysing(t, eoc(`"call":{"id":"v1","assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","endedReason":"silence-timed-out","transcript":"AI: Hello?"`))
	h.index(t)
	if c := h.row(t); c.Outcome != aurora.Dropped || len(d.asked) != 0 || len(h.objects) != 1 {
		t.Errorf("%+v, asked %q", c, d.asked)
	}
}

func TestOnlyTheNewestReportIsAnalysed(t *testing.T) {
	h, d := analysing(t, spoken(1795014286704, "one"), spoken(1795014286705, "two"))
	keys := (bucketOf{h.memory}).keys()
	newest := keys[1] // the second lies beside the first
	for _, key := range []string{newest, keys[0], keys[0], newest} {
		if err := h.worker.Kept(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	if c := h.row(t); len(d.asked) != 1 || d.asked[0] != "Hi|two" || c.Key != newest || c.Summary != "Summary 1" {
		t.Errorf("asked %q, row %+v", d.asked, c)
	}
	// The other way round both were the newest once, and the later one counts.
	h, d = analysing(t, spoken(1795014286704, "one"), spoken(1795014286705, "two"))
	h.index(t)
	if c := h.row(t); len(d.asked) != 2 || c.Key != newest || c.Summary != "Summary 2" {
		t.Errorf("asked %q, row %+v", d.asked, c)
	}
}

func TestFault42TheCallCountsAllTheSame(t *testing.T) {
	h, d := analysing(t, spoken(1795014286704, "Hello"))
	d.away = fault.New(fault.Upstream, "The model could not be reached or failed.")
	if err := h.worker.Kept(t.Context(), firstKey); err == nil || h.n[webhook.MetricAnalysis] != 1 {
		t.Errorf("%v, counted %v", err, h.n)
	}
	if c := h.row(t); c.Class != aurora.Answered || c.Outcome != "" {
		t.Errorf("%+v", c)
	}
	d.away, d.note = nil, "The answer is not one JSON object."
	h.index(t)
	if c := h.row(t); c.Outcome != aurora.Resolved || h.n[webhook.MetricAnalysisNote] != 1 {
		t.Errorf("%+v, counted %v", c, h.n)
	}
}

// An analysis that could not be kept stands in the row, and is kept from there the next time, unasked.
func TestAnAnalysisThatCannotBeKept(t *testing.T) {
	h, d := analysing(t, spoken(1795014286704, "Hello"))
	h.refuse = errors.New("SlowDown")
	if err := h.worker.Kept(t.Context(), firstKey); err == nil {
		t.Error("the bucket refuses, and the message is done with")
	}
	if c := h.row(t); c.Outcome != aurora.Resolved {
		t.Errorf("%+v", c)
	}
	h.refuse = nil
	if err := h.worker.Kept(t.Context(), firstKey); err != nil {
		t.Fatal(err)
	}
	var f aurora.Finding
	if err := json.Unmarshal([]byte(h.objects["analysis/riley/2026/11/18/v1.json"].body), &f); err != nil || f.Summary != "Summary 1" || f.Outcome != aurora.Resolved || len(d.asked) != 1 {
		t.Errorf("%+v, %v, asked %q", f, err, d.asked)
	}
}

func TestAnAnalysisThatCannotBeRead(t *testing.T) {
	h, d := analysing(t, spoken(1795014286704, "Hello"))
	h.objects["analysis/riley/2026/11/18/v1.json"] = object{body: `{"summary":`}
	if err := h.worker.Kept(t.Context(), firstKey); err != nil || h.row(t).Summary != "Summary 1" || len(d.asked) != 1 {
		t.Errorf("%v, %+v", err, h.rows)
	}
}

func TestAssistantsOfAnalyses(t *testing.T) {
	h, d := analysing(t, strings.Replace(spoken(1795014286704, "Hello"), "riley", "nobody", 1))
	if err := h.worker.Kept(t.Context(), "eoc/nobody/2026/11/18/v1.json"); err != nil || d.names[0] != "" {
		t.Errorf("%v, %q", err, d.names)
	}
	h, d = analysing(t, spoken(1795014286704, "Hello"))
	h.worker.Assistants = stored{away: fault.New(fault.Unavailable, "Away.")}
	if err := h.worker.Kept(t.Context(), firstKey); err == nil || len(d.asked) != 0 || len(h.rows) != 1 {
		t.Errorf("%v: a call was analysed without its assistant's wishes", err)
	}
}

// A call of which no time is known counts when it was reported.
func TestWithoutAnyTime(t *testing.T) {
	h, _ := analysing(t, eoc(`"call":{"id":"v1","assistantId":"riley"}`))
	h.index(t)
	if c := h.row(t); !c.When().Equal(noon.Add(time.Second)) || c.Day != "2026-11-18" {
		t.Errorf("%+v counts at %v", c, c.When())
	}
}

// TestFault43TheAnalysis ends the worker before and after each of its calls to a store or the model, in turn; the
// notification is delivered again. The row comes out analysed, and its analysis kept.
func TestFault43TheAnalysis(t *testing.T) {
	for died := 0; ; died++ {
		h, d := analysing(t, spoken(1795014286704, "Hello"))
		left := died
		w := *h.worker
		w.Index = &webhook.Index{Ledger: mortal{h.memory, &left}, Rows: mortal{h.memory, &left}, Now: h.worker.Index.Now, Retention: time.Hour}
		w.Reader, w.Analyst = mortalBucket{bucketOf{h.memory}, &left}, mortalDesk{d, &left}
		w.Keeper.Objects = mortalBucket{bucketOf{h.memory}, &left}
		err := w.Kept(t.Context(), firstKey)
		h.index(t)
		c := h.row(t)
		var kept aurora.Finding
		if e := json.Unmarshal([]byte(h.objects["analysis/riley/2026/11/18/v1.json"].body), &kept); e != nil || kept.Summary != c.Summary || c.Outcome != aurora.Resolved || len(d.asked) > 2 {
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

// mortalBucket and mortalDesk die when mortal does; the desk after it was asked, when it is paid for.
type mortalBucket struct {
	bucketOf
	left *int
}

func (m mortalBucket) Read(ctx context.Context, key string) ([]byte, time.Time, error) {
	if err := (mortal{left: m.left}).step(); err != nil {
		return nil, time.Time{}, err
	}
	return m.bucketOf.Read(ctx, key)
}

func (m mortalBucket) Create(ctx context.Context, key string, body []byte, hash string) (bool, error) {
	if err := (mortal{left: m.left}).step(); err != nil {
		return false, err
	}
	return m.bucketOf.Create(ctx, key, body, hash)
}

type mortalDesk struct {
	*desk
	left *int
}

func (m mortalDesk) Analyse(ctx context.Context, a aurora.Assistant, r aurora.EndOfCall, said []aurora.Turn) (aurora.Finding, error) {
	f, err := m.desk.Analyse(ctx, a, r, said)
	return f, errors.Join(err, mortal{left: m.left}.step())
}

func (m mortal) Row(ctx context.Context, at aurora.Place) (aurora.Call, bool, error) {
	if err := m.step(); err != nil {
		return aurora.Call{}, false, err
	}
	return m.memory.Row(ctx, at)
}

func TestManyWorkersOneAnalysis(t *testing.T) {
	h, d := analysing(t, spoken(1795014286704, "Hello"))
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := h.worker.Kept(t.Context(), firstKey); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var kept aurora.Finding
	if err := json.Unmarshal([]byte(h.objects["analysis/riley/2026/11/18/v1.json"].body), &kept); err != nil {
		t.Fatal(err)
	}
	if c := h.row(t); c.Summary != kept.Summary || c.Topics[0] != kept.Topics[0] || len(d.asked) == 0 {
		t.Errorf("the row says %q, and %q is kept", c.Summary, kept.Summary)
	}
}
