package main

import (
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/emulator"
	"example.com/aurora/shared/dev/smoke"
)

// A smoke test's key is added to the other entries, and all of that name are removed: also those of a run that was killed.
func TestSmokeKeys(t *testing.T) {
	s := newSecretStack(t)
	other := `"sha256:` + strings.Repeat("ab", 32) + `"`
	s.put(t, "external", "["+other+"]")
	ring := keyring{localStack(emulator.Info{Stage: "dev", Endpoints: map[string]string{"secretsmanager": s.endpoint}})}
	entry := smoke.KeyEntry{Name: "smoke", ExpiresAt: time.Now().Add(time.Hour), NoCalls: true}
	var ids []string
	for range 2 {
		key, err := ring.Add(t.Context(), auth.KindExternal, entry)
		if err != nil || !strings.HasPrefix(key, "aur_external_") {
			t.Fatalf("the key is %q, error %v", key, err)
		}
	}
	keys, err := auth.ParseKeys(s.value(t, "external"))
	if err != nil || len(keys) != 3 {
		t.Fatalf("%d keys are stored, error %v; want 3", len(keys), err)
	}
	for _, k := range keys[1:] {
		ids = append(ids, k.ID())
		if k.Limits.CallsPerDay == nil || *k.Limits.CallsPerDay != 0 || k.ExpiresAt.IsZero() {
			t.Errorf("the key has the limits %+v and ends at %v; want no calls, and an end", k.Limits, k.ExpiresAt)
		}
	}
	if ids[0] == ids[1] {
		t.Error("two keys are the same")
	}
	for range 2 { // the second time there is nothing to remove
		if err := ring.Remove(t.Context(), auth.KindExternal, "smoke"); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(strings.Fields(s.value(t, "external")), ""); got != "["+other+"]" {
		t.Errorf("the secret is %s, want the other entry alone", got)
	}
}

func TestSmokeArguments(t *testing.T) {
	for name, arguments := range map[string][]string{
		"TIMEOUT": {"-timeout", "soon"},
		"SKIP":    {"-skip", "chat,everything"},
	} {
		if _, err := commandIn(t, t.TempDir(), nil, append([]string{"smoke"}, arguments...)...); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v, want an error that names %s", arguments, err, name)
		}
	}
}
