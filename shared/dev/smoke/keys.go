package smoke

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// keyEntry is an entry of a key secret.
type keyEntry struct {
	Digest     string           `json:"digest"`
	Name       string           `json:"name"`
	Assistants []string         `json:"assistants,omitempty"`
	ExpiresAt  string           `json:"expiresAt"`
	Limits     map[string]int64 `json:"limits,omitempty"`
}

// prepareKey checks a key secret. It stores a new key in it, unless the operator has given one.
func (r *run) prepareKey(ctx context.Context, kind auth.KeyKind) (seen string, err error) {
	k := &testKey{key: r.Keys[kind], given: r.Keys[kind] != ""}
	r.keys[kind] = k
	name := r.secretName(string(kind))
	text, version, err := r.readSecret(ctx, name)
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
	entry := keyEntry{Name: keyName, Assistants: []string{AssistantID}, ExpiresAt: time.Now().Add(keyLifetime).UTC().Format(time.RFC3339)}
	if kind == auth.KindExternal { // the hyperscale route calls with an assistant of the deployment
		entry.Assistants, entry.Limits = nil, map[string]int64{"callsPerDay": 0}
	}
	k.key, entry.Digest = newKey(kind)
	if k.err = r.changeEntries(ctx, name, text, version, &entry); k.err != nil {
		return "", k.err
	}
	r.stored = time.Now()
	return fmt.Sprintf("%d keys; one for this run was added", len(keys)), invalid
}

// checkGivenKey returns an error unless a key is in its secret, and may not place calls if it is for them.
func checkGivenKey(kind auth.KeyKind, secret, key string, keys []auth.Key) error {
	i := slices.IndexFunc(keys, func(k auth.Key) bool { return k.ID() == digestOf(key)[:len(k.ID())] })
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

// newKey returns a key, and its digest as a secret stores it.
func newKey(kind auth.KeyKind) (key, digest string) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	key = "aur_" + string(kind) + "_" + base64.RawURLEncoding.EncodeToString(secret[:])
	return key, "sha256:" + digestOf(key)
}

func digestOf(key string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(key))) }

// changeEntries removes the entries of earlier runs from a key secret, and adds one unless it is nil. text and version are the
// secret as it was read; a secret that was changed since is left as it is.
func (r *run) changeEntries(ctx context.Context, name, text, version string, add *keyEntry) error {
	var entries []json.RawMessage
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return fmt.Errorf("key secret %s: %w", name, err)
	}
	kept := slices.DeleteFunc(slices.Clone(entries), func(raw json.RawMessage) bool {
		var e keyEntry
		return json.Unmarshal(raw, &e) == nil && e.Name == keyName
	})
	if add != nil {
		raw, err := json.Marshal(add)
		if err != nil {
			return err
		}
		kept = append(kept, raw)
	} else if len(kept) == len(entries) {
		return nil
	}
	value, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	client, err := r.secrets()
	if err != nil {
		return err
	}
	if _, now, err := r.readSecret(ctx, name); err != nil {
		return err
	} else if now != version {
		return fmt.Errorf("key secret %s was changed at the same time by someone else; run the smoke test again", name)
	}
	if _, err := client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: aws.String(string(value))}); err != nil {
		return fmt.Errorf("write key secret %s: %w", name, err)
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

// removeKeys removes the keys that were stored.
func (r *run) removeKeys(ctx context.Context) error {
	var failed []error
	for kind, k := range r.keys {
		if k.given {
			continue
		}
		name := r.secretName(string(kind))
		text, version, err := r.readSecret(ctx, name)
		if err == nil && k.err == nil {
			err = r.changeEntries(ctx, name, text, version, nil)
		}
		if err != nil && k.err == nil {
			failed = append(failed, fmt.Errorf("%w; remove the entry named %s by hand", err, keyName))
		}
	}
	return errors.Join(failed...)
}

func (r *run) secrets() (*secretsmanager.Client, error) {
	config, err := r.Config("secretsmanager")()
	if err != nil {
		return nil, err
	}
	return secretsmanager.NewFromConfig(config), nil
}

// readSecret returns the text of a secret, and the id of its version.
func (r *run) readSecret(ctx context.Context, name string) (text, version string, err error) {
	client, err := r.secrets()
	if err != nil {
		return "", "", err
	}
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return "", "", fmt.Errorf("secret %s cannot be read: %w", name, err)
	}
	return aws.ToString(out.SecretString), aws.ToString(out.VersionId), nil
}
