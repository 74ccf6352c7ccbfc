package secretsmanager

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"example.com/aurora/shared/core/fault"
)

const (
	cacheTTL      = 60 * time.Second        // how long a secret is used without another look-up
	lookupTimeout = 1500 * time.Millisecond // for one look-up with its retries
)

// Store reads secrets. It is safe for concurrent use.
type Store struct {
	client func() (*secretsmanager.Client, error)
	now    func() time.Time

	mu     sync.Mutex
	values map[string]*cachedSecret
}

type cachedSecret struct {
	mu   sync.Mutex // held during a look-up, so that other goroutines wait for its result
	text string
	read time.Time
}

// New returns a store whose client is created on first use.
func New(config func() (aws.Config, error), now func() time.Time) *Store {
	return &Store{
		client: sync.OnceValues(func() (*secretsmanager.Client, error) {
			cfg, err := config()
			if err != nil {
				return nil, err
			}
			return secretsmanager.NewFromConfig(cfg), nil
		}),
		now:    now,
		values: map[string]*cachedSecret{},
	}
}

// Secret returns a secret's text, at most 60 s old. The error is a fault: NotFound if the secret does not exist or has no
// value yet, Unavailable if Secrets Manager does not answer within 1.5 s.
func (s *Store) Secret(ctx context.Context, name string) (string, error) {
	s.mu.Lock()
	v := s.values[name]
	if v == nil {
		v = &cachedSecret{}
		s.values[name] = v
	}
	s.mu.Unlock()

	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.read.IsZero() && s.now().Sub(v.read) < cacheTTL {
		return v.text, nil
	}
	v.text, v.read = "", time.Time{} // the old value is not used again, even if the look-up fails
	text, err := s.load(ctx, name)
	if err != nil {
		return "", err
	}
	v.text, v.read = text, s.now()
	return text, nil
}

// Open returns a function that opens the connection to Secrets Manager and reads these secrets, one after the other so that one
// connection is enough. A secret that could be read is in the cache; another is read when it is needed. The error names
// the secrets that could not be read.
func (s *Store) Open(names ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		errs := make([]error, len(names))
		for i, name := range names {
			_, errs[i] = s.Secret(ctx, name)
		}
		return errors.Join(errs...)
	}
}

func (s *Store) load(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	client, err := s.client()
	if err != nil {
		return "", err
	}
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
		return "", fault.New(fault.NotFound, "A secret is missing.").Because(fmt.Errorf("secret %s does not exist or has no value: %w", name, err))
	}
	if err != nil {
		return "", fault.New(fault.Unavailable, "The secret store did not answer.").WithRetryAfter(time.Second).
			Because(fmt.Errorf("read secret %s: %w", name, err))
	}
	return aws.ToString(out.SecretString), nil
}
