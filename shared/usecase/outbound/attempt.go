package outbound

import (
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/idempotency"
)

// attempt is one request on its way to a call, with what it has reserved so far.
type attempt struct {
	validRequest
	record     aurora.OutboundCall
	assistant  aurora.Assistant
	mode       aurora.VoiceMode  // how the answered call is connected
	claim      idempotency.Claim // without a Key if the request turned idempotency off
	staleOwner string            // the rejected record whose claim of the key may be replaced
	claimed    bool              // the key is the attempt's, or may be: a write failed without an answer
	limits     []contact.Limit   // those that were taken
}

func (s *Service) newAttempt(r validRequest) *attempt {
	a := &attempt{validRequest: r, record: aurora.OutboundCall{ID: s.NewID(), State: aurora.OutboundInProgress, AssistantID: r.AssistantID,
		To: r.to.Phone, Number: r.PhoneNumber, Name: r.Name, Email: r.Email, Info: r.Info, KeyName: r.Principal.Account()}}
	a.claim, _ = r.idempotencyClaim(a.record.ID, s.Now())
	return a
}
