package callindex

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// AliasStore holds the alias records of calls. A write that reports false may have happened all the same, by this
// caller or another one: only the next read says what is stored.
type AliasStore interface {
	// Alias returns the record of a name; ok is false if there is none.
	Alias(ctx context.Context, name string) (a aurora.CallAlias, ok bool, err error)
	// CreateAlias writes a record unless the name has one.
	CreateAlias(ctx context.Context, a aurora.CallAlias) (done bool, err error)
	// UpdateAlias replaces the record whose revision is one less.
	UpdateAlias(ctx context.Context, a aurora.CallAlias) (done bool, err error)
}

// RowStore holds one row for each call.
type RowStore interface {
	// Row returns the row at a key; ok is false if there is none.
	Row(ctx context.Context, key aurora.CallKey) (c aurora.Call, ok bool, err error)
	// Put replaces the row whose revision is one less; a row of revision 0 is written only if there is none. As in AliasStore,
	// a write that reports false may have happened.
	Put(ctx context.Context, c aurora.Call) (done bool, err error)
	// Delete removes a row unless it has changed by now; gone reports whether the row as given is gone.
	Delete(ctx context.Context, c aurora.Call) (gone bool, err error)
}

// Index writes the reports of each call to one row. See the package's decisions.
type Index struct {
	Aliases   AliasStore
	Rows      RowStore
	Now       func() time.Time
	Retention time.Duration // of the rows
}

const (
	maxNames    = 8                   // of one report; a call has about three
	maxAttempts = 30                  // an attempt fails only if another worker's write succeeds
	maxDepth    = 50                  // of a tree of alias records
	aliasMargin = 30 * 24 * time.Hour // alias records outlive the rows that they lead to
)

// Upsert adds what one source says of a call to its row, and returns the row that is stored now. names are the call's ids as
// they stand in keys, at least one, the primary one first. c.CallKey gives the assistant and the day that are used if the
// call has no row yet.
func (x *Index) Upsert(ctx context.Context, names []string, c aurora.Call) (stored aurora.Call, err error) {
	names = names[:min(len(names), maxNames)]
	for range maxAttempts {
		stored, settled, err := x.attempt(ctx, names, c)
		if err != nil {
			return aurora.Call{}, fmt.Errorf("index call: %w", err)
		}
		if settled {
			return stored, nil
		}
	}
	return aurora.Call{}, fmt.Errorf("index call: other workers changed its records during each of %d attempts", maxAttempts)
}

// attempt runs the optimistic loop once. settled is false if another worker changed a record that this attempt read.
func (x *Index) attempt(ctx context.Context, names []string, c aurora.Call) (stored aurora.Call, settled bool, err error) {
	names, seen, err := x.loadTrees(ctx, names, c.AssistantID)
	if err != nil {
		return c, false, err
	}
	root, done, err := x.mergeTrees(ctx, names, seen, c.CallKey)
	if !done || err != nil {
		return c, false, err
	}
	if root, done, err = x.ensureRowKey(ctx, root, seen, c.CallKey); !done || err != nil {
		return c, false, err
	}
	c.CallKey = currentRowKey(root)
	if stored, done, err = x.mergeRow(ctx, c); !done || err != nil {
		return c, false, err
	}
	seen[root.Name] = root
	for _, record := range sortedByName(seen) {
		for _, key := range record.RowKeys {
			if key == c.CallKey {
				continue
			}
			moved, gone, err := x.moveRow(ctx, key, c.CallKey)
			if !gone || err != nil {
				return c, false, err
			}
			if moved.Version != "" {
				stored = moved
			}
		}
	}
	now, ok, err := x.Aliases.Alias(ctx, root.Name)
	return stored, ok && now.Revision == root.Revision, err
}

