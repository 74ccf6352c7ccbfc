package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/emulator"
	"example.com/aurora/shared/dev/fakesecretsmanager"
)

// secretStack is a running secret store, and the data folder of a stack that has nothing else.
type secretStack struct {
	data     string
	endpoint string
	client   *secretsmanager.Client
	before   func(operation string) // if set, called before each request
	mu       sync.Mutex
}

func newSecretStack(t *testing.T) *secretStack {
	t.Helper()
	s := &secretStack{data: t.TempDir()}
	store, err := fakesecretsmanager.Open(fakesecretsmanager.Options{Path: filepath.Join(s.data, "secrets.db")})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		before := s.before
		s.mu.Unlock()
		if before != nil {
			_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
			before(operation)
		}
		store.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { server.Close(); _ = store.Close() })
	info := emulator.Info{Ready: true, Stage: "dev", API: server.URL, Endpoints: map[string]string{"secretsmanager": server.URL}, Tables: map[string]string{"assistants": "aurora-dev-assistants"}}
	b, _ := json.Marshal(info) // texts only: cannot fail
	if err := os.WriteFile(filepath.Join(s.data, emulator.InfoFile), b, 0o600); err != nil {
		t.Fatal(err)
	}
	s.endpoint = server.URL
	cfg, err := localStack(info).awsConfig("secretsmanager")()
	if err != nil {
		t.Fatal(err)
	}
	s.client = secretsmanager.NewFromConfig(cfg)
	for _, kind := range keyKinds {
		if _, err := s.client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("aurora/dev/" + kind), SecretString: aws.String("[]")}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *secretStack) put(t *testing.T, kind, value string) {
	t.Helper()
	if _, err := s.client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("aurora/dev/" + kind), SecretString: &value}); err != nil {
		t.Error(err)
	}
}

func (s *secretStack) value(t *testing.T, kind string) string {
	t.Helper()
	out, err := s.client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("aurora/dev/" + kind)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.SecretString)
}

func (s *secretStack) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return commandIn(t, s.data, map[string]string{"SIGNING_SECRET": "key_0123456789abcdef0123456789"}, append([]string{"key"}, args...)...)
}

var shownKey = regexp.MustCompile(`(?m)^key     (\S+)$`)

// TestKeyIsStored stores, lists and removes entries of each kind (A2).
func TestKeyIsStored(t *testing.T) {
	s := newSecretStack(t)
	plain := strings.Repeat("k", 40)
	s.put(t, "api", `["`+plain+`"]`)
	shown := map[string]string{}
	for _, kind := range keyKinds {
		out, err := s.run(t, "-kind", kind, "-name", "acme "+kind, "-assistants", "a1,a2", "-expires", "2099-01-01T00:00:00Z", "-write", "1")
		m := shownKey.FindStringSubmatch(out)
		if err != nil || m == nil || !strings.Contains(out, "+ entry:") {
			t.Fatalf("%s: %v\n%s", kind, err, out)
		}
		shown[kind] = m[1]
		keys, err := auth.ParseKeys(s.value(t, kind))
		if err != nil || keys[len(keys)-1].Name != "acme "+kind || strings.Contains(s.value(t, kind), m[1]) {
			t.Errorf("%s: stored %s, %v; want the new entry last, without the key", kind, s.value(t, kind), err)
		}
	}
	if out, err := s.run(t, "-signature", "retell", "-name", "retell", "-write", "1"); err != nil || strings.Contains(out, "key_0123") {
		t.Errorf("a signature: %v; want no secret in\n%s", err, out)
	}
	if out, err := s.run(t, "-kind", "internal", "-name", "dana", "-role", "editor", "-write", "1"); err != nil || !strings.Contains(out, "dana") {
		t.Errorf("an operator's key: %v\n%s", err, out)
	}
	if !strings.Contains(s.value(t, "api"), plain) {
		t.Errorf("the key that was there is lost: %s", s.value(t, "api"))
	}
	if _, err := s.run(t, "-signature", "retell", "-name", "twice", "-write", "1"); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("the same secret a second time: %v, want an error", err)
	}

	list, err := s.run(t, "-list", "1")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"aurora/dev/api has 3 entries", "aurora/dev/internal has 2 ", "aurora/dev/external has 1 ", "key itself", "signature", "acme internal", "no role", "editor", "a1,a2", "2099-01-01T00:00:00Z", "webhook"} {
		if !strings.Contains(list, want) {
			t.Errorf("the list has no %q:\n%s", want, list)
		}
	}
	for _, secret := range []string{plain, "key_0123", "sha256:", shown["api"], shown["internal"]} {
		if strings.Contains(list, secret) {
			t.Errorf("the list shows %q:\n%s", secret, list)
		}
	}
	if out, err := s.run(t, "-remove", "acme api"); err != nil || !strings.Contains(out, "- entry:1") || strings.Contains(s.value(t, "api"), "acme") {
		t.Errorf("removal: %v, left %s\n%s", err, s.value(t, "api"), out)
	}
	if keys, err := auth.ParseKeys(s.value(t, "api")); err != nil || len(keys) != 2 {
		t.Errorf("after the removal: %d keys, %v; want the other two", len(keys), err)
	}
}

