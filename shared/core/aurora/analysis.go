package aurora

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
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
// deep, with names and numbers that DynamoDB accepts. Names and texts are cleaned by text.Line. What cannot be stored is left
// out, and dropped names it; if all is too large, the largest fields are left out. The data is nil for anything that is not
// an object, and for an object of which nothing is left. Numbers in v are json.Number or float64.
func SanitizeExtracted(v any) (data json.RawMessage, dropped []string) {
	object, ok := v.(map[string]any)
	if !ok || len(object) == 0 {
		return nil, nil
	}
	const levels = 20
	var s sanitizer
	clean, ok := s.object("", object, levels)
	sizes := map[string]int{}
	total := 2 // the braces
	for name, value := range clean {
		b, err := json.Marshal(map[string]any{name: value})
		if err != nil {
			delete(clean, name) // a type that does not come from JSON
			s.dropped = append(s.dropped, name)
			continue
		}
		sizes[name] = len(b) - 1 // a comma in place of two braces
		total += sizes[name]
	}
	for total > MaxExtracted {
		largest := ""
		for name, size := range sizes {
			if size > sizes[largest] || size == sizes[largest] && name < largest {
				largest = name
			}
		}
		total -= sizes[largest]
		delete(sizes, largest)
		delete(clean, largest)
		s.dropped = append(s.dropped, largest)
	}
	if !ok || len(clean) == 0 {
		return nil, s.dropped
	}
	b, err := json.Marshal(clean)
	if err != nil {
		return nil, s.dropped // each field was encoded before
	}
	return b, s.dropped
}

// ExtractedNote says which fields were left out of the data that a provider extracted; empty if none was.
func ExtractedNote(dropped []string) string {
	if len(dropped) == 0 {
		return ""
	}
	const named, length = 5, 40
	names := make([]string, 0, named)
	for _, name := range dropped[:min(len(dropped), named)] {
		names = append(names, strconv.Quote(text.Line(name, length)))
	}
	list := strings.Join(names, ", ")
	if more := len(dropped) - len(names); more > 0 {
		list += " and " + strconv.Itoa(more) + " more"
	}
	return "Left out of the extracted data, because it cannot be stored: " + list + "."
}

// sanitizer cleans values, and collects the paths of those that it left out.
type sanitizer struct{ dropped []string }

// object returns a clean copy of an object. It is not ok if the object is nested too deeply, or if nothing of it is left.
func (s *sanitizer) object(path string, object map[string]any, levels int) (clean map[string]any, ok bool) {
	clean = make(map[string]any, len(object))
	names := slices.Collect(maps.Keys(object))
	slices.SortFunc(names, func(a, b string) int { // names that are clean already come first, and so keep their values
		return cmp.Or(cmp.Compare(len(a)-len(text.Line(a, maxExtractedName)), len(b)-len(text.Line(b, maxExtractedName))), cmp.Compare(a, b))
	})
	for _, name := range names {
		cleanName := text.Line(name, maxExtractedName)
		inner := path + "." + cleanName
		if path == "" {
			inner = cleanName
		}
		_, taken := clean[cleanName]
		if cleanName == "" || taken || levels == 0 {
			s.dropped = append(s.dropped, inner)
			continue
		}
		if value, ok := s.value(inner, object[name], levels-1); ok {
			clean[cleanName] = value
		}
	}
	return clean, len(clean) > 0 || len(object) == 0
}

// maxExtractedName bounds a name in extracted data, in characters.
const maxExtractedName = 200

// value returns a clean copy of a value. It is not ok if the value cannot be stored.
func (s *sanitizer) value(path string, v any, levels int) (any, bool) {
	ok := true
	switch value := v.(type) {
	case map[string]any:
		return s.object(path, value, levels)
	case []any:
		out := make([]any, 0, len(value))
		for i, inner := range value {
			at := path + "[" + strconv.Itoa(i) + "]"
			if levels == 0 {
				s.dropped = append(s.dropped, at)
			} else if clean, ok := s.value(at, inner, levels-1); ok {
				out = append(out, clean)
			}
		}
		return out, len(out) > 0 || len(value) == 0
	case string:
		return text.Line(value, MaxExtracted), true
	case json.Number:
		n, err := value.Float64()
		if err == nil && n == math.Trunc(n) && len(value) <= 18 && !strings.ContainsAny(value.String(), ".eE") {
			return v, true // an id may have more digits than a float64 holds
		}
		v, ok = storableFloat(n, err == nil)
	case float64:
		v, ok = storableFloat(value, true)
	}
	if !ok {
		s.dropped = append(s.dropped, path)
	}
	return v, ok // true, false and null are stored as they are
}

// storableFloat reports whether DynamoDB can store a number.
func storableFloat(n float64, ok bool) (any, bool) {
	const least, most = 1e-129, 1e125
	size := math.Abs(n)
	return n, ok && (size == 0 || size >= least && size < most)
}
