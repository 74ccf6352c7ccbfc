package aurora

import "time"

// PublishedAssistant is the document that answers calls, with what its item says of the version that it is.
type PublishedAssistant struct {
	ID      string
	Content []byte // canonical, without the attributes that the store adds
	Hash    string // of Content
	Stamp   int    // the number that the item has; 0 for an item that was not published as a version
	Version int    // Stamp, or 0 if the content is not that of the version: it was changed without one
	// PublishID identifies the request that published it.
	PublishID string
	By        string
	At        time.Time
}

// AssistantDraft is the draft of an assistant: a document that answers no calls.
type AssistantDraft struct {
	AssistantID string
	Rev         int    // increases with every write and is never used again
	Deleted     bool   // there is no draft; the item keeps Rev
	BasedOn     int    // the version that was live when the draft began
	BasedHash   string // the hash of the content that was live then
	Content     []byte // canonical
	Hash        string
	Editor      string
	At          time.Time
	WriteID     string // identifies the request that wrote it
}

// AssistantVersion is a numbered document of an assistant. It never changes, but for LiveAt.
type AssistantVersion struct {
	AssistantID  string
	Number       int
	Content      []byte // canonical
	Hash         string
	Note         string
	By           string
	Via          string // cli, api or outside
	PublishID    string
	BasedOn      int
	RestoredFrom int // the version whose content it has, for a rollback
	At           time.Time
	LiveAt       time.Time // when it began to answer calls; zero if its publication was not finished
	AuditID      string
}

// The values of AssistantVersion.Via.
const (
	ViaCLI     = "cli"
	ViaAPI     = "api"
	ViaOutside = "outside" // the item was changed by something else
)

// NumberClaim says which assistant a telephone number belongs to.
type NumberClaim struct {
	Number      Phone
	AssistantID string
	Token       string    // of the request that wrote the claim
	Until       time.Time // until then the request may be under way; zero once it is finished
}

// AuditEvent says who did what.
type AuditEvent struct {
	ID         string    `json:"id"` // its time and a random part, so that ids are in the order of time
	At         time.Time `json:"at"`
	Actor      string    `json:"actor"`
	Action     string    `json:"action"` // such as assistant.published
	Target     string    `json:"target"` // such as the assistant's id
	Before     int       `json:"beforeVersion,omitempty"`
	BeforeHash string    `json:"beforeHash,omitempty"`
	After      int       `json:"afterVersion,omitempty"`
	AfterHash  string    `json:"afterHash,omitempty"`
	Note       string    `json:"note,omitempty"`
	RequestID  string    `json:"requestId,omitempty"`
	Via        string    `json:"via,omitempty"`
	State      string    `json:"state"` // begun, done or abandoned
}

// The values of AuditEvent.State.
const (
	AuditBegun     = "begun"
	AuditDone      = "done"
	AuditAbandoned = "abandoned"
)
