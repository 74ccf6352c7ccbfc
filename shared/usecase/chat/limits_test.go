package chat_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

// usageStore counts in memory. It fails while err is set.
type usageStore struct {
	mu     sync.Mutex
	totals map[string]int64
	writes int
	err    error
}

func (s *usageStore) AddUsage(_ context.Context, counter string, amount int64, _ time.Time) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.err != nil {
		return 0, s.err
	}
	if s.totals == nil {
		s.totals = map[string]int64{}
	}
	s.totals[counter] += amount
	return s.totals[counter], nil
}

func newKeyLimits(s chat.UsageStore, now *time.Time, turns, tokens int64) *chat.KeyLimits {
	return &chat.KeyLimits{Store: s, TurnsPerMinute: turns, TokensPerDay: tokens, Now: func() time.Time { return *now }}
}

// takeTurns begins and settles turns until one is rejected, and returns how many passed and why the next one did not.
func takeTurns(t *testing.T, l *chat.KeyLimits, p auth.Principal, tokens, most int) (int, *fault.Error) {
	t.Helper()
	for n := range most {
		if err := l.Begin(p); err != nil {
			return n, fault.From(err)
		}
		l.Settle(t.Context(), p, tokens)
	}
	return most, nil
}

func checkRejected(t *testing.T, what string, passed, want int, err *fault.Error, wait time.Duration) {
	t.Helper()
	if passed != want || err == nil || err.Kind != fault.RateLimited || err.Code != "key_limit" || err.RetryAfter != wait {
		t.Errorf("%s: %d turns and then %+v; want %d and key_limit after %v", what, passed, err, want, wait)
	}
}

func amount(n int64) *int64 { return &n }

func TestTurnsPerMinute(t *testing.T) {
	now := time.Date(2026, 11, 25, 23, 58, 45, 500, time.UTC)
	l := newKeyLimits(&usageStore{}, &now, 3, 1000)
	acme, other := auth.Principal{ID: "k1", Name: "acme"}, auth.Principal{ID: "k2", Name: "other"}
	passed, err := takeTurns(t, l, acme, 1, 10)
	checkRejected(t, "the deployment's limit", passed, 3, err, 15*time.Second)
	if passed, _ := takeTurns(t, l, other, 1, 3); passed != 3 {
		t.Errorf("another key: %d turns, want 3", passed)
	}
	renewed := auth.Principal{ID: "k3", Name: "acme"}
	passed, err = takeTurns(t, l, renewed, 1, 10)
	checkRejected(t, "the holder's next key", passed, 0, err, 15*time.Second)
	for _, p := range []auth.Principal{{ID: "k4", Name: "k4"}, {ID: "k5", Name: "k5"}} {
		if passed, _ := takeTurns(t, l, p, 1, 10); passed != 3 {
			t.Errorf("key %s without a name: %d turns, want 3", p.ID, passed)
		}
	}
	now = now.Add(15 * time.Second)
	passed, err = takeTurns(t, l, acme, 1, 10)
	checkRejected(t, "the next minute", passed, 3, err, time.Minute)
}

func TestOwnLimits(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	l := newKeyLimits(&usageStore{}, &now, 3, 1000)
	for name, c := range map[string]struct {
		limits auth.Limits
		want   int
		wait   time.Duration
	}{
		"fewer turns":  {auth.Limits{ChatTurnsPerMinute: amount(1)}, 1, time.Minute},
		"more turns":   {auth.Limits{ChatTurnsPerMinute: amount(7)}, 7, time.Minute},
		"no turns":     {auth.Limits{ChatTurnsPerMinute: amount(0)}, 0, time.Minute},
		"fewer tokens": {auth.Limits{ChatTokensPerDay: amount(150)}, 2, 12 * time.Hour},
		"no tokens":    {auth.Limits{ChatTokensPerDay: amount(0)}, 0, 12 * time.Hour},
	} {
		passed, err := takeTurns(t, l, auth.Principal{ID: name, Limits: c.limits}, 100, 20)
		checkRejected(t, name, passed, c.want, err, c.wait)
	}
}

