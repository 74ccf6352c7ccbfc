package aurora

import (
	"encoding/json"
	"time"
)

// PhoneCall is the state of a call that Twilio connects with us by ConversationRelay. Several functions work on one call at
// once, so every change is a conditional write of the fields that it is about. It is stored for two days.
type PhoneCall struct {
	SID         string
	AssistantID string
	Direction   Direction
	From, To    string // as Twilio sends them: a number in E.164, or another address
	Customer    Phone  // the other side; empty if its number is withheld or cannot be read
	OwnNumber   Phone  // our side
	RecordID    string // of an outbound call's record; empty for an inbound call
	Greeting    string // what Twilio speaks before anything else; empty if nothing
	Recorded    bool   // the call is recorded
	CreatedAt   time.Time
	ConnectedAt time.Time // when ConversationRelay first connected; zero before

	ConnectionID string // of the WebSocket; empty if none is open
	SessionID    string // of ConversationRelay
	// Generation grows with every prompt and every interruption. A turn of an older generation says nothing more.
	Generation int64
	// LastEventAt is when the newest message of Twilio reached the gateway, in milliseconds, of those that changed the state;
	// LastPromptAt and LastInterruptAt are those of the newest of these messages. Messages are handled in any order.
	LastEventAt, LastPromptAt, LastInterruptAt time.Time
	Waiting                                    []CallerWords // what no turn has answered yet, the oldest first
	// Spoken are the newest turns, the oldest first, and the older ones that the caller has interrupted, without their words.
	// The stored turns have the rest: see Conversation.
	Spoken []SpokenTurn
	// WorkingTurn is the generation of a turn whose tools are running, until WorkingUntil at the latest. The next turn waits for
	// what they return.
	WorkingTurn  int64
	WorkingUntil time.Time
	// ContinuedTurn is the generation of the newest turn that a worker has taken over.
	ContinuedTurn int64
	// AgentSpeaking and CallerSpeaking are who is speaking, as Twilio reported last.
	AgentSpeaking, CallerSpeaking     bool
	AgentSpeakingAt, CallerSpeakingAt time.Time // of the message that said so
	Digits                            string    // keys that were pressed and not yet passed on
	// NudgedTurn is the generation in which a silent caller was asked whether they are there.
	NudgedTurn int64
	// Closing is how the call is to end after the assistant's last words.
	Closing    *CallClosing
	AnsweredBy string // of an outbound call: see IsMachine
	Resumes    int    // how often the call was connected again after its connection was lost
	End        CallEnd
	Report     *PhoneReport // nil before the end-of-call report is begun; no turn is added from then on
	// Interrupts, OutOfOrder and Drops count what happened to the conversation, for metrics.
	Interrupts, OutOfOrder, Drops int
	Revision                      int64 // counts the changes
}

// CallerWords is what a caller said, or did, in one go.
type CallerWords struct {
	ID   string // no two have the same
	Text string
	At   time.Time // when the message reached the gateway
}

// SpokenTurn is one turn of a phone call: what the caller said, and what the assistant did and said about it. A greeting
// answers nothing. The call's state and the stored turns each know a part of it; see Conversation.
type SpokenTurn struct {
	Generation int64
	Said       []CallerWords
	Planned    string   // all that was sent to be spoken
	Fillers    []string // parts of Planned that no model has said
	Heard      string   // if Cut: what the caller heard of it
	Cut        bool     // the caller interrupted it
	// Assumed says that Heard is all that was sent: the interruption, which says what was heard, has not been handled yet.
	Assumed   bool `json:",omitempty"`
	StartedAt time.Time
	EndedAt   time.Time // zero while the turn goes on
	// Messages are a list of package agent's messages, with tool calls and results: also what was not heard.
	Messages json.RawMessage `json:",omitempty"`
}

// PhoneTurn is one entry of a phone call's conversation.
type PhoneTurn struct {
	Generation int64
	Role       string // user or assistant
	Text       string // of the assistant: what was heard
	Planned    string // of the assistant: what would have been said without the interruption; empty without one
	Cut        bool   // the caller interrupted it
	Fillers    []string
	StartedAt  time.Time
	EndedAt    time.Time
	// Messages are what the model and the tools said, of the assistant: a list of package agent's messages, whose words may be
	// more than was heard.
	Messages json.RawMessage
}

