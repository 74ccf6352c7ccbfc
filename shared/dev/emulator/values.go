package emulator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// The template's values, read as what they should be. What is something else reads as nothing.

func mapping(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// str reads a scalar as CloudFormation hands it to a string property.
func str(v any) string {
	switch v := v.(type) {
	case nil, none:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case map[string]any, []any:
		b, _ := json.Marshal(v) // trees of scalars always encode
		return string(b)
	}
	return fmt.Sprint(v)
}

func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return strings.EqualFold(v, "true")
	}
	return false
}

func number(v any, otherwise int) int {
	switch v := v.(type) {
	case int:
		return v
	case float64:
		return int(v)
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
	}
	return otherwise
}

func words(v any) []string {
	var out []string
	for _, w := range list(v) {
		out = append(out, str(w))
	}
	return out
}
