package aurora

// The types of Action.
const (
	ActionTransferCall = "transfer_call"
	ActionEndCall      = "end_call"
)

// Action is what happens with a call after the last words of a turn were spoken. The voice server does it, unless CarriedOut
// is set.
type Action struct {
	Type        string       `json:"type"`                  // ActionTransferCall or ActionEndCall
	Destination *Destination `json:"destination,omitempty"` // of a transfer
	ToolCallID  string       `json:"toolCallId"`
	// CarriedOut reports that Aurora has done it, through Twilio.
	CarriedOut bool `json:"carriedOut"`
}
