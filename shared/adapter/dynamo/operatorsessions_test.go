package dynamo_test

import (
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
)

func TestOperatorSessionsEnd(t *testing.T) {
	config, _ := newTables(t)
	c := newClock()
	here, elsewhere := dynamo.NewLedger(config, "ledger", c.now), dynamo.NewLedger(config, "ledger", c.now) // two processes
	expect := func(id string, want bool) {
		t.Helper()
		if ended, err := elsewhere.HasSessionEnded(t.Context(), id); err != nil || ended != want {
			t.Errorf("session %s has ended: %v, %v; want %v", id, ended, err, want)
		}
	}
	expect("S1", false)
	for range 2 { // a log-out may be repeated
		if err := here.EndSession(t.Context(), "S1", c.now().Add(8*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	expect("S1", true)
	expect("S2", false)
	expect("s1", false)
	expect("S1#", false)
}
