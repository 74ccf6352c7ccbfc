package aurora

import (
	"encoding/json"
	"time"
)

// ReportVersion is the version of Report's JSON. It is raised when a reader of the previous version would misread it.
const ReportVersion = 1

// Report is report.json: the figures of one assistant's calls in one window and in the window before.
type Report struct {
	Version       int    `json:"version"`
	AssistantID   string `json:"assistantId"`
	AssistantName string `json:"assistantName"`
	Period        Period `json:"period"`
	// From and Until are in the assistant's time zone. The window includes From and excludes Until.
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	TimeZone string    `json:"timeZone"` // IANA
	Figures
	Attention []Attention `json:"attention"` // the most urgent first, at most MaxAttention
	Narrative Narrative   `json:"narrative"`
	// Previous is the window before. It ends where this one begins.
	Previous PreviousWindow `json:"previous"`
}

// PreviousWindow holds the figures of the window before a report's.
type PreviousWindow struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Figures
}

// Figures are what is counted in a window. A call belongs to the window, the day and the hour in which it ended (if its end
// is unknown, see Call.CountedAt). Unknown values are not counted.
type Figures struct {
	Calls           CallFigures     `json:"calls"`
	Minutes         float64         `json:"minutes"` // of the calls whose length is known, to two decimals
	Cost            CostFigures     `json:"cost"`
	DurationSeconds DurationFigures `json:"durationSeconds"`
	Callers         CallerFigures   `json:"callers"`
	// Outcomes, Sentiment and EndedReasons hold only values that occurred. A call that was not analysed has neither of the
	// first two. A missing ended reason is counted as "unknown".
	Outcomes     map[Outcome]int   `json:"outcomes"`
	Sentiment    map[Sentiment]int `json:"sentiment"`
	EndedReasons map[string]int    `json:"endedReasons"`
	Topics       []TopicFigure     `json:"topics"` // the most frequent first, then by name; at most MaxTopics
	ByDay        []DayFigure       `json:"byDay"`  // every day of the window, in order
	ByHour       [7][24]int        `json:"byHour"` // by weekday from Monday and by hour, in the assistant's time zone
}

// Limits of a report's lists.
const (
	MaxAttention = 10
	MaxTopics    = 50
)

// CallFigures count calls. Answered, Voicemail and Failed add up to Total; Failed includes busy and no answer. Web calls
// and calls of unknown direction are neither inbound nor outbound.
type CallFigures struct {
	Total       int `json:"total"`
	Answered    int `json:"answered"`
	Voicemail   int `json:"voicemail"`
	Failed      int `json:"failed"`
	Inbound     int `json:"inbound"`
	Outbound    int `json:"outbound"`
	Transferred int `json:"transferred"`
}

// CostFigures sum up the costs that the providers reported. UnknownCalls counts the calls without a reported cost.
type CostFigures struct {
	Total        float64 `json:"total"`
	Currency     string  `json:"currency"` // USD
	UnknownCalls int     `json:"unknownCalls"`
}

// DurationFigures are in whole seconds, over the calls whose length is known; 0 if there are none. Median and P90 are
// nearest-rank percentiles: the smallest length that at least half, or nine tenths, of the calls do not exceed.
type DurationFigures struct {
	Average int `json:"average"`
	Median  int `json:"median"`
	P90     int `json:"p90"`
}

// CallerFigures count the different known numbers. Returning counts those that also called in the window before. Withheld
// counts the calls whose caller withheld the number; they are neither.
type CallerFigures struct {
	Unique    int `json:"unique"`
	Returning int `json:"returning"`
	Withheld  int `json:"withheld"`
}

// TopicFigure counts the calls about one topic.
type TopicFigure struct {
	Topic string `json:"topic"`
	Calls int    `json:"calls"`
}

// DayFigure counts the calls that ended on one day in the assistant's time zone.
type DayFigure struct {
	Date  string `json:"date"` // YYYY-MM-DD
	Calls int    `json:"calls"`
}

// Attention is a call that a person should look at, and the reasons.
type Attention struct {
	CallID      string    `json:"callId"`
	At          time.Time `json:"at"`      // when it ended, in the assistant's time zone
	Reasons     []string  `json:"reasons"` // sentences, the most important first
	Customer    Phone     `json:"customer"`
	Name        string    `json:"customerName"`
	Direction   Direction `json:"direction"`
	Seconds     *float64  `json:"seconds"` // null if unknown
	Outcome     Outcome   `json:"outcome"`
	Sentiment   Sentiment `json:"sentiment"`
	EndedReason string    `json:"endedReason"`
	Summary     string    `json:"summary"`
	Actions     []string  `json:"actionItems"`
	// Extracted is the data that was extracted from the conversation; absent if there is none.
	Extracted  json.RawMessage `json:"extracted,omitempty"`
	Transcript string          `json:"transcriptUrl"` // empty if there is none or no link can be made
	Recording  string          `json:"recordingUrl"`  // the provider's; https only
}

// Narrative is a summary of the report that a model wrote. Note says why Text is empty, or how many sentences were removed
// because they contain a number that is not among the figures.
type Narrative struct {
	Text  string `json:"text"`
	Model string `json:"model"`
	Note  string `json:"note"`
}

// ReportJob asks for one report. It is the body of a message in the reports queue.
type ReportJob struct {
	AssistantID string    `json:"assistantId"`
	Period      Period    `json:"period"`
	Until       time.Time `json:"until"`
	Resend      bool      `json:"resend,omitempty"` // mail it even if it was mailed before
	Quiet       bool      `json:"quiet,omitempty"`  // do not mail it
}
