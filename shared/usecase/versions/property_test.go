package versions_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/fakeversions"
	"example.com/aurora/shared/usecase/versions"
)

var errCrash = errors.New("the process died")

// What happens to one call of a store.
const (
	succeeds      = iota
	crashesBefore // the process dies before the call is made
	crashesAfter  // the process dies after the call was made
	replyIsLost   // the call is made, its reply is lost, and the SDK repeats the call
)

// actor is one request on its way, one call of a store at a time.
type actor struct {
	next  func() (struct{}, bool)
	stop  func()
	fate  int // of the next call
	began time.Time
}

// steppedStore stops before each call of a store, so that the test decides which actor goes on and how its call ends.
type steppedStore struct {
	*fakeversions.Memory
	a     *actor
	yield func(struct{}) bool
	dead  *bool
}

func step[T any](s steppedStore, call func() (T, error)) (v T, err error) {
	if *s.dead || !s.yield(struct{}{}) || s.a.fate == crashesBefore {
		*s.dead = true
		return v, errCrash
	}
	made, err := call()
	switch s.a.fate {
	case crashesAfter:
		*s.dead = true
		return v, errCrash
	case replyIsLost:
		return call()
	}
	return made, err
}

func act(s steppedStore, call func() error) error {
	_, err := step(s, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

func (s steppedStore) Publish(ctx context.Context, p aurora.PublishedAssistant, before int, exists bool) (bool, error) {
	return step(s, func() (bool, error) { return s.Memory.Publish(ctx, p, before, exists) })
}

func (s steppedStore) Remove(ctx context.Context, id string, stamp int) (bool, error) {
	return step(s, func() (bool, error) { return s.Memory.Remove(ctx, id, stamp) })
}

func (s steppedStore) WithNumber(ctx context.Context, number aurora.Phone) ([]string, error) {
	return step(s, func() ([]string, error) { return s.Memory.WithNumber(ctx, number) })
}

func (s steppedStore) AllLive(ctx context.Context) ([]aurora.PublishedAssistant, error) {
	return step(s, func() ([]aurora.PublishedAssistant, error) { return s.Memory.AllLive(ctx) })
}

func (s steppedStore) PutDraft(ctx context.Context, d aurora.AssistantDraft, before int) (bool, error) {
	return step(s, func() (bool, error) { return s.Memory.PutDraft(ctx, d, before) })
}

func (s steppedStore) AddVersion(ctx context.Context, v aurora.AssistantVersion) (bool, error) {
	return step(s, func() (bool, error) { return s.Memory.AddVersion(ctx, v) })
}

func (s steppedStore) MarkLive(ctx context.Context, id string, number int, at time.Time) error {
	return act(s, func() error { return s.Memory.MarkLive(ctx, id, number, at) })
}

func (s steppedStore) PutAudit(ctx context.Context, e aurora.AuditEvent) error {
	return act(s, func() error { return s.Memory.PutAudit(ctx, e) })
}

func (s steppedStore) SetAuditState(ctx context.Context, id, state string) error {
	return act(s, func() error { return s.Memory.SetAuditState(ctx, id, state) })
}

func (s steppedStore) PutNumberClaim(ctx context.Context, c aurora.NumberClaim, before string) (bool, error) {
	return step(s, func() (bool, error) { return s.Memory.PutNumberClaim(ctx, c, before) })
}

func (s steppedStore) DeleteNumberClaim(ctx context.Context, number aurora.Phone, token string) error {
	return act(s, func() error { return s.Memory.DeleteNumberClaim(ctx, number, token) })
}

// world is a run of the property test.
type world struct {
	*fakeversions.Memory
	now   time.Time
	ids   int
	saved map[string]string // the content of each draft revision that a save reported as stored
}

// Several actors save, publish, roll back, delete and store assistants from the command line. Their steps interleave in any
// order, and processes die between any two writes.
func TestVersionsStayConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{Memory: fakeversions.New(), now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC), saved: map[string]string{}}
		var waiting []*actor
		defer func() {
			for _, a := range waiting {
				a.stop()
			}
		}()
		started, accidents := 0, rapid.IntRange(0, 8).Draw(t, "accidents")
		for started < 14 || len(waiting) > 0 {
			if started < 14 && (len(waiting) < 3 && rapid.Bool().Draw(t, "start") || len(waiting) == 0) {
				waiting = append(waiting, w.start(t))
				started++
				continue
			}
			i := rapid.IntRange(0, len(waiting)-1).Draw(t, "actor")
			a := waiting[i]
			a.fate = succeeds
			if accidents > 0 {
				if a.fate = rapid.IntRange(succeeds, replyIsLost).Draw(t, "fate"); a.fate != succeeds {
					accidents--
				}
			}
			if w.now.Sub(a.began) > 14*time.Second {
				a.fate = crashesBefore // its requests have a deadline
			}
			if rapid.IntRange(0, 9).Draw(t, "tick") == 0 {
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second)
				if w.now.Sub(a.began) > 14*time.Second {
					a.fate = crashesBefore
				}
			}
			if _, more := a.next(); !more {
				waiting = slices.Delete(waiting, i, i+1)
			}
			w.check(t)
		}
		w.checkAudit(t)
	})
}

