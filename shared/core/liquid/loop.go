package liquid

type forNode struct {
	line      int
	variable  string
	name      string // of the loop, for forloop.name and offset: continue
	list      expression
	limit     expression
	offset    expression
	continues bool // offset: continue
	reversed  bool
	body      []node
	otherwise []node
}

// loopScope holds the variables of a loop that is running.
type loopScope struct {
	variable string
	item     any
	loop     *forloop
}

// forloop is the variable of that name.
type forloop struct {
	name          string
	index, length int64
	parent        *forloop
}

func (f *forloop) property(name string) any {
	switch name {
	case "name":
		return f.name
	case "length":
		return f.length
	case "index":
		return f.index + 1
	case "index0":
		return f.index
	case "rindex":
		return f.length - f.index
	case "rindex0":
		return f.length - f.index - 1
	case "first":
		return f.index == 0
	case "last":
		return f.index == f.length-1
	case "parentloop":
		if f.parent != nil {
			return f.parent
		}
	}
	return nil
}

// sequence is what a loop goes through.
type sequence struct {
	length int64
	item   func(int64) any
}

// sequence returns the items of a value: of a list or range, the pairs of an object, or the one of a text.
func (r *renderer) sequence(v any) (sequence, error) {
	switch v := v.(type) {
	case []any:
		return sequence{int64(len(v)), func(i int64) any { return toValue(v[i]) }}, nil
	case numberRange:
		return sequence{v.len(), func(i int64) any { return v.from + i }}, nil
	case map[string]any:
		keys, err := r.sortedKeys(v)
		return sequence{int64(len(keys)), func(i int64) any { return []any{keys[i], v[keys[i]]} }}, err
	case string:
		if v != "" {
			return sequence{1, func(int64) any { return v }}, nil
		}
	}
	return sequence{}, nil
}

func (n *forNode) render(r *renderer, w *writer) error {
	items, first, count, err := n.bounds(r)
	if err != nil {
		return r.report(n.line, err)
	}
	r.offsets[n.name] = first + count
	if count == 0 {
		return r.renderAll(n.otherwise, w)
	}
	scope := &loopScope{variable: n.variable, loop: &forloop{name: n.name, length: count}}
	if len(r.loops) > 0 {
		scope.loop.parent = r.loops[len(r.loops)-1].loop
	}
	r.loops = append(r.loops, scope)
	defer func() { r.loops = r.loops[:max(len(r.loops)-1, 0)] }()
	for i := range count {
		if err := r.step(1); err != nil {
			return err
		}
		at := first + i
		if n.reversed {
			at = first + count - 1 - i
		}
		scope.item, scope.loop.index = items.item(at), i
		switch err := r.renderAll(n.body, w); err {
		case nil, errContinue:
		case errBreak:
			return nil
		default:
			return err
		}
	}
	return nil
}

// bounds returns the items, and which of them the loop goes through. A limit or offset that is not a number has no effect.
func (n *forNode) bounds(r *renderer) (items sequence, first, count int64, err error) {
	list, err := n.list.eval(r)
	if err != nil {
		return items, 0, 0, err
	}
	if items, err = r.sequence(list); err != nil {
		return items, 0, 0, err
	}
	if n.continues {
		first = r.offsets[n.name]
	}
	if n.offset != nil {
		offset, err := n.offset.eval(r)
		if err != nil {
			return items, 0, 0, err
		}
		first, _ = wholeNumber(offset)
	}
	first = min(max(first, 0), items.length)
	count = items.length - first
	if n.limit != nil {
		limit, err := n.limit.eval(r)
		if err != nil {
			return items, 0, 0, err
		}
		if l, ok := wholeNumber(limit); ok {
			count = min(count, max(l, 0))
		}
	}
	return items, first, count, nil
}