// CallClosing is how a phone call is to end once the assistant's words were spoken.
type CallClosing struct {
	ID     string // what Twilio gets as hand-off data; it says nothing to others
	Action Action
	// Reason is the ended reason of the end-of-call report, if it is not that of the action: EndedBySilence or EndedByVoicemail.
	Reason string
	// Pending is set while the last words are not yet sent: a machine speaks.
	Pending bool
	SentAt  time.Time // when Twilio was asked to end the session; zero before
}

// Ended reasons of calls that we end for another reason than a tool's. Package providermsg reads them.
const (
	EndedBySilence   = "silence-timed-out"
	EndedByVoicemail = "voicemail"
)

// PhoneReport is the progress of a phone call's end-of-call report.
type PhoneReport struct {
	// At is when the report was begun, and End what was known then. A report that is made again says the same.
	At     time.Time
	End    CallEnd
	Stored bool // the report is in the bucket; from then on End is what the call's row says
}

// CallEnd is what is known about the end of a phone call. Each part comes from another source, and any of them may be missing.
type CallEnd struct {
	ActionAt       time.Time // Twilio's request for what follows the session
	SessionID      string    // of the session that ActionAt follows
	Resumed        bool      // another session follows it
	StatusAt       time.Time // Twilio's final status callback
	DisconnectedAt time.Time // the end of the WebSocket
	SessionStatus  string    // completed, ended or failed
	SessionSeconds *float64
	Status         CallStatus
	Seconds        *float64 // of the call
	ErrorCode      string   // Twilio's, if the session failed
	Transferred    bool     // the call was passed on to Closing's destination
	TransferStatus string   // of the dialled leg: completed, busy, no-answer, failed or canceled
	RecordingURL   string
	RecordingSID   string
}

// AddStatus takes a status of the call, which Twilio reports in any order and more than once: the one that is furthest counts, and
// of several final ones the first. It reports whether it changed anything.
func (e *CallEnd) AddStatus(status CallStatus, seconds *float64, at time.Time) (changed bool) {
	if status.Rank() > e.Status.Rank() {
		e.Status, changed = status, true
		if status.IsFinal() {
			e.StatusAt = at
		}
	}
	if seconds != nil && e.Seconds == nil && status.IsFinal() {
		e.Seconds, changed = seconds, true
	}
	return changed
}

// RelayToken binds a ConversationRelay session to a call that we answered or placed. It is sent as a parameter of the
// session, works for a short time, and for one call only.
type RelayToken struct {
	Token       string // random
	AssistantID string
	CallSID     string // empty for an outbound call, whose sid is not known before Twilio answers
	RecordID    string // of an outbound call
	Greeting    string // of an outbound call, whose state is stored when it connects
	Recorded    bool
	ExpiresAt   time.Time
}

// PhoneTask is work on a phone call that is done later or takes longer than the gateway waits. It is a message of the phone
// tasks queue, in JSON. Every kind may be delivered twice.
type PhoneTask struct {
	Kind    PhoneTaskKind `json:"kind"`
	CallSID string        `json:"callSid"`
	// Generation is the call's when the task was made. Tasks of kind continue and silence are dropped when it has grown since.
	Generation int64  `json:"generation,omitempty"`
	Count      int    `json:"count,omitempty"`      // of digits: how many keys waited; of machine: how often it was sent before
	AnsweredBy string `json:"answeredBy,omitempty"` // of machine
	Failures   int    `json:"failures,omitempty"`   // how often it failed
}

// PhoneTaskKind is what a PhoneTask does.
type PhoneTaskKind string

// The kinds of tasks.
const (
	PhoneTaskContinue PhoneTaskKind = "continue" // take over a turn that takes longer than the gateway waits
	PhoneTaskDigits   PhoneTaskKind = "digits"   // pass on the keys that were pressed
	PhoneTaskSilence  PhoneTaskKind = "silence"  // the caller has said nothing for a while
	PhoneTaskKeepOpen PhoneTaskKind = "keepOpen" // keep the connection open while nothing is said
	PhoneTaskClose    PhoneTaskKind = "close"    // end the call, also if no event says that the last words were spoken
	PhoneTaskMachine  PhoneTaskKind = "machine"  // a machine answered an outbound call
	PhoneTaskFinish   PhoneTaskKind = "finish"   // write the end-of-call report
)
