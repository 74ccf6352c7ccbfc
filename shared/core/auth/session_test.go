package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

const (
	viewerKey   = "aur_internal_viewer0123456789abcdef0123456789"
	sessionWord = "sessions-0123456789abcdef0123456789abcdef"
	keyHeader   = "BINARYTINT-INTERNAL-API-KEY"
)

// noEnds is a store in which no session has ended.
type noEnds struct{}

func (noEnds) EndSession(context.Context, string, time.Time) error   { return nil }
func (noEnds) HasSessionEnded(context.Context, string) (bool, error) { return false, nil }
func roleEntry(key, more string) string {
	return fmt.Sprintf(`{"digest":"sha256:%s","name":"vera"%s}`, hexDigest(key), more)
}
func cookieHeader(setCookie string) http.Header {
	pair, _, _ := strings.Cut(setCookie, ";")
	return http.Header{"Cookie": {pair}}
}

// newOperators returns operators with one viewer. A test changes the entries in the returned store.
func newOperators(now *time.Time) (*auth.Operators, *testkit.Secrets) {
	store := &testkit.Secrets{Values: map[string]string{"internal": "[" + roleEntry(viewerKey, `,"role":"viewer"`) + "]", "sessions": sessionWord}}
	clock := func() time.Time { return *now }
	return &auth.Operators{Keys: &auth.KeyStore{Secrets: store, Now: clock, SecretNames: map[auth.KeyKind]string{auth.KindInternal: "internal"}},
		Secrets: store, SecretName: "sessions", Stage: "prod", Ended: noEnds{}, Now: clock, NewID: func() string { return "SESSION1" }}, store
}

func openSession(t *testing.T, o *auth.Operators) http.Header {
	t.Helper()
	login, err := o.Open(t.Context(), viewerKey)
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := o.Cookie(t.Context(), http.Header{}, login)
	if err != nil {
		t.Fatal(err)
	}
	return cookieHeader(cookie)
}

// TestSessionFollowsItsKey changes the entry of a session's key while the session lasts.
func TestSessionFollowsItsKey(t *testing.T) {
	now := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	o, store := newOperators(&now)
	cookie := openSession(t, o)
	for _, c := range []struct {
		name, entries string
		role          auth.Role // empty: the session has ended
		assistants    []string
	}{
		{"as it was", roleEntry(viewerKey, `,"role":"viewer"`), auth.RoleViewer, nil},
		{"a wider role", roleEntry(viewerKey, `,"role":"admin"`), auth.RoleAdmin, nil},
		{"narrowed", roleEntry(viewerKey, `,"role":"editor","assistants":["a1"]`), auth.RoleEditor, []string{"a1"}},
		{"no role", roleEntry(viewerKey, ``), "", nil},
		{"an unknown role", roleEntry(viewerKey, `,"role":"owner"`), "", nil},
		{"limits that cannot be read", roleEntry(viewerKey, `,"role":"viewer","assistants":[]`), "", nil},
		{"expired", roleEntry(viewerKey, `,"role":"viewer","expiresAt":"2026-11-25T08:59:59Z"`), "", nil},
		{"another key in its place", roleEntry(apiKey, `,"role":"viewer"`), "", nil},
		{"removed", ``, "", nil},
		{"given back", roleEntry(viewerKey, `,"role":"viewer"`), auth.RoleViewer, nil},
	} {
		store.Values["internal"] = "[" + c.entries + "]"
		login, err := o.Authenticate(t.Context(), cookie)
		if p := login.Principal; p.Role != c.role || !slices.Equal(p.Assistants, c.assistants) || (c.role == "") != fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s: %+v, %v; want role %q and assistants %v", c.name, p, err, c.role, c.assistants)
		}
	}
}

// TestSessionEndsWithItsKey has a key that expires earlier than its session.
func TestSessionEndsWithItsKey(t *testing.T) {
	now := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	o, store := newOperators(&now)
	store.Values["internal"] = "[" + roleEntry(viewerKey, `,"role":"viewer","expiresAt":"2026-11-25T09:10:00Z"`) + "]"
	login, err := o.Open(t.Context(), viewerKey)
	if err != nil || !login.EndsAt().Equal(now.Add(10*time.Minute)) {
		t.Errorf("the session ends at %v, %v; want the key's end", login.EndsAt(), err)
	}
	if cookie, _ := o.Cookie(t.Context(), http.Header{}, login); !strings.Contains(cookie, "Max-Age=600;") {
		t.Errorf("the cookie is %s, want one for 600 s", cookie)
	}
}

// TestSessionIsSignedWhole changes each byte of a cookie.
func TestSessionIsSignedWhole(t *testing.T) {
	now := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	o, _ := newOperators(&now)
	cookie := openSession(t, o).Get("Cookie")
	for i := len("__Host-aurora="); i < len(cookie); i++ {
		for _, other := range "AQgw-" {
			changed := cookie[:i] + string(other) + cookie[i+1:]
			if _, err := o.Authenticate(t.Context(), http.Header{"Cookie": {changed}}); changed != cookie && !fault.Is(err, fault.Unauthorized) {
				t.Fatalf("character %d changed to %c: error %v, want unauthorized", i, other, err)
			}
		}
	}
}

