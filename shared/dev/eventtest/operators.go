package eventtest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

// The keys in the cases of the operators' functions: one for each role, one of an editor of one assistant, and an internal key
// without a role.
const (
	ViewerKey       = "aur_internal_viewer0123456789abcdef0123456789"
	EditorKey       = "aur_internal_editor0123456789abcdef0123456789"
	AdminKey        = "aur_internal_admin00123456789abcdef0123456789"
	ScopedEditorKey = "aur_internal_scoped0123456789abcdef0123456789"
)

// ScopedAssistant is the only assistant of ScopedEditorKey.
const ScopedAssistant = "avery"

// SessionWord signs the cookies in the cases.
const SessionWord = "sessions-0123456789abcdef0123456789abcdef"

// OperatorTime is when the sessions of the cases began.
func OperatorTime() time.Time { return time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC) }

// EndedSessions is the store of ended sessions in memory.
type EndedSessions struct {
	IDs []string
	Err error // if set, every call returns it
}

// EndSession notes that a session has ended.
func (s *EndedSessions) EndSession(_ context.Context, id string, until time.Time) error {
	if s.Err == nil {
		s.IDs = append(s.IDs, id+" until "+until.UTC().Format(time.RFC3339))
	}
	return s.Err
}

// HasSessionEnded reports whether EndSession was called for a session.
func (s *EndedSessions) HasSessionEnded(_ context.Context, id string) (bool, error) {
	for _, ended := range s.IDs {
		if strings.HasPrefix(ended, id+" ") {
			return true, s.Err
		}
	}
	return false, s.Err
}

// Operators authenticates the operators of the cases. Change its fields for a case.
type Operators struct {
	auth.Operators
	Store         *testkit.Secrets // "internal" and "sessions"
	EndedSessions *EndedSessions
}

// NewOperators returns operators whose clock stands still, some time after OperatorTime.
func NewOperators(after time.Duration) *Operators {
	entry := func(name, key, more string) string {
		return fmt.Sprintf(`{"digest":"sha256:%x","name":%q%s}`, sha256.Sum256([]byte(key)), name, more)
	}
	entries := []string{
		entry("vera", ViewerKey, `,"role":"viewer"`), entry("ed", EditorKey, `,"role":"editor"`), entry("ada", AdminKey, `,"role":"admin"`),
		entry("sam", ScopedEditorKey, `,"role":"editor","assistants":["`+ScopedAssistant+`"]`), `"` + InternalKey + `"`,
	}
	now := func() time.Time { return OperatorTime().Add(after) }
	o := &Operators{EndedSessions: &EndedSessions{}, Store: &testkit.Secrets{Values: map[string]string{
		"internal": "[" + strings.Join(entries, ",") + "]", "sessions": SessionWord}}}
	o.Operators = auth.Operators{
		Keys:    &auth.KeyStore{Secrets: o.Store, Now: now, SecretNames: map[auth.KeyKind]string{auth.KindInternal: "internal"}},
		Secrets: o.Store, SecretName: "sessions", Stage: "prod", Ended: o.EndedSessions, Now: now, NewID: func() string { return "SESSION1" },
	}
	return o
}

// OperatorsOf returns operators as the given of a case says.
func OperatorsOf(given OperatorsGiven) *Operators {
	o := NewOperators(given.After)
	if given.Word != "" {
		o.Store.Values["sessions"] = given.Word
	}
	if given.Withdrawn {
		o.Store.Values["internal"] = "[]"
	}
	if given.Stage != "" {
		o.Stage = given.Stage
	}
	if given.Ended {
		o.EndedSessions.IDs = []string{"SESSION1 before"}
	}
	switch err := fault.New(fault.Unavailable, "The store did not answer.").WithRetryAfter(time.Second); given.Unavailable {
	case "secrets":
		o.Store.Err = err
	case "ledger":
		o.EndedSessions.Err = err
	}
	return o
}

// OperatorsGiven is what a case of the operators' functions may set up.
type OperatorsGiven struct {
	After       time.Duration `yaml:"after"`       // the time of the request, after OperatorTime
	Unavailable string        `yaml:"unavailable"` // secrets or ledger
	Word        string        `yaml:"word"`        // the text of the secret that signs cookies
	Withdrawn   bool          `yaml:"withdrawn"`   // all keys
	Ended       bool          `yaml:"ended"`       // the session
	Stage       string        `yaml:"stage"`
	PublicURL   string        `yaml:"publicUrl"`
}
