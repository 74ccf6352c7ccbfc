package versions

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

// Difference is one field that two documents have different values of.
type Difference struct {
	Path   string          `json:"path"`             // such as tools.0.url
	Before json.RawMessage `json:"before,omitempty"` // missing if the field was added
	After  json.RawMessage `json:"after,omitempty"`  // missing if the field was removed
	// TextDiff compares two texts of several lines, or long ones, line by line, in the unified format.
	TextDiff string `json:"textDiff,omitempty"`
}

// longText is the length from which texts are compared line by line.
const longText = 80

// Compare returns the fields that differ between two documents in canonical form, in the order of their paths.
func Compare(before, after []byte) ([]Difference, error) {
	var a, b any
	for content, v := range map[*[]byte]*any{&before: &a, &after: &b} {
		d := json.NewDecoder(bytes.NewReader(*content))
		d.UseNumber()
		if err := d.Decode(v); err != nil {
			return nil, err
		}
	}
	return appendDifferences([]Difference{}, "", a, b), nil
}

// missing is the value of a field that a document does not have.
type missing struct{}

func appendDifferences(all []Difference, path string, a, b any) []Difference {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			names := maps.Clone(x)
			maps.Copy(names, y)
			for _, name := range slices.Sorted(maps.Keys(names)) {
				all = appendDifferences(all, strings.TrimPrefix(path+"."+name, "."), valueOf(x, name), valueOf(y, name))
			}
			return all
		}
	case []any:
		if y, ok := b.([]any); ok {
			for i := range max(len(x), len(y)) {
				all = appendDifferences(all, path+"."+strconv.Itoa(i), elementOf(x, i), elementOf(y, i))
			}
			return all
		}
	}
	before, after := encode(a), encode(b)
	if bytes.Equal(before, after) {
		return all
	}
	d := Difference{Path: path, Before: before, After: after}
	x, isText := a.(string)
	if y, ok := b.(string); ok && isText && (len(x) > longText || len(y) > longText || strings.Contains(x+y, "\n")) {
		d.TextDiff = udiff.Unified("before", "after", x+"\n", y+"\n")
	}
	return append(all, d)
}

func valueOf(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	return missing{}
}

func elementOf(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return missing{}
}

// encode writes a value; nil for a missing one.
func encode(v any) json.RawMessage {
	if _, ok := v.(missing); ok {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil // values come from a JSON decoder
	}
	return b
}
