package aurora

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Call is the row of one call in the table of calls. Weekly and monthly reports are counted from rows. What is unknown is
// absent.
type Call struct {
	CallKey
	// Version orders the sources of one call: its reports, and the telephone provider's callbacks, which are older than any
	// report. The row has the version of its newest source. See NewVersion.
	Version string `json:"version"`
	// ObjectKey is the key of the newest end-of-call report with a readable transcript in the bucket, else of the newest one.
	ObjectKey string `json:"key"`
	// ID is the call's primary id, as the newest report sent it.
	ID           string      `json:"id,omitempty"`
	StartedAt    time.Time   `json:"startedAt,omitzero"`
	EndedAt      time.Time   `json:"endedAt,omitzero"`
	Seconds      *float64    `json:"seconds,omitempty"`
	Cost         *float64    `json:"cost,omitempty"` // US dollars
	EndedReason  string      `json:"endedReason,omitempty"`
	Disposition  Disposition `json:"class"`
	Direction    Direction   `json:"direction,omitempty"`
	Customer     Phone       `json:"customer,omitempty"` // the other side's number, else its SIP address
	CustomerName string      `json:"customerName,omitempty"`
	// Withheld says that the caller withheld the number. Customer is then empty.
	Withheld    bool   `json:"withheld,omitempty"`
	Summary     string `json:"summary,omitempty"`
	Success     string `json:"success,omitempty"` // the provider's evaluation, as sent
	Recording   string `json:"recordingUrl,omitempty"`
	Transcript  bool   `json:"transcript,omitempty"` // the report has one
	Spoke       bool   `json:"spoke,omitempty"`      // anyone but the assistant said something
	Transferred bool   `json:"transferred,omitempty"`
	// TransferFailed reports that the call was to be transferred and was not.
	TransferFailed bool `json:"transferFailed,omitempty"`
	// ConversationUnknown reports that the report has no readable transcript: it is not known whether anyone spoke.
	ConversationUnknown bool `json:"conversationUnknown,omitempty"`
	// CallerTurns is how often the caller spoke after the assistant.
	CallerTurns int `json:"callerTurns,omitempty"`
	// AnsweredBy is who answered, as the telephone provider detected: see IsMachine.
	AnsweredBy string `json:"answeredBy,omitempty"`
	// ReportedAt is when the report was made, or when it arrived if it contains no time at all.
	ReportedAt time.Time `json:"reportedAt,omitzero"`
	// JudgedOutcome is the outcome that the provider or a model judged, if the row's outcome is another one.
	JudgedOutcome Outcome `json:"judgedOutcome,omitempty"`
	// FieldVersions are the versions of the fields that come from an older source than Version, by the names that package
	// callindex gives them.
	FieldVersions map[string]string `json:"fieldVersions,omitempty"`
	// RetentionDays is the assistant's, as of the newest source. 0 means that the row is kept as long as the deployment keeps rows.
	RetentionDays int `json:"retentionDays,omitempty"`
	// Revision counts the changes of the stored row.
	Revision int `json:"revision,omitempty"`
	Analysis
}

// Analysis is what the provider or a model found out from what was said. It is empty for a call that was not analysed.
type Analysis struct {
	Outcome     Outcome   `json:"outcome,omitempty"`
	Sentiment   Sentiment `json:"sentiment,omitempty"`
	Topics      []string  `json:"topics,omitempty"`      // at most five, in lower case
	ActionItems []string  `json:"actionItems,omitempty"` // what is left to do
	// Extracted is the data that the assistant's schema asks for. It fits the schema.
	Extracted json.RawMessage `json:"extracted,omitempty"`
	// AnalysisModel is the model that analysed the call; empty if none did. The tokens and the cost are the analysis's
	// own and no part of the call's cost.
	AnalysisModel    string   `json:"analysisModel,omitempty"`
	PromptTokens     int      `json:"analysisPromptTokens,omitempty"`
	CompletionTokens int      `json:"analysisCompletionTokens,omitempty"`
	AnalysisCost     *float64 `json:"analysisCost,omitempty"` // US dollars; nil if the model's price is unknown
	// AnalysisNote says what went wrong with the analysis; empty if nothing did.
	AnalysisNote string `json:"analysisNote,omitempty"`
}

// Disposition is how a call ended, for counting. A call has exactly one.
type Disposition string

// The dispositions.
const (
	DispositionAnswered  Disposition = "answered"
	DispositionVoicemail Disposition = "voicemail"
	DispositionNoAnswer  Disposition = "no-answer"
	DispositionBusy      Disposition = "busy"
	DispositionFailed    Disposition = "failed"
)

// Direction is which side placed a call. An unknown direction is empty.
type Direction string

