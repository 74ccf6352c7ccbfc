package aurora

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"example.com/aurora/shared/core/text"
)

// AnalysisResult is what an analysis came to: the call's summary where the provider sent none, and all else. It is kept beside
// the report, so that nothing that was paid for is asked for again.
type AnalysisResult struct {
	Summary string `json:"summary,omitempty"`
	Analysis
}

// WithAnalysis is the row with what was found out. It counts for more than the row of the same report without it, and for
// less than any newer report's.
func (c Call) WithAnalysis(f AnalysisResult) Call {
	c.Version += analysedSuffix
	c.Analysis = f.Analysis
	if c.Summary == "" {
		c.Summary = f.Summary
	}
	return c
}

// analysedSuffix sorts after the end of a version, all of which are as long as another.
const analysedSuffix = "+a"

// deriveOutcome is what came of a call as far as that is plain without anybody's judgement, or by the provider's own.
func (r EndOfCall) deriveOutcome() Outcome {
	switch {
	case r.Transferred:
		return OutcomeTransferred
	case r.Class == DispositionVoicemail:
		return OutcomeVoicemail
	case r.Spoke:
		return outcomeFromEvaluation(r.Success)
	case r.Class == DispositionFailed:
		return OutcomeError
	case r.Class == DispositionNoAnswer, r.Class == DispositionBusy:
		return OutcomeNoAnswer
	}
	return OutcomeDropped // answered, and nobody said a word
}

// outcomeFromEvaluation reads a provider's evaluation as an outcome. Marks out of ten and the like have no threshold that we know
// of, and say nothing.
func outcomeFromEvaluation(success string) Outcome {
	switch strings.ToLower(strings.TrimSpace(success)) {
	case "true", "pass", "passed", "yes", "success", "successful", "excellent", "good":
		return OutcomeResolved
	case "false", "fail", "failed", "no", "failure", "unsuccessful", "poor":
		return OutcomeUnresolved
	}
	return ""
}

// MaxExtracted bounds extracted data, in bytes of JSON: a row has 400 KB, and shall stay far below.
const MaxExtracted = 16 << 10

// extractedData is the data that the provider extracted: Vapi's structured data, or else its structured outputs by name.
func (m Message) extractedData() json.RawMessage {
	for _, path := range []string{"analysis.structuredData", "call.analysis.structuredData"} {
		if data := SanitizeExtracted(expandJSON(m.lookup(path))); data != nil {
			return data
		}
	}
	outputs, _ := expandJSON(m.lookup("artifact.structuredOutputs")).(map[string]any)
	named := map[string]any{}
	for _, id := range slices.Sorted(maps.Keys(outputs)) { // of two by one name it is always the same that stays
		fields, _ := outputs[id].(map[string]any)
		output := Message{fields: fields}
		if name := output.Text("name"); name != "" && fields["result"] != nil {
			named[name] = fields["result"]
		}
	}
	return SanitizeExtracted(named)
}

// SanitizeExtracted is data as it may stand in a row: an object in at most MaxExtracted bytes of JSON, not nested deeper than a
// store takes, with names and numbers that every store can hold and texts that Clean has cleaned. It is nil where the
// value is none, or empty. Numbers are json.Number or float64.
func SanitizeExtracted(v any) json.RawMessage {
	object, ok := v.(map[string]any)
	if !ok || len(object) == 0 {
		return nil
	}
	const levels = 20
	clean, ok := sanitizeValue(object, levels)
	if !ok {
		return nil
	}
	b, err := json.Marshal(clean)
	if err != nil || len(b) > MaxExtracted {
		return nil
	}
	return b
}

func sanitizeValue(v any, levels int) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			kept, ok := sanitizeValue(inner, levels-1)
			if !ok || levels == 0 || name == "" || name != text.Line(name, 200) {
				return nil, false
			}
			out[name] = kept
		}
		return out, true
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			kept, ok := sanitizeValue(inner, levels-1)
			if !ok || levels == 0 {
				return nil, false
			}
			out[i] = kept
		}
		return out, true
	case string:
		return text.Line(v, MaxExtracted), true
	case json.Number:
		n, err := v.Float64()
		if err == nil && n == math.Trunc(n) && len(v) <= 18 && !strings.ContainsAny(v.String(), ".eE") {
			return v, true // an id of more digits than a float has
		}
		return storableFloat(n, err == nil)
	case float64:
		return storableFloat(v, true)
	}
	return v, true // true, false and null
}

// storableFloat is a number that DynamoDB takes.
func storableFloat(n float64, ok bool) (any, bool) {
	const least, most = 1e-129, 1e125
	size := math.Abs(n)
	return n, ok && (size == 0 || size >= least && size < most)
}
