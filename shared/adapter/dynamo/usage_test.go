package dynamo_test

import (
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
)

func TestAddUsage(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	s := dynamo.NewLedger(config, "ledger", c.now)
	add := func(counter string, amount, want int64) {
		t.Helper()
		if got, err := s.AddUsage(t.Context(), counter, amount, c.now().Add(time.Hour)); err != nil || got != want {
			t.Errorf("add %d to %s: %d, %v; want %d", amount, counter, got, err, want)
		}
	}
	add("count#a", 5, 5)
	add("count#a", 7, 12)
	add("count#b", 1, 1)
	f.loseFirstReply("UpdateItem")
	add("count#b", 1, 3) // once too often, and never once too little
}
