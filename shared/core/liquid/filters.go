package liquid

import "fmt"

// filter is a function that a template can apply to a value.
type filter struct {
	min, max int // how many values it takes, without its input
	keywords []string
	run      func(a arguments, input any) (any, error)
	use      use
}

// use says what a filter expects its input to be. Check makes its samples from it.
type use int

const (
	anyValue use = iota
	listValue
)

// arguments are the values of one use of a filter.
type arguments struct {
	r      *renderer
	values []any
	named  map[string]any
}

// at returns a value, or nil if the template gives fewer.
func (a arguments) at(i int) any {
	if i < len(a.values) {
		return a.values[i]
	}
	return nil
}

// text returns a value as text, or the default if the template gives none.
func (a arguments) text(i int, otherwise string) (string, error) {
	if i >= len(a.values) {
		return otherwise, nil
	}
	return a.r.textOf(a.values[i])
}

// number returns a value as a whole number, or the default if it is none.
func (a arguments) number(i int, otherwise int64) int64 {
	if n, ok := wholeNumber(a.at(i)); ok {
		return n
	}
	return otherwise
}

// result counts a text that was made.
func (a arguments) result(s string) (any, error) { return s, a.r.made(len(s)) }

func (c filterCall) describe() string {
	wanted := fmt.Sprint(c.min)
	if c.max != c.min {
		wanted += fmt.Sprintf(" to %d", c.max)
	}
	return fmt.Sprintf("%s takes %s, and has %d", c.name, wanted, len(c.args))
}

// filters are the filters that a template can use.
var filters = map[string]*filter{}

func init() {
	for _, group := range []map[string]*filter{textFilters, encodingFilters, numberFilters, listFilters} {
		for name, f := range group {
			filters[name] = f
		}
	}
	filters["default"] = &filter{min: 0, max: 1, keywords: []string{"allow_false"}, run: defaultFilter}
	filters["date"] = &filter{min: 0, max: 2, run: dateFilter}
	filters["json"] = &filter{run: func(a arguments, v any) (any, error) { return a.r.json(v) }}
	filters["inspect"] = filters["json"]
	filters["size"] = &filter{run: func(a arguments, v any) (any, error) { return size(v), a.r.readText(v) }}
}

func defaultFilter(a arguments, v any) (any, error) {
	if v == nil || isEmpty(v) || v == false && !isTruthy(a.named["allow_false"]) {
		if len(a.values) == 0 {
			return "", nil
		}
		return a.values[0], nil
	}
	return v, nil
}
