package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	staleLimit = time.Hour        // how long the last good list of keys is used while the secret cannot be read
	retryDelay = 10 * time.Second // between two tries to read the secret in that time
)

// Secrets reads the text of a secret.
type Secrets interface {
	Secret(ctx context.Context, name string) (string, error)
}

// KeyStore reads the live keys of each kind from a secret: a JSON array whose elements are a key, a "sha256:" digest, or
// an object with digest, name, assistants, uses, expiresAt and limits. It is safe for concurrent use.
//
// While a secret cannot be read, or is not a JSON array, the last list that could be read is used for an hour. Without
// such a list Keys returns an error: a broken secret is not the caller's fault.
type KeyStore struct {
	Secrets     Secrets
	SecretNames map[KeyKind]string // the secret of each kind
	Now         func() time.Time
	// OnInvalidKey, if set, is called when a secret is not a JSON array, or holds entries that are not keys.
	OnInvalidKey func(ctx context.Context)

	mu    sync.Mutex
	lists map[KeyKind]*keyList
}

// keyList is the last list of keys that could be read.
type keyList struct {
	text    string
	keys    []Key
	read    time.Time // when the secret last had this text
	retryAt time.Time // before this time the secret is not read again, because it could not be read
}

// Keys returns the live keys of a kind. A kind without a secret has none.
func (s *KeyStore) Keys(ctx context.Context, kind KeyKind) ([]Key, error) {
	name, ok := s.SecretNames[kind]
	if !ok {
		return nil, nil
	}
	now := s.Now()
	if keys, ok := s.waiting(kind, now); ok {
		return keys, nil
	}
	text, err := s.Secrets.Secret(ctx, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.lists[kind]
	if err == nil && last != nil && last.text == text {
		last.read, last.retryAt = now, time.Time{}
		return live(last.keys, now), nil
	}
	var keys []Key
	if err == nil {
		keys, err = s.parse(ctx, kind, text)
	}
	if err == nil {
		if s.lists == nil {
			s.lists = map[KeyKind]*keyList{}
		}
		s.lists[kind] = &keyList{text: text, keys: keys, read: now}
		return live(keys, now), nil
	}
	if last != nil && now.Sub(last.read) < staleLimit {
		slog.ErrorContext(ctx, "keys not read; the last list is used", "event", "keys.stale", "kind", kind, "readAt", last.read, "error", err)
		last.retryAt = now.Add(retryDelay)
		return live(last.keys, now), nil
	}
	return nil, fmt.Errorf("load %s keys: %w", kind, err)
}

// waiting returns the last list if the secret could not be read a moment ago. Each try may take as long as a request.
func (s *KeyStore) waiting(kind KeyKind, now time.Time) ([]Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.lists[kind]
	if last == nil || !now.Before(last.retryAt) || now.Sub(last.read) >= staleLimit {
		return nil, false
	}
	return live(last.keys, now), true
}

// parse reads a secret's text and reports entries that are not keys. It fails only for a text that is not a list.
func (s *KeyStore) parse(ctx context.Context, kind KeyKind, text string) ([]Key, error) {
	keys, err := ParseKeys(text)
	if isSigned := func(k Key) bool { return k.signature != nil }; kind != KindAPI && slices.ContainsFunc(keys, isSigned) {
		keys, err = slices.DeleteFunc(keys, isSigned), errors.Join(err, errors.New("a signature is for api keys only"))
	}
	if err != nil {
		slog.ErrorContext(ctx, "some entries of a key secret are not keys", "event", "keys.invalid", "kind", kind, "error", err)
		if s.OnInvalidKey != nil {
			s.OnInvalidKey(ctx)
		}
	}
	if errors.Is(err, errNotArray) {
		return nil, err
	}
	return keys, nil
}

// live returns the keys that have not expired.
func live(keys []Key, now time.Time) []Key {
	if !slices.ContainsFunc(keys, func(k Key) bool { return k.isExpired(now) }) {
		return keys
	}
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return k.isExpired(now) })
}

// errNotArray does not quote the secret: its text may be a key.
var errNotArray = errors.New("the secret is not a JSON array")

// ParseKeys reads a secret's JSON array. It returns all entries that are keys; the error names the others by their place
// and does not repeat them.
func ParseKeys(text string) ([]Key, error) {
	var entries []json.RawMessage
	if err := json.Unmarshal([]byte(text), &entries); err != nil || entries == nil {
		return nil, errNotArray
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
		Digest     string     `json:"digest"`
		Name       string     `json:"name"`
		Assistants *[]string  `json:"assistants"`
		Uses       *[]Use     `json:"uses"`
		ExpiresAt  *time.Time `json:"expiresAt"`

		Limits    json.RawMessage `json:"limits"`
		Signature json.RawMessage `json:"signature"`
	}
	if json.Unmarshal(entry, &object) != nil {
		return Key{}, errors.New("neither a string nor an object with digest or signature, name, assistants, uses, expiresAt and limits")
	}
	key, err := keyOf(object.Digest, object.Signature)
	if err != nil {
		return Key{}, err
	}
	key.Name = object.Name
	// An entry that limits its key in a way that cannot be read must not become a key without limits.
	if object.Assistants != nil {
		if key.Assistants = *object.Assistants; len(key.Assistants) == 0 || slices.Contains(key.Assistants, "") {
			return Key{}, errors.New("assistants has no id, or an empty one; leave it out for a key of all assistants")
		}
	}
	if object.Uses != nil {
		if key.Uses = *object.Uses; len(key.Uses) == 0 || slices.ContainsFunc(key.Uses, func(u Use) bool { return u != UseChat && u != UseWebhook }) {
			return Key{}, errors.New(`uses must name "chat", "webhook" or both`)
		}
	}
	if key.signature != nil {
		if slices.Contains(key.Uses, UseChat) {
			return Key{}, errors.New("a signature is for the webhook: uses must not name chat")
		}
		key.Uses = []Use{UseWebhook}
	}
	if object.ExpiresAt != nil {
		key.ExpiresAt = *object.ExpiresAt
	}
	if object.Limits != nil {
		if err := json.Unmarshal(object.Limits, &key.Limits); err != nil {
			return Key{}, fmt.Errorf("limits: %w", err)
		}
	}
	return key, nil
}

// keyOf returns the key of an entry, which has either a digest or a signature.
func keyOf(digest string, signed json.RawMessage) (Key, error) {
	switch {
	case signed == nil:
		return keyFromDigest(strings.TrimPrefix(digest, "sha256:"))
	case digest != "":
		return Key{}, errors.New("an entry has a digest or a signature, not both")
	}
	s, err := parseSignature(signed)
	if err != nil {
		return Key{}, err
	}
	// The digest gives the key its ID. No key that is sent can have it: a key has no byte 0.
	return Key{digest: sha256.Sum256(append([]byte("signature\x00"), s.secret...)), signature: s}, nil
}

func keyFromDigest(digest string) (Key, error) {
	b, err := hex.DecodeString(digest)
	if err != nil || len(b) != sha256.Size {
		return Key{}, errors.New("the digest is not 64 hexadecimal digits")
	}
	return Key{digest: [sha256.Size]byte(b)}, nil
}
