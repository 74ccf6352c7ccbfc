package aurora

import (
	"encoding/json"
	"math"
	"strings"

	"example.com/aurora/shared/core/text"
)

// AnalysisResult is the result of an analysis. It is stored beside the report, so that no model is paid twice for a call.
// Summary is empty if the provider sent one.
type AnalysisResult struct {
	Summary string `json:"summary,omitempty"`
	Analysis
}

// analysedSuffix makes a version greater than the same version without it and smaller than any newer report's: all
// versions begin with two numbers of fixed length.
const analysedSuffix = "+a"

// WithAnalysis returns the row with an analysis and the version of an analysed row.
func (c Call) WithAnalysis(result AnalysisResult) Call {
	c.Version += analysedSuffix
	c.Analysis = result.Analysis
	if c.Summary == "" {
		c.Summary = result.Summary
	}
	return c
}

// MaxExtracted bounds extracted data, in bytes of JSON. A row may have 400 KB, and should stay far smaller.
const MaxExtracted = 16 << 10

// SanitizeExtracted returns data as a row can store it: an object of at most MaxExtracted bytes of JSON, at most 20 levels
// deep, with names and numbers that DynamoDB accepts. Texts are cleaned by text.Line. It returns nil for anything that
// is not such an object, and for an empty one. Numbers in v are json.Number or float64.
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

// sanitizeValue returns v with clean texts. It is not ok if v cannot be stored.
func sanitizeValue(v any, levels int) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			value, ok := sanitizeValue(inner, levels-1)
			if !ok || levels == 0 || name == "" || name != text.Line(name, 200) {
				return nil, false
			}
			out[name] = value
		}
		return out, true
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			value, ok := sanitizeValue(inner, levels-1)
			if !ok || levels == 0 {
				return nil, false
			}
			out[i] = value
		}
		return out, true
	case string:
		return text.Line(v, MaxExtracted), true
	case json.Number:
		n, err := v.Float64()
		if err == nil && n == math.Trunc(n) && len(v) <= 18 && !strings.ContainsAny(v.String(), ".eE") {
			return v, true // an id may have more digits than a float64 holds
		}
		return storableFloat(n, err == nil)
	case float64:
		return storableFloat(v, true)
	}
	return v, true // true, false and null
}

// storableFloat reports whether DynamoDB can store a number.
func storableFloat(n float64, ok bool) (any, bool) {
	const least, most = 1e-129, 1e125
	size := math.Abs(n)
	return n, ok && (size == 0 || size >= least && size < most)
}
