package callindex_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
)

// drawSources draws what several sources say of one call: reports, some with an analysis, and callbacks. Each leaves out some
// fields.
func drawSources(t *rapid.T) []aurora.Call {
	text := func(name string) string { return rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, name) }
	var all []aurora.Call
	for i := range rapid.IntRange(1, 4).Draw(t, "sources") {
		c := aurora.Call{CallKey: aurora.CallKey{AssistantID: "riley", Day: "2026-11-18"}, Version: fmt.Sprint(1000 + i),
			CustomerName: text("name"), Recording: text("recording"), AnsweredBy: rapid.SampledFrom([]string{"", "", "human", "machine_end_beep", "fax"}).Draw(t, "answeredBy"),
			EndedReason: rapid.SampledFrom([]string{"", "customer-ended-call", "manually-canceled", "pipeline-error-x", "voicemail", "completed", "busy"}).Draw(t, "reason")}
		if seconds := rapid.SampledFrom([]float64{-1, 0, 30}).Draw(t, "seconds"); seconds >= 0 {
			c.Seconds = &seconds
		}
		if rapid.Bool().Draw(t, "report") {
			c.ObjectKey, c.Success = fmt.Sprint("eoc/", i), rapid.SampledFrom([]string{"", "true", "false"}).Draw(t, "success")
			c.CallerTurns = rapid.IntRange(0, 3).Draw(t, "turns")
			c.Spoke = c.CallerTurns > 0
			c.ConversationUnknown = !c.Spoke && rapid.Bool().Draw(t, "unknown")
			c.Transferred = rapid.Bool().Draw(t, "transferred")
			evidence := providermsg.Evidence{Spoke: c.Spoke, Unknown: c.ConversationUnknown, Seconds: c.Seconds, Success: c.Success}
			c.Disposition = providermsg.Classify(c.EndedReason, evidence)
			if c.Outcome = providermsg.ClearOutcome(c.Disposition, c.Transferred, evidence); c.Outcome == "" {
				c.Outcome = rapid.SampledFrom([]aurora.Outcome{"", aurora.OutcomeResolved, aurora.OutcomeUnresolved}).Draw(t, "outcome")
			}
			if c.Spoke && rapid.Bool().Draw(t, "analysed") {
				c = c.WithAnalysis(aurora.AnalysisResult{Summary: text("summary"), Analysis: aurora.Analysis{Outcome: c.Outcome, AnalysisModel: "m", Sentiment: aurora.Sentiment(text("sentiment")), AnalysisNote: text("note")}})
			}
		} else {
			c.EndedReason = rapid.SampledFrom([]string{"completed", "busy", "no-answer"}).Draw(t, "status")
			if c.Disposition = providermsg.Classify(c.EndedReason, providermsg.Evidence{Spoke: true}); c.Disposition == aurora.DispositionAnswered && aurora.IsMachine(c.AnsweredBy) {
				c.Disposition = aurora.DispositionVoicemail
			}
		}
		all = append(all, c)
	}
	return all
}

// The row does not depend on the order in which the sources arrive, nor on how often, and no source erases what another one
// said.
func TestRowDoesNotDependOnTheOrderOfItsSources(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sources := drawSources(t)
		var rows []string
		for range 2 {
			f := newMemory()
			x := newIndex(f, f)
			order := rapid.Permutation(sources).Draw(t, "order")
			for _, c := range append(order, rapid.SliceOf(rapid.SampledFrom(sources)).Draw(t, "repeated")...) {
				if _, err := x.Upsert(t.Context(), []string{"c1"}, c); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range f.rows {
				c.Revision = 0
				checkNothingErased(t, c, sources)
				if len(sources) == 1 {
					c.JudgedOutcome = "" // a row of one source is stored as it is
				}
				text, err := json.Marshal(c)
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, string(text))
			}
		}
		if len(rows) != 2 || len(sources) > 1 && rows[0] != rows[1] {
			t.Errorf("the same sources in two orders make the rows\n%s\n%s", rows[0], rows[1])
		}
	})
}

