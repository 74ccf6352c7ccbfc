package webhook

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// OutboundCalls knows the calls that we place.
type OutboundCalls interface {
	// Call is what an assistant may know of a call that we placed, by the call's sid or its record's id; it is not ok
	// where the call is none of ours.
	Call(ctx context.Context, idOrSID string) (c aurora.OutboundContext, ok bool, err error)
	// Eligible reports whether a number may be called now, by the same guards as an outbound call: a refusal where not.
	// zone is where the contact is said to be; empty where nobody said.
	CheckEligible(ctx context.Context, number, zone string) error
}

// configurationResponse is the document's configuration, and what we know of the call where we placed it.
type configurationResponse struct {
	aurora.Configuration
	OutboundCall *aurora.OutboundContext `json:"outboundCall,omitempty"`
}

// findOutboundContext finds the call that we placed and that a message is about; nil where it is none of ours, or nobody can
// say: the call goes on without it.
func (r *Receiver) findOutboundContext(ctx context.Context, m aurora.Message) *aurora.OutboundContext {
	if r.Outbound == nil {
		return nil
	}
	for _, path := range []string{"session.callRecordId", "session.callSid", "session.call_sid", "call.transport.callSid", "call.phoneCallProviderId"} {
		id := m.Text(path)
		if id == "" {
			continue
		}
		switch c, ok, err := r.Outbound.Call(ctx, id); {
		case err != nil:
			slog.WarnContext(ctx, "whether we placed this call is not known", "error", err)
			return nil
		case ok:
			return &c
		}
	}
	return nil
}

// answerPredial answers whether a campaign may call somebody. Who cannot say says no.
func (r *Receiver) answerPredial(ctx context.Context, m aurora.Message) Response {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	eligible := false
	if r.Outbound != nil {
		err := r.Outbound.CheckEligible(ctx, m.Text("contact.number", "customer.number", "contact.phoneNumber"), m.Text("contact.timeZone", "contact.timezone"))
		if eligible = err == nil; !eligible {
			slog.InfoContext(ctx, "a campaign's call is not eligible", "code", fault.From(err).Code)
		}
	}
	return Response{Body: map[string]bool{"eligible": eligible}}
}
