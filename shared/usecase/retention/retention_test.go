package retention_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/retention"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var now = time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)

// stores is a bucket and a table in memory: objects by key with the time when they were written, and rows by partition.
type stores struct {
	mu         sync.Mutex
	objects    map[string]time.Time
	rows       map[string]int
	listed     int
	removeErr  error
	assistants []aurora.Assistant
	unreadable []error
	listErr    error
}

func (s *stores) WithRetention(context.Context) ([]aurora.Assistant, []error, error) {
	return s.assistants, s.unreadable, s.listErr
}

func (s *stores) keys(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var keys []string
	for key := range s.objects {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func (s *stores) List(_ context.Context, prefix, _ string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, key := range s.keys(prefix) {
			s.listed++
			if !yield(key, nil) {
				return
			}
		}
	}
}

func (s *stores) Versions(_ context.Context, prefix string) iter.Seq2[aurora.ObjectVersion, error] {
	return func(yield func(aurora.ObjectVersion, error) bool) {
		for _, key := range s.keys(prefix) {
			if !yield(aurora.ObjectVersion{Key: key, Current: true, Written: s.objects[key]}, nil) {
				return
			}
		}
	}
}

func (s *stores) Remove(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.removeErr != nil && strings.Contains(key, "broken") {
		return s.removeErr
	}
	delete(s.objects, key)
	return nil
}

func (s *stores) DeleteDay(_ context.Context, assistantID, day string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.rows[assistantID+"#"+day]
	delete(s.rows, assistantID+"#"+day)
	return n, nil
}

func newSweeper() (*retention.Sweeper, *stores) {
	s := &stores{objects: map[string]time.Time{}, rows: map[string]int{}}
	return &retention.Sweeper{Assistants: s, Bucket: s, Rows: s, Most: 400 * 24 * time.Hour, Now: func() time.Time { return now }}, s
}

func assistant(id string, days int) aurora.Assistant {
	return aurora.Assistant{Configuration: aurora.Configuration{AssistantID: aurora.Text(id)}, RetentionDays: days}
}

// An assistant with 30 days loses what is older, of all kinds. Others lose nothing, whatever their names begin with.
func TestSweep(t *testing.T) {
	sweeper, s := newSweeper()
	s.assistants = []aurora.Assistant{assistant("riley", 30), assistant("riley2", 0), assistant("sam", 400), assistant("max", 9999)}
	expired := []string{"eoc/riley/2025/12/31/a.json", "eoc/riley/2026/10/25/b.json", "eoc/riley/2026/10/25/b~01234567.json", "analysis/riley/2026/10/25/b.json",
		"reports/riley/weekly/2026-10-19T0000/report.html", "reports/riley/weekly/2026-10-19T0000/transcripts/b.html", "reports/riley/monthly/2026-10-01T0000/report.json",
		"eoc/riley/undated/old.json"}
	kept := []string{"eoc/riley/2026/10/26/c.json", "eoc/riley/2026/11/24/d.json", "analysis/riley/2026/10/26/c.json", "reports/riley/weekly/2026-10-26T0000/report.html",
		"reports/riley/monthly/2026-11-01T0000/report.html", "eoc/riley/undated/new.json", "eoc/riley2/2025/12/31/a.json", "eoc/sam/2025/12/31/a.json", "eoc/max/2025/12/31/a.json",
		"eoc/_/2025/12/31/a.json", "unrecognised/x/2025/12/31/riley.json"}
	for _, key := range slices.Concat(expired, kept) {
		s.objects[key] = now.AddDate(0, 0, -1)
	}
	s.objects["eoc/riley/undated/old.json"] = now.AddDate(0, 0, -40)
	s.rows = map[string]int{"riley#2026-10-25": 2, "riley#2025-11-01": 1, "riley#2026-10-26": 4, "riley2#2026-10-25": 8, "sam#2026-10-25": 16}
	got, err := sweeper.Sweep(t.Context())
	if want := (retention.Result{Assistants: 1, Objects: len(expired), Rows: 3}); err != nil || got != want {
		t.Errorf("Sweep = %+v, %v, want %+v", got, err, want)
	}
	slices.Sort(kept)
	if left := s.keys(""); !slices.Equal(left, kept) {
		t.Errorf("left are %q\nwant %q", left, kept)
	}
	if left := slices.Sorted(maps.Keys(s.rows)); !slices.Equal(left, []string{"riley#2026-10-26", "riley2#2026-10-25", "sam#2026-10-25"}) {
		t.Errorf("rows of %v are left", left)
	}
	s.listed = 0
	if again, err := sweeper.Sweep(t.Context()); err != nil || again.Objects+again.Rows != 0 || s.listed > 5 {
		t.Errorf("again: %+v, %v, and %d keys were listed", again, err, s.listed)
	}
}

// What cannot be deleted does not keep anything else.
func TestSweepGoesOnAfterAnError(t *testing.T) {
	sweeper, s := newSweeper()
	s.assistants, s.unreadable = []aurora.Assistant{assistant("riley", 30), assistant("sam", 30)}, []error{errors.New("the assistant max cannot be read")}
	s.removeErr = errors.New("SlowDown")
	for _, key := range []string{"eoc/riley/2026/01/01/a.json", "eoc/riley/2026/01/01/broken.json", "eoc/sam/2026/01/01/a.json"} {
		s.objects[key] = now
	}
	got, err := sweeper.Sweep(t.Context())
	if got.Objects != 2 || err == nil || !strings.Contains(err.Error(), "max") || !strings.Contains(err.Error(), "broken.json: SlowDown") {
		t.Errorf("Sweep = %+v, %v", got, err)
	}
	s.listErr = errors.New("the assistants cannot be read")
	if _, err := sweeper.Sweep(t.Context()); err == nil {
		t.Error("no error although the assistants cannot be read")
	}
}