// mergeTrees joins the trees of all records in seen and adds a record for each name that has none. It returns the root.
// done is false if another worker was faster.
func (x *Index) mergeTrees(ctx context.Context, names []string, seen map[string]aurora.CallAlias, first aurora.CallKey) (root aurora.CallAlias, done bool, err error) {
	expires := x.Now().Add(x.Retention + aliasMargin)
	var roots []aurora.CallAlias
	for _, record := range sortedByName(seen) {
		if _, ok := seen[record.Parent]; !ok {
			roots = append(roots, record) // a record whose parent expired is a root again
		}
	}
	if len(roots) == 0 {
		first.CallID = names[0]
		root = aurora.CallAlias{Name: names[0], Created: x.Now(), RowKeys: []aurora.CallKey{first}, ExpiresAt: expires}
		if done, err = x.Aliases.CreateAlias(ctx, root); !done || err != nil {
			return root, false, err
		}
		seen[root.Name] = root
	} else {
		root = roots[0]
		for _, other := range roots[1:] {
			if isOlder(other, root) {
				root = other
			}
		}
	}
	for _, other := range roots {
		if other.Name == root.Name {
			continue
		}
		other.Parent, other.Revision = root.Name, other.Revision+1
		if done, err = x.Aliases.UpdateAlias(ctx, other); !done || err != nil {
			return root, false, err
		}
	}
	for _, name := range names {
		if _, ok := seen[name]; ok {
			continue
		}
		child := aurora.CallAlias{Name: name, Parent: root.Name, Created: x.Now(), ExpiresAt: expires}
		if done, err = x.Aliases.CreateAlias(ctx, child); !done || err != nil {
			return root, false, err
		}
		seen[name] = child
	}
	return root, true, nil
}

// ensureRowKey gives the root a row key if it has none, and one with the assistant as soon as the assistant is known.
func (x *Index) ensureRowKey(ctx context.Context, root aurora.CallAlias, seen map[string]aurora.CallAlias, first aurora.CallKey) (aurora.CallAlias, bool, error) {
	key := currentRowKey(root)
	if key == (aurora.CallKey{}) { // a child whose parent expired, and the parent's row with it
		first.CallID = root.Name
		key = first
	}
	if key.AssistantID == aurora.NoAssistant {
		key.AssistantID = assistantOf(seen, first.AssistantID)
	}
	if key == currentRowKey(root) && root.Parent == "" {
		return root, true, nil
	}
	root.RowKeys = append(slices.Clip(root.RowKeys), key)
	root.Parent = ""
	root.Revision++
	done, err := x.Aliases.UpdateAlias(ctx, root)
	return root, done, err
}

// assistantOf returns the assistant id of the oldest record that has one, else the report's.
func assistantOf(seen map[string]aurora.CallAlias, reported string) string {
	var oldest aurora.CallAlias
	for _, record := range seen {
		id := currentRowKey(record).AssistantID
		if id != "" && id != aurora.NoAssistant && (oldest.Name == "" || isOlder(record, oldest)) {
			oldest, reported = record, id
		}
	}
	return reported
}

// mergeRow adds what a row says to the row at its key. stored is the row at the key afterwards; done is false if another
// worker changed it meanwhile.
func (x *Index) mergeRow(ctx context.Context, c aurora.Call) (stored aurora.Call, done bool, err error) {
	now, ok, err := x.Rows.Row(ctx, c.CallKey)
	switch {
	case err != nil:
		return now, false, err
	case ok:
		if c = merge(now, c); isSame(now, c) {
			return now, true, nil
		}
		c.Revision++
	default:
		c.Revision = 0
	}
	done, err = x.Rows.Put(ctx, c)
	return c, done, err
}

// moveRow moves the row at an earlier key, if there is one, to the current key. moved is the row that is stored at the
// current key afterwards, and the zero Call if there was nothing to move. gone reports whether no row is left at from.
func (x *Index) moveRow(ctx context.Context, from, to aurora.CallKey) (moved aurora.Call, gone bool, err error) {
	stray, ok, err := x.Rows.Row(ctx, from)
	if err != nil || !ok {
		return moved, err == nil, err
	}
	moved = stray
	moved.CallKey = to
	moved, done, err := x.mergeRow(ctx, moved)
	if !done || err != nil {
		return moved, false, err
	}
	gone, err = x.Rows.Delete(ctx, stray)
	return moved, gone, err
}

// currentRowKey returns the key of a record's row; the zero key if the record never was a root.
func currentRowKey(a aurora.CallAlias) aurora.CallKey {
	if len(a.RowKeys) == 0 {
		return aurora.CallKey{}
	}
	return a.RowKeys[len(a.RowKeys)-1]
}

// sortedByName returns the records in a fixed order, so that a run can be repeated.
func sortedByName(seen map[string]aurora.CallAlias) []aurora.CallAlias {
	return slices.SortedFunc(maps.Values(seen), func(a, b aurora.CallAlias) int { return cmp.Compare(a.Name, b.Name) })
}

// isOlder orders roots by age, then by name. Neither ever changes.
func isOlder(a, b aurora.CallAlias) bool {
	if !a.Created.Equal(b.Created) {
		return a.Created.Before(b.Created)
	}
	return a.Name < b.Name
}
