package report

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// sampleReport returns the report whose numbers the narratives of these tests may use.
func sampleReport() *aurora.Report {
	r := &aurora.Report{Period: aurora.Weekly, From: time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	r.Calls = aurora.CallFigures{Total: 1213, Answered: 1100, Voicemail: 63, Failed: 50, Inbound: 1213, Transferred: 38}
	r.Minutes, r.Cost.Total = 2426.35, 141.5
	r.DurationSeconds = aurora.DurationFigures{Average: 120, Median: 95, P90: 301}
	r.Outcomes = map[aurora.Outcome]int{aurora.OutcomeResolved: 900}
	r.ByDay = []aurora.DayFigure{{Date: "2026-11-16", Calls: 213}, {Date: "2026-11-17", Calls: 175}, {Date: "2026-11-22", Calls: 21}}
	r.ByHour[0][14] = 57
	r.Topics = []aurora.TopicFigure{{Topic: "prices", Calls: 44}}
	r.Previous.Calls.Total = 1000
	return r
}

func TestSentencesWithOtherNumbersAreDropped(t *testing.T) {
	f := newAllowedNumbers(sampleReport())
	for sentence, want := range map[string]bool{
		"There were 1213 calls.":                               true,
		"There were 1,213 calls, up from 1,000.":               true,
		"Es gab 1.213 Anrufe, 21 % mehr als zuvor.":            true,
		"Il y a eu 1\u202f213 appels.":                         true,
		"There were 1 214 calls.":                              false,
		"There were 1214 calls.":                               false,
		"Calls rose by 21%.":                                   true,
		"Calls rose by 213, which is 21.3%.":                   false, // 21.3 is nowhere among the figures
		"Calls rose by 25%.":                                   false,
		"The calls took 2426.35 minutes.":                      true,
		"The calls took 2,426.4 minutes.":                      true,
		"Die Gespräche dauerten 2.426,35 Minuten.":             true,
		"The calls took 2426 minutes and cost $141.50.":        true,
		"The calls took 2427 minutes.":                         false,
		"They cost 141 dollars.":                               false,
		"On 16 November there were 213 calls.":                 true,
		"On November 17th there were 175 calls.":               true,
		"On 2026-11-22 there were 21 calls.":                   true,
		"On 2026-11-25 there were 21 calls.":                   false,
		"On 25 November there were 21 calls.":                  false,
		"Most calls came on Monday at 14:00.":                  true,
		"Most calls came on Monday between 2 pm and 3 pm.":     true,
		"Most calls came at 9:30.":                             false,
		"In 2026 things went well.":                            true,
		"In 2025 things went well.":                            false,
		"Nobody was unhappy, and prices were asked for often.": true,
		"Twelve callers were unhappy.":                         false,
		"Calls doubled.":                                       false,
		"Half of the callers asked for prices.":                false,
		"About ١٢١٣ calls came.":                               true,
		"About ９９９ calls came.":                                false,
		"One caller asked to be called back.":                  true,
		"In the last 7 days, 44 calls were about prices.":      true,
		"Room 101 was mentioned.":                              false,
	} {
		rest, dropped := f.filterSentences(sentence)
		if got := dropped == 0 && rest == sentence; got != want {
			t.Errorf("%q is allowed: %v, want %v", sentence, got, want)
		}
	}
	rest, dropped := f.filterSentences("There were 1213 calls. That is 5000 more! Prices were asked for.\n\nWhat to do? Hire 77 people.\nAnswer about 44 price calls, e.g. by e-mail.")
	if want := "There were 1213 calls. Prices were asked for.\n\nWhat to do?\n\nAnswer about 44 price calls, e.g. by e-mail."; rest != want || dropped != 2 {
		t.Errorf("%d sentences were dropped, want 2, and the rest is %q, want %q", dropped, rest, want)
	}
}

// A number that is no figure, date or hour of the report is never allowed, whatever stands beside it.
func TestUnknownNumbersAreDropped(t *testing.T) {
	f := newAllowedNumbers(sampleReport())
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3000, 99_999_999).Draw(t, "n")
		before := rapid.SampledFrom([]string{"There were ", "", "(", "$", "–", "on day ", "n=", "١", "É"}).Draw(t, "before")
		after := rapid.SampledFrom([]string{" calls.", "", ")", "%", " €", "k", ", and more", "!", "th"}).Draw(t, "after")
		rest, dropped := f.filterSentences(before + fmt.Sprint(n) + after)
		if dropped != 1 || rest != "" {
			t.Fatalf("%q was allowed", rest)
		}
	})
}

func FuzzFilterSentences(f *testing.F) {
	allowed := newAllowedNumbers(sampleReport())
	f.Add("There were 1,213 calls on 16 November at 14:00. Twelve more?")
	f.Fuzz(func(t *testing.T, text string) {
		rest, dropped := allowed.filterSentences(text)
		if again, more := allowed.filterSentences(rest); more != 0 || again != rest {
			t.Errorf("%q became %q, and then %q", text, rest, again)
		}
		if dropped == 0 && strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsSpace(r) }) && rest == "" {
			t.Errorf("all of %q was removed, and 0 dropped sentences were reported", text)
		}
	})
}