// TestRoleOfEntries checks which entries become the keys of operators.
func TestRoleOfEntries(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		entry string
		role  auth.Role // empty: no access for operators
		isKey bool      // whether it opens the routes of reports
	}{
		"a key itself": {`"` + viewerKey + `"`, "", true}, "a digest": {`"sha256:` + hexDigest(viewerKey) + `"`, "", true},
		"no role": {roleEntry(viewerKey, ``), "", true}, "null": {roleEntry(viewerKey, `,"role":null`), "", true},
		"viewer": {roleEntry(viewerKey, `,"role":"viewer"`), auth.RoleViewer, false},
		"editor": {roleEntry(viewerKey, `,"role":"editor"`), auth.RoleEditor, true}, "admin": {roleEntry(viewerKey, `,"role":"admin"`), auth.RoleAdmin, true},
		"empty": {roleEntry(viewerKey, `,"role":""`), "", false}, "in capitals": {roleEntry(viewerKey, `,"role":"Admin"`), "", false},
		"a list": {roleEntry(viewerKey, `,"role":["admin"]`), "", false}, "a number": {roleEntry(viewerKey, `,"role":1`), "", false},
		"no name": {fmt.Sprintf(`{"digest":"%s","role":"admin"}`, hexDigest(viewerKey)), "", false},
	} {
		o, store := newOperators(&now)
		store.Values["internal"] = "[" + c.entry + "]"
		login, err := o.Authenticate(t.Context(), header(keyHeader, viewerKey))
		if login.Principal.Role != c.role || (c.role == "") != fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s: role %q, %v; want %q", name, login.Principal.Role, err, c.role)
		}
		if _, err := auth.InternalPolicy.Authenticate(t.Context(), header(keyHeader, viewerKey), o.Keys); (err == nil) != c.isKey {
			t.Errorf("%s at the routes of reports: %v; want it to pass: %v", name, err, c.isKey)
		}
	}
}

// TestRoleIsForInternalKeys checks that an entry of another kind with a role is no key.
func TestRoleIsForInternalKeys(t *testing.T) {
	keys, _ := newKeyStore("[" + roleEntry(apiKey, `,"role":"admin"`) + `,"` + nextAPIKey + `"]`)
	if live, err := keys.Keys(t.Context(), auth.KindAPI); err != nil || len(live) != 1 {
		t.Errorf("keys %+v, %v; want only the one without a role", live, err)
	}
}

// TestViewerKeyOpensNoOtherRoute checks that who may only read places no call and mails no report.
func TestViewerKeyOpensNoOtherRoute(t *testing.T) {
	now := time.Now()
	for _, role := range auth.Roles {
		o, store := newOperators(&now)
		store.Values["internal"] = "[" + roleEntry(viewerKey, `,"role":"`+string(role)+`"`) + "]"
		for _, policy := range []auth.Policy{auth.InternalPolicy, auth.PartnerPolicy} {
			_, err := policy.Authenticate(t.Context(), header(keyHeader, viewerKey), o.Keys)
			if rejected := fault.Is(err, fault.Unauthorized); rejected != (role == auth.RoleViewer) {
				t.Errorf("role %s at the policy %s: %v", role, policy.Name, err)
			}
		}
	}
}

// TestRights is the table of shared/docs/operators.md.
func TestRights(t *testing.T) {
	want := map[auth.Role]string{auth.RoleViewer: "view", auth.RoleEditor: "view reveal edit", auth.RoleAdmin: "view reveal edit administer", "": "", "owner": ""}
	for role, rights := range want {
		for _, right := range []auth.Right{auth.RightView, auth.RightReveal, auth.RightEdit, auth.RightAdminister, "", "other"} {
			err := auth.Principal{Role: role}.CheckRight(right)
			if allowed := right != "" && slices.Contains(strings.Fields(rights), string(right)); allowed != (err == nil) || err != nil && !fault.Is(err, fault.Forbidden) {
				t.Errorf("role %q, right %q: %v; want it allowed: %v", role, right, err, allowed)
			}
		}
	}
}

// TestRolePassesTheAuthorizer checks that the function behind API Gateway sees the role.
func TestRolePassesTheAuthorizer(t *testing.T) {
	want := auth.Principal{ID: "0123456789ab", Name: "vera", Kind: auth.KindInternal, Role: auth.RoleEditor}
	if got, ok := auth.PrincipalFromContext(want.AuthorizerContext()); !ok || got.Role != auth.RoleEditor {
		t.Errorf("the principal is %+v, %v; want %+v", got, ok, want)
	}
}

func FuzzSession(f *testing.F) {
	now := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	o, _ := newOperators(&now)
	login, err := o.Open(context.Background(), viewerKey)
	if err != nil {
		f.Fatal(err)
	}
	cookie, err := o.Cookie(context.Background(), http.Header{}, login)
	if err != nil {
		f.Fatal(err)
	}
	value := strings.TrimPrefix(cookieHeader(cookie).Get("Cookie"), "__Host-aurora=")
	f.Add(value)
	f.Add(value + "; __Host-aurora=" + value)
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, v string) {
		_, err := o.Authenticate(t.Context(), http.Header{"Cookie": {"__Host-aurora=" + v}})
		if err == nil && !strings.Contains(v, value) {
			t.Errorf("%q was accepted", v)
		}
	})
}
