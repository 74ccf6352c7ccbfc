package callindex_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/callindex"
)

// fakeAnalyser gives every analysis a number, so that a second analysis of a call differs from the first.
type fakeAnalyser struct {
	mu          sync.Mutex
	transcripts []string // of the calls that it analysed
	assistants  []string // whose calls they were
	err         error
	note        string
}

func (a *fakeAnalyser) Analyse(_ context.Context, assistant aurora.Assistant, r providermsg.EndOfCall, transcript []providermsg.Utterance) (aurora.AnalysisResult, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return aurora.AnalysisResult{}, a.err
	}
	var texts []string
	for _, u := range transcript {
		texts = append(texts, u.Text)
	}
	a.transcripts, a.assistants = append(a.transcripts, strings.Join(texts, "|")), append(a.assistants, assistant.ID())
	result := aurora.AnalysisResult{Analysis: aurora.Analysis{Outcome: aurora.OutcomeResolved, Sentiment: aurora.SentimentNeutral,
		Topics: []string{fmt.Sprint("topic ", len(a.transcripts))}, AnalysisNote: a.note, Extracted: json.RawMessage(`{"n":1}`)}}
	if r.Summary == "" {
		result.Summary = fmt.Sprint("Summary ", len(a.transcripts))
	}
	return result, nil
}

const (
	spokenKey   = "eoc/riley/2026/11/18/v1.json"
	analysisKey = "analysis/riley/2026/11/18/v1.json"
)

// spokenReport returns the fields of a report about call v1, in which the caller says something.
func spokenReport(timestamp int, said string) string {
	return fmt.Sprintf(`"timestamp":%d,"call":{"id":"v1","assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","endedReason":"customer-ended-call","transcript":"AI: Hi\nUser: %s"`, timestamp, said)
}

func newAnalysisFixture(t *testing.T, reports ...string) (*fixture, *fakeAnalyser) {
	t.Helper()
	f, a := newFixture(), &fakeAnalyser{}
	f.worker.Analyser = a
	for _, fields := range reports {
		f.store(t, fields)
	}
	return f, a
}

// storedAnalysis returns the analysis in the bucket.
func (f *fixture) storedAnalysis(t *testing.T) (result aurora.AnalysisResult) {
	t.Helper()
	if err := json.Unmarshal([]byte(f.objects[analysisKey].body), &result); err != nil {
		t.Fatalf("read the stored analysis: %v", err)
	}
	return result
}

func TestCallIsAnalysedOnce(t *testing.T) {
	f, a := newAnalysisFixture(t, spokenReport(1795014286704, "Hello"))
	for range 3 {
		f.deliver(t, spokenKey)
	}
	if !slices.Equal(a.transcripts, []string{"Hi|Hello"}) || !slices.Equal(a.assistants, []string{"riley"}) {
		t.Errorf("analysed %q for %q, want one call of riley", a.transcripts, a.assistants)
	}
	c := f.row(t)
	if c.Summary != "Summary 1" || c.Outcome != aurora.OutcomeResolved || !slices.Equal(c.Topics, []string{"topic 1"}) {
		t.Errorf("the row has no analysis: %+v", c)
	}
	if _, ok := f.objects[analysisKey]; !ok || len(f.objects) != 2 {
		t.Errorf("the bucket holds %v, want the report and its analysis", f.reportKeys())
	}
	clear(f.rows)
	clear(f.aliases)
	f.worker.Analyser, f.worker.Writer, f.worker.Count = nil, nil, nil // as `make reindex` has it
	f.deliver(t, spokenKey)
	if again := f.row(t); again.Version != c.Version || again.Summary != c.Summary {
		t.Errorf("the row that was indexed again is %+v, want %+v", again, c)
	}
}

func TestCallWithoutSpeechIsNotAnalysed(t *testing.T) {
	f, a := newAnalysisFixture(t, `"call":{"id":"v1","assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","endedReason":"silence-timed-out","transcript":"AI: Hello?"`)
	f.deliverAll(t)
	if c := f.row(t); c.Outcome != aurora.OutcomeDropped {
		t.Errorf("the outcome is %q, want dropped", c.Outcome)
	}
	if len(a.transcripts) != 0 || len(f.objects) != 1 {
		t.Errorf("analysed %q, and the bucket holds %v", a.transcripts, f.reportKeys())
	}
}

func TestOnlyTheNewestReportIsAnalysed(t *testing.T) {
	f, a := newAnalysisFixture(t, spokenReport(1795014286704, "one"), spokenReport(1795014286705, "two"))
	keys := f.reportKeys()
	newest := keys[1] // the second report lies beside the first
	for _, key := range []string{newest, keys[0], keys[0], newest} {
		f.deliver(t, key)
	}
	if !slices.Equal(a.transcripts, []string{"Hi|two"}) {
		t.Errorf("analysed %q, want the newest report alone", a.transcripts)
	}
	if c := f.row(t); c.ObjectKey != newest || c.Summary != "Summary 1" {
		t.Errorf("the row is not the newest report's: %+v", c)
	}

	// In the other order both reports were once the newest; the second one counts.
	f, a = newAnalysisFixture(t, spokenReport(1795014286704, "one"), spokenReport(1795014286705, "two"))
	f.deliverAll(t)
	if !slices.Equal(a.transcripts, []string{"Hi|one", "Hi|two"}) {
		t.Errorf("analysed %q, want both reports", a.transcripts)
	}
	if c := f.row(t); c.ObjectKey != newest || c.Summary != "Summary 2" {
		t.Errorf("the row is not the newest report's: %+v", c)
	}
}

