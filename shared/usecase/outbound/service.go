package outbound

import (
	"context"
	"iter"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// Assistants finds assistants: a fault.NotFound where there is none.
type Assistants interface {
	ByID(ctx context.Context, id string) (aurora.Assistant, error)
	ByNumber(ctx context.Context, number aurora.Phone) (aurora.Assistant, error)
}

// Lists knows what people have said about being called. Whoever gets an error must not call.
type Lists interface {
	IsDoNotCall(ctx context.Context, number aurora.Phone) (bool, error)
	HasConsent(ctx context.Context, number aurora.Phone) (bool, error)
}

// Records holds what is known of each call.
type Records interface {
	// CreateRecord writes a new record; it fails where it cannot be sure that the record is there.
	CreateRecord(ctx context.Context, r aurora.OutboundCall) error
	// Record finds a record by its id or by the call's sid; it is not ok where there is none.
	Record(ctx context.Context, idOrSID string) (r aurora.OutboundCall, ok bool, err error)
	// UpdateRecord writes a record in the place of the one with the revision before. "Not done" may be done all the
	// same: what counts is what is read next.
	UpdateRecord(ctx context.Context, r aurora.OutboundCall) (done bool, err error)
}

// SIDs knows whose a call is.
type SIDs interface {
	// ClaimSID gives a sid to a record, and returns the record that has it: another one where that was first.
	ClaimSID(ctx context.Context, sid, record string) (owner string, err error)
}

// PendingCalls knows which calls to a number may still be unsettled.
type PendingCalls interface {
	AddPending(ctx context.Context, to aurora.Phone, record string) error
	RemovePending(ctx context.Context, to aurora.Phone, record string) error
	Pending(ctx context.Context, to aurora.Phone) ([]string, error)
}

// Keys holds the idempotency keys that are taken. Expired ones are not there.
type Keys interface {
	Key(ctx context.Context, key string) (k aurora.IdempotencyClaim, ok bool, err error)
	// ClaimKey takes a key that is free, or that the record over has. It reports whether the key is k's now.
	ClaimKey(ctx context.Context, k aurora.IdempotencyClaim, over string) (claimed bool, err error)
	// ReleaseKey frees a key that is the record's.
	ReleaseKey(ctx context.Context, key, record string) error
}

// Quotas count calls and money. A store that is not sure counts too much rather than too little.
type Quotas interface {
	// Take adds a tally's amount where that stays within the limit, and reports whether it did. taker tells takers apart.
	TakeQuota(ctx context.Context, t aurora.Quota, taker string) (taken bool, err error)
	ReturnQuota(ctx context.Context, t aurora.Quota) error
	QuotaUsed(ctx context.Context, key string) (int64, error)
}

// Provider places calls. Its errors say what became of the call: fault.Timeout that nobody knows, fault.RateLimited that it
// was not taken, fault.Unavailable that nothing was sent (and, where trying again makes sense, when); anything else is
// a refusal.
type Provider interface {
	CreateCall(ctx context.Context, d aurora.CallRequest) (sid string, err error)
	ListCalls(ctx context.Context, from, to aurora.Phone, since time.Time) ([]aurora.ProviderCall, error)
}

// Ledger is where all of the above but assistants and the provider is kept.
type Ledger interface {
	Lists
	Records
	SIDs
	PendingCalls
	Keys
	Quotas
}

// UnresolvedFinder finds the records that nobody has settled, for the operator's reconcile.
type UnresolvedFinder interface {
	UnresolvedRecords(ctx context.Context) iter.Seq2[aurora.OutboundCall, error]
}

// Service places calls. Its fields are set once, before its use.
type Service struct {
	Assistants Assistants
	Ledger     Ledger
	Provider   Provider
	Guards     Guards
	// StreamURL is the voice server's; without it no call is placed.
	StreamURL string
	Now       func() time.Time
	// Count, if set, counts what operators are told of: CallUnknown and BudgetExhausted.
	Count func(ctx context.Context, metric string)
	// NewID makes ids of records: unique, and of aurora.IsSafeID's form.
	NewID func() string

	sleepFunc func(ctx context.Context, d time.Duration) bool // nil waits by the clock
}

// countMetric tells operators of something they should look at.
func (s *Service) countMetric(ctx context.Context, metric string) {
	if s.Count != nil {
		s.Count(ctx, metric)
	}
}

const (
	ringTimeout = 30 * time.Second // a voicemail answers after about 25
	maxTalkTime = 30 * time.Minute

	abandonedAfter = 30 * time.Second // from the record's creation until whoever places the call is taken for dead
	createWithin   = 14 * time.Second // from the record's creation; after that the call is not asked for any more
	saveTimeout    = 3 * time.Second  // for writing down how it ended, also where the caller has gone
	createBackoff  = 500 * time.Millisecond
)

// Request asks for a call. Read makes one from a body.
type Request struct {
	Route          string // "outbound-call-uat" or "hyperscale-outbound-call"
	APIKey         APIKey
	FieldPrefix    string // before a field's name in errors: "client." where the fields are inside client
	TypeError      error  // what is wrong with a field's type, told in its turn
	PublicURL      string // PUBLIC_URL, or the event's host and stage: where the provider's callbacks go; no slash at the end
	IdempotencyKey string // the Idempotency-Key header; empty where none was sent

	AssistantID, PhoneNumber, Name, Email, Info string
}

// APIKey is whose key asks.
type APIKey struct {
	Name       string   // empty where the entry has none
	Kind       string   // "internal", "external"
	Assistants []string // the only ones it may place calls for; empty means all
}

// PlacedCall is a call that was placed.
type PlacedCall struct {
	AssistantNumber string // as stored
	Name            string
	Number          string // as sent
	SID             string
	RecordID        string
	Replayed        bool // an answer given before: Idempotent-Replayed: true
}

// Body is the answer as the contract has it.
type Body struct {
	Data   string `json:"data"`
	Status string `json:"status"`
}

// Body is the answer as the contract has it, with the document's spelling.
func (a PlacedCall) Body() Body {
	return Body{Status: "success", Data: "Call initiated from assistaintPhoneNumber = " + a.AssistantNumber + " to " + a.Name +
		" at " + a.Number + ". Call sid = " + a.SID}
}

func newPlacedCall(r aurora.OutboundCall, replayed bool) PlacedCall {
	return PlacedCall{AssistantNumber: r.AssistantNumber, Name: r.Name, Number: r.Number, SID: r.SID, RecordID: r.ID, Replayed: replayed}
}
