package callindex

import (
	"context"
	"fmt"
	"maps"

	"example.com/aurora/shared/core/aurora"
)

// loadTrees reads the records of a call's ids and of all their ancestors. Call ids are chosen by others, so that two assistants
// may have calls with one id: a name whose tree belongs to another assistant is replaced by aurora.OwnAlias. A report without
// an assistant belongs to the assistant of the first tree that has one. The names that were read are returned in their order.
func (x *Index) loadTrees(ctx context.Context, ids []string, assistantID string) (names []string, seen map[string]aurora.CallAlias, err error) {
	seen = map[string]aurora.CallAlias{}
	for _, name := range ids {
		tree, err := x.loadTree(ctx, name, seen)
		if err != nil {
			return nil, nil, err
		}
		owner := assistantOf(tree, aurora.NoAssistant)
		if assistantID == aurora.NoAssistant {
			assistantID = owner
		}
		if owner != aurora.NoAssistant && owner != assistantID {
			name = aurora.OwnAlias(name, assistantID)
			if tree, err = x.loadTree(ctx, name, seen); err != nil {
				return nil, nil, err
			}
		}
		names = append(names, name)
		maps.Copy(seen, tree)
	}
	return names, seen, nil
}

// loadTree reads the record of a name and those of its ancestors. Records that are known already are not read again.
func (x *Index) loadTree(ctx context.Context, name string, known map[string]aurora.CallAlias) (map[string]aurora.CallAlias, error) {
	tree := map[string]aurora.CallAlias{}
	for first := name; name != ""; {
		if len(tree) > maxDepth {
			return nil, fmt.Errorf("the alias records form a cycle at %s", first)
		}
		record, ok := known[name]
		if !ok {
			var err error
			if record, ok, err = x.Aliases.Alias(ctx, name); err != nil {
				return nil, err
			}
		}
		if !ok {
			break // new, or expired: its rows have expired then, too
		}
		tree[name] = record
		name = record.Parent
	}
	return tree, nil
}
