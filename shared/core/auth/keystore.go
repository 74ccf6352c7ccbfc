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

	logInterval = time.Minute // between two log lines about the same invalid entries
)

// Secrets reads the text of a secret.
type Secrets interface {
	Secret(ctx context.Context, name string) (string, error)
}

// KeyStore reads the live keys of each kind from a secret: a JSON array whose elements are a key, a "sha256:" digest, or
// an object with digest, name, role, assistants, uses, expiresAt and limits. It is safe for concurrent use.
//
// While a secret cannot be read, or is not a JSON array, the last list that could be read is used for an hour. Without
// such a list Keys returns an error: a broken secret is not the caller's fault. An array is a list also if none of its
// entries is a key: then no key is valid.
type KeyStore struct {
	Secrets     Secrets
	SecretNames map[KeyKind]string // the secret of each kind
	Now         func() time.Time
	// OnUnusable, if set, is called whenever keys are asked for while their secret, or one of its entries, cannot be used.
	OnUnusable func(ctx context.Context)

	mu    sync.Mutex
	lists map[KeyKind]keyList
}

// keyList is the last list of keys that could be read.
type keyList struct {
	text     string
	keys     []Key
	invalid  error     // names the entries that are not keys; nil if there are none
	logged   time.Time // when invalid was last logged
	read     time.Time // when the secret last had this text
	retryAt  time.Time // before this time the secret is not read again, because it could not be read
	isBroken bool      // the secret itself could not be used when it was last read
}

// Keys returns the live keys of a kind. A kind without a secret has none.
func (s *KeyStore) Keys(ctx context.Context, kind KeyKind) ([]Key, error) {
	name, ok := s.SecretNames[kind]
	if !ok {
		return nil, nil
	}
	now := s.Now()
	list, ok := s.waiting(kind, now)
	var err error
	if !ok {
		list, err = s.load(ctx, kind, name, now)
	}
	if s.OnUnusable != nil && (err != nil || list.isBroken || list.invalid != nil) {
		s.OnUnusable(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("load %s keys: %w", kind, err)
	}
	return live(list.keys, now), nil
}

// waiting returns the last list if the secret could not be read a moment ago. Each try may take as long as a request.
func (s *KeyStore) waiting(kind KeyKind, now time.Time) (keyList, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.lists[kind]
	return last, now.Before(last.retryAt) && now.Sub(last.read) < staleLimit
}

// load reads the secret of a kind. If that is not possible it returns the last list, for as long as it may be used.
func (s *KeyStore) load(ctx context.Context, kind KeyKind, name string, now time.Time) (keyList, error) {
	text, err := s.Secrets.Secret(ctx, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	last, hasLast := s.lists[kind]
	list := last
	if err == nil && (!hasLast || last.text != text) {
		list = keyList{text: text}
		list.keys, list.invalid, err = parseKeysOf(kind, text)
	}
	if err == nil {
		list.read, list.retryAt, list.isBroken = now, time.Time{}, false
		if list.invalid != nil && now.Sub(list.logged) >= logInterval {
			slog.ErrorContext(ctx, "some entries of a key secret are not keys", "event", "keys.invalid", "kind", kind, "error", list.invalid)
			list.logged = now
		}
	} else if list = last; hasLast && now.Sub(last.read) < staleLimit {
		slog.ErrorContext(ctx, "keys not read; the last list is used", "event", "keys.stale", "kind", kind, "readAt", last.read, "error", err)
		list.retryAt, list.isBroken, err = now.Add(retryDelay), true, nil
	} else {
		return keyList{}, err
	}
	if s.lists == nil {
		s.lists = map[KeyKind]keyList{}
	}
	s.lists[kind] = list
	return list, nil
}

// parseKeysOf returns the keys of a secret's text. invalid names the entries that are not keys of this kind. It is an error if
// the text is not a list.
func parseKeysOf(kind KeyKind, text string) (keys []Key, invalid, err error) {
	keys, invalid = ParseKeys(text)
	if isSigned := func(k Key) bool { return k.signature != nil }; kind != KindAPI && slices.ContainsFunc(keys, isSigned) {
		keys, invalid = slices.DeleteFunc(keys, isSigned), errors.Join(invalid, errSignatureKind)
	}
	if errors.Is(invalid, errNotArray) {
		return nil, nil, errNotArray
	}
	if hasRole := func(k Key) bool { return k.Role != "" }; kind != KindInternal && slices.ContainsFunc(keys, hasRole) {
		keys, invalid = slices.DeleteFunc(keys, hasRole), errors.Join(invalid, errRoleKind)
	}
	return keys, invalid, nil
}

// errRoleKind says why an entry is no key of its kind.
var errRoleKind = errors.New("a role is for internal keys only")

// errSignatureKind says why an entry is no key of its kind.
var errSignatureKind = errors.New("a signature is for api keys only")

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
		Role       *Role      `json:"role"`
		Assistants *[]string  `json:"assistants"`
		Uses       *[]Use     `json:"uses"`
		ExpiresAt  *time.Time `json:"expiresAt"`

		Limits    json.RawMessage `json:"limits"`
		Signature json.RawMessage `json:"signature"`
	}
	if json.Unmarshal(entry, &object) != nil {
		return Key{}, errors.New("neither a string nor an object with digest or signature, name, assistants, uses, expiresAt and limits, or with a role")
	}
	key, err := keyOf(object.Digest, object.Signature)
	if err != nil {
		return Key{}, err
	}
	key.Name = object.Name
	if err := key.setRole(object.Role); err != nil {
		return Key{}, err
	}
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

// setRole sets the role of a key that has its name and its form.
func (k *Key) setRole(r *Role) error {
	switch {
	case r == nil:
		return nil
	case !r.IsValid():
		return errors.New("role must be viewer, editor or admin; leave it out for a key that is no operator's")
	case k.signature != nil:
		return errors.New("a signature has no role")
	case k.Name == "":
		return errors.New("an entry with a role must have the name of its holder, for the audit")
	}
	k.Role = *r
	return nil
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
