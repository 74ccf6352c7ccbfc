package endofcall

import (
	"math"

	"example.com/aurora/shared/core/aurora"
)

// Prices are what a minute costs, in US dollars; nil if that is not known.
type Prices struct {
	VoiceMinute *aurora.MicroUSD // of a telephone call
	RelayMinute *aurora.MicroUSD // of ConversationRelay
}

// costPart is one part of the cost. Twilio rounds the minutes of each part up
// (https://www.twilio.com/en-us/changelog/billing-changes-for-conference-voice-insights-and-byoc-usage).
type costPart struct {
	Type     string          `json:"type"` // transport, conversation-relay or transfer
	Provider string          `json:"provider"`
	Minutes  int64           `json:"minutes"`
	Cost     aurora.MicroUSD `json:"cost"`
}

// costs estimates what Twilio takes for the call. It returns nothing if a price or a length is not known: a part of the cost
// would be taken for all of it.
func (p Prices) costs(call aurora.PhoneCall, t callTimes) ([]costPart, *float64) {
	if p.VoiceMinute == nil || p.RelayMinute == nil || t.seconds == nil {
		return nil, nil
	}
	parts := []costPart{newCostPart("transport", *t.seconds, *p.VoiceMinute)}
	if !call.ConnectedAt.IsZero() {
		if t.relay == nil {
			return nil, nil
		}
		parts = append(parts, newCostPart("conversation-relay", *t.relay, *p.RelayMinute))
	}
	if isTransfer(call) && (call.End.TransferStatus == dialCompleted || call.End.TransferStatus == dialAnswered) && t.relay != nil {
		parts = append(parts, newCostPart("transfer", *t.seconds-*t.relay, *p.VoiceMinute)) // the dialled leg is a call of its own
	}
	var sum aurora.MicroUSD
	for _, part := range parts {
		sum += part.Cost
	}
	total := float64(sum) / 1e6
	return parts, &total
}

func newCostPart(kind string, seconds float64, price aurora.MicroUSD) costPart {
	minutes := int64(math.Ceil(max(seconds, 0) / 60))
	return costPart{Type: kind, Provider: "twilio", Minutes: minutes, Cost: aurora.MicroUSD(minutes) * price}
}
