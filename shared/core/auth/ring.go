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

// KeyStore is the live keys, read from one secret a kind: a JSON array whose elements are a key, a "sha256:" digest, or
// {"digest","name","assistants"}.
type KeyStore struct {
	Secrets     Secrets
	SecretNames map[KeyKind]string // the secret of each kind
	// Unusable, if set, is told when an entry is no key: it is ignored, and somebody should look.
	OnInvalidKey func(ctx context.Context)

	mu     sync.Mutex
	parsed map[KeyKind]parsedKeys
}

type parsedKeys struct {
	text string
	keys []Key
}

// Keys returns the live keys of a kind. A kind without a secret has none.
func (r *KeyStore) Keys(ctx context.Context, kind KeyKind) ([]Key, error) {
	name, ok := r.SecretNames[kind]
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
		return p.keys, nil
	}
	entries, err := ParseKeys(text)
	if err != nil {
		slog.ErrorContext(ctx, "some keys are unusable", "kind", kind, "error", err)
		if r.OnInvalidKey != nil {
			r.OnInvalidKey(ctx)
		}
	}
	if r.parsed == nil {
		r.parsed = map[KeyKind]parsedKeys{}
	}
	r.parsed[kind] = parsedKeys{text, entries}
	return entries, nil
}

// ParseKeys reads a secret's JSON array. What is no key is left out and named by its place in the error; the
// entries beside it are still returned.
func ParseKeys(text string) ([]Key, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, errors.New("the secret is not a JSON array") // the cause would quote a key
	}
	var entries []Key
	var bad []error
	for i, r := range raw {
		e, err := parseKey(r)
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

func parseKey(raw json.RawMessage) (Key, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if digest, ok := strings.CutPrefix(text, "sha256:"); ok {
			return keyFromDigest(digest)
		}
		if !isWellFormedKey(text) {
			return Key{}, errors.New("not 32 to 512 printable ASCII characters")
		}
		return Key{digest: sha256.Sum256([]byte(text))}, nil
	}
	var object struct {
		Digest     string   `json:"digest"`
		Name       string   `json:"name"`
		Assistants []string `json:"assistants"`
	}
	if json.Unmarshal(raw, &object) != nil {
		return Key{}, errors.New("neither a string nor an object with digest, name and assistants")
	}
	e, err := keyFromDigest(strings.TrimPrefix(object.Digest, "sha256:"))
	e.Name, e.Assistants = object.Name, object.Assistants
	return e, err
}

func keyFromDigest(digest string) (Key, error) {
	b, err := hex.DecodeString(digest)
	if err != nil || len(b) != sha256.Size {
		return Key{}, errors.New("the digest is not 64 hexadecimal digits")
	}
	return Key{digest: [sha256.Size]byte(b)}, nil
}
