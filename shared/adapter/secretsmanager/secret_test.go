package secretsmanager_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/core/fault"
)

// fakeSecretsManager answers every look-up with the answer that is set.
type fakeSecretsManager struct {
	lookups atomic.Int32
	answer  atomic.Pointer[func(http.ResponseWriter)]
}

func (s *fakeSecretsManager) set(f func(http.ResponseWriter)) { s.answer.Store(&f) }

func respondSecret(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { _, _ = fmt.Fprintf(w, `{"Name":"n","SecretString":%q}`, text) }
}

func respondError(status int, kind string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("X-Amzn-ErrorType", kind)
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"__type":%q,"message":"no"}`, kind)
	}
}

// newStore returns a fake, a store that reads from it, and a function that advances the store's clock.
func newStore(t *testing.T) (*fakeSecretsManager, *secretsmanager.Store, func(time.Duration)) {
	s := &fakeSecretsManager{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.lookups.Add(1)
		(*s.answer.Load())(w)
	}))
	t.Cleanup(server.Close)
	var mu sync.Mutex
	now := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	config := func() (aws.Config, error) {
		return aws.Config{Region: "us-east-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
			RetryMaxAttempts: 1}, nil
	}
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	return s, secretsmanager.New(config, clock), func(d time.Duration) { mu.Lock(); now = now.Add(d); mu.Unlock() }
}

// After a rotation the new value is used within 60 s, and the old one no longer.
func TestSecretIsCachedForAMinute(t *testing.T) {
	server, s, advance := newStore(t)
	server.set(respondSecret("old"))
	read := func() string {
		v, err := s.Secret(context.Background(), "n")
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for range 2 {
		if read() != "old" {
			t.Fatal("Secret did not return the stored value")
		}
	}
	if server.lookups.Load() != 1 {
		t.Fatalf("there were %d look-ups, want 1", server.lookups.Load())
	}
	server.set(respondSecret("new"))
	advance(59 * time.Second)
	if read() != "old" {
		t.Error("the cached value was not used after 59 s")
	}
	advance(time.Second)
	if read() != "new" || server.lookups.Load() != 2 {
		t.Error("the old value was used after 60 s")
	}
}

func TestSecretFailsClosed(t *testing.T) {
	server, s, advance := newStore(t)
	server.set(respondSecret("old"))
	if _, err := s.Secret(context.Background(), "n"); err != nil {
		t.Fatal(err)
	}
	advance(time.Minute)
	server.set(respondError(500, "InternalServiceError"))
	if v, err := s.Secret(context.Background(), "n"); v != "" || !fault.Is(err, fault.Unavailable) {
		t.Errorf("with a failing store Secret returned %q, %v; want Unavailable and not the old value", v, err)
	}
	server.set(respondError(400, "ResourceNotFoundException"))
	if v, err := s.Secret(context.Background(), "n"); v != "" || !fault.Is(err, fault.NotFound) {
		t.Errorf("for a missing secret Secret returned %q, %v; want NotFound", v, err)
	}
	server.set(respondSecret("back"))
	if v, err := s.Secret(context.Background(), "n"); v != "back" || err != nil {
		t.Errorf("with a working store again Secret returned %q, %v; want the new value", v, err)
	}
}

func TestConcurrentReadsShareOneLookup(t *testing.T) {
	server, s, _ := newStore(t)
	server.set(respondSecret("v"))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if v, err := s.Secret(context.Background(), "n"); v != "v" || err != nil {
				t.Errorf("Secret returned %q, %v; want v", v, err)
			}
		})
	}
	wg.Wait()
	if server.lookups.Load() != 1 {
		t.Errorf("there were %d look-ups, want 1", server.lookups.Load())
	}
}

func TestSecretWithoutConfiguration(t *testing.T) {
	s := secretsmanager.New(func() (aws.Config, error) { return aws.Config{}, errors.New("none") }, time.Now)
	if _, err := s.Secret(context.Background(), "n"); err == nil {
		t.Error("Secret returned no error without a configuration")
	}
}

// Open fills the cache with what it could read. What it could not read is looked up when it is needed.
func TestOpen(t *testing.T) {
	server, s, advance := newStore(t)
	server.set(respondError(500, "InternalServiceError"))
	if err := s.Open("a", "b")(context.Background()); err == nil || server.lookups.Load() != 2 {
		t.Errorf("Open returned %v after %d look-ups, want an error and both tried", err, server.lookups.Load())
	}
	server.set(respondSecret("v"))
	if err := s.Open("a", "b")(context.Background()); err != nil || server.lookups.Load() != 4 {
		t.Errorf("Open returned %v after %d look-ups, want both read now", err, server.lookups.Load())
	}
	advance(59 * time.Second)
	if v, err := s.Secret(context.Background(), "b"); v != "v" || err != nil || server.lookups.Load() != 4 {
		t.Errorf("Secret returned %q, %v after %d look-ups, want what Open read", v, err, server.lookups.Load())
	}
	advance(time.Second)
	server.set(respondSecret("new"))
	if v, err := s.Secret(context.Background(), "b"); v != "new" || err != nil {
		t.Errorf("after a minute Secret returned %q, %v; want the new value", v, err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Open("c")(ended); err == nil {
		t.Error("Open returned no error after its context had ended")
	}
	if v, err := s.Secret(context.Background(), "c"); v != "new" || err != nil {
		t.Errorf("after a failed Open Secret returned %q, %v", v, err)
	}
}
