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

// Limits of an answer: numbers of items, and characters of texts.
const (
	maxAnswer  = 256 << 10 // bytes of the whole answer
	maxSummary = 1000
	maxTopics  = 5
	maxTopic   = 60
	maxActions = 10
	maxAction  = 300
)

// The values that a model may choose from. "no answer" is known without a model.
var (
	outcomes   = []aurora.Outcome{aurora.OutcomeResolved, aurora.OutcomeUnresolved, aurora.OutcomeTransferred, aurora.OutcomeVoicemail, aurora.OutcomeDropped, aurora.OutcomeError}
	sentiments = []aurora.Sentiment{aurora.SentimentPositive, aurora.SentimentNeutral, aurora.SentimentNegative}
)

// errMisfit is the cause of every error about an answer that does not fit.
var errMisfit = errors.New("the answer does not fit")

func newMisfit(sentence string) error {
	return fault.New(fault.Invalid, sentence).WithCode("analysis_misfit").Because(errMisfit)
}

// parse reads an answer into result: every field that was asked for and fits. The error is about the first one that does
// not fit.
func (s answerSpec) parse(a agent.Completion, result *aurora.AnalysisResult) error {
	switch {
	case a.FinishReason == agent.FinishContentFilter:
		return newMisfit("The model refused to answer.")
	case a.FinishReason == agent.FinishLength:
		return newMisfit("The answer was too long and was cut off.")
	}
	var answer struct {
		Summary     anyValue `json:"summary"`
		Outcome     anyValue `json:"outcome"`
		Sentiment   anyValue `json:"sentiment"`
		Topics      textList `json:"topics"`
		ActionItems textList `json:"actionItems"`
		Data        anyValue `json:"data"`
	}
	object := extractObject(a.Text)
	if len(object) > maxAnswer || json.Unmarshal([]byte(object), &answer) != nil {
		return newMisfit("The answer is not one JSON object.")
	}
	var problems []error
	if s.summary {
		if result.Summary = text.Line(answer.Summary.text(), maxSummary); result.Summary == "" {
			problems = append(problems, newMisfit("The answer has no summary."))
		}
	}
	if s.outcome {
		var ok bool
		if result.Outcome, ok = parseChoice(answer.Outcome, outcomes); !ok {
			problems = append(problems, newMisfit("The answer's outcome is not one of the allowed values."))
		}
	}
	if s.sentiment {
		var ok bool
		if result.Sentiment, ok = parseChoice(answer.Sentiment, sentiments); !ok {
			problems = append(problems, newMisfit("The answer's sentiment is not one of the allowed values."))
		}
	}
	result.Topics = cleanList(answer.Topics, maxTopics, func(s string) string { return text.Line(strings.ToLower(s), maxTopic) })
	result.ActionItems = cleanList(answer.ActionItems, maxActions, func(s string) string { return text.Line(s, maxAction) })
	if s.dataSchema != nil {
		var err error
		if result.Extracted, err = s.parseData(answer.Data); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return problems[0]
	}
	return nil
}

// parseData returns the extracted data as a row can store it, if it fits the assistant's schema. It is nil if nothing was
// found and the schema allows that.
func (s answerSpec) parseData(data anyValue) (json.RawMessage, error) {
	object, ok := data.v.(map[string]any)
	if !ok {
		return nil, newMisfit("The answer's data is not an object.")
	}
	extracted, dropped := aurora.SanitizeExtracted(object)
	if len(dropped) > 0 {
		return nil, newMisfit("The answer's data is too large or cannot be stored.")
	}
	checked := extracted
	if checked == nil {
		checked = json.RawMessage(`{}`)
	}
	if err := s.validate(checked); err != nil {
		return nil, newMisfit("The answer's data does not fit the schema: " + publicMessage(err))
	}
	return extracted, nil
}

// parseChoice returns the allowed value that v names, in any case and with _ or - for a space.
func parseChoice[T ~string](v anyValue, allowed []T) (T, bool) {
	s := strings.NewReplacer("_", " ", "-", " ").Replace(strings.ToLower(text.Line(v.text(), 40)))
	if slices.Contains(allowed, T(s)) {
		return T(s), true
	}
	return "", false
}

// cleanList returns the first texts, at most limit, each cleaned and each once.
func cleanList(texts []string, limit int, clean func(string) string) []string {
	var result []string
	for _, s := range texts {
		if s = clean(s); s != "" && !slices.Contains(result, s) && len(result) < limit {
			result = append(result, s)
		}
	}
	return result
}

// extractObject returns the JSON object in an answer, without the code fence or the words that some models put around it.
func extractObject(answer string) string {
	from, to := strings.IndexByte(answer, '{'), strings.LastIndexByte(answer, '}')
	if from < 0 || to < from {
		return ""
	}
	return answer[from : to+1]
}

// anyValue is a value of any type. A value of the wrong type counts as missing, and the rest of the answer is still read.
type anyValue struct{ v any }

// UnmarshalJSON reads any value. Numbers keep all their digits.
func (v *anyValue) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	return d.Decode(&v.v)
}

func (v anyValue) text() string {
	s, _ := v.v.(string)
	return s
}

// textList is a list of texts. A single text is read as a list of one.
type textList []string

// UnmarshalJSON reads any value. Items that are not texts are left out.
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
