package callanalysis

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// The limits of what is kept of an answer, in characters but for numbers of things.
const (
	maxAnswer  = 256 << 10 // bytes that are read at all
	maxSummary = 1000
	maxTopics  = 5
	maxTopic   = 60
	maxActions = 10
	maxAction  = 300
)

// What a model may answer. That nobody answered is known without it.
var (
	outcomes   = []aurora.Outcome{aurora.Resolved, aurora.Unresolved, aurora.OutcomeTransferred, aurora.OutcomeVoicemail, aurora.Dropped, aurora.OutcomeError}
	sentiments = []aurora.Sentiment{aurora.Positive, aurora.Neutral, aurora.Negative}
)

// errMisfit is the cause of every complaint about an answer.
var errMisfit = errors.New("the answer does not fit")

func misfit(sentence string) error {
	return fault.New(fault.Invalid, sentence).Coded("analysis_misfit").Because(errMisfit)
}

// read takes from an answer what was asked for and fits, and complains about the first thing that does not.
func (w wish) read(a agent.Answer, f *aurora.Finding) error {
	switch {
	case a.FinishReason == agent.ContentFilter:
		return misfit("The model refused to answer.")
	case a.FinishReason == agent.Length:
		return misfit("The answer was too long and was cut off.")
	}
	var said struct {
		Summary     loose `json:"summary"`
		Outcome     loose `json:"outcome"`
		Sentiment   loose `json:"sentiment"`
		Topics      list  `json:"topics"`
		ActionItems list  `json:"actionItems"`
		Data        loose `json:"data"`
	}
	text := object(a.Text)
	if len(text) > maxAnswer || json.Unmarshal([]byte(text), &said) != nil {
		return misfit("The answer is not one JSON object.")
	}
	var wrong []error
	if w.summary {
		if f.Summary = aurora.Clean(said.Summary.text(), maxSummary); f.Summary == "" {
			wrong = append(wrong, misfit("The answer has no summary."))
		}
	}
	if w.outcome {
		var ok bool
		if f.Outcome, ok = choice(said.Outcome, outcomes); !ok {
			wrong = append(wrong, misfit("The answer's outcome is none of those that there are."))
		}
	}
	if w.sentiment {
		var ok bool
		if f.Sentiment, ok = choice(said.Sentiment, sentiments); !ok {
			wrong = append(wrong, misfit("The answer's sentiment is none of the three."))
		}
	}
	f.Topics = some(said.Topics, maxTopics, func(s string) string { return aurora.Clean(strings.ToLower(s), maxTopic) })
	f.Actions = some(said.ActionItems, maxActions, func(s string) string { return aurora.Clean(s, maxAction) })
	if w.schema != nil {
		var err error
		if f.Extracted, err = w.data(said.Data); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return wrong[0]
	}
	return nil
}

// data is what was extracted, in the bounds of a row and as the assistant's schema has it; nil where nothing was found
// and the schema allows that.
func (w wish) data(said loose) (json.RawMessage, error) {
	object, ok := said.v.(map[string]any)
	if !ok {
		return nil, misfit("The answer's data is no object.")
	}
	kept := aurora.Extracted(object)
	if kept == nil && len(object) > 0 {
		return nil, misfit("The answer's data is too large or holds what cannot be kept.")
	}
	check := kept
	if check == nil {
		check = json.RawMessage(`{}`)
	}
	if err := w.check(check); err != nil {
		return nil, misfit("The answer's data does not fit the schema: " + sentence(err))
	}
	return kept, nil
}

// choice is one of the values there are, in any case and with _ or - for a space.
func choice[T ~string](said loose, of []T) (T, bool) {
	s := strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(aurora.Clean(said.text(), 40)))
	if slices.Contains(of, T(s)) {
		return T(s), true
	}
	return "", false
}

// some are at most so many texts, clean, each once.
func some(said []string, most int, clean func(string) string) []string {
	var kept []string
	for _, s := range said {
		if s = clean(s); s != "" && !slices.Contains(kept, s) && len(kept) < most {
			kept = append(kept, s)
		}
	}
	return kept
}

// object is the JSON object in an answer, without the fence or the words that some models put around it.
func object(answer string) string {
	from, to := strings.IndexByte(answer, '{'), strings.LastIndexByte(answer, '}')
	if from < 0 || to < from {
		return ""
	}
	return answer[from : to+1]
}

// loose is a value of any type: what is of the wrong one is missing, and spoils nothing else.
type loose struct{ v any }

// UnmarshalJSON reads any value; digits beyond a float's are kept.
func (l *loose) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	return d.Decode(&l.v)
}

func (l loose) text() string {
	s, _ := l.v.(string)
	return s
}

// list is a list of texts; one text is a list of one.
type list []string

// UnmarshalJSON reads any value, and takes the texts from it.
func (l *list) UnmarshalJSON(b []byte) error {
	var all loose
	if err := all.UnmarshalJSON(b); err != nil {
		return err
	}
	switch v := all.v.(type) {
	case string:
		*l = list{v}
	case []any:
		for _, inner := range v {
			if s, ok := inner.(string); ok {
				*l = append(*l, s)
			}
		}
	}
	return nil
}
