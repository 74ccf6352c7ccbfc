package callanalysis

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/text"
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
	outcomes   = []aurora.Outcome{aurora.OutcomeResolved, aurora.OutcomeUnresolved, aurora.OutcomeTransferred, aurora.OutcomeVoicemail, aurora.OutcomeDropped, aurora.OutcomeError}
	sentiments = []aurora.Sentiment{aurora.SentimentPositive, aurora.SentimentNeutral, aurora.SentimentNegative}
)

// errMisfit is the cause of every complaint about an answer.
var errMisfit = errors.New("the answer does not fit")

func newMisfit(sentence string) error {
	return fault.New(fault.Invalid, sentence).WithCode("analysis_misfit").Because(errMisfit)
}

// parse takes from an answer what was asked for and fits, and complains about the first thing that does not.
func (w answerSpec) parse(a agent.Completion, f *aurora.AnalysisResult) error {
	switch {
	case a.FinishReason == agent.FinishContentFilter:
		return newMisfit("The model refused to answer.")
	case a.FinishReason == agent.FinishLength:
		return newMisfit("The answer was too long and was cut off.")
	}
	var said struct {
		Summary     anyValue `json:"summary"`
		Outcome     anyValue `json:"outcome"`
		Sentiment   anyValue `json:"sentiment"`
		Topics      textList `json:"topics"`
		ActionItems textList `json:"actionItems"`
		Data        anyValue `json:"data"`
	}
	object := extractObject(a.Text)
	if len(object) > maxAnswer || json.Unmarshal([]byte(object), &said) != nil {
		return newMisfit("The answer is not one JSON object.")
	}
	var wrong []error
	if w.summary {
		if f.Summary = text.Line(said.Summary.text(), maxSummary); f.Summary == "" {
			wrong = append(wrong, newMisfit("The answer has no summary."))
		}
	}
	if w.outcome {
		var ok bool
		if f.Outcome, ok = parseChoice(said.Outcome, outcomes); !ok {
			wrong = append(wrong, newMisfit("The answer's outcome is none of those that there are."))
		}
	}
	if w.sentiment {
		var ok bool
		if f.Sentiment, ok = parseChoice(said.Sentiment, sentiments); !ok {
			wrong = append(wrong, newMisfit("The answer's sentiment is none of the three."))
		}
	}
	f.Topics = cleanList(said.Topics, maxTopics, func(s string) string { return text.Line(strings.ToLower(s), maxTopic) })
	f.ActionItems = cleanList(said.ActionItems, maxActions, func(s string) string { return text.Line(s, maxAction) })
	if w.dataSchema != nil {
		var err error
		if f.Extracted, err = w.parseData(said.Data); err != nil {
			wrong = append(wrong, err)
		}
	}
	if len(wrong) > 0 {
		return wrong[0]
	}
	return nil
}

// parseData is what was extracted, in the bounds of a row and as the assistant's schema has it; nil where nothing was found
// and the schema allows that.
func (w answerSpec) parseData(said anyValue) (json.RawMessage, error) {
	object, ok := said.v.(map[string]any)
	if !ok {
		return nil, newMisfit("The answer's data is no object.")
	}
	kept := aurora.SanitizeExtracted(object)
	if kept == nil && len(object) > 0 {
		return nil, newMisfit("The answer's data is too large or holds what cannot be kept.")
	}
	check := kept
	if check == nil {
		check = json.RawMessage(`{}`)
	}
	if err := w.validate(check); err != nil {
		return nil, newMisfit("The answer's data does not fit the schema: " + publicMessage(err))
	}
	return kept, nil
}

// parseChoice is one of the values there are, in any case and with _ or - for a space.
func parseChoice[T ~string](said anyValue, of []T) (T, bool) {
	s := strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(text.Line(said.text(), 40)))
	if slices.Contains(of, T(s)) {
		return T(s), true
	}
	return "", false
}

// cleanList are at most so many texts, clean, each once.
func cleanList(said []string, most int, clean func(string) string) []string {
	var kept []string
	for _, s := range said {
		if s = clean(s); s != "" && !slices.Contains(kept, s) && len(kept) < most {
			kept = append(kept, s)
		}
	}
	return kept
}

// extractObject is the JSON object in an answer, without the fence or the words that some models put around it.
func extractObject(answer string) string {
	from, to := strings.IndexByte(answer, '{'), strings.LastIndexByte(answer, '}')
	if from < 0 || to < from {
		return ""
	}
	return answer[from : to+1]
}

// anyValue is a value of any type: what is of the wrong one is missing, and spoils nothing else.
type anyValue struct{ v any }

// UnmarshalJSON reads any value; digits beyond a float's are kept.
func (l *anyValue) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	return d.Decode(&l.v)
}

func (l anyValue) text() string {
	s, _ := l.v.(string)
	return s
}

// textList is a list of texts; one text is a list of one.
type textList []string

// UnmarshalJSON reads any value, and takes the texts from it.
func (l *textList) UnmarshalJSON(b []byte) error {
	var all anyValue
	if err := all.UnmarshalJSON(b); err != nil {
		return err
	}
	switch v := all.v.(type) {
	case string:
		*l = textList{v}
	case []any:
		for _, inner := range v {
			if s, ok := inner.(string); ok {
				*l = append(*l, s)
			}
		}
	}
	return nil
}
