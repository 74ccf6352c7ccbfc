package toolschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

const (
	maxExponent = 308 // of a number, as a double has
	maxDigits   = 400
)

// number reads a number exactly; huge has refused those that would be long.
func number(n json.Number) *big.Rat {
	r, _ := new(big.Rat).SetString(n.String())
	return r
}

// whole is a whole number of at least 0 that stands in a schema, math.MaxInt where it is more.
func whole(v any) (int, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	r := number(n)
	if r == nil || !r.IsInt() || r.Sign() < 0 {
		return 0, false
	}
	if !r.Num().IsInt64() {
		return int(^uint(0) >> 1), true
	}
	return int(r.Num().Int64()), true
}

// deep reports whether a value has more levels than these.
func deep(v any, levels int) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			if levels == 0 || deep(inner, levels-1) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if levels == 0 || deep(inner, levels-1) {
				return true
			}
		}
	}
	return false
}

// huge names the first number that a double cannot hold: exactly, it would have a digit for each power of ten.
func huge(v any, at string) string {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if found := huge(inner, join(at, name)); found != "" {
				return found
			}
		}
	case []any:
		for i, inner := range v {
			if found := huge(inner, join(at, strconv.Itoa(i))); found != "" {
				return found
			}
		}
	case json.Number:
		text := v.String()
		if i := strings.IndexAny(text, "eE"); i >= 0 {
			if n, err := strconv.Atoi(text[i+1:]); err != nil || n > maxExponent || n < -maxExponent {
				return orWhole(at)
			}
		}
		if len(text) > maxDigits {
			return orWhole(at)
		}
	}
	return ""
}

func orWhole(at string) string {
	if at == "" {
		return "the arguments"
	}
	return at
}

// equal compares as JSON Schema does: 1 and 1.0 are equal, 1 and true are not.
func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && (a == b || number(a).Cmp(number(b)) == 0)
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

// canonical writes a value so that equal ones, and no others, are written alike.
func canonical(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 'n')
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		return strconv.AppendQuote(b, v)
	case json.Number:
		return append(b, number(v).RatString()...)
	case []any:
		b = append(b, '[')
		for _, item := range v {
			b = append(canonical(b, item), ',')
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for _, name := range sorted(v) {
			b = append(canonical(append(strconv.AppendQuote(b, name), ':'), v[name]), ',')
		}
		return append(b, '}')
	}
	return append(b, '?')
}

func sorted[V any](of map[string]V) []string {
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// typeOf is a value's type as JSON Schema names it; a whole number is an integer only where that is asked for.
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

func (k *keywords) numbers() {
	for _, limit := range []struct{ name, exclusive string }{{"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}} {
		sign := 1 // of what is out of the limit, compared with it
		if limit.name == "minimum" {
			sign = -1
		}
		strict := k.draft == 4 && k.flag(limit.exclusive, 4)
		if _, ok := k.of[limit.name]; k.draft == 4 && k.of[limit.exclusive] != nil && !ok {
			k.fail(limit.exclusive, "needs "+limit.name)
		}
		if at := k.number(limit.name, 4); at != nil {
			name := limit.name
			if strict {
				name = limit.exclusive
			}
			k.limit(name, at, sign, strict)
		}
		if at := k.number(limit.exclusive, 6); at != nil {
			k.limit(limit.exclusive, at, sign, true)
		}
	}
	if by := k.number("multipleOf", 4); by != nil {
		if by.Sign() <= 0 {
			k.fail("multipleOf", "must be more than 0")
			return
		}
		k.add(of(func(f *frame, n json.Number) *complaint {
			if got := number(n); !new(big.Rat).Quo(got, by).IsInt() {
				return f.numbered("multipleOf", got, by)
			}
			return nil
		}))
	}
}

func (k *keywords) number(name string, since int) *big.Rat {
	v, ok := k.value(name, since)
	if !ok {
		return nil
	}
	n, ok := v.(json.Number)
	if !ok {
		k.fail(name, "must be a number")
		return nil
	}
	return number(n)
}

func (k *keywords) limit(name string, at *big.Rat, sign int, strict bool) {
	k.add(of(func(f *frame, n json.Number) *complaint {
		got := number(n)
		if c := got.Cmp(at); c == sign || c == 0 && strict {
			return f.numbered(name, got, at)
		}
		return nil
	}))
}

func (f *frame) numbered(name string, got, want *big.Rat) *complaint {
	g, _ := got.Float64()
	w, _ := want.Float64()
	return f.complain(fmt.Sprintf("%s: got %v, want %v", name, g, w))
}
