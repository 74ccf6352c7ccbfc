package liquid

import (
	"context"
	"errors"
	"time"

	"example.com/aurora/shared/core/safego"
)

// Clock is what the filter date needs to know.
type Clock struct {
	Zone *time.Location
	Now  func() time.Time
}

// renderer renders one template once.
type renderer struct {
	budget
	clock    Clock
	vars     map[string]any
	assigned map[string]any
	counters map[string]int64          // of increment and decrement
	cycles   map[string]int            // the position of each cycle
	offsets  map[string]int64          // where the next loop with offset: continue begins
	changed  string                    // what ifchanged printed last
	zones    map[string]*time.Location // by name; nil where there is none
	loops    []*loopScope
	errs     errorList
}

// Render fills in a template. What cannot be rendered is left empty and reported; the rest is rendered in any case. vars are
// not changed.
func (t *Template) Render(ctx context.Context, vars map[string]any, clock Clock) (string, []*Error) {
	r := &renderer{budget: newBudget(ctx), clock: clock, vars: vars, assigned: map[string]any{}, counters: map[string]int64{},
		cycles: map[string]int{}, offsets: map[string]int64{}, zones: map[string]*time.Location{}}
	w := &writer{maxCharacters: maxOutput}
	exceeded := 0
	for _, n := range t.nodes {
		if _, isText := n.(textNode); exceeded > 1 && !isText {
			continue
		}
		bytes, characters := len(w.b), w.characters
		var err error
		if panicked := safego.Call(func() error { err = n.render(r, w); return nil }); panicked != nil {
			err = errPanic
		}
		if err == nil {
			continue
		}
		// break and continue outside a loop were rejected by the parser, so this is an error.
		r.errs.add(lineOf(n), err, "")
		w.b, w.characters, r.loops = w.b[:bytes], characters, nil
		if exceeded++; exceeded == 1 {
			r.reopen()
		}
	}
	return string(w.b), r.errs.all
}

// report takes note of an error that leaves only one part of the template empty. Other errors are returned: they end the
// outermost tag.
func (r *renderer) report(line int, err error) error {
	if err == nil || errors.Is(err, errBudget) || err == errBreak || err == errContinue {
		return err
	}
	r.errs.add(line, err, "")
	return nil
}

func (r *renderer) renderAll(nodes []node, w *writer) error {
	for _, n := range nodes {
		if err := r.step(1); err != nil {
			return err
		}
		if err := n.render(r, w); err != nil {
			return err
		}
	}
	return nil
}

// lineOf returns the line of a node.
func lineOf(n node) int {
	switch n := n.(type) {
	case outputNode:
		return n.line
	case assignNode:
		return n.line
	case captureNode:
		return n.line
	case ifNode:
		return n.line
	case caseNode:
		return n.line
	case *forNode:
		return n.line
	case cycleNode:
		return n.line
	case *ifChangedNode:
		return n.line
	case blockNode:
		if len(n) > 0 {
			return lineOf(n[0])
		}
	}
	return 1
}
