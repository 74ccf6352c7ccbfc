package aurora

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"example.com/aurora/shared/core/text"
)

// Call is one compact row of the calls table: what reports are counted from. What is unknown is absent.
type Call struct {
	// Place is where the row is.
	CallKey
	// Version orders what is known of one call; the greatest counts. See Version.
	Version string `json:"version"`
	// Key is the report's object in the bucket.
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
	Customer     Phone       `json:"customer,omitempty"`
	CustomerName string      `json:"customerName,omitempty"`
	Summary      string      `json:"summary,omitempty"`
	Success      string      `json:"success,omitempty"`
	Recording    string      `json:"recordingUrl,omitempty"`
	Transcript   bool        `json:"transcript,omitempty"`
	Spoke        bool        `json:"spoke,omitempty"`
	Transferred  bool        `json:"transferred,omitempty"`
	// ReportedAt is when the report says it was made, or, where it knows no time at all, when it came.
	ReportedAt time.Time `json:"reportedAt,omitzero"`
	Analysis
}

// Analysis is what was made of what was said in a call: by the provider where it said so, else by a model. A call that
// was not analysed has none of it.
type Analysis struct {
	Outcome     Outcome   `json:"outcome,omitempty"`
	Sentiment   Sentiment `json:"sentiment,omitempty"`
	Topics      []string  `json:"topics,omitempty"`      // at most five, in lower case
	ActionItems []string  `json:"actionItems,omitempty"` // what is left to do
	// Extracted is what the assistant's own schema asks for, and fits it.
	Extracted json.RawMessage `json:"extracted,omitempty"`
	// AnalysisModel is who analysed; empty where no model was asked. The tokens and US dollars are the analysis's own,
	// and no part of the call's cost; dollars are nil where the model's price is unknown.
	AnalysisModel    string   `json:"analysisModel,omitempty"`
	PromptTokens     int      `json:"analysisPromptTokens,omitempty"`
	CompletionTokens int      `json:"analysisCompletionTokens,omitempty"`
	AnalysisCost     *float64 `json:"analysisCost,omitempty"`
	// AnalysisNote says what went wrong with the analysis; empty where nothing did.
	AnalysisNote string `json:"analysisNote,omitempty"`
}

// Outcome is what came of a call.
type Outcome string

// The outcomes.
const (
	OutcomeResolved    Outcome = "resolved"
	OutcomeUnresolved  Outcome = "unresolved"
	OutcomeTransferred Outcome = "transferred"
	OutcomeVoicemail   Outcome = "voicemail"
	OutcomeNoAnswer    Outcome = "no answer"
	OutcomeDropped     Outcome = "dropped"
	OutcomeError       Outcome = "error"
)

// Sentiment is how the other side felt by the end.
type Sentiment string

// The sentiments.
const (
	SentimentPositive Sentiment = "positive"
	SentimentNeutral  Sentiment = "neutral"
	SentimentNegative Sentiment = "negative"
)

// CallKey is where a call's row is: in the assistant's partition of a day, under a name.
type CallKey struct {
	AssistantID string `json:"assistantId"` // NoAssistant where nobody knows
	Day         string `json:"day"`         // UTC, YYYY-MM-DD; fixed when the row is first written
	CallID      string `json:"callId"`      // a SafeKey, fixed as the day is
}

// StartOrEnd is when the call was: its start, else its end; zero where neither is known.
func (c Call) StartOrEnd() time.Time {
	if !c.StartedAt.IsZero() {
		return c.StartedAt
	}
	return c.EndedAt
}

// CountedAt is the moment by which reports count the call: its end, else its start, else when it was reported, else the noon
// of its day, so that a call of which nobody knows anything is counted all the same.
func (c Call) CountedAt() time.Time {
	for _, t := range []time.Time{c.EndedAt, c.StartedAt, c.ReportedAt} {
		if !t.IsZero() {
			return t
		}
	}
	day, _ := time.Parse(time.DateOnly, c.Day) // a day that is none was never written
	return day.Add(12 * time.Hour)
}

// NoAssistant stands in keys where an assistant's id would, for calls whose assistant is unknown.
const NoAssistant = "_"

// Partition is the hash key of the calls table: one assistant's day.
func (p CallKey) Partition() string { return p.AssistantID + "#" + p.Day }

// NewCall is the row for a report: everything but its place and what an analysis finds out.
func NewCall(r EndOfCall, key, version string) Call {
	c := Call{
		Version: version, ObjectKey: key,
		StartedAt: r.StartedAt, EndedAt: r.EndedAt, Seconds: r.Seconds, Cost: r.Cost,
		EndedReason: text.Clip(r.EndedReason, 200), Disposition: r.Class, Direction: r.Direction,
		Customer: r.Customer, CustomerName: text.Clip(r.CustomerName, 200),
		Summary: text.Clip(r.Summary, 4000), Success: r.Success, Recording: text.Clip(r.RecordingURL, 2000),
		Transcript: r.Transcript, Spoke: r.Spoke, Transferred: r.Transferred, ReportedAt: r.Timestamp,
		// The sender's own; an analysis adds to it, and takes data out that does not fit the assistant's schema.
		Analysis: Analysis{Outcome: r.Outcome, Extracted: r.Extracted},
	}
	if len(r.IDs) > 0 {
		c.ID = text.Clip(r.IDs[0], 200)
	}
	return c
}

// NewVersion orders two reports about one call: the one made later counts, then the one that arrived later; the key
// settles what is left, so that the order never depends on which is indexed first. A report that does not say when it
// was made is older than any that does.
func NewVersion(made, arrived time.Time, key string) string {
	var ms int64
	if !made.IsZero() {
		ms = made.UnixMilli()
	}
	return fmt.Sprintf("%014d-%014d-%s", max(ms, 0), max(arrived.UnixMilli(), 0), SafeKey(key))
}

// SafeKey is an id as it may stand in a store's key: the id itself where IsSafeID allows it, else h- and 32 hexadecimal
// digits of its SHA-256.
func SafeKey(id string) string {
	if IsSafeID(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "h-" + hex.EncodeToString(sum[:16])
}

// AssistantKey is an assistant's id as it may stand in a store's key, or NoAssistant.
func AssistantKey(id string) string {
	if IsSafeID(id) {
		return id
	}
	return NoAssistant
}

// CallAlias is the ledger's record of one of the names that a call goes by. Records of one call form a tree: the root's
// name is the row's CallID, and every other record leads to it. See package webhook.
type CallAlias struct {
	Name string // a SafeKey
	// Parent is the name of the next record towards the root; empty for a root.
	Parent string
	// Created orders roots: the younger joins the older.
	Created time.Time
	// Places are where the row may have been written while this record was the root, the latest last. Their CallID is
	// Name. They outlive the root: a row left behind by a crash is found through them.
	RowKeys []CallKey
	// Revision counts the changes.
	Revision  int
	ExpiresAt time.Time
}

// ParseCallKey reads what Partition wrote.
func ParseCallKey(partition, callID string) CallKey {
	i := max(strings.LastIndexByte(partition, '#'), 0)
	return CallKey{AssistantID: partition[:i], Day: strings.TrimPrefix(partition[i:], "#"), CallID: callID}
}
