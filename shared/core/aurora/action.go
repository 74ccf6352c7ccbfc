package aurora

// The actions that a voice server carries out after the last words of a turn.
const (
	ActionTransferCall = "transfer_call"
	ActionEndCall      = "end_call"
)

// Action tells the voice server what to do with the call once the last words were spoken.
type Action struct {
	Type        string       `json:"type"`                  // ActionTransferCall or ActionEndCall
	Destination *Destination `json:"destination,omitempty"` // of a transfer
	ToolCallID  string       `json:"toolCallId"`
	// CarriedOut says that Aurora has done so itself, through the telephone provider.
	CarriedOut bool `json:"carriedOut"`
}
