package chat

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/aurora"
)

// Outbound knows the calls that we placed, by the call's sid or its record's id.
type Outbound interface {
	Record(ctx context.Context, idOrSID string) (r aurora.OutboundRecord, ok bool, err error)
}

// outboundCall is the call that we placed and that a session is about; nil where it is none of ours, or nobody can say.
func (s *Service) outboundCall(ctx context.Context, session Session) *aurora.OutboundCall {
	if s.Outbound == nil {
		return nil
	}
	for _, id := range session.placedAs() {
		r, ok, err := s.Outbound.Record(ctx, id)
		if err != nil {
			slog.WarnContext(ctx, "whether we placed this call is not known", "error", err)
			return nil
		}
		if ok && r.State != aurora.OutboundRefused {
			c := r.Call()
			return &c
		}
	}
	return nil
}
