package liquid

func (l literal) eval(*renderer) (any, error) { return l.value, nil }

func (l logical) eval(r *renderer) (any, error) {
	left, err := l.left.eval(r)
	if err != nil {
		return nil, err
	}
	if isTruthy(left) != l.and {
		return !l.and, nil
	}
	right, err := l.right.eval(r)
	return isTruthy(right), err
}

func (e rangeExpression) eval(r *renderer) (any, error) {
	from, err := e.from.eval(r)
	if err != nil {
		return nil, err
	}
	to, err := e.to.eval(r)
	return numberRange{toInt(from), toInt(to)}, err
}

func (f filtered) eval(r *renderer) (any, error) {
	v, err := f.input.eval(r)
	if err != nil {
		return nil, err
	}
	for _, c := range f.calls {
		if v, err = c.apply(r, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (c filterCall) apply(r *renderer, input any) (any, error) {
	if err := r.step(2); err != nil {
		return nil, err
	}
	args := arguments{r: r, values: make([]any, len(c.args))}
	for i, e := range c.args {
		v, err := e.eval(r)
		if err != nil {
			return nil, err
		}
		args.values[i] = v
	}
	for key, e := range c.named {
		v, err := e.eval(r)
		if err != nil {
			return nil, err
		}
		if args.named == nil {
			args.named = map[string]any{}
		}
		args.named[key] = v
	}
	return c.run(args, input)
}

func (v variable) eval(r *renderer) (any, error) {
	if err := r.step(1); err != nil {
		return nil, err
	}
	value, err := v.name.eval(r)
	if err != nil {
		return nil, err
	}
	if _, isConstant := v.name.(constantRoot); !isConstant {
		name, err := r.textOf(value)
		if err != nil {
			return nil, err
		}
		value = r.lookUp(name)
	}
	for _, step := range v.path {
		key, err := step.eval(r)
		if err != nil {
			return nil, err
		}
		if err := r.step(1); err != nil {
			return nil, err
		}
		if err := r.readText(key); err != nil {
			return nil, err
		}
		if value, err = r.property(value, key); err != nil || value == nil {
			return nil, err
		}
	}
	return value, nil
}

// property returns a property of an object or an item of a list, or nil.
func (r *renderer) property(of, key any) (any, error) {
	name, isName := key.(string)
	switch of := of.(type) {
	case map[string]any:
		if !isName {
			name = display(key)
		}
		if v, ok := of[name]; ok {
			return toValue(v), nil
		}
		if name == "first" && len(of) > 0 {
			keys, err := r.sortedKeys(of)
			if err != nil {
				return nil, err
			}
			return []any{keys[0], of[keys[0]]}, nil
		}
	case []any:
		switch i, isIndex := wholeNumber(key); {
		case name == "first" && len(of) > 0:
			return toValue(of[0]), nil
		case name == "last" && len(of) > 0:
			return toValue(of[len(of)-1]), nil
		case isIndex && i < 0:
			i += int64(len(of))
			fallthrough
		case isIndex:
			if i >= 0 && i < int64(len(of)) {
				return toValue(of[i]), nil
			}
			return nil, nil
		}
	case numberRange:
		switch {
		case name == "first":
			return of.from, nil
		case name == "last":
			return of.to, nil
		}
	case *forloop:
		return of.property(name), nil
	}
	if name == "size" {
		switch of.(type) {
		case string, []any, map[string]any, numberRange:
			return size(of), r.readText(of)
		}
	}
	return nil, nil
}

// lookUp returns the value of a variable: of a loop, of an assign or capture, or one that the template was given.
func (r *renderer) lookUp(name string) any {
	for i := len(r.loops) - 1; i >= 0; i-- {
		switch name {
		case r.loops[i].variable:
			return r.loops[i].item
		case "forloop":
			return r.loops[i].loop
		}
	}
	if v, ok := r.assigned[name]; ok {
		return v
	}
	if v, ok := r.vars[name]; ok {
		return toValue(v)
	}
	if n, ok := r.counters[name]; ok {
		return n
	}
	return nil
}
