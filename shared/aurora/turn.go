package aurora

// Speaker is who says a turn of a conversation.
type Speaker string

// The speakers. What a tool was asked and answered is the assistant's business and no turn.
const (
	TheCaller    Speaker = "caller"
	TheAssistant Speaker = "assistant"
)

// Turn is what one side of a call said before the other spoke.
type Turn struct {
	Who  Speaker
	Text string
	// Seconds is when it began, from the call's start; negative where unknown.
	Seconds float64
}
