package liquid

import (
	"math/big"
	"math/bits"
	"slices"
	"strings"
)

// ofList makes a filter of a list.
func ofList(minArgs, maxArgs int, f func(a arguments, list []any) (any, error)) *filter {
	return &filter{min: minArgs, max: maxArgs, use: listValue, run: func(a arguments, v any) (any, error) {
		list, err := a.r.toList(v)
		if err != nil {
			return nil, err
		}
		return f(a, list)
	}}
}

var listFilters = map[string]*filter{
	"first":        {use: listValue, run: func(a arguments, v any) (any, error) { return a.r.property(v, "first") }},
	"last":         {use: listValue, run: func(a arguments, v any) (any, error) { return a.r.property(v, "last") }},
	"join":         ofList(0, 1, joinFilter),
	"concat":       ofList(1, 1, concatFilter),
	"map":          ofList(1, 1, mapFilter),
	"compact":      ofList(0, 1, compactFilter),
	"reverse":      ofList(0, 0, reverseFilter),
	"sort":         ofList(0, 1, sortFilter(sortRank, (*renderer).order)),
	"sort_natural": ofList(0, 1, sortFilter(naturalRank, orderNaturally)),
	"uniq":         ofList(0, 1, uniqFilter),
	"sum":          ofList(0, 1, sumFilter),
	"slice":        {min: 1, max: 2, run: sliceFilter},
	"where":        ofList(1, 2, selectFilter(true)),
	"reject":       ofList(1, 2, selectFilter(false)),
	"find": ofList(1, 2, func(a arguments, list []any) (any, error) {
		i, err := a.find(list)
		if i < 0 {
			return nil, err
		}
		return toValue(list[i]), err
	}),
	"find_index": ofList(1, 2, func(a arguments, list []any) (any, error) {
		i, err := a.find(list)
		if i < 0 {
			return nil, err
		}
		return int64(i), err
	}),
	"has": ofList(1, 2, func(a arguments, list []any) (any, error) {
		i, err := a.find(list)
		return i >= 0, err
	}),
}

// toList returns the items of a list or range, with the items of lists in it in their place. Another value is a list of one.
func (r *renderer) toList(v any) ([]any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case numberRange:
		if err := r.list(int(min(v.len(), maxSteps+1))); err != nil {
			return nil, err
		}
		list := make([]any, v.len())
		for i := range list {
			list[i] = v.from + int64(i)
		}
		return list, nil
	case []any:
		if !slices.ContainsFunc(v, func(item any) bool { _, ok := toValue(item).([]any); return ok }) {
			return v, r.step(len(v) / 8)
		}
		var flat []any
		return flat, r.flatten(&flat, v, 0)
	}
	return []any{v}, nil
}

func (r *renderer) flatten(into *[]any, list []any, depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	if err := r.list(len(list)); err != nil {
		return err
	}
	for _, item := range list {
		if inner, ok := toValue(item).([]any); ok {
			if err := r.flatten(into, inner, depth+1); err != nil {
				return err
			}
			continue
		}
		*into = append(*into, item)
	}
	return nil
}

func joinFilter(a arguments, list []any) (any, error) {
	separator, err := a.text(0, " ")
	if err != nil {
		return nil, err
	}
	var w writer
	for i, item := range list {
		if err := a.r.step(1); err != nil {
			return nil, err
		}
		if i > 0 {
			if err := a.r.print(&w, separator); err != nil {
				return nil, err
			}
		}
		if err := a.r.write(&w, toValue(item), 0); err != nil {
			return nil, err
		}
	}
	return a.r.textIn(&w)
}

func concatFilter(a arguments, list []any) (any, error) {
	other, err := a.r.toList(a.at(0))
	if err == nil {
		err = a.r.list(len(list) + len(other))
	}
	if err != nil {
		return nil, err
	}
	return slices.Concat(list, other), nil
}

// get returns an item's property, if a filter's value names one, or the item itself.
func (a arguments) get(item any, i int) (any, error) {
	if a.at(i) == nil {
		return toValue(item), nil
	}
	return a.r.property(toValue(item), a.values[i])
}

// each returns a new list of what f returns for each item. f reports whether an item is in it.
func (a arguments) each(list []any, f func(item any) (any, bool, error)) (any, error) {
	if err := a.r.list(len(list)); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(list))
	for _, item := range list {
		v, ok, err := f(item)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, v)
		}
	}
	return out, nil
}

func mapFilter(a arguments, list []any) (any, error) {
	return a.each(list, func(item any) (any, bool, error) {
		v, err := a.r.property(toValue(item), a.at(0))
		return v, true, err
	})
}

func compactFilter(a arguments, list []any) (any, error) {
	return a.each(list, func(item any) (any, bool, error) {
		v, err := a.get(item, 0)
		return item, v != nil, err
	})
}