// start starts an actor with a random request.
func (w *world) start(t *rapid.T) *actor {
	id := rapid.SampledFrom([]string{"riley", "avery"}).Draw(t, "assistant")
	number := rapid.SampledFrom([]string{"", "+15551230100", "+15551230200"}).Draw(t, "number")
	request := rapid.SampledFrom([]string{"save", "publish", "rollback", "delete", "command", "outside"}).Draw(t, "request")
	document := []byte(fmt.Sprintf(`{"assistantId":%q,"assistantName":"A","assistantPrompt":"%d","assistantPhoneNumber":%q}`, id, rapid.IntRange(0, 3).Draw(t, "text"), number))
	version := rapid.IntRange(1, 4).Draw(t, "version")
	a := &actor{began: w.now}
	a.next, a.stop = iter.Pull(func(yield func(struct{}) bool) {
		dead := false
		s := steppedStore{w.Memory, a, yield, &dead}
		service := &versions.Service{Published: s, History: s, Audit: s, Numbers: s, Check: func([]byte) []fault.Complaint { return nil },
			Now: func() time.Time { return w.now }, NewID: func() string { w.ids++; return fmt.Sprintf("%012d-longer", w.ids) }}
		w.do(service, request, id, document, version)
	})
	return a
}

// do makes a request with what an editor sees at that moment.
func (w *world) do(s *versions.Service, request, id string, document []byte, version int) {
	ctx, by := context.Background(), versions.Actor{Name: request, Via: aurora.ViaAPI}
	live, exists := w.Published[id]
	etag := ""
	if exists {
		etag = versions.ETagOf(live)
	}
	draft := w.Drafts[id]
	draftTag := ""
	if draft.Rev > 0 && !draft.Deleted {
		draftTag = versions.DraftETag(draft)
	}
	switch request {
	case "save":
		if d, err := s.SaveDraft(ctx, versions.DraftChange{AssistantID: id, Document: document, ETag: draftTag, Actor: by}); err == nil {
			w.saved[fmt.Sprintf("%s %d", id, d.Rev)] = string(d.Content)
		}
	case "publish":
		_, _ = s.PublishDraft(ctx, id, draftTag, "", s.NewID(), by)
	case "rollback":
		_, _ = s.Rollback(ctx, id, version, etag, "", s.NewID(), by)
	case "delete":
		_ = s.Delete(ctx, id, etag, by)
	case "command":
		_, _ = s.Publish(ctx, versions.Publication{ID: s.NewID(), Document: document, Actor: by})
	case "outside":
		if content, a, err := versions.Canonical(document); err == nil && a.AssistantPhoneNumber == "" {
			w.PutOutside(id, content)
		}
	}
}

// check checks what must be true after every step.
func (w *world) check(t *rapid.T) {
	for id, live := range w.Published {
		if live.Stamp > 0 {
			v, ok, _ := w.Version(context.Background(), id, live.Stamp)
			if !ok || string(v.Content) != string(live.Content) || v.PublishID != live.PublishID {
				t.Fatalf("the live document of %s is not its version %d: %s and %s", id, live.Stamp, live.Content, v.Content)
			}
			if e, ok := w.Events[v.AuditID]; !ok || e.After != v.Number || e.AfterHash != v.Hash || e.State == aurora.AuditAbandoned {
				t.Fatalf("version %d of %s is live, and its audit event is %+v", live.Stamp, id, e)
			}
		}
	}
	for id, all := range w.History {
		for i, v := range all {
			if v.Number != i+1 {
				t.Fatalf("the versions of %s have the numbers %+v", id, all)
			}
		}
	}
	for _, number := range []aurora.Phone{"+15551230100", "+15551230200"} {
		if owners := w.Numbered(number); len(owners) > 1 {
			t.Fatalf("%s belongs to %v; claims %+v", number, owners, w.Claims)
		}
	}
	for id, d := range w.Drafts {
		if content, ok := w.saved[fmt.Sprintf("%s %d", id, d.Rev)]; ok && content != string(d.Content) {
			t.Fatalf("the draft %d of %s was saved as %s and is %s", d.Rev, id, content, d.Content)
		}
	}
}

// checkAudit checks that every version that answered is in the audit as done, once readers have settled what was left open.
func (w *world) checkAudit(t *rapid.T) {
	w.now = w.now.Add(time.Hour)
	s := &versions.Service{Published: w, History: w, Audit: w, Numbers: w, Now: func() time.Time { return w.now }}
	events, err := s.AuditEvents(context.Background(), "", w.now.AddDate(0, -1, 0), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for id, all := range w.History {
		for _, v := range all {
			wasLive := !v.LiveAt.IsZero() || w.Published[id].Stamp == v.Number
			if !wasLive || v.Via == aurora.ViaOutside {
				continue
			}
			if !slices.ContainsFunc(events, func(e aurora.AuditEvent) bool {
				return e.Target == id && e.After == v.Number && e.State == aurora.AuditDone
			}) {
				t.Fatalf("version %d of %s answered, and the audit has no such event: %+v", v.Number, id, events)
			}
		}
	}
	for _, e := range events {
		if e.State == aurora.AuditBegun {
			t.Fatalf("an event of an hour ago is open: %+v", e)
		}
	}
}
