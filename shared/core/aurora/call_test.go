package aurora_test

import (
	"slices"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
)

func TestVersionsSortByTime(t *testing.T) {
	at := time.Date(2026, 11, 18, 15, 0, 0, 0, time.UTC)
	inOrder := []string{
		aurora.NewVersion(time.Time{}, at, "b"), aurora.NewVersion(time.Time{}, at.Add(time.Second), "a"), aurora.NewVersion(at, at, "a"), aurora.NewVersion(at, at, "b"),
		aurora.NewVersion(at, at.Add(time.Second), "a"), aurora.NewVersion(at.Add(time.Millisecond), at, "a"),
	}
	if !slices.IsSorted(inOrder) {
		t.Errorf("the versions are not in order: %v", inOrder)
	}
}

func TestWithAnalysis(t *testing.T) {
	at := time.Date(2026, 11, 18, 15, 0, 0, 0, time.UTC)
	c := aurora.Call{Version: aurora.NewVersion(at, at, "eoc/a.json"), Summary: "The provider's."}
	result := aurora.AnalysisResult{Summary: "The model's.", Analysis: aurora.Analysis{Outcome: aurora.OutcomeResolved}}
	analysed := c.WithAnalysis(result)
	if newer := aurora.NewVersion(at, at.Add(time.Millisecond), "a"); analysed.Version <= c.Version || analysed.Version >= newer {
		t.Errorf("the analysed row's version %s is not between %s and %s", analysed.Version, c.Version, newer)
	}
	if analysed.Summary != "The provider's." || analysed.Outcome != aurora.OutcomeResolved {
		t.Errorf("the analysed row is %+v, want the provider's summary and the model's outcome", analysed)
	}
	c.Summary = ""
	if got := c.WithAnalysis(result).Summary; got != "The model's." {
		t.Errorf("the summary is %q, want the model's", got)
	}
}

func TestCallKeyRoundTrip(t *testing.T) {
	key := aurora.CallKey{AssistantID: "a_b-c", Day: "2026-11-18", CallID: "x"}
	if got := aurora.ParseCallKey(key.Partition(), "x"); got != key {
		t.Errorf("%+v was read back as %+v", key, got)
	}
	if got := aurora.ParseCallKey("", "x"); got != (aurora.CallKey{CallID: "x"}) {
		t.Errorf("an empty hash key was read as %+v", got)
	}
}

func TestSafeKeys(t *testing.T) {
	if got := aurora.SafeKey("../x"); !aurora.IsSafeID(got) {
		t.Errorf("SafeKey returned %q, which is not safe", got)
	}
	if got := aurora.AssistantKey("../x"); got != aurora.NoAssistant {
		t.Errorf("AssistantKey returned %q for an unsafe id, want %s", got, aurora.NoAssistant)
	}
}

func TestIsMachine(t *testing.T) {
	for answeredBy, want := range map[string]bool{"machine_start": true, "machine_end_beep": true, "machine_end_silence": true, "machine_end_other": true,
		"fax": true, "Fax": true, "human": false, "unknown": false, "": false} {
		if got := aurora.IsMachine(answeredBy); got != want {
			t.Errorf("IsMachine(%q) is %v, want %v", answeredBy, got, want)
		}
	}
}
