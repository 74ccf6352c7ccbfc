package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// Secrets reads a secret's text.
type Secrets interface {
	Secret(ctx context.Context, name string) (string, error)
}

// Ring is the live keys, read from one secret a kind: a JSON array whose elements are a key, a "sha256:" digest, or
// {"digest","name","assistants"}.
type Ring struct {
	Secrets Secrets
	Names   map[Kind]string // the secret of each kind
	// Unusable, if set, is told when an entry is no key: it is ignored, and somebody should look.
	Unusable func(ctx context.Context)

	mu     sync.Mutex
	parsed map[Kind]parsedKeys
}

type parsedKeys struct {
	text    string
	entries []Entry
}

// Entries returns the live keys of a kind. A kind without a secret has none.
func (r *Ring) Entries(ctx context.Context, kind Kind) ([]Entry, error) {
	name, ok := r.Names[kind]
	if !ok {
		return nil, nil
	}
	text, err := r.Secrets.Secret(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("load %s keys: %w", kind, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.parsed[kind]; ok && p.text == text {
		return p.entries, nil
	}
	entries, err := ParseEntries(text)
	if err != nil {
		slog.ErrorContext(ctx, "some keys are unusable", "kind", kind, "error", err)
		if r.Unusable != nil {
			r.Unusable(ctx)
		}
	}
	if r.parsed == nil {
		r.parsed = map[Kind]parsedKeys{}
	}
	r.parsed[kind] = parsedKeys{text, entries}
	return entries, nil
}

// ParseEntries reads a secret's JSON array. What is no key is left out and named by its place in the error; the
// entries beside it are still returned.
func ParseEntries(text string) ([]Entry, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, errors.New("the secret is not a JSON array") // the cause would quote a key
	}
	var entries []Entry
	var bad []error
	for i, r := range raw {
		e, err := parseEntry(r)
		if err != nil {
			bad = append(bad, fmt.Errorf("entry %d: %w", i, err))
			continue
		}
		if e.Name == "" {
			e.Name = e.ID()
		}
		entries = append(entries, e)
	}
	return entries, errors.Join(bad...)
}

func parseEntry(raw json.RawMessage) (Entry, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if digest, ok := strings.CutPrefix(text, "sha256:"); ok {
			return entryOf(digest)
		}
		if !wellFormed(text) {
			return Entry{}, errors.New("not 32 to 512 printable ASCII characters")
		}
		return Entry{digest: sha256.Sum256([]byte(text))}, nil
	}
	var object struct {
		Digest     string   `json:"digest"`
		Name       string   `json:"name"`
		Assistants []string `json:"assistants"`
	}
	if json.Unmarshal(raw, &object) != nil {
		return Entry{}, errors.New("neither a string nor an object with digest, name and assistants")
	}
	e, err := entryOf(strings.TrimPrefix(object.Digest, "sha256:"))
	e.Name, e.Assistants = object.Name, object.Assistants
	return e, err
}

func entryOf(digest string) (Entry, error) {
	b, err := hex.DecodeString(digest)
	if err != nil || len(b) != sha256.Size {
		return Entry{}, errors.New("the digest is not 64 hexadecimal digits")
	}
	return Entry{digest: [sha256.Size]byte(b)}, nil
}
