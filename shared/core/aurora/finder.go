package aurora

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/metric"
)

// AssistantFinder finds stored assistants. Both methods return a fault.NotFound if there is none.
type AssistantFinder interface {
	ByID(ctx context.Context, id string) (Assistant, error)
	// ByNumber returns the assistant whose own number this is.
	ByNumber(ctx context.Context, number Phone) (Assistant, error)
}

// OutboundCallFinder finds the records of outbound calls.
type OutboundCallFinder interface {
	// Record returns a record by its id or by the call's sid. It is not ok if there is none.
	Record(ctx context.Context, idOrSID string) (c OutboundCall, ok bool, err error)
}

// FindOutboundContext returns what an assistant may know of its outbound call. The ids are the record ids and sids that a
// conversation may have; the first one that leads to a record of the assistant counts. They come from the caller, so a record of
// another assistant is passed over. The result is nil if there is none, if calls is nil, or if the record cannot be read: the
// conversation goes on without it.
func FindOutboundContext(ctx context.Context, calls OutboundCallFinder, assistantID string, ids ...string) *OutboundContext {
	if calls == nil || assistantID == "" {
		return nil
	}
	for _, id := range ids {
		if !IsSafeID(id) {
			continue
		}
		c, ok, err := calls.Record(ctx, id)
		if err != nil {
			metric.CountFault(ctx, "AnswerDegraded", err)
			slog.WarnContext(ctx, "the record of an outbound call cannot be read", "event", "outbound.lookup_failed", "error", err)
			return nil
		}
		if ok && c.State != OutboundRejected && c.AssistantID == assistantID {
			known := c.Context()
			return &known
		}
	}
	return nil
}
