package providermsg_test

import (
	"reflect"
	"strings"
	"testing"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
)

// figuresOf returns what a report says without its texts.
func figuresOf(r providermsg.EndOfCall) providermsg.EndOfCall {
	for i, id := range r.IDs {
		r.IDs[i] = aurora.SafeKey(id)
	}
	if !aurora.IsSafeID(r.AssistantID) {
		r.AssistantID = ""
	}
	r.Customer, r.CustomerName, r.Summary, r.RecordingURL, r.Transcript, r.Extracted, r.ExtractedNote = "", "", "", "", false, nil, ""
	return r
}

// A report without texts leads to the same row, but for the texts.
func TestFiguresKeepTheFigures(t *testing.T) {
	reports := 0
	for name, body := range webhookBodies(t) {
		m, err := providermsg.ParseMessage([]byte(body))
		if err != nil || m.Type() != "end-of-call-report" {
			continue
		}
		reports++
		figures, err := m.Figures()
		if err != nil {
			t.Fatal(err)
		}
		again, err := providermsg.ParseMessage(figures)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, want := again.EndOfCall(), figuresOf(m.EndOfCall())
		if len(want.IDs) > 8 {
			want.IDs = want.IDs[:8]
		}
		if len(got.EndedReason) == 0 { // a sentence is left out
			want.EndedReason = ""
		}
		want.Timestamp, want.Success = got.Timestamp, got.Success // milliseconds; a sentence is left out
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
		if twice, _ := again.Figures(); string(twice) != string(figures) {
			t.Errorf("%s: figures of figures differ:\n%s\n%s", name, figures, twice)
		}
	}
	if reports < 10 {
		t.Errorf("only %d reports were read", reports)
	}
}

func TestFiguresHoldNoText(t *testing.T) {
	m, err := providermsg.ParseMessage([]byte(`{"message":{"type":"end-of-call-report","call":{"id":"call of Dana","type":"inboundPhoneCall"},"assistantId":"riley",
		"customer":{"number":"+14155550100","name":"Dana"},"endedReason":"Dana hung up","summary":"Dana called","recordingUrl":"https://r.example.com/Dana",
		"analysis":{"successEvaluation":"Dana was happy","structuredData":{"name":"Dana"}},"transcript":"AI: Hello Dana\nUser: Dana here",
		"messages":[{"role":"bot","message":"Hello Dana"},{"role":"user","message":"Dana here"}],"durationSeconds":12,"cost":0.1}}`))
	if err != nil {
		t.Fatal(err)
	}
	figures, err := m.Figures()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(figures), "Dana") || strings.Contains(string(figures), "5550100") {
		t.Errorf("texts are left in %s", figures)
	}
	again, _ := providermsg.ParseMessage(figures)
	if r := again.EndOfCall(); !r.Spoke || r.CallerTurns != 1 || r.Withheld || *r.Seconds != 12 || r.Direction != aurora.DirectionInbound {
		t.Errorf("the figures are %+v", r)
	}
}

func TestFiguresOfOtherMessages(t *testing.T) {
	m, err := providermsg.ParseMessage([]byte(`{"message":{"type":"call Dana","call":{"id":"c1"},"assistantId":"riley","note":"Dana"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if figures, err := m.Figures(); err != nil || strings.Contains(string(figures), "Dana") || !strings.Contains(string(figures), `"id":"c1"`) {
		t.Errorf("Figures = %s, %v", figures, err)
	}
}