func TestTokensPerDay(t *testing.T) {
	now := time.Date(2026, 11, 25, 23, 0, 0, 0, time.UTC)
	l := newKeyLimits(&usageStore{}, &now, 100, 1000)
	acme := auth.Principal{ID: "k1"}
	passed, err := takeTurns(t, l, acme, 300, 10)
	checkRejected(t, "the day", passed, 4, err, time.Hour)
	now = now.Add(59 * time.Minute)
	passed, err = takeTurns(t, l, acme, 300, 10)
	checkRejected(t, "later that day", passed, 0, err, time.Minute)
	now = now.Add(time.Minute)
	passed, err = takeTurns(t, l, acme, 300, 10)
	checkRejected(t, "the next day", passed, 4, err, 24*time.Hour)
}

// In one process the limit is exact, however many turns begin at once.
func TestTurnsAtOnce(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	store := &usageStore{}
	l := newKeyLimits(store, &now, 25, 1_000_000)
	var wg sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	for range 100 {
		wg.Go(func() {
			if l.Begin(auth.Principal{ID: "k1"}) != nil {
				return
			}
			mu.Lock()
			passed++
			mu.Unlock()
			l.Settle(t.Context(), auth.Principal{ID: "k1"}, 10)
		})
	}
	wg.Wait()
	if got := store.totals["count#chat-turns#i-k1#2026-11-25T12:00"]; passed != 25 || got != 25 {
		t.Errorf("%d turns passed and %d are stored, want 25", passed, got)
	}
	if got := store.totals["count#chat-tokens#i-k1#2026-11-25T00:00"]; got != 250 {
		t.Errorf("%d tokens are stored, want 250", got)
	}
}

// TestTurnsInManyProcesses checks the documented bound: N processes, each with one turn at a time, let at most N-1 turns too
// many pass in a minute, and no turn of another key is rejected for it.
func TestTurnsInManyProcesses(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
		store := &usageStore{}
		processes := make([]*chat.KeyLimits, rapid.IntRange(1, 6).Draw(rt, "processes"))
		running := make([]bool, len(processes))
		limit := rapid.IntRange(1, 20).Draw(rt, "limit")
		for i := range processes {
			processes[i] = newKeyLimits(store, &now, int64(limit), 1_000_000)
		}
		passed, noisy, quiet := 0, auth.Principal{ID: "noisy"}, auth.Principal{ID: "quiet"}
		for range rapid.IntRange(0, 200).Draw(rt, "steps") {
			i := rapid.IntRange(0, len(processes)-1).Draw(rt, "process")
			if running[i] {
				processes[i].Settle(t.Context(), noisy, 1)
				running[i] = false
			} else if processes[i].Begin(noisy) == nil {
				passed++
				running[i] = true
			}
		}
		if most := limit + len(processes) - 1; passed > most {
			rt.Errorf("%d turns passed, want at most %d", passed, most)
		}
		for i := range limit {
			if err := processes[i%len(processes)].Begin(quiet); err != nil {
				rt.Errorf("turn %d of the quiet key: %v", i, err)
			}
		}
	})
}

// While the store fails, turns go on, and the process limits what it has used itself. Later the store gets all of it.
func TestLimitsWithoutTheStore(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	store := &usageStore{err: errors.New("no answer")}
	l := newKeyLimits(store, &now, 3, 1000)
	p := auth.Principal{ID: "k1"}
	passed, err := takeTurns(t, l, p, 100, 10)
	checkRejected(t, "the minute", passed, 3, err, time.Minute)
	store.err = nil
	now = now.Add(time.Minute)
	if passed, _ := takeTurns(t, l, p, 100, 1); passed != 1 {
		t.Errorf("%d turns in the next minute, want 1", passed)
	}
	if got := store.totals["count#chat-tokens#i-k1#2026-11-25T00:00"]; got != 400 {
		t.Errorf("%d tokens are stored, want those of all four turns: 400", got)
	}
}