// The directions. A web call is placed by a visitor of a website.
const (
	DirectionInbound  Direction = "inbound"
	DirectionOutbound Direction = "outbound"
	DirectionWeb      Direction = "web"
)

// Outcome is the result of a call for the person who called or was called.
type Outcome string

// The outcomes.
const (
	OutcomeResolved    Outcome = "resolved"
	OutcomeUnresolved  Outcome = "unresolved"
	OutcomeTransferred Outcome = "transferred"
	OutcomeVoicemail   Outcome = "voicemail"
	OutcomeNoAnswer    Outcome = "no answer"
	OutcomeDropped     Outcome = "dropped" // the line broke off, or nobody spoke
	OutcomeError       Outcome = "error"
)

// Sentiment is how the other side felt by the end of the call.
type Sentiment string

// The sentiments.
const (
	SentimentPositive Sentiment = "positive"
	SentimentNeutral  Sentiment = "neutral"
	SentimentNegative Sentiment = "negative"
)

// IsWithheld reports whether the other side withheld its number. Older rows have the placeholder as the number.
func (c *Call) IsWithheld() bool {
	return c.Withheld || c.Customer != "" && IsWithheld(string(c.Customer))
}

// StartOrEnd returns the start of the call, else its end; zero if neither is known.
func (c Call) StartOrEnd() time.Time {
	if !c.StartedAt.IsZero() {
		return c.StartedAt
	}
	return c.EndedAt
}

// CountedAt returns the time at which reports count the call: its end, else its start, else the time of its report, else
// noon of the row's day. So a call is counted even if nothing is known about its time.
func (c Call) CountedAt() time.Time {
	for _, t := range []time.Time{c.EndedAt, c.StartedAt, c.ReportedAt} {
		if !t.IsZero() {
			return t
		}
	}
	day, _ := time.Parse(time.DateOnly, c.Day) // every stored row has a valid day
	return day.Add(12 * time.Hour)
}

// CallKey is the key of a call's row. The hash key is the assistant's day, the range key is the call.
type CallKey struct {
	AssistantID string `json:"assistantId"` // NoAssistant if unknown
	Day         string `json:"day"`         // UTC, YYYY-MM-DD; never changes once the row is written
	CallID      string `json:"callId"`      // of SafeKey's form; never changes either
}

// NoAssistant is the assistant id in the keys of calls whose assistant is unknown.
const NoAssistant = "_"

// Partition returns the hash key of the table of calls.
func (k CallKey) Partition() string { return k.AssistantID + "#" + k.Day }

// ParseCallKey returns the key for a hash key that Partition returned, and a range key.
func ParseCallKey(partition, callID string) CallKey {
	i := max(strings.LastIndexByte(partition, '#'), 0)
	return CallKey{AssistantID: partition[:i], Day: strings.TrimPrefix(partition[i:], "#"), CallID: callID}
}

// OwnAlias returns the name that an assistant's call has in the ledger if a call of another assistant has the name itself.
func OwnAlias(name, assistantID string) string { return SafeKey(name + "#" + assistantID) }

// NewVersion returns a version that sorts after the versions of all older reports about the call. The report that was
// made later is newer. Of two made at the same time, the one that arrived later is newer, and then the one with the
// greater key, so that the order never depends on which is indexed first. A report without a time is the oldest.
func NewVersion(made, arrived time.Time, objectKey string) string {
	var ms int64
	if !made.IsZero() {
		ms = made.UnixMilli()
	}
	return fmt.Sprintf("%014d-%014d-%s", max(ms, 0), max(arrived.UnixMilli(), 0), SafeKey(objectKey))
}

// SafeKey returns an id as it can stand in a key of a store: the id itself if IsSafeID accepts it, else h- and 32
// hexadecimal digits of its SHA-256.
func SafeKey(id string) string {
	if IsSafeID(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "h-" + hex.EncodeToString(sum[:16])
}

// AssistantKey returns an assistant's id as it can stand in a key of a store, or NoAssistant.
func AssistantKey(id string) string {
	if IsSafeID(id) {
		return id
	}
	return NoAssistant
}

// CallAlias is the ledger's record of one of a call's ids. The records of one call form a tree: the root's name is the
// CallID of the row, and every other record leads to the root. See package callindex.
type CallAlias struct {
	Name string // of SafeKey's form
	// Parent is the name of the next record towards the root; empty for a root.
	Parent string
	// Created orders roots: a younger root joins the older one.
	Created time.Time
	// RowKeys are the keys where the row may have been written while this record was the root, the current one last.
	// Their CallID is Name. Earlier keys are never removed: a row that a crash left there is found through them.
	RowKeys []CallKey
	// Revision counts the changes.
	Revision  int
	ExpiresAt time.Time
}
