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

// fakeSecretsManager is Secrets Manager as far as a look-up goes.
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

// Rotation: a new value is seen within 60 s, and the old one is not used a second longer.
func TestSecretIsCachedForAMinute(t *testing.T) {
	server, s, pass := newStore(t)
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
			t.Fatal("not the value")
		}
	}
	if server.lookups.Load() != 1 {
		t.Fatalf("asked %d times", server.lookups.Load())
	}
	server.set(respondSecret("new"))
	pass(59 * time.Second)
	if read() != "old" {
		t.Error("not cached for a minute")
	}
	pass(time.Second)
	if read() != "new" || server.lookups.Load() != 2 {
		t.Error("stale after a minute")
	}
}

func TestSecretFailsClosed(t *testing.T) {
	server, s, pass := newStore(t)
	server.set(respondSecret("old"))
	if _, err := s.Secret(context.Background(), "n"); err != nil {
		t.Fatal(err)
	}
	pass(time.Minute)
	server.set(respondError(500, "InternalServiceError"))
	if v, err := s.Secret(context.Background(), "n"); v != "" || !fault.Is(err, fault.Unavailable) {
		t.Errorf("store away: %q, %v", v, err)
	}
	server.set(respondError(400, "ResourceNotFoundException"))
	if v, err := s.Secret(context.Background(), "n"); v != "" || !fault.Is(err, fault.NotFound) {
		t.Errorf("no such secret: %q, %v", v, err)
	}
	server.set(respondSecret("back"))
	if v, err := s.Secret(context.Background(), "n"); v != "back" || err != nil {
		t.Errorf("store back: %q, %v", v, err)
	}
}

func TestConcurrentReadsShareOneLookup(t *testing.T) {
	server, s, _ := newStore(t)
	server.set(respondSecret("v"))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if v, err := s.Secret(context.Background(), "n"); v != "v" || err != nil {
				t.Errorf("%q, %v", v, err)
			}
		})
	}
	wg.Wait()
	if server.lookups.Load() != 1 {
		t.Errorf("asked %d times", server.lookups.Load())
	}
}

func TestSecretWithoutConfiguration(t *testing.T) {
	s := secretsmanager.New(func() (aws.Config, error) { return aws.Config{}, errors.New("none") }, time.Now)
	if _, err := s.Secret(context.Background(), "n"); err == nil {
		t.Error("no error")
	}
}
