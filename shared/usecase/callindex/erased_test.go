package callindex_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
)

// erasedCalls are the calls that were erased, as "assistant/id".
type erasedCalls struct {
	calls []string
	at    time.Time
	err   error
}

func (e *erasedCalls) IsErased(_ context.Context, assistantID string, names []string, at time.Time) (bool, error) {
	return !at.After(e.at) && slices.ContainsFunc(names, func(name string) bool { return slices.Contains(e.calls, assistantID+"/"+name) }), e.err
}

// remover removes objects of a memory.
type remover struct{ *memory }

func (r remover) Remove(_ context.Context, key string) error {
	delete(r.objects, key)
	return nil
}

func TestReportOfAnErasedCall(t *testing.T) {
	for name, c := range map[string]struct {
		fields string
		kept   bool
	}{
		"a later call with its id":    {`"timestamp":1795300000000,"startedAt":"2026-11-30T15:00:00Z","endedAt":"2026-11-30T15:04:42Z","call":{"id":"v1","assistantId":"riley"}`, true},
		"by its id":                   {`"call":{"id":"v1","assistantId":"riley"}`, false},
		"by another id":               {`"call":{"id":"v9","assistantId":"riley","phoneCallProviderId":"CA1"}`, false},
		"another assistant's call":    {`"call":{"id":"v1","assistantId":"avery"}`, true},
		"another call":                {`"call":{"id":"v2","assistantId":"riley"}`, true},
		"erased without an assistant": {`"call":{"id":"v3"},"phoneNumber":{"number":"+15551230100"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			f.worker.Erased, f.worker.Remover = &erasedCalls{calls: []string{"riley/v1", "riley/CA1", "_/v3"}, at: noon.Add(24 * time.Hour)}, remover{f.memory}
			if !strings.Contains(c.fields, "endedAt") {
				c.fields += `,"endedAt":"2026-11-18T15:04:42Z"`
			}
			f.deliver(t, f.store(t, c.fields))
			if kept := len(f.objects) == 1 && len(f.rows) == 1; kept != c.kept || !kept && len(f.objects)+len(f.rows) > 0 {
				t.Errorf("%d objects and %d rows, want them kept: %v", len(f.objects), len(f.rows), c.kept)
			}
		})
	}
}

func TestErasedCallsCannotBeRead(t *testing.T) {
	f := newFixture()
	f.worker.Erased, f.worker.Remover = &erasedCalls{err: errors.New("throttled")}, remover{f.memory}
	key := f.store(t, firstReport)
	if err := f.worker.ObjectCreated(t.Context(), key); err == nil || len(f.rows) != 0 || len(f.objects) != 1 {
		t.Errorf("error %v, %d rows, %d objects; want an error, so that the message is delivered again", err, len(f.rows), len(f.objects))
	}
}

// erasing is an analyst during whose work the call is erased.
type erasing struct{ erased *erasedCalls }

func (e erasing) Analyse(context.Context, aurora.Assistant, providermsg.EndOfCall, []providermsg.Utterance) (aurora.AnalysisResult, error) {
	e.erased.calls = []string{"riley/v1"}
	return aurora.AnalysisResult{Summary: "They spoke."}, nil
}

func TestCallIsErasedDuringItsAnalysis(t *testing.T) {
	f := newFixture()
	erased := &erasedCalls{}
	f.worker.Erased, f.worker.Remover, f.worker.Analyser = erased, remover{f.memory}, erasing{erased}
	key := f.store(t, `"call":{"id":"v1","assistantId":"riley"},"artifact":{"messages":[{"role":"user","message":"Hi"}]}`)
	if _, err := f.worker.IndexReport(t.Context(), key); !fault.Is(err, fault.NotFound) || len(f.objects) != 0 {
		t.Errorf("error %v, objects %v; want NotFound and neither report nor analysis", err, f.reportKeys())
	}
}
