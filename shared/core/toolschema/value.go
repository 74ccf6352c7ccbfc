package toolschema

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

const (
	maxExponent = 308 // of a number: the range of a double
	maxDigits   = 400
)

// rational returns a number exactly. outOfRange has excluded numbers whose exact form would be long.
func rational(n json.Number) *big.Rat {
	r, _ := new(big.Rat).SetString(n.String())
	return r
}

// float returns the nearest double, for a message.
func float(r *big.Rat) float64 {
	f, _ := r.Float64()
	return f
}

// deeper reports whether a value has more than so many levels of objects and arrays.
func deeper(v any, levels int) bool {
	inner := func(v any) bool { return levels == 0 || deeper(v, levels-1) }
	switch v := v.(type) {
	case map[string]any:
		for _, item := range v {
			if inner(item) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, inner)
	}
	return false
}

// outOfRange returns the path of the first number that a double cannot hold: written exactly, 1e999999999 has a billion
// digits.
func outOfRange(v any, at string) string {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if found := outOfRange(inner, dotted(at, name)); found != "" {
				return found
			}
		}
	case []any:
		for i, inner := range v {
			if found := outOfRange(inner, dotted(at, strconv.Itoa(i))); found != "" {
				return found
			}
		}
	case json.Number:
		_, exponent, _ := strings.Cut(strings.ToLower(v.String()), "e")
		n, err := strconv.Atoi(exponent)
		if exponent != "" && (err != nil || n > maxExponent || n < -maxExponent) || len(v) > maxDigits {
			if at == "" {
				return "the arguments"
			}
			return at
		}
	}
	return ""
}

// equal compares as JSON Schema does: 1 and 1.0 are equal, 1 and true are not.
func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && (a == b || rational(a).Cmp(rational(b)) == 0)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equal)
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equal)
	}
	switch b.(type) {
	case []any, map[string]any:
		return false
	}
	return a == b
}

// canonical writes a value so that equal values, and no others, have the same text.
func canonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case json.Number:
		return append(b, rational(v).RatString()...)
	case string:
		return strconv.AppendQuote(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case []any:
		b = append(b, '[')
		for _, item := range v {
			b = append(canonical(b, item), ',')
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			b = append(canonical(append(strconv.AppendQuote(b, name), ':'), v[name]), ',')
		}
		return append(b, '}')
	}
	return append(b, 'n') // null
}

// typeOf returns the type of a value as JSON Schema names it. A whole number is a number here.
func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		return "number"
	case []any:
		return "array"
	}
	return "object"
}
