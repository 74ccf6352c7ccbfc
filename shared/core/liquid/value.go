package liquid

import (
	"encoding/json"
	"math"
	"math/bits"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A value of a template is nil, bool, int64, float64, string, []any, map[string]any, time.Time, numberRange, emptyValue,
// blankValue or *forloop.

// emptyValue and blankValue are the words empty and blank, which other values are compared with.
type (
	emptyValue struct{}
	blankValue struct{}
)

// numberRange is (from..to). Its numbers are never stored all at once, except by a filter that charges the budget for them.
type numberRange struct{ from, to int64 }

func (r numberRange) len() int64 {
	if r.to < r.from {
		return 0
	}
	if n := r.to - r.from + 1; n > 0 {
		return n
	}
	return math.MaxInt64
}

// maxExactFloat is the limit up to which every whole float64 is the exact number.
const maxExactFloat = 1 << 53

// toValue turns a Go value into a value of a template. A whole number becomes an int64 also if it is stored as a float64, as
// JSON decoders do.
func toValue(v any) any {
	switch v := v.(type) {
	case nil, bool, int64, string, []any, map[string]any, time.Time, numberRange, emptyValue, blankValue, *forloop:
		return v
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < maxExactFloat {
			return int64(v)
		}
		return v
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil || !strings.ContainsAny(v.String(), ".eE") {
			return v.String() // a whole number with more digits than an int64 has keeps them
		}
		return toValue(f)
	}
	return reflectedValue(reflect.ValueOf(v))
}

// reflectedValue converts a value of a type that is not one of a template's, such as a named number or a []string.
func reflectedValue(v reflect.Value) any {
	switch {
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return toValue(float64(v.Uint()))
	case v.CanFloat():
		return toValue(v.Float())
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return v.String()
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return toValue(v.Elem().Interface())
	case reflect.Slice, reflect.Array:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = v.Index(i).Interface()
		}
		return list
	case reflect.Map, reflect.Struct: // JSON has the names that callers know
		b, err := json.Marshal(v.Interface())
		var object map[string]any
		if err != nil || json.Unmarshal(b, &object) != nil {
			return nil
		}
		return object
	}
	return nil
}

func isTruthy(v any) bool { return v != nil && v != false }

// isEmpty reports whether v == empty.
func isEmpty(v any) bool {
	switch v := v.(type) {
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	case numberRange:
		return v.len() == 0
	}
	return false
}

// isBlank reports whether v == blank.
func isBlank(v any) bool {
	if s, ok := v.(string); ok {
		return strings.TrimSpace(s) == ""
	}
	return !isTruthy(v) || isEmpty(v) || v == blankValue{}
}

// display returns what is printed for a value that is not a list or an object.
func display(v any) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		s := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	case string:
		return v
	case time.Time:
		return v.Format("2006-01-02 15:04:05 -0700")
	case numberRange:
		return display(v.from) + ".." + display(v.to)
	}
	return ""
}

// textOf returns a value as text. A list is its items one after another; an object is JSON.
func (r *renderer) textOf(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, r.read(len(v))
	case []any:
		var w writer
		if err := r.write(&w, v, 0); err != nil {
			return "", err
		}
		return r.textIn(&w)
	case map[string]any:
		return r.json(v)
	}
	s := display(v)
	return s, r.made(2 * len(s)) // ".0" makes another one
}

// write prints a value.
func (r *renderer) write(w *writer, v any, depth int) error {
	list, ok := v.([]any)
	if !ok {
		s, err := r.textOf(v)
		if err != nil {
			return err
		}
		return r.print(w, s)
	}
	if depth > maxDepth {
		return errTooDeep
	}
	for _, item := range list {
		if err := r.step(1); err != nil {
			return err
		}
		if err := r.write(w, toValue(item), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// json returns a value as JSON. Keys are in alphabetical order.
func (r *renderer) json(v any) (string, error) {
	var w writer
	if err := r.writeJSON(&w, v, 0); err != nil {
		return "", err
	}
	return r.textIn(&w)
}

func (r *renderer) writeJSON(w *writer, v any, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	if err := r.step(1); err != nil {
		return err
	}
	switch v := v.(type) {
	case []any:
		return r.writeJSONItems(w, "[", "]", len(v), func(i int) error { return r.writeJSON(w, toValue(v[i]), depth+1) })
	case map[string]any:
		keys, err := r.sortedKeys(v)
		if err != nil {
			return err
		}
		return r.writeJSONItems(w, "{", "}", len(keys), func(i int) error {
			if err := r.writeJSON(w, keys[i], depth+1); err != nil {
				return err
			}
			if err := r.print(w, ":"); err != nil {
				return err
			}
			return r.writeJSON(w, toValue(v[keys[i]]), depth+1)
		})
	case nil, emptyValue, blankValue, *forloop:
		return r.print(w, "null")
	case bool, int64:
		return r.print(w, display(v))
	case float64:
		return r.print(w, strconv.FormatFloat(v, 'f', -1, 64))
	}
	text, err := r.textOf(v)
	if err != nil {
		return err
	}
	if err := r.fits(6 * len(text)); err != nil { // a control character becomes six characters
		return err
	}
	encoded, _ := json.Marshal(text) // a string: cannot fail
	if err := r.made(2 * len(encoded)); err != nil {
		return err
	}
	return r.print(w, string(encoded))
}

func (r *renderer) writeJSONItems(w *writer, open, end string, n int, item func(int) error) error {
	if err := r.print(w, open); err != nil {
		return err
	}
	for i := range n {
		if i > 0 {
			if err := r.print(w, ","); err != nil {
				return err
			}
		}
		if err := item(i); err != nil {
			return err
		}
	}
	return r.print(w, end)
}

// sortedKeys returns the keys of an object in alphabetical order: a Go map has none of its own.
func (r *renderer) sortedKeys(m map[string]any) ([]string, error) {
	if err := r.list(len(m)); err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(m))
	length := 0
	for k := range m {
		keys = append(keys, k)
		length += len(k)
	}
	rounds := bits.Len(uint(len(keys)))
	if err := r.step(len(keys)*rounds/8 + length*rounds/bytesPerStep); err != nil {
		return nil, err
	}
	slices.Sort(keys)
	return keys, nil
}

// size returns the size of a text, list, object or range, and 0 for other values.
func size(v any) int64 {
	switch v := v.(type) {
	case string:
		return int64(utf8.RuneCountInString(v))
	case []any:
		return int64(len(v))
	case map[string]any:
		return int64(len(v))
	case numberRange:
		return v.len()
	}
	return 0
}
