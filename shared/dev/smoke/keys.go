package smoke

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"example.com/aurora/shared/core/auth"
)

const (
	// keyName is the name of the keys that a run makes. What they use is counted under it.
	keyName = AssistantID
	// keyLifetime ends the keys of a run that was killed.
	keyLifetime = time.Hour
	// keyPatience is how long a key that was just stored may be rejected: functions and API Gateway remember answers for a
	// minute each.
	keyPatience = 125 * time.Second
)

// testKey is a key of the run.
type testKey struct {
	key   string
	given bool // by the operator, so that it is not removed
	err   error
}

// KeyEntry is what the entry of a new key says, apart from the digest.
type KeyEntry struct {
	Name       string
	Assistants []string // empty for all
	ExpiresAt  time.Time
	NoCalls    bool // the limit of calls a day is 0
}

// Keyring stores keys in the key secrets.
type Keyring interface {
	// Add makes a key, stores its entry and returns the key.
	Add(ctx context.Context, kind auth.KeyKind, e KeyEntry) (key string, err error)
	// Remove removes all entries with a name. It is no error if there are none.
	Remove(ctx context.Context, kind auth.KeyKind, name string) error
}

// prepareKey checks a key secret. It stores a new key in it, unless the operator has given one.
func (r *run) prepareKey(ctx context.Context, kind auth.KeyKind) (seen string, err error) {
	k := &testKey{key: r.Keys[kind], given: r.Keys[kind] != ""}
	r.keys[kind] = k
	name := r.secretName(string(kind))
	text, err := r.readSecret(ctx, name)
	var keys []auth.Key
	if err == nil {
		if keys, err = auth.ParseKeys(text); err != nil {
			err = fmt.Errorf("key secret %s: %w", name, err)
		}
	}
	if k.given {
		if err == nil {
			err = checkGivenKey(kind, name, k.key, keys)
		}
		if kind == auth.KindExternal { // a key that may place calls is not used; other keys are: processes may know them still
			k.err = err
		}
		return fmt.Sprintf("%d keys, the given one among them", len(keys)), err
	}
	if err != nil && keys == nil {
		k.err = err
		return "", err
	}
	invalid := err // some entries are no keys: the others work
	entry := KeyEntry{Name: keyName, Assistants: []string{AssistantID}, ExpiresAt: time.Now().Add(keyLifetime).Truncate(time.Second)}
	if kind == auth.KindExternal { // the hyperscale route calls with an assistant of the deployment
		entry.Assistants, entry.NoCalls = nil, true
	}
	if k.key, k.err = r.Keyring.Add(ctx, kind, entry); k.err != nil {
		return "", k.err
	}
	r.stored = time.Now()
	return fmt.Sprintf("%d keys; one for this run was added", len(keys)), invalid
}

// checkGivenKey returns an error unless a key is in its secret, and may not place calls if it is for them.
func checkGivenKey(kind auth.KeyKind, secret, key string, keys []auth.Key) error {
	digest := fmt.Sprintf("%x", sha256.Sum256([]byte(key))) // its beginning is the key's id
	i := slices.IndexFunc(keys, func(k auth.Key) bool { return strings.HasPrefix(digest, k.ID()) })
	if i < 0 {
		return fmt.Errorf("key secret %s does not have the given key", secret)
	}
	if k := keys[i]; !k.ExpiresAt.IsZero() && time.Now().After(k.ExpiresAt) {
		return fmt.Errorf("key secret %s: the given key has expired", secret)
	}
	if limit := keys[i].Limits.CallsPerDay; kind == auth.KindExternal && (limit == nil || *limit != 0) {
		return errors.New(`the given key could place calls: give one with "limits":{"callsPerDay":0}`)
	}
	return nil
}

// key returns the key of a kind, once all processes know it.
func (r *run) key(ctx context.Context, kind auth.KeyKind) (string, error) {
	k := r.keys[kind]
	if k == nil {
		return "", fmt.Errorf("there is no key: the check of the secret %s was left out", r.secretName(string(kind)))
	}
	if k.err != nil {
		return "", fmt.Errorf("there is no key: %w", k.err)
	}
	if wait := r.KeyDelay - time.Since(r.stored); !k.given && wait > 0 {
		r.print("waiting %.0f s until all functions have read the new keys", wait.Seconds())
		if !sleep(ctx, wait) {
			return "", context.Cause(ctx)
		}
	}
	return k.key, nil
}

// isWaitingFor reports whether a key was stored so recently that it may be rejected.
func (r *run) isWaitingFor(kind auth.KeyKind) bool {
	k := r.keys[kind]
	return k != nil && k.err == nil && !k.given && time.Since(r.stored) < keyPatience
}

// removeKeys removes the keys that were stored, also those of an earlier run.
func (r *run) removeKeys(ctx context.Context) error {
	var failed []error
	for kind, k := range r.keys {
		if k.given || k.err != nil && k.key == "" {
			continue
		}
		if err := r.Keyring.Remove(ctx, kind, keyName); err != nil {
			failed = append(failed, fmt.Errorf("%w; remove the entry named %s by hand", err, keyName))
		}
	}
	return errors.Join(failed...)
}

// readSecret returns the text of a secret.
func (r *run) readSecret(ctx context.Context, name string) (string, error) {
	config, err := r.Config("secretsmanager")()
	if err != nil {
		return "", err
	}
	out, err := secretsmanager.NewFromConfig(config).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return "", fmt.Errorf("secret %s cannot be read: %w", name, err)
	}
	return aws.ToString(out.SecretString), nil
}