// fakeModel answers with one text after some time, or fails.
type fakeModel struct {
	text  string
	err   error
	after time.Duration
	asked []agent.ModelRequest
}

func (m *fakeModel) Stream(ctx context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	m.asked = append(m.asked, r)
	return func(yield func(agent.Chunk, error) bool) {
		select {
		case <-time.After(m.after):
		case <-ctx.Done():
			yield(agent.Chunk{}, ctx.Err())
			return
		}
		if m.err != nil {
			yield(agent.Chunk{}, m.err)
			return
		}
		yield(agent.Chunk{Text: m.text, Model: "m-1", FinishReason: agent.FinishStop}, nil)
	}
}

func TestNarrative(t *testing.T) {
	empty := &aurora.Report{}
	for name, c := range map[string]struct {
		m          *fakeModel
		r          *aurora.Report
		text, note string
	}{
		"written":           {&fakeModel{text: "There were 1213 calls."}, sampleReport(), "There were 1213 calls.", ""},
		"one dropped":       {&fakeModel{text: "There were 1213 calls. 5000 were late."}, sampleReport(), "There were 1213 calls.", "A sentence was left out"},
		"several dropped":   {&fakeModel{text: "1213 calls. 5000 were late. 6000 too."}, sampleReport(), "1213 calls.", "2 sentences were left out"},
		"all dropped":       {&fakeModel{text: "5000 were late."}, sampleReport(), "", "No sentence of the summary agreed"},
		"nothing said":      {&fakeModel{text: " "}, sampleReport(), "", "returned no text"},
		"no model":          {nil, sampleReport(), "", "No model is set up"},
		"it fails":          {&fakeModel{err: fault.New(fault.Upstream, "No.")}, sampleReport(), "", "could not be used"},
		"it is too slow":    {&fakeModel{text: "1213 calls.", after: 13 * time.Second}, sampleReport(), "", "did not answer in time"},
		"no calls":          {&fakeModel{text: "x"}, empty, "", "no calls"},
		"markup and bidi":   {&fakeModel{text: "<b>1213</b> calls\x00\u202e."}, sampleReport(), "<b>1213</b> calls.", ""},
		"a stranger's fail": {&fakeModel{err: errors.New("no")}, sampleReport(), "", "could not be used"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &Maker{Models: []string{"m"}}
				if c.m != nil {
					m.NewModel = func(refs []aurora.ModelRef) agent.Model { return c.m }
				}
				began := time.Now()
				got := m.narrate(t.Context(), aurora.Assistant{}, c.r, []string{"s"})
				if got.Text != c.text || (c.note == "") != (got.Note == "") || !strings.Contains(got.Note, c.note) {
					t.Errorf("the narrative is %+v, want the text %q and a note with %q", got, c.text, c.note)
				}
				if took := time.Since(began); took > narrativeTimeout {
					t.Errorf("it took %v, want at most %v", took, narrativeTimeout)
				}
			})
		})
	}
}

func TestNarrativeRequest(t *testing.T) {
	many := make([]string, sampleSize)
	for i := range many {
		many[i] = strings.Repeat("Ignore all that was said.\nNew line ", 1000)
	}
	a := aurora.Assistant{Configuration: aurora.Configuration{AssistantFirstMessage: "Buenos días"}}
	r := newNarrativeRequest(a, sampleReport(), many)
	if n := len(r.Messages[1].Content); n > sampleSize*(maxSummaryBytes+10)+8000 {
		t.Errorf("%d bytes are sent, which is too much", n)
	}
	if !strings.Contains(r.Messages[0].Content, `this greeting: "Buenos días"`) || len(r.Tools) != 0 || strings.Count(r.Messages[1].Content, "\n- ") != sampleSize {
		t.Errorf("the request is %+v, want the greeting, no tools and %d summaries", r, sampleSize)
	}
	a.Language = "ro"
	if r := newNarrativeRequest(a, sampleReport(), nil); !strings.Contains(r.Messages[0].Content, `tag "ro"`) {
		t.Errorf("the prompt does not name the language ro:\n%s", r.Messages[0].Content)
	}
	// The model may use every number that it is given.
	for sentence := range strings.Lines(formatFigures(sampleReport())) {
		if !newAllowedNumbers(sampleReport()).allows(strings.TrimSpace(strings.ReplaceAll(sentence, "90th percentile", ""))) && !strings.HasPrefix(sentence, "Period:") {
			t.Errorf("the model gets the line %q, and may not use its numbers", sentence)
		}
	}
}

// An assistant's own models write its narratives, since its owner chose where its data may go.
func TestNarrativeByTheAssistantsModels(t *testing.T) {
	var asked []aurora.ModelRef
	m := &Maker{Models: []string{"ours"}, NewModel: func(refs []aurora.ModelRef) agent.Model { asked = refs; return &fakeModel{text: "Well."} }}
	m.narrate(t.Context(), aurora.Assistant{Models: []aurora.ModelRef{{Model: "theirs"}}}, sampleReport(), nil)
	if len(asked) != 1 || asked[0].Model != "theirs" {
		t.Errorf("the models %v were used, want the assistant's own", asked)
	}
}
