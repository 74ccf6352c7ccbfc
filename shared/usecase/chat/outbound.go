package chat

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/aurora"
)

// OutboundRecords knows the calls that we placed, by the call's sid or its record's id.
type OutboundRecords interface {
	Record(ctx context.Context, idOrSID string) (r aurora.OutboundCall, ok bool, err error)
}

// findOutboundCall is the call that we placed and that a session is about; nil where it is none of ours, or nobody can say.
func (s *Service) findOutboundCall(ctx context.Context, session Session) *aurora.OutboundContext {
	if s.Outbound == nil {
		return nil
	}
	for _, id := range session.outboundCallIDs() {
		r, ok, err := s.Outbound.Record(ctx, id)
		if err != nil {
			slog.WarnContext(ctx, "whether we placed this call is not known", "error", err)
			return nil
		}
		if ok && r.State != aurora.OutboundRejected {
			c := r.Context()
			return &c
		}
	}
	return nil
}