// orderedModel notes how often the store was written when the model says its first word.
type orderedModel struct {
	store  *usageStore
	writes int
}

func (m *orderedModel) Stream(context.Context, agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		m.writes = m.store.writes
		_ = yield(agent.Chunk{Text: "Yes."}, nil) && yield(agent.Chunk{FinishReason: "stop", Usage: &agent.Usage{TotalTokens: 42}}, nil)
	}
}

func TestTurnIsCountedAfterItsEnd(t *testing.T) {
	store := &usageStore{}
	m := &orderedModel{store: store}
	now := clock()
	var metrics []string
	s := &chat.Service{Assistants: testkit.NewAssistants(), Chain: singleModel(m), Now: clock, Limits: newKeyLimits(store, &now, 2, 1000),
		Count: func(_ context.Context, metric string) { metrics = append(metrics, metric) }}
	r := chat.Request{Messages: userSaysHi, Principal: auth.Principal{ID: "k1"}}
	for range 2 {
		turn, err := s.Turn(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		before := store.writes
		if _, err := chat.Collect(turn.Events); err != nil {
			t.Fatal(err)
		}
		if m.writes != before || store.writes != before {
			t.Errorf("%d writes before the first word, %d before Settle; want %d", m.writes, store.writes, before)
		}
		turn.Settle(t.Context())
	}
	if got := fmt.Sprint(store.totals); got != "map[count#chat-tokens#i-k1#2026-03-29T00:00:84 count#chat-turns#i-k1#2026-03-29T00:30:2]" {
		t.Errorf("stored %s, want 84 tokens and 2 turns", got)
	}
	if _, err := s.Turn(t.Context(), r); !fault.Is(err, fault.RateLimited) || len(metrics) != 1 || metrics[0] != "ChatLimitReached" {
		t.Errorf("the third turn: %v, metrics %v; want fault.RateLimited and ChatLimitReached", err, metrics)
	}
}

// On the phone the assistant's own fallback message is spoken, and a text message STOP is recorded in any case.
func TestTurnsBeyondTheLimit(t *testing.T) {
	now := clock()
	a := storedAssistant("a1", "P")
	a.FallbackMessage = "Please call again later."
	list := &fakeDoNotCallList{}
	s := &chat.Service{Assistants: testkit.NewAssistants(a), Chain: singleModel(&recordingModel{}), Now: clock, Limits: newKeyLimits(&usageStore{}, &now, 0, 1000),
		DoNotCallList: list}
	turn, err := s.Turn(t.Context(), chat.Request{TargetAssistantID: "a1", Messages: userSaysHi, Channel: chat.Voice, Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	end, err := chat.Collect(turn.Events)
	if !fault.Is(err, fault.RateLimited) || end.Session.Error.Code != "key_limit" || turn.FallbackMessage("") != "Please call again later." {
		t.Errorf("error %v, session error %+v, fallback %q; want those of the limit, and the assistant's words", err, end.Session.Error, turn.FallbackMessage(""))
	}
	for _, channel := range []chat.Channel{chat.General, chat.SMS, chat.Web} {
		if _, err := s.Turn(t.Context(), chat.Request{TargetAssistantID: "a1", Messages: userSaysHi, Channel: channel}); !fault.Is(err, fault.RateLimited) {
			t.Errorf("channel %q: error %v, want fault.RateLimited", channel, err)
		}
	}
	stop := chat.Request{TargetAssistantID: "a1", Channel: chat.SMS, Messages: messagesOf("u:STOP"), Session: parseSession(t, `{"id":"c1","caller_phone_number":"+14155550123"}`)}
	if _, err := s.Turn(t.Context(), stop); err != nil || len(list.numbers) != 1 {
		t.Errorf("STOP: error %v, numbers %v; want it recorded", err, list.numbers)
	}
}