// matches reports whether an item has the property and the value that a filter names; without a value, whether it is true. The
// properties of a text are its parts.
func (a arguments) matches(item any) (bool, error) {
	v, err := a.r.property(toValue(item), a.at(0))
	if text, ok := toValue(item).(string); ok && err == nil {
		v = nil
		if part, ok := a.at(0).(string); ok && strings.Contains(text, part) {
			v = part
		}
		err = a.r.read(len(text))
	}
	if err != nil || a.at(1) == nil {
		return isTruthy(v), err
	}
	return a.r.equal(v, a.values[1], 0)
}

func selectFilter(wanted bool) func(arguments, []any) (any, error) {
	return func(a arguments, list []any) (any, error) {
		return a.each(list, func(item any) (any, bool, error) {
			found, err := a.matches(item)
			return item, found == wanted, err
		})
	}
}

// find returns the index of the first item that matches, or -1.
func (a arguments) find(list []any) (int, error) {
	for i, item := range list {
		if found, err := a.matches(item); err != nil || found {
			return i, err
		}
	}
	return -1, nil
}

func reverseFilter(a arguments, list []any) (any, error) {
	if err := a.r.list(len(list)); err != nil {
		return nil, err
	}
	out := slices.Clone(list)
	slices.Reverse(out)
	return out, nil
}

// sortFilter sorts stably. Values that cannot be compared come last.
func sortFilter(rank func(any) int, order func(r *renderer, a, b any) (int, bool, error)) func(arguments, []any) (any, error) {
	return func(a arguments, list []any) (any, error) {
		if err := a.r.list(len(list)); err != nil {
			return nil, err
		}
		if err := a.r.step(len(list) * bits.Len(uint(len(list)))); err != nil {
			return nil, err
		}
		out := slices.Clone(list)
		var failed error
		slices.SortStableFunc(out, func(x, y any) int {
			if failed != nil {
				return 0
			}
			vx, errX := a.get(x, 0)
			vy, errY := a.get(y, 0)
			if rx, ry := rank(vx), rank(vy); rx != ry {
				return rx - ry
			}
			n, _, err := order(a.r, vx, vy)
			for _, e := range []error{errX, errY, err} {
				if e != nil {
					failed = e
				}
			}
			return n
		})
		return out, failed
	}
}

// sortRank orders values of different types: numbers, texts, others, nothing.
func sortRank(v any) int {
	switch v.(type) {
	case int64, float64:
		return 0
	case string:
		return 1
	case nil:
		return 3
	}
	return 2
}

// naturalRank puts nothing after everything else.
func naturalRank(v any) int {
	if v == nil {
		return 1
	}
	return 0
}

// orderNaturally compares values as texts, without regard to case.
func orderNaturally(r *renderer, a, b any) (int, bool, error) {
	s, err := r.textOf(a)
	if err != nil {
		return 0, false, err
	}
	t, err := r.textOf(b)
	if err != nil {
		return 0, false, err
	}
	if err := r.made(len(s) + len(t)); err != nil {
		return 0, false, err
	}
	return strings.Compare(strings.ToLower(s), strings.ToLower(t)), true, nil
}

func uniqFilter(a arguments, list []any) (any, error) {
	seen := map[any]bool{}
	var others []any // lists and objects cannot be keys of a map
	return a.each(list, func(item any) (any, bool, error) {
		v, err := a.get(item, 0)
		if err != nil {
			return nil, false, err
		}
		switch v.(type) {
		case []any, map[string]any:
			for _, other := range others {
				if same, err := a.r.equal(v, other, 0); err != nil || same {
					return nil, false, err
				}
			}
			others = append(others, v)
			return item, true, nil
		}
		known := seen[v]
		seen[v] = true
		return item, !known, a.r.readText(v)
	})
}

func sumFilter(a arguments, list []any) (any, error) {
	total := any(int64(0))
	add := decimals((*big.Rat).Add)
	for _, item := range list {
		if err := a.r.step(arithmeticSteps); err != nil {
			return nil, err
		}
		v, err := a.get(item, 0)
		if err == nil {
			total, err = add(total, toNumber(v))
		}
		if err != nil {
			return nil, err
		}
	}
	return total, nil
}

// sliceFilter returns a part of a text or list. A negative beginning counts from the end.
func sliceFilter(a arguments, v any) (any, error) {
	list, isList := v.([]any)
	var runes []rune
	length := int64(len(list))
	if !isList {
		s, err := a.r.textOf(v)
		if err == nil {
			err = a.r.made(4 * len(s))
		}
		if err != nil {
			return nil, err
		}
		runes = []rune(s)
		length = int64(len(runes))
	}
	start, count := a.number(0, 0), a.number(1, 1)
	if start < 0 {
		start += length
	}
	if start < 0 || start > length || count <= 0 {
		start, count = 0, 0
	}
	end := start + min(count, length-start)
	if isList {
		return list[start:end:end], nil
	}
	return a.result(string(runes[start:end]))
}
