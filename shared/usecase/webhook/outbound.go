package webhook

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/providermsg"
)

// EligibilityChecker says whether an outbound call to a number may be placed now.
type EligibilityChecker interface {
	// CheckEligible returns nil if the number may be called now, by the same rules as for an outbound call. timeZone is
	// where the contact is, if known.
	CheckEligible(ctx context.Context, number, timeZone string) error
}

// configurationResponse is the answer to an assistant-request: the configuration, and the outbound call if we placed it.
type configurationResponse struct {
	aurora.Configuration
	OutboundCall *aurora.OutboundContext `json:"outboundCall,omitempty"`
}

// findOutboundContext returns the outbound call of an assistant that a message is about, or nil.
func (r *Receiver) findOutboundContext(ctx context.Context, a aurora.Assistant, m providermsg.Message) *aurora.OutboundContext {
	return aurora.FindOutboundContext(ctx, r.OutboundCalls, a.ID(), m.OutboundCallIDs()...)
}

// answerPredial answers whether a campaign may call a contact. If that cannot be decided, the answer is no.
func (r *Receiver) answerPredial(ctx context.Context, p auth.Principal, m providermsg.Message) Response {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	eligible := false
	if r.Eligibility != nil {
		err := r.checkCampaign(ctx, p, m)
		if err == nil {
			err = r.Eligibility.CheckEligible(ctx, m.Text("contact.number", "customer.number", "contact.phoneNumber"), m.Text("contact.timeZone", "contact.timezone"))
		}
		if eligible = err == nil; !eligible {
			metric.CountFault(ctx, metricErrorAnswered, err) // not a rule: it could not be decided
			slog.InfoContext(ctx, "number not eligible for a campaign call", "event", "campaign.number_rejected", "code", fault.From(err).Code)
		}
	}
	return Response{Body: map[string]bool{"eligible": eligible}}
}

// checkCampaign returns an error if the principal is limited to some assistants, and the campaign is not one of theirs.
func (r *Receiver) checkCampaign(ctx context.Context, p auth.Principal, m providermsg.Message) error {
	if len(p.Assistants) == 0 {
		return nil
	}
	if id := m.Text("campaign.assistantId", "campaign.assistant.id"); id != "" {
		return p.CheckAssistant(id)
	}
	_, err := r.findAssistant(ctx, p, m)
	return err
}
