package outbound

import (
	"context"
	"iter"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/idempotency"
)

// StatusPath is where the provider reports how a call goes on.
const StatusPath = "/api/outbound-call-status"

// Ledger stores everything about outbound calls. Each write is one conditional write.
type Ledger interface {
	// IsDoNotCall and HasConsent read the lists of numbers. If they fail, the number must not be called.
	IsDoNotCall(ctx context.Context, number aurora.Phone) (bool, error)
	HasConsent(ctx context.Context, number aurora.Phone) (bool, error)

	// CreateRecord stores a new record. It fails unless it is certain that the record is stored.
	CreateRecord(ctx context.Context, r aurora.OutboundCall) error
	// Record finds a record by its id or by the call's sid. It is not ok if there is none.
	Record(ctx context.Context, idOrSID string) (r aurora.OutboundCall, ok bool, err error)
	// UpdateRecord stores a record over the one with the revision before. If it is not done, the same write may still
	// have been applied: its reply can be lost. The caller reads the record and decides by what is there.
	UpdateRecord(ctx context.Context, r aurora.OutboundCall) (done bool, err error)
	// ClaimSID makes a sid lead to a record, unless it leads to one. It returns the id of the record that has the sid.
	ClaimSID(ctx context.Context, sid, recordID string) (owner string, err error)

	// AddPending, RemovePending and Pending maintain the list of calls to a number whose result may not be known yet.
	AddPending(ctx context.Context, to aurora.Phone, recordID string) error
	RemovePending(ctx context.Context, to aurora.Phone, recordID string) error
	Pending(ctx context.Context, to aurora.Phone) (recordIDs []string, err error)

	// FindClaim, ClaimKey and ReleaseKey are those of idempotency.Store. A claim's owner is the id of a record.
	FindClaim(ctx context.Context, key string) (c idempotency.Claim, ok bool, err error)
	ClaimKey(ctx context.Context, c idempotency.Claim, replace string) (holder idempotency.Claim, err error)
	ReleaseKey(ctx context.Context, key, owner string) error

	// TakeQuota adds a quota's amount unless that exceeds the limit, and reports whether it did. taker tells calls apart,
	// so that a repeated write is not counted twice. A store that is not sure counts too much, never too little.
	TakeQuota(ctx context.Context, q aurora.Quota, taker string) (taken bool, err error)
	ReturnQuota(ctx context.Context, q aurora.Quota) error
	QuotaUsed(ctx context.Context, key string) (int64, error)
}

// Provider places calls. The error of CreateCall says what became of the call: fault.Timeout that it is not known,
// fault.RateLimited that it was not accepted, fault.Unavailable that nothing was sent (with RetryAfter if another try
// makes sense). Any other kind is a rejection.
type Provider interface {
	CreateCall(ctx context.Context, d aurora.CallRequest) (sid string, err error)
	ListCalls(ctx context.Context, from, to aurora.Phone, since time.Time) ([]aurora.ProviderCall, error)
}

// UnresolvedFinder finds the records whose result is not known, for the operator's command that reconciles them.
type UnresolvedFinder interface {
	UnresolvedRecords(ctx context.Context) iter.Seq2[aurora.OutboundCall, error]
}

// Service places calls. Its fields are set once, before its use.
type Service struct {
	Assistants aurora.AssistantFinder
	Ledger     Ledger
	Provider   Provider
	// Index, if set, gets the row of each call that is over.
	Index CallIndex
	// RelayCalls, if set, gets what is reported of the calls that ConversationRelay carries.
	RelayCalls *RelayCalls
	Guards     Guards
	// StreamURL is the address of the voice server, wss://.
	StreamURL string
	// VoiceMode is how answered calls are connected, for assistants that do not say it. Empty is by the voice server if there is
	// one, else by ConversationRelay.
	VoiceMode aurora.VoiceMode
	Relay     Relay
	Now       func() time.Time
	// Count, if set, counts the metrics CallUnknown and BudgetExhausted.
	Count func(ctx context.Context, metric string)
	// NewID returns a new record id, of the form that aurora.IsSafeID accepts.
	NewID func() string

	sleepFunc func(ctx context.Context, d time.Duration) bool // nil sleeps by the clock
}

func (s *Service) countMetric(ctx context.Context, metric string) {
	if s.Count != nil {
		s.Count(ctx, metric)
	}
}

const (
	ringTimeout = 30 * time.Second // a voicemail answers after about 25 seconds
	maxTalkTime = 30 * time.Minute

	// Both run from the creation of the record. createWithin ends well before abandonedAfter, so that no worker places a
	// call whose record others already treat as abandoned.
	createWithin   = 14 * time.Second
	abandonedAfter = 30 * time.Second

	saveTimeout   = 3 * time.Second // for the writes after the call was asked for, also if the caller has disconnected
	createBackoff = 500 * time.Millisecond
	maxRetryWait  = 2 * time.Second // the longest Retry-After of the provider that is waited for; a longer one is passed on
)

// Codes of errors, which are also stored as the reason of a rejected record.
const (
	codeStoreUnavailable = "store_unavailable"
	codeInProgress       = "idempotency_in_progress"
)

// errUnavailable is the error for a store that does not answer.
func errUnavailable(message string, cause error) *fault.Error {
	return fault.New(fault.Unavailable, message).WithCode(codeStoreUnavailable).WithRetryAfter(time.Second).Because(cause)
}

// The routes that place calls. A route's name is part of the scope of its idempotency keys, so it must not change.
const (
	RouteUAT        = "outbound-call-uat"
	RouteHyperscale = "hyperscale-outbound-call"
)

// Request asks for a call.
type Request struct {
	Route          string // RouteUAT or RouteHyperscale
	Principal      auth.Principal
	FieldPrefix    string // precedes field names in errors: "client." if the fields are inside client
	WrongType      Field  // the first field whose value was not a string; "" if all were
	PublicURL      string // where the provider's callbacks go; without a slash at the end
	IdempotencyKey string // the header Idempotency-Key; "" if it was not sent

	AssistantID, PhoneNumber, Name, Email, Info string
}

// PlacedCall is a call that was placed.
type PlacedCall struct {
	AssistantNumber string // as it is stored
	Name            string
	Number          string // as it was sent
	SID             string
	RecordID        string
	Replayed        bool // the answer to an earlier request with the same idempotency key
}

func newPlacedCall(r aurora.OutboundCall, replayed bool) PlacedCall {
	return PlacedCall{AssistantNumber: r.AssistantNumber, Name: r.Name, Number: r.Number, SID: r.SID, RecordID: r.ID, Replayed: replayed}
}