func checkNothingErased(t *rapid.T, c aurora.Call, sources []aurora.Call) {
	var want aurora.Call // of each text the newest one
	for _, s := range sources {
		for _, field := range []struct {
			to   *string
			said string
		}{{&want.CustomerName, s.CustomerName}, {&want.Recording, s.Recording}, {&want.AnsweredBy, s.AnsweredBy}, {&want.Summary, s.Summary}, {&want.EndedReason, s.EndedReason}} {
			if field.said != "" {
				*field.to = field.said
			}
		}
		want.Version = s.Version
	}
	if c.CustomerName != want.CustomerName || c.Recording != want.Recording || c.AnsweredBy != want.AnsweredBy || c.Summary != want.Summary || c.EndedReason != want.EndedReason || c.Version != want.Version {
		t.Errorf("the row is %+v\nwant the newest of each field: %+v", c, want)
	}
	if len(sources) > 1 && aurora.IsMachine(c.AnsweredBy) && c.ObjectKey != "" && c.CallerTurns < 2 && c.Disposition != aurora.DispositionVoicemail && c.Disposition != aurora.DispositionFailed {
		t.Errorf("a machine answered and the caller spoke in %d turns, and the disposition is %s", c.CallerTurns, c.Disposition)
	}
}

func TestMachineVerdictAndReport(t *testing.T) {
	callback := func(answeredBy string) aurora.Call {
		return aurora.Call{CallKey: aurora.CallKey{AssistantID: "riley", Day: "2026-11-18"}, Version: aurora.NewVersion(noon.AddDate(-60, 0, 0), noon, "r1"), EndedReason: "completed",
			Disposition: aurora.DispositionAnswered, AnsweredBy: answeredBy, CustomerName: "Dana"}
	}
	turns := func(n int) string {
		messages := `{"role":"bot","message":"Hello"}`
		for range n {
			messages += `,{"role":"user","message":"Yes"},{"role":"bot","message":"Good"}`
		}
		return `"messages":[` + messages + `],`
	}
	for _, c := range []struct {
		answeredBy, report string
		class              aurora.Disposition
		outcome            aurora.Outcome
	}{
		{"machine_start", turns(0), aurora.DispositionVoicemail, aurora.OutcomeVoicemail},
		{"machine_end_beep", turns(1), aurora.DispositionVoicemail, aurora.OutcomeVoicemail},
		{"machine_end_silence", "", aurora.DispositionVoicemail, aurora.OutcomeVoicemail},
		{"machine_end_other", turns(2), aurora.DispositionAnswered, aurora.OutcomeResolved},
		{"fax", turns(1), aurora.DispositionVoicemail, aurora.OutcomeVoicemail},
		{"human", turns(1), aurora.DispositionAnswered, aurora.OutcomeResolved},
		{"unknown", turns(1), aurora.DispositionAnswered, aurora.OutcomeResolved},
		{"machine_start", `"endedReason":"voicemail",` + turns(3), aurora.DispositionVoicemail, aurora.OutcomeVoicemail},
		{"machine_start", `"endedReason":"pipeline-error-openai-llm-failed",`, aurora.DispositionFailed, aurora.OutcomeError},
	} {
		for _, reportFirst := range []bool{false, true} {
			f := newFixture()
			key := f.store(t, `"timestamp":1795014286704,"endedReason":"customer-ended-call",`+c.report+`"call":{"id":"c1","assistantId":"riley"},"analysis":{"successEvaluation":"true"}`)
			if reportFirst {
				f.deliver(t, key)
			}
			if _, err := f.worker.Index.Upsert(t.Context(), []string{"c1"}, callback(c.answeredBy)); err != nil {
				t.Fatal(err)
			}
			f.deliver(t, key)
			row := f.row(t)
			if row.Disposition != c.class || row.Outcome != c.outcome || row.AnsweredBy != c.answeredBy || row.CustomerName != "Dana" || row.Success != "true" {
				t.Errorf("%s, %s, report first %v: the row is %+v\nwant %s, %s, and the facts of both", c.answeredBy, c.report, reportFirst, row, c.class, c.outcome)
			}
		}
	}
}

// A row that an earlier version wrote has no facts of the telephone provider and no revision.
func TestRowOfAnEarlierVersionIsMerged(t *testing.T) {
	f := newFixture()
	key := f.store(t, `"timestamp":1795014286704,"endedReason":"customer-ended-call","call":{"id":"c1","assistantId":"riley"},"transcript":"AI: Hi\nUser: Yes"`)
	f.deliver(t, key)
	for at, row := range f.rows {
		row.CallerTurns, row.AnsweredBy, row.Summary = 0, "", "Earlier."
		f.rows[at] = row
	}
	newer := f.store(t, `"timestamp":1795014299999,"call":{"id":"c1","assistantId":"riley"},"cost":0.5`)
	f.deliver(t, newer)
	row := f.row(t)
	if row.Summary != "Earlier." || !row.Spoke || row.ObjectKey != key || row.Cost == nil || row.EndedReason != "customer-ended-call" || row.Disposition != aurora.DispositionAnswered {
		t.Errorf("the row is %+v, want what both reports said, and the transcript of the first", row)
	}
}
