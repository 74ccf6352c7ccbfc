package liquid

import "errors"

// The errors that break and continue end the content of a loop with.
var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)

type (
	textNode   string
	blockNode  []node // what the tag liquid contains
	outputNode struct {
		line  int
		value expression
	}
	assignNode struct {
		line  int
		name  string
		value expression
	}
	captureNode struct {
		line int
		name string
		body []node
	}
	ifNode struct {
		line     int
		branches []branch
	}
	caseNode struct {
		line     int
		subject  expression
		branches []branch
	}
	cycleNode struct {
		line   int
		name   string // of the cycle, unless it has a group
		group  expression
		values []expression
	}
	// ifChangedNode prints its content if that is not what the last one of all printed.
	ifChangedNode struct {
		line int
		body []node
	}
	counterNode struct {
		name string
		by   int64
	}
	jumpNode struct{ err error }
)

// truth is true or false for any value.
type truth struct{ of expression }

func (t truth) eval(r *renderer) (any, error) {
	v, err := t.of.eval(r)
	return isTruthy(v), err
}

func (n textNode) render(r *renderer, w *writer) error  { return r.print(w, string(n)) }
func (n blockNode) render(r *renderer, w *writer) error { return r.renderAll(n, w) }
func (n jumpNode) render(*renderer, *writer) error      { return n.err }

func (n outputNode) render(r *renderer, w *writer) error {
	v, err := n.value.eval(r)
	if err == nil {
		bytes, characters := len(w.b), w.characters
		if err = r.write(w, v, 0); err != nil {
			w.b, w.characters = w.b[:bytes], characters
		}
	}
	return r.report(n.line, err)
}

func (n assignNode) render(r *renderer, _ *writer) error {
	v, err := n.value.eval(r)
	r.assigned[n.name] = v // nil after an error
	return r.report(n.line, err)
}

func (n captureNode) render(r *renderer, _ *writer) error {
	var inner writer
	if err := r.renderAll(n.body, &inner); err != nil {
		return err
	}
	text, err := r.textIn(&inner)
	r.assigned[n.name] = text
	return err
}

func (n ifNode) render(r *renderer, w *writer) error {
	for _, b := range n.branches {
		if b.conditions == nil {
			return r.renderAll(b.body, w)
		}
		v, err := b.conditions[0].eval(r)
		if err != nil {
			return r.report(n.line, err)
		}
		if isTruthy(v) {
			return r.renderAll(b.body, w)
		}
	}
	return nil
}

// render renders each branch that has the value, as Ruby's Liquid does.
func (n caseNode) render(r *renderer, w *writer) error {
	subject, err := n.subject.eval(r)
	if err != nil {
		return r.report(n.line, err)
	}
	found := false
	for _, b := range n.branches {
		matches := b.conditions == nil && !found
		for _, c := range b.conditions {
			v, err := c.eval(r)
			if err != nil {
				return r.report(n.line, err)
			}
			same, err := r.equal(subject, v, 0)
			if err != nil {
				return err
			}
			matches = matches || same
		}
		if matches {
			found = found || b.conditions != nil
			if err := r.renderAll(b.body, w); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n cycleNode) render(r *renderer, w *writer) error {
	name := n.name
	if n.group != nil {
		v, err := n.group.eval(r)
		if err != nil {
			return r.report(n.line, err)
		}
		if name, err = r.textOf(v); err != nil {
			return err
		}
		name = "group " + name
	}
	at := r.cycles[name]
	r.cycles[name] = at + 1
	if at+1 >= len(n.values) {
		r.cycles[name] = 0
	}
	if at >= len(n.values) { // a cycle of the same group has more values
		return nil
	}
	v, err := n.values[at].eval(r)
	if err != nil {
		return r.report(n.line, err)
	}
	return r.write(w, v, 0)
}

func (n *ifChangedNode) render(r *renderer, w *writer) error {
	var inner writer
	if err := r.renderAll(n.body, &inner); err != nil {
		return err
	}
	if r.changed == string(inner.b) {
		return nil
	}
	text, err := r.textIn(&inner)
	if err != nil {
		return err
	}
	r.changed = text
	return r.print(w, text)
}

// render prints a counter: increment before it counts, decrement after.
func (n counterNode) render(r *renderer, w *writer) error {
	value := r.counters[n.name]
	r.counters[n.name] = value + n.by
	if n.by < 0 {
		value += n.by
	}
	return r.write(w, value, 0)
}
