package aurora

import "time"

// ReportVersion is the version of Report's JSON. It grows when a reader of the one before would be misled.
const ReportVersion = 1

// Report is report.json: what happened with one assistant's calls in one window, and in the window before.
type Report struct {
	Version       int    `json:"version"`
	AssistantID   string `json:"assistantId"`
	AssistantName string `json:"assistantName"`
	Period        Period `json:"period"`
	// From and Until are RFC 3339 by the assistant's clock; the window is half-open.
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	TimeZone string    `json:"timeZone"` // IANA
	Figures
	Attention []Attention `json:"attention"` // the most pressing first, at most MaxAttention
	Narrative Narrative   `json:"narrative"`
	// Previous is the window before: its end is this one's beginning.
	Previous PreviousWindow `json:"previous"`
}

// PreviousWindow is the window before a report's, counted in the same way.
type PreviousWindow struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	Figures
}

// Figures are what is counted of a window. A call belongs to the window, the day and the hour in which it ended (where
// its end is unknown: see Call.When). Every figure is of whole calls; what a call does not say is not counted.
type Figures struct {
	Calls           CallFigures     `json:"calls"`
	Minutes         float64         `json:"minutes"` // of the calls whose length is known, to two decimals
	Cost            CostFigures     `json:"cost"`
	DurationSeconds DurationFigures `json:"durationSeconds"`
	Callers         CallerFigures   `json:"callers"`
	// Outcomes, Sentiment and EndedReasons hold only what occurred. A call that was not analysed has neither of the
	// first two; an ended reason that was not told is "unknown".
	Outcomes     map[Outcome]int   `json:"outcomes"`
	Sentiment    map[Sentiment]int `json:"sentiment"`
	EndedReasons map[string]int    `json:"endedReasons"`
	Topics       []TopicFigure     `json:"topics"` // the most frequent first, then by name; at most MaxTopics
	ByDay        []DayFigure       `json:"byDay"`  // every day of the window, in order
	ByHour       [7][24]int        `json:"byHour"` // by weekday from Monday, and hour, of the assistant's clock
}

// Limits of a report's lists.
const (
	MaxAttention = 10
	MaxTopics    = 50
)

// CallFigures count calls. Answered, Voicemail and Failed sum to Total: Failed is failed, busy and no answer. Calls over
// the web and those of unknown direction are neither inbound nor outbound.
type CallFigures struct {
	Total       int `json:"total"`
	Answered    int `json:"answered"`
	Voicemail   int `json:"voicemail"`
	Failed      int `json:"failed"`
	Inbound     int `json:"inbound"`
	Outbound    int `json:"outbound"`
	Transferred int `json:"transferred"`
}

// CostFigures are what the calls cost, as their providers said. UnknownCalls are those of which nobody said, and are not
// in Total.
type CostFigures struct {
	Total        float64 `json:"total"`
	Currency     string  `json:"currency"` // USD
	UnknownCalls int     `json:"unknownCalls"`
}

// DurationFigures are in whole seconds, over the calls whose length is known; 0 where there is none. Median and P90 are
// nearest-rank percentiles: the smallest length that at least half, or nine tenths, of the calls do not exceed.
type DurationFigures struct {
	Average int `json:"average"`
	Median  int `json:"median"`
	P90     int `json:"p90"`
}

// CallerFigures count different callers, as far as their numbers are known. Returning ones also called in the window
// before.
type CallerFigures struct {
	Unique    int `json:"unique"`
	Returning int `json:"returning"`
}

// TopicFigure is how many calls were about something.
type TopicFigure struct {
	Topic string `json:"topic"`
	Calls int    `json:"calls"`
}

// DayFigure is how many calls ended on a day of the assistant's calendar.
type DayFigure struct {
	Date  string `json:"date"` // YYYY-MM-DD
	Calls int    `json:"calls"`
}

// Attention is a call that somebody should look at, and why.
type Attention struct {
	CallID      string    `json:"callId"`
	At          time.Time `json:"at"`      // when it ended, by the assistant's clock
	Reasons     []string  `json:"reasons"` // in words, the weightiest first
	Customer    Phone     `json:"customer"`
	Name        string    `json:"customerName"`
	Direction   Direction `json:"direction"`
	Seconds     *float64  `json:"seconds"` // null where unknown
	Outcome     Outcome   `json:"outcome"`
	Sentiment   Sentiment `json:"sentiment"`
	EndedReason string    `json:"endedReason"`
	Summary     string    `json:"summary"`
	Actions     []string  `json:"actionItems"`
	Transcript  string    `json:"transcriptUrl"` // empty where there is none or no link can be made
	Recording   string    `json:"recordingUrl"`  // the provider's, https alone
}

// Narrative is the report told in words by a model. Text is empty where there is none, and Note says why, or how many
// sentences were dropped because a number in them was not among the figures.
type Narrative struct {
	Text  string `json:"text"`
	Model string `json:"model"`
	Note  string `json:"note"`
}

// ReportJob asks for one report. It is what waits in the queue of reports.
type ReportJob struct {
	AssistantID string    `json:"assistantId"`
	Period      Period    `json:"period"`
	Until       time.Time `json:"until"`
	Resend      bool      `json:"resend,omitempty"` // mail it even where it was mailed before
	Quiet       bool      `json:"quiet,omitempty"`  // mail it to nobody
}
