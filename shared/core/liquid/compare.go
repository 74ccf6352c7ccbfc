package liquid

import (
	"cmp"
	"strings"
	"time"
)

func (c comparison) eval(r *renderer) (any, error) {
	left, err := c.left.eval(r)
	if err != nil {
		return nil, err
	}
	right, err := c.right.eval(r)
	if err != nil {
		return nil, err
	}
	switch c.operator {
	case "==":
		return r.equal(left, right, 0)
	case "!=", "<>":
		same, err := r.equal(left, right, 0)
		return !same, err
	case "contains":
		return r.contains(left, right)
	}
	order, comparable, err := r.order(left, right)
	if err != nil || !comparable {
		return false, err
	}
	switch c.operator {
	case "<":
		return order < 0, nil
	case ">":
		return order > 0, nil
	case "<=":
		return order <= 0, nil
	}
	return order >= 0, nil
}

// equal reports whether two values are the same.
func (r *renderer) equal(a, b any, depth int) (bool, error) {
	if err := r.step(1); err != nil {
		return false, err
	}
	if depth > maxDepth {
		return false, errTooDeep
	}
	switch a.(type) {
	case emptyValue, blankValue:
		a, b = b, a
	}
	switch b := b.(type) {
	case emptyValue:
		return a == b || isEmpty(a), nil
	case blankValue:
		return isBlank(a), r.readText(a)
	case []any:
		list, ok := a.([]any)
		if !ok || len(list) != len(b) {
			return false, nil
		}
		for i := range list {
			if same, err := r.equal(toValue(list[i]), toValue(b[i]), depth+1); err != nil || !same {
				return false, err
			}
		}
		return true, nil
	case map[string]any:
		object, ok := a.(map[string]any)
		if !ok || len(object) != len(b) {
			return false, nil
		}
		for k := range object {
			other, ok := b[k]
			if !ok {
				return false, nil
			}
			if same, err := r.equal(toValue(object[k]), toValue(other), depth+1); err != nil || !same {
				return false, err
			}
		}
		return true, nil
	}
	switch a := a.(type) {
	case nil, bool, numberRange, *forloop:
		return a == b, nil
	case []any, map[string]any:
		return false, nil
	}
	order, comparable, err := r.order(a, b)
	return comparable && order == 0, err
}

// order compares two numbers, texts or times. It reports whether they can be compared.
func (r *renderer) order(a, b any) (order int, comparable bool, err error) {
	switch a := a.(type) {
	case int64:
		switch b := b.(type) {
		case int64:
			return cmp.Compare(a, b), true, nil
		case float64:
			return cmp.Compare(float64(a), b), true, nil
		}
	case float64:
		switch b := b.(type) {
		case int64:
			return cmp.Compare(a, float64(b)), true, nil
		case float64:
			return cmp.Compare(a, b), true, nil
		}
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b), true, r.read(min(len(a), len(b)))
		}
	case time.Time:
		if b, ok := b.(time.Time); ok {
			return a.Compare(b), true, nil
		}
	}
	return 0, false, nil
}

// contains reports whether a text, list, object or range contains a value.
func (r *renderer) contains(whole, part any) (bool, error) {
	if !isTruthy(part) {
		return false, nil
	}
	switch whole := whole.(type) {
	case string:
		text, err := r.textOf(part)
		if err != nil {
			return false, err
		}
		return strings.Contains(whole, text), r.read(len(whole))
	case []any:
		for _, item := range whole {
			if same, err := r.equal(toValue(item), part, 0); err != nil || same {
				return same, err
			}
		}
	case map[string]any:
		key, ok := part.(string)
		_, found := whole[key]
		return ok && found, r.read(len(key))
	case numberRange:
		n, ok := part.(int64)
		return ok && n >= whole.from && n <= whole.to, nil
	}
	return false, nil
}
