package idempotency

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/fault"
)

// fakeStore holds claims in memory. fail, if set, fails a method by its name.
type fakeStore struct {
	mu     sync.Mutex
	claims map[string]Claim
	fail   func(method string) error
	now    func() time.Time
}

func (s *fakeStore) begin(method string) error {
	if s.fail == nil {
		return nil
	}
	return s.fail(method)
}

func (s *fakeStore) FindClaim(_ context.Context, key string) (Claim, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.claims[key]
	return c, ok, s.begin("FindClaim")
}

func (s *fakeStore) ClaimKey(_ context.Context, c Claim, replace string) (Claim, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin("ClaimKey"); err != nil {
		return Claim{}, err
	}
	held, ok := s.claims[c.Key]
	abandoned := held.State == InProgress && !s.now().Before(held.LeaseUntil)
	if ok && !abandoned && replace != AnyOwner && replace != held.Owner {
		return held, nil
	}
	s.claims[c.Key] = c
	return c, nil
}

func (s *fakeStore) FinishKey(_ context.Context, c Claim) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin("FinishKey"); err != nil || s.claims[c.Key].Owner != c.Owner {
		return false, err
	}
	s.claims[c.Key] = c
	return true, nil
}

func (s *fakeStore) ReleaseKey(_ context.Context, key, owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.begin("ReleaseKey"); err != nil || s.claims[key].Owner != owner {
		return err
	}
	delete(s.claims, key)
	return nil
}

// newRunner returns a runner over an empty store.
func newRunner() (*Runner, *fakeStore) {
	s := &fakeStore{claims: map[string]Claim{}, now: time.Now}
	var mu sync.Mutex
	owners := 0
	return NewEffects(s, time.Now, func() string {
		mu.Lock()
		defer mu.Unlock()
		owners++
		return fmt.Sprint("owner", owners)
	}), s
}

// The stored keys of tools and of outbound calls are made of this digest, so it must not change.
func TestDigest(t *testing.T) {
	t.Parallel()
	for want, parts := range map[string][]string{
		"430fb1b4ac43316eca81fab27a1930ab8eff8fef6a1dc7903dce44bbc2790dc5": {"ab", "c"}, // SHA-256 of "2:ab1:c"
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": nil,         // SHA-256 of nothing
	} {
		d := Digest(parts...)
		if got := hex.EncodeToString(d[:]); got != want {
			t.Errorf("digest of %q is %s, want %s", parts, got, want)
		}
	}
	if Digest("ab", "c") == Digest("a", "bc") {
		t.Error("two lists of parts have one digest")
	}
}

func TestSecondCallerWaitsForTheResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := newRunner()
		var callers sync.WaitGroup
		callers.Go(func() {
			_, _ = r.Do(t.Context(), "k", func(context.Context) (string, error) { time.Sleep(10 * time.Second); return "first", nil })
		})
		synctest.Wait()
		began := time.Now()
		got, err := r.Do(t.Context(), "k", func(context.Context) (string, error) { return "second", nil })
		if got != "first" || err != nil {
			t.Errorf("got %q, %v; want the first result", got, err)
		}
		if waited := time.Since(began); waited < 10*time.Second || waited > 10*time.Second+pollInterval {
			t.Errorf("waited %s, want until the first result", waited)
		}
		callers.Wait()
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newRunner()
		s.claims["once#k"] = Claim{Key: "once#k", Owner: "other", State: InProgress, LeaseUntil: time.Now().Add(lease)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := r.Do(ctx, "k", func(context.Context) (string, error) { t.Error("the effect ran"); return "", nil })
		if f := fault.From(err); err == nil || f.Kind != fault.Conflict || f.Code != "in_progress" || f.RetryAfter == 0 {
			t.Errorf("%v; want a conflict that names a time to retry", err)
		}
	})
}

// An effect is canceled well before another caller may take its key over.
func TestEffectEndsBeforeItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, s := newRunner()
		began := time.Now()
		_, err := r.Do(t.Context(), "k", func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", fault.New(fault.Timeout, "No answer.")
		})
		if took := time.Since(began); !fault.Is(err, fault.Timeout) || took >= lease {
			t.Errorf("%v after %s; want a timeout within the lease of %s", err, took, lease)
		}
		if got := s.claims["once#k"].State; got != Unknown {
			t.Errorf("state %q, want %q", got, Unknown)
		}
	})
}

func TestStoreFailures(t *testing.T) {
	errStore := errors.New("no answer")
	for name, c := range map[string]struct {
		method  string
		effect  error
		wantRun bool
		kind    fault.Kind // of the error; 0 is none
	}{
		"the claim fails":   {"ClaimKey", nil, false, fault.Unavailable},
		"the finish fails":  {"FinishKey", nil, true, 0},
		"the release fails": {"ReleaseKey", fault.New(fault.Invalid, "No."), true, fault.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			r, s := newRunner()
			s.fail = func(method string) error {
				if method == c.method {
					return errStore
				}
				return nil
			}
			ran := false
			_, err := r.Do(t.Context(), "k", func(context.Context) (string, error) { ran = true; return "", c.effect })
			if ran != c.wantRun {
				t.Errorf("the effect ran: %v, want %v", ran, c.wantRun)
			}
			if (err != nil) != (c.kind != 0) || err != nil && fault.From(err).Kind != c.kind {
				t.Errorf("error %v, want kind %s", err, c.kind)
			}
		})
	}
}
