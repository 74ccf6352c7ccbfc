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

// AliasStore holds the records of the names that calls go by. A write that reports "not done" may have been done all the
// same, by this caller or another: what counts is what is read next.
type AliasStore interface {
	// Alias is a name's record; it is not ok where there is none.
	Alias(ctx context.Context, name string) (a aurora.CallAlias, ok bool, err error)
	// Create writes a record where there is none.
	CreateAlias(ctx context.Context, a aurora.CallAlias) (done bool, err error)
	// Change writes a record in the place of the one with the revision before.
	UpdateAlias(ctx context.Context, a aurora.CallAlias) (done bool, err error)
}

// RowStore holds the calls, one row each.
type RowStore interface {
	// Row is the row at a place; it is not ok where there is none.
	Row(ctx context.Context, at aurora.CallKey) (c aurora.Call, ok bool, err error)
	// Put writes a row, unless one of the same or a greater version is there.
	Put(ctx context.Context, c aurora.Call) error
	// Delete removes a row, unless it is of another version by now.
	Delete(ctx context.Context, c aurora.Call) (gone bool, err error)
}

// Index makes one row of every call; see the package's decisions.
type Index struct {
	Aliases   AliasStore
	Rows      RowStore
	Now       func() time.Time
	Retention time.Duration // of the rows
}

const (
	maxNames    = 8                   // of one report; a call has about three
	maxAttempts = 30                  // each is lost to another worker's success
	maxDepth    = 50                  // of the tree of records
	aliasMargin = 30 * 24 * time.Hour // records outlive the rows they lead to
)

// Add indexes what one report says of a call. names are the call's names, safe in keys, the primary one first and at
// least one. c's place says the assistant and the day to use where the call has none yet.
func (x *Index) Add(ctx context.Context, names []string, c aurora.Call) error {
	_, err := x.Upsert(ctx, names, c)
	return err
}

// Upsert is Add, and says where the call's row is now.
func (x *Index) Upsert(ctx context.Context, names []string, c aurora.Call) (aurora.CallKey, error) {
	names = names[:min(len(names), maxNames)]
	for range maxAttempts {
		at, settled, err := x.attempt(ctx, names, c)
		if err != nil {
			return at, fmt.Errorf("index call: %w", err)
		}
		if settled {
			return at, nil
		}
	}
	return aurora.CallKey{}, fmt.Errorf("index call: not settled after %d rounds", maxAttempts)
}

// attempt does all there is to do, and reports whether nothing that it relied on changed meanwhile.
func (x *Index) attempt(ctx context.Context, names []string, c aurora.Call) (at aurora.CallKey, settled bool, err error) {
	seen, err := x.loadAliases(ctx, names)
	if err != nil {
		return at, false, err
	}
	root, done, err := x.mergeTrees(ctx, names, seen, c.CallKey)
	if !done || err != nil {
		return at, false, err
	}
	if root, done, err = x.ensureRowKey(ctx, root, seen, c.CallKey); !done || err != nil {
		return at, false, err
	}
	c.CallKey = currentRowKey(root)
	if err := x.Rows.Put(ctx, c); err != nil {
		return at, false, err
	}
	seen[root.Name] = root
	for _, record := range sortedByName(seen) {
		for _, place := range record.RowKeys {
			if place == c.CallKey {
				continue
			}
			if gone, err := x.moveRow(ctx, place, c.CallKey); !gone || err != nil {
				return at, false, err
			}
		}
	}
	now, ok, err := x.Aliases.Alias(ctx, root.Name)
	return c.CallKey, ok && now.Revision == root.Revision, err
}

// loadAliases reads the records of the names and of all that they lead to.
func (x *Index) loadAliases(ctx context.Context, names []string) (map[string]aurora.CallAlias, error) {
	seen := map[string]aurora.CallAlias{}
	for _, name := range names {
		for depth := 0; name != ""; depth++ {
			if _, known := seen[name]; known {
				break
			}
			record, ok, err := x.Aliases.Alias(ctx, name)
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

// mergeTrees makes one tree of all that was seen and of the names that have no record yet, and gives its root.
func (x *Index) mergeTrees(ctx context.Context, names []string, seen map[string]aurora.CallAlias, first aurora.CallKey) (root aurora.CallAlias, done bool, err error) {
	expires := x.Now().Add(x.Retention + aliasMargin)
	var roots []aurora.CallAlias
	for _, record := range sortedByName(seen) {
		if _, ok := seen[record.Parent]; !ok {
			roots = append(roots, record) // one whose parent expired is a root again
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

// ensureRowKey sees to it that the root has a place, and one with an assistant as soon as anybody knows the assistant.
func (x *Index) ensureRowKey(ctx context.Context, root aurora.CallAlias, seen map[string]aurora.CallAlias, first aurora.CallKey) (aurora.CallAlias, bool, error) {
	here := currentRowKey(root)
	if here == (aurora.CallKey{}) { // a child whose parent expired: its row has, too
		first.CallID = root.Name
		here = first
	}
	if here.AssistantID == aurora.NoAssistant {
		here.AssistantID = assistantOf(seen, first.AssistantID)
	}
	if here == currentRowKey(root) && root.Parent == "" {
		return root, true, nil
	}
	root.RowKeys = append(slices.Clip(root.RowKeys), here)
	root.Parent = ""
	root.Revision++
	done, err := x.Aliases.UpdateAlias(ctx, root)
	return root, done, err
}

// assistantOf is the assistant that the oldest record with one knows, else the one that the report says.
func assistantOf(seen map[string]aurora.CallAlias, said string) string {
	var oldest aurora.CallAlias
	for _, record := range seen {
		id := currentRowKey(record).AssistantID
		if id != "" && id != aurora.NoAssistant && (oldest.Name == "" || isOlder(record, oldest)) {
			oldest, said = record, id
		}
	}
	return said
}

// moveRow brings what lies at a place of before to the row's place, and reports whether nothing is left there.
func (x *Index) moveRow(ctx context.Context, from, to aurora.CallKey) (gone bool, err error) {
	stray, ok, err := x.Rows.Row(ctx, from)
	if err != nil || !ok {
		return err == nil, err
	}
	moved := stray
	moved.CallKey = to
	if err := x.Rows.Put(ctx, moved); err != nil {
		return false, err
	}
	return x.Rows.Delete(ctx, stray)
}

// currentRowKey is where a record's row is; the zero Place for one that never was a root.
func currentRowKey(a aurora.CallAlias) aurora.CallKey {
	if len(a.RowKeys) == 0 {
		return aurora.CallKey{}
	}
	return a.RowKeys[len(a.RowKeys)-1]
}

// sortedByName is what was seen, by name, so that a run can be repeated.
func sortedByName(seen map[string]aurora.CallAlias) []aurora.CallAlias {
	return slices.SortedFunc(maps.Values(seen), func(a, b aurora.CallAlias) int { return cmp.Compare(a.Name, b.Name) })
}

// isOlder orders roots. Neither age nor name ever changes.
func isOlder(a, b aurora.CallAlias) bool {
	if !a.Created.Equal(b.Created) {
		return a.Created.Before(b.Created)
	}
	return a.Name < b.Name
}
