package webhook

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// Ledger holds the records of the names that calls go by. A write that reports "not done" may have been done all the
// same, by this caller or another: what counts is what is read next.
type Ledger interface {
	// Alias is a name's record; it is not ok where there is none.
	Alias(ctx context.Context, name string) (a aurora.Alias, ok bool, err error)
	// Create writes a record where there is none.
	Create(ctx context.Context, a aurora.Alias) (done bool, err error)
	// Change writes a record in the place of the one with the revision before.
	Change(ctx context.Context, a aurora.Alias) (done bool, err error)
}

// Rows holds the calls, one row each.
type Rows interface {
	// Row is the row at a place; it is not ok where there is none.
	Row(ctx context.Context, at aurora.Place) (c aurora.Call, ok bool, err error)
	// Put writes a row, unless one of the same or a greater version is there.
	Put(ctx context.Context, c aurora.Call) error
	// Delete removes a row, unless it is of another version by now.
	Delete(ctx context.Context, c aurora.Call) (gone bool, err error)
}

// Index makes one row of every call; see the package's decisions.
type Index struct {
	Ledger    Ledger
	Rows      Rows
	Now       func() time.Time
	Retention time.Duration // of the rows
}

const (
	maxNames  = 8                   // of one report; a call has about three
	maxRounds = 30                  // each is lost to another worker's success
	maxDepth  = 50                  // of the tree of records
	margin    = 30 * 24 * time.Hour // records outlive the rows they lead to
)

// Add indexes what one report says of a call. names are the call's names, safe in keys, the primary one first and at
// least one. c's place says the assistant and the day to use where the call has none yet.
func (x *Index) Add(ctx context.Context, names []string, c aurora.Call) error {
	_, err := x.settle(ctx, names, c)
	return err
}

// settle is Add, and says where the call's row is now.
func (x *Index) settle(ctx context.Context, names []string, c aurora.Call) (aurora.Place, error) {
	names = names[:min(len(names), maxNames)]
	for range maxRounds {
		at, settled, err := x.round(ctx, names, c)
		if err != nil {
			return at, fmt.Errorf("index call: %w", err)
		}
		if settled {
			return at, nil
		}
	}
	return aurora.Place{}, fmt.Errorf("index call: not settled after %d rounds", maxRounds)
}

// round does all there is to do, and reports whether nothing that it relied on changed meanwhile.
func (x *Index) round(ctx context.Context, names []string, c aurora.Call) (at aurora.Place, settled bool, err error) {
	seen, err := x.load(ctx, names)
	if err != nil {
		return at, false, err
	}
	root, done, err := x.join(ctx, names, seen, c.Place)
	if !done || err != nil {
		return at, false, err
	}
	if root, done, err = x.locate(ctx, root, seen, c.Place); !done || err != nil {
		return at, false, err
	}
	c.Place = current(root)
	if err := x.Rows.Put(ctx, c); err != nil {
		return at, false, err
	}
	seen[root.Name] = root
	for _, record := range inOrder(seen) {
		for _, place := range record.Places {
			if place == c.Place {
				continue
			}
			if gone, err := x.move(ctx, place, c.Place); !gone || err != nil {
				return at, false, err
			}
		}
	}
	now, ok, err := x.Ledger.Alias(ctx, root.Name)
	return c.Place, ok && now.Revision == root.Revision, err
}

// load reads the records of the names and of all that they lead to.
func (x *Index) load(ctx context.Context, names []string) (map[string]aurora.Alias, error) {
	seen := map[string]aurora.Alias{}
	for _, name := range names {
		for depth := 0; name != ""; depth++ {
			if _, known := seen[name]; known {
				break
			}
			record, ok, err := x.Ledger.Alias(ctx, name)
			if err != nil {
				return nil, err
			}
			if !ok {
				break // new, or expired: then its rows are too
			}
			if depth > maxDepth {
				return nil, fmt.Errorf("records lead in a circle at %s", name)
			}
			seen[name] = record
			name = record.Parent
		}
	}
	return seen, nil
}

