package aurora

// The paths of Twilio's requests about a phone call.
const (
	VoicePath       = "/twilio/voice"        // a call has come in
	VoiceAfterPath  = "/twilio/voice/after"  // a session or a dialled leg has ended: what next?
	VoiceStatusPath = "/twilio/voice/status" // the call's status, and that of its recording
)

// CallPlan is what the telephone provider is to do with a call, in the order of the fields. What is empty is left out. The zero
// value asks for nothing more: a call that is not over then ends.
type CallPlan struct {
	Reject   bool   // do not answer the call, as if the line were busy. Nothing else is done, and nothing is charged
	Say      string // plain words; the caller cannot interrupt them
	Language string // of Say, as a BCP 47 tag; empty if not known
	// RecordingURL starts a recording of the whole call. It is where the provider reports the recording.
	RecordingURL string
	Relay        *RelaySession
	Dial         *DialPlan
	Hangup       bool
}

// RelaySession connects a call with an assistant by ConversationRelay.
type RelaySession struct {
	URL   string // of our WebSocket, wss://
	Token string // see RelayToken
	// AfterURL is where the provider asks what to do when the session has ended. If it is empty, the call then ends.
	AfterURL string
	Greeting string // plain words that the provider speaks first; empty for none
	// Assistant has the voice, the language and the models of the session.
	Assistant Assistant
}

// DialPlan connects a call with another line.
type DialPlan struct {
	To Destination
	// CallerID is the number that the other line sees. Empty is the caller's own.
	CallerID Phone
	AfterURL string // where the provider asks what to do when the other line has hung up or did not answer
}
