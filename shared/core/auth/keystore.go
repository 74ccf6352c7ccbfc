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

// Secrets reads the text of a secret.
type Secrets interface {
	Secret(ctx context.Context, name string) (string, error)
}

// KeyStore reads the live keys of each kind from a secret: a JSON array whose elements are a key, a "sha256:" digest, or
// an object with digest, name and assistants. It is safe for concurrent use.
type KeyStore struct {
	Secrets     Secrets
	SecretNames map[KeyKind]string // the secret of each kind
	// OnInvalidKey, if set, is called when a secret holds entries that are not keys. They are ignored.
	OnInvalidKey func(ctx context.Context)

	mu     sync.Mutex
	parsed map[KeyKind]parsedKeys
}

// parsedKeys are the keys of one secret text.
type parsedKeys struct {
	text string
	keys []Key
}

// Keys returns the live keys of a kind. A kind without a secret has none.
func (s *KeyStore) Keys(ctx context.Context, kind KeyKind) ([]Key, error) {
	name, ok := s.SecretNames[kind]
	if !ok {
		return nil, nil
	}
	text, err := s.Secrets.Secret(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("load %s keys: %w", kind, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.parsed[kind]; ok && p.text == text {
		return p.keys, nil
	}
	keys, err := ParseKeys(text)
	if err != nil {
		slog.ErrorContext(ctx, "some entries of a key secret are not keys", "event", "keys.invalid", "kind", kind, "error", err)
		if s.OnInvalidKey != nil {
			s.OnInvalidKey(ctx)
		}
	}
	if s.parsed == nil {
		s.parsed = map[KeyKind]parsedKeys{}
	}
	s.parsed[kind] = parsedKeys{text, keys}
	return keys, nil
}

// ParseKeys reads a secret's JSON array. It returns all entries that are keys; the error names the others by their place
// and does not repeat them.
func ParseKeys(text string) ([]Key, error) {
	var entries []json.RawMessage
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return nil, errors.New("the secret is not a JSON array") // the cause would quote a key
	}
	var keys []Key
	var invalid []error
	for i, entry := range entries {
		key, err := parseKey(entry)
		if err != nil {
			invalid = append(invalid, fmt.Errorf("entry %d: %w", i, err))
			continue
		}
		if key.Name == "" {
			key.Name = key.ID()
		}
		keys = append(keys, key)
	}
	return keys, errors.Join(invalid...)
}

func parseKey(entry json.RawMessage) (Key, error) {
	var text string
	if json.Unmarshal(entry, &text) == nil {
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
	if json.Unmarshal(entry, &object) != nil {
		return Key{}, errors.New("neither a string nor an object with digest, name and assistants")
	}
	key, err := keyFromDigest(strings.TrimPrefix(object.Digest, "sha256:"))
	key.Name, key.Assistants = object.Name, object.Assistants
	return key, err
}

func keyFromDigest(digest string) (Key, error) {
	b, err := hex.DecodeString(digest)
	if err != nil || len(b) != sha256.Size {
		return Key{}, errors.New("the digest is not 64 hexadecimal digits")
	}
	return Key{digest: [sha256.Size]byte(b)}, nil
}