// join makes one tree of all that was seen and of the names that have no record yet, and gives its root.
func (x *Index) join(ctx context.Context, names []string, seen map[string]aurora.Alias, first aurora.Place) (root aurora.Alias, done bool, err error) {
	expires := x.Now().Add(x.Retention + margin)
	var roots []aurora.Alias
	for _, record := range inOrder(seen) {
		if _, ok := seen[record.Parent]; !ok {
			roots = append(roots, record) // one whose parent expired is a root again
		}
	}
	if len(roots) == 0 {
		first.CallID = names[0]
		root = aurora.Alias{Name: names[0], Created: x.Now(), Places: []aurora.Place{first}, ExpiresAt: expires}
		if done, err = x.Ledger.Create(ctx, root); !done || err != nil {
			return root, false, err
		}
		seen[root.Name] = root
	} else {
		root = roots[0]
		for _, other := range roots[1:] {
			if older(other, root) {
				root = other
			}
		}
	}
	for _, other := range roots {
		if other.Name == root.Name {
			continue
		}
		other.Parent, other.Revision = root.Name, other.Revision+1
		if done, err = x.Ledger.Change(ctx, other); !done || err != nil {
			return root, false, err
		}
	}
	for _, name := range names {
		if _, ok := seen[name]; ok {
			continue
		}
		child := aurora.Alias{Name: name, Parent: root.Name, Created: x.Now(), ExpiresAt: expires}
		if done, err = x.Ledger.Create(ctx, child); !done || err != nil {
			return root, false, err
		}
		seen[name] = child
	}
	return root, true, nil
}

// locate sees to it that the root has a place, and one with an assistant as soon as anybody knows the assistant.
func (x *Index) locate(ctx context.Context, root aurora.Alias, seen map[string]aurora.Alias, first aurora.Place) (aurora.Alias, bool, error) {
	here := current(root)
	if here == (aurora.Place{}) { // a child whose parent expired: its row has, too
		first.CallID = root.Name
		here = first
	}
	if here.AssistantID == aurora.NoAssistant {
		here.AssistantID = teller(seen, first.AssistantID)
	}
	if here == current(root) && root.Parent == "" {
		return root, true, nil
	}
	root.Places = append(slices.Clip(root.Places), here)
	root.Parent = ""
	root.Revision++
	done, err := x.Ledger.Change(ctx, root)
	return root, done, err
}

// teller is the assistant that the oldest record with one knows, else the one that the report says.
func teller(seen map[string]aurora.Alias, said string) string {
	var oldest aurora.Alias
	for _, record := range seen {
		id := current(record).AssistantID
		if id != "" && id != aurora.NoAssistant && (oldest.Name == "" || older(record, oldest)) {
			oldest, said = record, id
		}
	}
	return said
}

// move brings what lies at a place of before to the row's place, and reports whether nothing is left there.
func (x *Index) move(ctx context.Context, from, to aurora.Place) (gone bool, err error) {
	stray, ok, err := x.Rows.Row(ctx, from)
	if err != nil || !ok {
		return err == nil, err
	}
	moved := stray
	moved.Place = to
	if err := x.Rows.Put(ctx, moved); err != nil {
		return false, err
	}
	return x.Rows.Delete(ctx, stray)
}

// current is where a record's row is; the zero Place for one that never was a root.
func current(a aurora.Alias) aurora.Place {
	if len(a.Places) == 0 {
		return aurora.Place{}
	}
	return a.Places[len(a.Places)-1]
}

// inOrder is what was seen, by name, so that a run can be repeated.
func inOrder(seen map[string]aurora.Alias) []aurora.Alias {
	return slices.SortedFunc(maps.Values(seen), func(a, b aurora.Alias) int { return cmp.Compare(a.Name, b.Name) })
}

// older orders roots. Neither age nor name ever changes.
func older(a, b aurora.Alias) bool {
	if !a.Created.Equal(b.Created) {
		return a.Created.Before(b.Created)
	}
	return a.Name < b.Name
}
