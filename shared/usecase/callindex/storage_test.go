package callindex_test

import (
	"encoding/json"
	"strings"
	"testing"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/testkit"
)

// withStorage makes riley store less, and its calls for 30 days.
func withStorage(f *fixture, storage aurora.Storage) {
	f.worker.Assistants = testkit.NewAssistants(aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "riley"}, Storage: storage, RetentionDays: 30})
}

// personalReport is a report that was stored before its assistant stored less.
const personalReport = `"timestamp":1795014286704,"call":{"id":"v1","assistantId":"riley","type":"inboundPhoneCall"},"endedAt":"2026-11-18T15:04:42Z",
	"endedReason":"customer-ended-call","customer":{"number":"+14155550100","name":"Dana"},"recordingUrl":"https://r.example.com/1","durationSeconds":20,
	"cost":0.25,"summary":"Dana called from 415-555-0100.","messages":[{"role":"bot","message":"Hi"},{"role":"user","message":"dana@example.com"}]`

func TestRowWithoutPersonalData(t *testing.T) {
	f, a := newAnalysisFixture(t, personalReport)
	withStorage(f, aurora.StoreWithoutPersonalData)
	f.deliver(t, spokenKey)
	c := f.row(t)
	text, _ := json.Marshal(c)
	for _, personal := range []string{"5550100", "555-0100", "Dana\"", "dana@", "r.example.com"} {
		if strings.Contains(string(text), personal) {
			t.Errorf("%s is left in the row %s", personal, text)
		}
	}
	if *c.Cost != 0.25 || *c.Seconds != 20 || c.Disposition != aurora.DispositionAnswered || !c.Spoke || c.Withheld || c.RetentionDays != 30 {
		t.Errorf("the row is %s", text)
	}
	if len(a.transcripts) != 1 || a.transcripts[0] != "Hi|[e-mail]" {
		t.Errorf("analysed %q, want the transcript without the address", a.transcripts)
	}
}

func TestRowOfNothingButFigures(t *testing.T) {
	f, a := newAnalysisFixture(t, personalReport)
	withStorage(f, aurora.StoreFigures)
	f.deliver(t, spokenKey)
	c := f.row(t)
	if len(a.transcripts) != 0 {
		t.Errorf("a model was asked about %q", a.transcripts)
	}
	if c.Summary != "" || c.Customer != "" || c.CustomerName != "" || c.Recording != "" || c.Transcript {
		t.Errorf("texts are left in %+v", c)
	}
	if *c.Cost != 0.25 || *c.Seconds != 20 || c.Disposition != aurora.DispositionAnswered || !c.Spoke || c.Withheld || c.Direction != aurora.DirectionInbound {
		t.Errorf("figures are missing in %+v", c)
	}
}

// An analysis that is older than the setting is used without what is personal in it.
func TestEarlierAnalysisWithoutPersonalData(t *testing.T) {
	f, a := newAnalysisFixture(t, personalReport)
	withStorage(f, aurora.StoreWithoutPersonalData)
	f.objects[analysisKey] = storedObject{body: `{"outcome":"resolved","actionItems":["Call 415-555-0100 back."],"extracted":{"phone":"4155550100","guests":4}}`}
	f.deliver(t, spokenKey)
	c := f.row(t)
	if len(a.transcripts) != 0 || c.ActionItems[0] != "Call [phone number] back." || string(c.Extracted) != `{"guests":4,"phone":"[phone number]"}` && string(c.Extracted) != `{"phone":"[phone number]","guests":4}` {
		t.Errorf("the row has %q and %s after %d analyses", c.ActionItems, c.Extracted, len(a.transcripts))
	}
}