func TestFault42RowIsWrittenWhenAnalysisFails(t *testing.T) {
	f, a := newAnalysisFixture(t, spokenReport(1795014286704, "Hello"))
	a.err = fault.New(fault.Upstream, "The model could not be reached or failed.")
	if err := f.worker.ObjectCreated(t.Context(), spokenKey); err == nil {
		t.Error("the message is done with although the analysis failed")
	}
	if f.metrics[callindex.MetricAnalysisFailed] != 1 {
		t.Errorf("counted %v, want one %s", f.metrics, callindex.MetricAnalysisFailed)
	}
	if c := f.row(t); c.Disposition != aurora.DispositionAnswered || c.Outcome != "" {
		t.Errorf("the row is %s with outcome %q, want answered and none", c.Disposition, c.Outcome)
	}
	a.err, a.note = nil, "The answer is not one JSON object."
	f.deliverAll(t)
	if c := f.row(t); c.Outcome != aurora.OutcomeResolved {
		t.Errorf("the outcome is %q, want resolved", c.Outcome)
	}
	if f.metrics[callindex.MetricAnalysisIncomplete] != 1 {
		t.Errorf("counted %v, want one %s", f.metrics, callindex.MetricAnalysisIncomplete)
	}
}

// If the bucket does not take an analysis, the row has it, and the next delivery stores it without a second analysis.
func TestAnalysisIsStoredLaterFromRow(t *testing.T) {
	f, a := newAnalysisFixture(t, spokenReport(1795014286704, "Hello"))
	f.err = errors.New("SlowDown")
	if err := f.worker.ObjectCreated(t.Context(), spokenKey); err == nil {
		t.Error("the message is done with although the analysis was not stored")
	}
	if c := f.row(t); c.Outcome != aurora.OutcomeResolved {
		t.Errorf("the row's outcome is %q, want resolved", c.Outcome)
	}
	f.err = nil
	f.deliver(t, spokenKey)
	if result := f.storedAnalysis(t); result.Summary != "Summary 1" || result.Outcome != aurora.OutcomeResolved {
		t.Errorf("the stored analysis is %+v, want the row's", result)
	}
	if len(a.transcripts) != 1 {
		t.Errorf("the call was analysed %d times, want once", len(a.transcripts))
	}
}

func TestUnreadableAnalysisIsRepeated(t *testing.T) {
	f, a := newAnalysisFixture(t, spokenReport(1795014286704, "Hello"))
	f.objects[analysisKey] = storedObject{body: `{"summary":`}
	f.deliver(t, spokenKey)
	if summary := f.row(t).Summary; summary != "Summary 1" || len(a.transcripts) != 1 {
		t.Errorf("the summary is %q after %d analyses, want the first analysis's", summary, len(a.transcripts))
	}
}

func TestAnalysisNeedsAssistantStore(t *testing.T) {
	f, a := newAnalysisFixture(t, strings.Replace(spokenReport(1795014286704, "Hello"), "riley", "unknown", 1))
	f.deliver(t, "eoc/unknown/2026/11/18/v1.json")
	if !slices.Equal(a.assistants, []string{""}) {
		t.Errorf("analysed for %q, want an assistant without configuration", a.assistants)
	}
	f, a = newAnalysisFixture(t, spokenReport(1795014286704, "Hello"))
	f.worker.Assistants = &testkit.Assistants{Err: fault.New(fault.Unavailable, "The assistants cannot be read now.")}
	if err := f.worker.ObjectCreated(t.Context(), spokenKey); err == nil || len(a.assistants) != 0 {
		t.Errorf("%v: a call was analysed without its assistant's configuration", err)
	}
	if len(f.rows) != 0 { // the assistant says what the row may hold
		t.Errorf("there are %d rows, want none", len(f.rows))
	}
}

// The worker dies before each of its calls to a store, and after its call to the model, in turn. The notification is
// delivered again. In the end the row is analysed and its analysis is stored.
func TestFault43CrashDuringAnalysis(t *testing.T) {
	for calls := 0; ; calls++ {
		f, a := newAnalysisFixture(t, spokenReport(1795014286704, "Hello"))
		left := calls
		store := crashingStore{f.memory, &left}
		w := *f.worker
		w.Index, w.Reader, w.Writer, w.Analyser = newIndex(store, store), store, store, crashingAnalyser{a, &left}
		err := w.ObjectCreated(t.Context(), spokenKey)
		f.deliverAll(t)
		c, stored := f.row(t), f.storedAnalysis(t)
		if stored.Summary != c.Summary || c.Outcome != aurora.OutcomeResolved {
			t.Fatalf("after a crash at call %d the row is %+v and the stored analysis %+v", calls, c, stored)
		}
		if len(a.transcripts) > 2 {
			t.Fatalf("after a crash at call %d the call was analysed %d times", calls, len(a.transcripts))
		}
		if err == nil {
			if calls < 11 {
				t.Errorf("the worker made only %d calls", calls)
			}
			return
		}
	}
}

func TestConcurrentWorkersStoreOneAnalysis(t *testing.T) {
	f, a := newAnalysisFixture(t, spokenReport(1795014286704, "Hello"))
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := f.worker.ObjectCreated(t.Context(), spokenKey); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c, stored := f.row(t), f.storedAnalysis(t)
	if c.Summary != stored.Summary || !slices.Equal(c.Topics, stored.Topics) || len(a.transcripts) == 0 {
		t.Errorf("the row has the summary %q and the bucket %q, want the same", c.Summary, stored.Summary)
	}
}
