package toolschema

import (
	"strconv"
	"strings"
)

// node is a schema, or a schema within one.
type node struct {
	never  bool // nothing is of it
	checks []check
	leads  []*node // that it applies
	broken error   // a reference of it that leads nowhere
}

// check is one keyword's, applied to a value: what is wrong with it, or nil.
type check func(*frame) *complaint

// run is one check of arguments.
type run struct{ steps int }

// frame is a schema that is applied to a value.
type frame struct {
	*run
	value any
	at    *place
	trail *trail
	seen  seen
}

// place is where in the arguments a value stands; nil is the whole.
type place struct {
	in   *place
	name string
}

func (p *place) String() string {
	var names []string
	for ; p != nil; p = p.in {
		names = append(names, p.name)
	}
	for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
		names[i], names[j] = names[j], names[i]
	}
	return strings.Join(names, ".")
}

// trail are the schemas that are being applied to the same value.
type trail struct {
	node *node
	rest *trail
}

// seen is which properties and items of the value some schema has judged, for those that judge the others.
type seen struct {
	properties map[string]bool
	items      map[int]bool
}

func (s *seen) property(name string) {
	if s.properties == nil {
		s.properties = map[string]bool{}
	}
	s.properties[name] = true
}

func (s *seen) item(i int) {
	if s.items == nil {
		s.items = map[int]bool{}
	}
	s.items[i] = true
}

func (s *seen) merge(o seen) {
	for name := range o.properties {
		s.property(name)
	}
	for i := range o.items {
		s.item(i)
	}
}

func (r *run) check(n *node, v any) *complaint {
	f := frame{run: r, value: v, trail: &trail{node: n}}
	c := f.apply(n)
	if r.steps > mostSteps { // what was skipped may have been under a not
		return f.complain(tooLong)
	}
	return c
}

const tooLong = "takes too long to check"

// same applies a schema to the frame's own value.
func (f *frame) same(n *node) *complaint {
	inner := frame{run: f.run, value: f.value, at: f.at, trail: &trail{n, f.trail}}
	c := inner.apply(n)
	if c == nil {
		f.seen.merge(inner.seen)
	}
	return c
}

// under applies a schema to a value within the frame's own.
func (f *frame) under(n *node, name string, v any) *complaint {
	return (&frame{run: f.run, value: v, at: &place{f.at, name}, trail: &trail{node: n}}).apply(n)
}

func (f *frame) apply(n *node) *complaint {
	if n.never {
		return f.complain("false schema")
	}
	if f.steps++; f.steps > mostSteps {
		return f.complain(tooLong)
	}
	for t := f.trail.rest; t != nil; t, f.steps = t.rest, f.steps+1 {
		if t.node == n {
			return f.complain("its schema refers to itself without end")
		}
	}
	for _, c := range n.checks {
		if wrong := c(f); wrong != nil {
			return wrong
		}
	}
	return nil
}

func (f *frame) complain(why string) *complaint { return &complaint{f.at.String(), why} }

func (f *frame) complainOf(name, why string) *complaint {
	return &complaint{join(f.at.String(), name), why}
}

// of makes a check that concerns one type of values alone.
func of[V any](check func(*frame, V) *complaint) check {
	return func(f *frame) *complaint {
		if v, ok := f.value.(V); ok {
			return check(f, v)
		}
		return nil
	}
}

// items applies a schema to the items from the first on.
func items(n *node, first int) check {
	return of(func(f *frame, list []any) *complaint {
		for i := first; i < len(list); i++ {
			if c := f.under(n, strconv.Itoa(i), list[i]); c != nil {
				return c
			}
			f.seen.item(i)
		}
		return nil
	})
}

// each applies to the first items a schema each.
func each(nodes []*node) check {
	return of(func(f *frame, list []any) *complaint {
		for i := range min(len(nodes), len(list)) {
			if c := f.under(nodes[i], strconv.Itoa(i), list[i]); c != nil {
				return c
			}
			f.seen.item(i)
		}
		return nil
	})
}

func anyOf(nodes []*node) check {
	return func(f *frame) *complaint {
		var first *complaint
		matched := false
		for _, n := range nodes { // all of them, since each may judge other properties
			if c := f.same(n); c == nil {
				matched = true
			} else if first == nil {
				first = c
			}
		}
		if matched {
			return nil
		}
		return first
	}
}

func oneOf(nodes []*node) check {
	return func(f *frame) *complaint {
		var first *complaint
		matched := -1
		for i, n := range nodes {
			switch c := f.same(n); {
			case c != nil && first == nil:
				first = c
			case c == nil && matched >= 0:
				return f.complain("'oneOf' failed, subschemas " + strconv.Itoa(matched) + ", " + strconv.Itoa(i) + " matched")
			case c == nil:
				matched = i
			}
		}
		if matched >= 0 {
			return nil
		}
		return first
	}
}

func not(n *node) check {
	return func(f *frame) *complaint {
		inner := frame{run: f.run, value: f.value, at: f.at, trail: &trail{n, f.trail}}
		if inner.apply(n) == nil {
			return f.complain("'not' failed")
		}
		return nil
	}
}

// conditional applies one schema or the other, which may be nil, by whether the value is of a third.
func conditional(is, then, otherwise *node) check {
	return func(f *frame) *complaint {
		next := then
		if f.same(is) != nil {
			next = otherwise
		}
		if next == nil {
			return nil
		}
		return f.same(next)
	}
}

func contains(n *node, least, most int, judges bool) check {
	return of(func(f *frame, list []any) *complaint {
		matched := 0
		var first *complaint
		for i, item := range list {
			if c := f.under(n, strconv.Itoa(i), item); c == nil {
				matched++
				if judges {
					f.seen.item(i)
				}
			} else if first == nil {
				first = c
			}
		}
		switch {
		case matched < least && first != nil:
			return first
		case matched < least:
			return f.complain("no items match contains schema")
		case matched > most:
			return f.complain("max " + strconv.Itoa(most) + " items may match contains schema")
		}
		return nil
	})
}
