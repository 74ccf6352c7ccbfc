package erasure

import (
	"context"
	"iter"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/trace"
)

// Bucket reads all versions of the objects.
type Bucket interface {
	Versions(ctx context.Context, prefix string) iter.Seq2[aurora.ObjectVersion, error]
	// ReadVersion returns the content of a version. A missing one is a fault.NotFound.
	ReadVersion(ctx context.Context, v aurora.ObjectVersion) ([]byte, error)
}

// BucketWriter changes objects.
type BucketWriter interface {
	// Replace writes another content over the current version. If v is not the current one any more, the error is a
	// fault.Conflict.
	Replace(ctx context.Context, v aurora.ObjectVersion, body []byte) error
	// RemoveVersion removes a version for good. A missing one is no error.
	RemoveVersion(ctx context.Context, v aurora.ObjectVersion) error
}

// Table reads and changes the items of a table.
type Table interface {
	All(ctx context.Context) iter.Seq2[aurora.StoredItem, error]
	// Remove deletes an item. A missing one is no error.
	Remove(ctx context.Context, item aurora.StoredItem) error
	// Set changes fields of an item. If one of them has changed meanwhile, the error is a fault.Conflict.
	Set(ctx context.Context, item aurora.StoredItem, fields map[string]any) error
}

// Queue shows each message that waits. inFlight is about how many messages other receivers have at the moment.
type Queue interface {
	Sweep(ctx context.Context, visit func(context.Context, aurora.QueuedMessage) (aurora.MessageVerdict, error)) (inFlight string, err error)
}

// NamedQueue is a queue with the name that the receipt gives it.
type NamedQueue struct {
	Name  string
	Queue Queue
}

// Packing reads and writes the body of a queued message that is a packed report. ok is false for any other message.
type Packing interface {
	Unpack(m aurora.QueuedMessage) (report []byte, ok bool, err error)
	Pack(report []byte) string
}

// Traces removes the records of turns and messages.
type Traces interface {
	// EraseTraces removes the records under an id of a call, and returns how many there were. A dry run only counts them.
	EraseTraces(ctx context.Context, call trace.Key, dryRun bool) (int, error)
}

// Tombstones remembers which calls are being erased, or were, by what aurora.ErasedCall returns.
type Tombstones interface {
	MarkErased(ctx context.Context, calls []string, finished bool) error
}

// ReportMaker makes reports again, without mails. It returns an error for each job, nil for those that were made.
type ReportMaker interface {
	MakeReports(ctx context.Context, jobs []aurora.ReportJob) []error
}

// Service finds, exports and erases the data of one person. All fields but Progress are needed.
type Service struct {
	Bucket                    Bucket
	Writer                    BucketWriter
	Assistants, Calls, Ledger Table
	Queues                    []NamedQueue
	Packing                   Packing
	Tombstones                Tombstones
	Traces                    Traces
	Reports                   ReportMaker
	Now                       func() time.Time
	// Progress, if set, is called with what is done now and how many things of it are done.
	Progress func(step string, done int)
}

func (s *Service) progress(step string, done int) {
	if s.Progress != nil {
		s.Progress(step, done)
	}
}

// Prefixes of the keys of the ledger's items that are treated in a way of their own.
const (
	doNotCallPrefix = "dnc#"
	outboundPrefix  = "placed#"
	aliasPrefix     = "call#"
	erasedPrefix    = "erased#"
	sessionPrefix   = "session#"
	resultPrefix    = "once#"
	phonePrefix     = "phone#"      // the state of a phone call
	turnsPrefix     = "phoneturns#" // what was said in it
	connPrefix      = "phoneconn#"  // its connections
	tokenPrefix     = "relaytoken#" // the tokens of its sessions
)
