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
	Refused(ctx context.Context, number aurora.Phone) (bool, error)
	Consented(ctx context.Context, number aurora.Phone) (bool, error)
}

// Records holds what is known of each call.
type Records interface {
	// OpenRecord writes a new record; it fails where it cannot be sure that the record is there.
	OpenRecord(ctx context.Context, r aurora.OutboundRecord) error
	// Record finds a record by its id or by the call's sid; it is not ok where there is none.
	Record(ctx context.Context, idOrSID string) (r aurora.OutboundRecord, ok bool, err error)
	// ChangeRecord writes a record in the place of the one with the revision before. "Not done" may be done all the
	// same: what counts is what is read next.
	ChangeRecord(ctx context.Context, r aurora.OutboundRecord) (done bool, err error)
}

// Sids knows whose a call is.
type Sids interface {
	// NameCall gives a sid to a record, and returns the record that has it: another one where that was first.
	NameCall(ctx context.Context, sid, record string) (owner string, err error)
}

// Open knows which calls to a number may still be unsettled.
type Open interface {
	Opened(ctx context.Context, to aurora.Phone, record string) error
	Settled(ctx context.Context, to aurora.Phone, record string) error
	OpenOf(ctx context.Context, to aurora.Phone) ([]string, error)
}

// Keys holds the idempotency keys that are taken. Expired ones are not there.
type Keys interface {
	Key(ctx context.Context, key string) (k aurora.Idempotency, ok bool, err error)
	// ClaimKey takes a key that is free, or that the record over has. It reports whether the key is k's now.
	ClaimKey(ctx context.Context, k aurora.Idempotency, over string) (claimed bool, err error)
	// ReleaseKey frees a key that is the record's.
	ReleaseKey(ctx context.Context, key, record string) error
}

// Counters count calls and money. A store that is not sure counts too much rather than too little.
type Counters interface {
	// Take adds a tally's amount where that stays within the limit, and reports whether it did. taker tells takers apart.
	Take(ctx context.Context, t aurora.Tally, taker string) (taken bool, err error)
	GiveBack(ctx context.Context, t aurora.Tally) error
	Counted(ctx context.Context, key string) (int64, error)
}

// Provider places calls. Its errors say what became of the call: fault.Timeout that nobody knows, fault.TooMany that it
// was not taken, fault.Unavailable that nothing was sent (and, where trying again makes sense, when); anything else is
// a refusal.
type Provider interface {
	Create(ctx context.Context, d aurora.OutboundDial) (sid string, err error)
	ListCalls(ctx context.Context, from, to aurora.Phone, since time.Time) ([]aurora.DialedCall, error)
}

// Ledger is where all of the above but assistants and the provider is kept.
type Ledger interface {
	Lists
	Records
	Sids
	Open
	Keys
	Counters
}

// Unsettled finds the records that nobody has settled, for the operator's reconcile.
type Unsettled interface {
	UnsettledRecords(ctx context.Context) iter.Seq2[aurora.OutboundRecord, error]
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
	// NewID makes ids of records: unique, and of aurora.SafeID's form.
	NewID func() string

	wait func(ctx context.Context, d time.Duration) bool // nil waits by the clock
}

// count tells operators of something they should look at.
func (s *Service) count(ctx context.Context, metric string) {
	if s.Count != nil {
		s.Count(ctx, metric)
	}
}

const (
	ringTime = 30 * time.Second // a voicemail answers after about 25
	talkTime = 30 * time.Minute

	placing = 30 * time.Second // from the record's creation until whoever places the call is taken for dead
	sending = 14 * time.Second // from the record's creation; after that the call is not asked for any more
	saving  = 3 * time.Second  // for writing down how it ended, also where the caller has gone
	backoff = 500 * time.Millisecond
)

// Request asks for a call. Read makes one from a body.
type Request struct {
	Route   string // "outbound-call-uat" or "hyperscale-outbound-call"
	Key     Key
	In      string // before a field's name in errors: "client." where the fields are inside client
	Unread  error  // what is wrong with a field's type, told in its turn
	Public  string // PUBLIC_URL, or the event's host and stage: where the provider's callbacks go; no slash at the end
	IdemKey string // the Idempotency-Key header; empty where none was sent

	AssistantID, PhoneNumber, Name, Email, Info string
}

// Key is whose key asks.
type Key struct {
	Name       string   // empty where the entry has none
	Kind       string   // "internal", "external"
	Assistants []string // the only ones it may place calls for; empty means all
}

// Answer is a call that was placed.
type Answer struct {
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
func (a Answer) Body() Body {
	return Body{Status: "success", Data: "Call initiated from assistaintPhoneNumber = " + a.AssistantNumber + " to " + a.Name +
		" at " + a.Number + ". Call sid = " + a.SID}
}

func answer(r aurora.OutboundRecord, replayed bool) Answer {
	return Answer{AssistantNumber: r.AssistantNumber, Name: r.Name, Number: r.Number, SID: r.SID, RecordID: r.ID, Replayed: replayed}
}
