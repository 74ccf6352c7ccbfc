package emulator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// These functions convert a template's value to the wanted type. A value of another type becomes the zero value.

func toMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func toList(v any) []any {
	l, _ := v.([]any)
	return l
}

// toString converts a scalar as CloudFormation does for a string property. Lists and objects become JSON.
func toString(v any) string {
	switch v := v.(type) {
	case nil, noValue:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case map[string]any, []any:
		b, _ := json.Marshal(v) // encoding trees of scalars cannot fail
		return string(b)
	}
	return fmt.Sprint(v)
}

func toBool(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case string:
		return strings.EqualFold(v, "true")
	}
	return false
}

func toInt(v any, otherwise int) int {
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

func toStrings(v any) []string {
	var out []string
	for _, w := range toList(v) {
		out = append(out, toString(w))
	}
	return out
}
