package idempotency

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"
)

// State says how far an effect is. The values are stored.
type State string

// The states of an effect.
const (
	InProgress State = "under way"
	Done       State = "done"
	Unknown    State = "unclear" // it may have happened or not
)

// Claim is the stored claim of a key.
type Claim struct {
	Key   string
	Owner string // tells claimants apart
	// Fingerprint is the hash of a request that must be the same for the same key; empty if the key already is a hash of
	// all that matters.
	Fingerprint string
	State       State // empty if the state is stored elsewhere, under the owner's id
	Result      string
	// LeaseUntil is the time after which another may take the claim over, unless its state is Done or Unknown.
	LeaseUntil time.Time
	ExpiresAt  time.Time
}

// AnyOwner lets a claim replace any other.
const AnyOwner = "*"

// Store holds claims. Each of its writes is conditional and atomic.
type Store interface {
	// FindClaim returns the claim of a key. It is not ok if there is none, or one that can be taken over.
	FindClaim(ctx context.Context, key string) (c Claim, ok bool, err error)
	// ClaimKey stores a claim and returns it, unless another one holds the key: then it returns the other one. A claim
	// of the owner named by replace holds nothing; AnyOwner stands for all. The zero Claim means that the other one has
	// been released since, so that the caller tries again.
	ClaimKey(ctx context.Context, c Claim, replace string) (holder Claim, err error)
	// FinishKey stores the claim's State and Result. It reports whether the key is still the owner's.
	FinishKey(ctx context.Context, c Claim) (held bool, err error)
	// ReleaseKey removes the claim of a key if it is the owner's.
	ReleaseKey(ctx context.Context, key, owner string) error
}

// Digest hashes parts with SHA-256. Each part is hashed with its length, so that ("ab", "c") and ("a", "bc") differ.
func Digest(parts ...string) [sha256.Size]byte {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash accepts every write
	}
	return [sha256.Size]byte(h.Sum(nil))
}