// TestKeySecretThatCannotBeRead checks that nothing is written over a value that is not a list, and that the value before it
// can be put back.
func TestKeySecretThatCannotBeRead(t *testing.T) {
	s := newSecretStack(t)
	good := `["` + strings.Repeat("k", 40) + `"]`
	for _, broken := range []string{"", " ", "null", "{}", `"` + strings.Repeat("k", 40) + `"`, good[:20], good + good} {
		s.put(t, "api", good)
		s.put(t, "api", broken)
		for _, args := range [][]string{{"-write", "1"}, {"-remove", "acme"}, {"-list", "1", "-kind", "api"}} {
			if out, err := s.run(t, args...); err == nil || !strings.Contains(err.Error(), "RESTORE=1") || strings.Contains(out, "aur_") {
				t.Errorf("value %q, %v: %v, want an error that names RESTORE=1, and no key\n%s", broken, args, err, out)
			}
			if s.value(t, "api") != broken {
				t.Fatalf("value %q was changed to %q", broken, s.value(t, "api"))
			}
		}
		if out, err := s.run(t, "-restore", "1"); err != nil || s.value(t, "api") != good {
			t.Errorf("restored %q, %v\n%s", s.value(t, "api"), err, out)
		}
	}
	if _, err := s.run(t, "-write", "1", "-list", "1"); err == nil {
		t.Error("two actions at once: no error")
	}
}

// TestEntriesThatAreNoKeys checks that entries which cannot be read are left as they are, and can be removed by their place.
func TestEntriesThatAreNoKeys(t *testing.T) {
	s := newSecretStack(t)
	s.put(t, "external", `["short", {"digset":"x", "later":[1,2]}]`)
	if _, err := s.run(t, "-kind", "external", "-name", "acme", "-write", "1"); err != nil {
		t.Fatal(err)
	}
	if v := s.value(t, "external"); !strings.Contains(v, `"short"`) || !strings.Contains(v, `{"digset":"x", "later":[1,2]}`) || !strings.Contains(v, "acme") {
		t.Errorf("stored %s; want all three entries", v)
	}
	if out, err := s.run(t, "-list", "1", "-kind", "external"); err != nil || !strings.Contains(out, "entry:1  not usable") || strings.Contains(out, "short") {
		t.Errorf("list: %v\n%s", err, out)
	}
	if _, err := s.run(t, "-kind", "external", "-remove", "entry:1"); err != nil || strings.Contains(s.value(t, "external"), "digset") {
		t.Errorf("removal by place: %v, left %s", err, s.value(t, "external"))
	}
	for _, name := range []string{"acme", "acme"} {
		if _, err := s.run(t, "-name", name, "-write", "1"); err != nil {
			t.Fatal(err)
		}
	}
	before := s.value(t, "api")
	for _, which := range []string{"acme", "other", "entry:9"} {
		if _, err := s.run(t, "-remove", which); err == nil || s.value(t, "api") != before {
			t.Errorf("removal of %q: %v, left %s; want an error and no change", which, err, s.value(t, "api"))
		}
	}
}

// TestKeysStoredAtTheSameTime has another writer store an entry between each step of a command. No entry may be lost.
func TestKeysStoredAtTheSameTime(t *testing.T) {
	for _, step := range []string{"PutSecretValue", "UpdateSecretVersionStage"} {
		s := newSecretStack(t)
		other := strings.Repeat("o", 40)
		once := sync.OnceFunc(func() {
			s.mu.Lock()
			s.before = nil
			s.mu.Unlock()
			s.put(t, "api", `["`+other+`"]`)
		})
		s.before = func(operation string) {
			if operation == step {
				once()
			}
		}
		out, err := s.run(t, "-name", "acme", "-write", "1")
		if v := s.value(t, "api"); err != nil || !strings.Contains(v, other) || !strings.Contains(v, "acme") {
			t.Errorf("another writer before %s: %v; stored %s, want both entries\n%s", step, err, v, out)
		}
	}
}
