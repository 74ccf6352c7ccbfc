package erasure

import (
	"maps"
	"slices"

	"example.com/aurora/shared/core/aurora"
)

// aliases are the ledger's records of ids that may lead to a call of the person. Two assistants may have calls with one id, so a
// record belongs to the assistants of its tree. See package callindex.
type aliases struct {
	records map[string]alias // by id
	wanted  map[string]bool  // ids whose records are to be read, because another record leads to them
}

// alias is the record of one id.
type alias struct {
	parent     string
	assistants []string // of a root: those under which the call's row may lie
}

func newAliases() *aliases { return &aliases{records: map[string]alias{}, wanted: map[string]bool{}} }

// add takes a record if it may lead to a call of the person, and reports whether that is new.
func (t *aliases) add(name string, item aurora.StoredItem, c *calls) (isNew bool) {
	parent := item.Text("parent")
	if !c.knows(name) && !c.knows(parent) && !t.wanted[name] && !t.wanted[parent] {
		return false
	}
	if _, known := t.records[name]; known {
		return false
	}
	r := alias{parent: parent}
	places, _ := item["places"].([]any)
	for _, place := range places {
		if text, ok := place.(string); ok {
			r.assistants = append(r.assistants, aurora.ParseCallKey(text, name).AssistantID)
		}
	}
	t.records[name], t.wanted[name] = r, true
	if parent != "" {
		t.wanted[parent] = true
	}
	return true
}

// owners returns the assistants of the tree of an id. It is not ok if the tree's root is not known, or gone.
func (t *aliases) owners(name string) (assistants []string, ok bool) {
	for range len(t.records) + 1 {
		r, known := t.records[name]
		if !known || len(r.assistants) > 0 {
			return r.assistants, known
		}
		name = r.parent
	}
	return nil, false
}

// join adds the ids that records of the person's calls lead to. A report without an assistant belongs to the assistant of its
// id's tree, as in package callindex.
func (t *aliases) join(c *calls) {
	for _, name := range slices.Sorted(maps.Keys(t.records)) {
		owners, _ := t.owners(name)
		parent := t.records[name].parent
		for _, assistantID := range owners {
			if c.has(assistantID, name) || c.assistants[name][aurora.NoAssistant] {
				c.add(assistantID, name, parent)
			}
			if parent != "" && c.has(assistantID, parent) {
				c.add(assistantID, name)
			}
		}
	}
}

// isTheirs reports whether a record belongs to a call of the person. One whose root is gone was left by a run that did not end.
func (t *aliases) isTheirs(name string, c *calls) bool {
	owners, ok := t.owners(name)
	if !ok {
		return c.knows(name)
	}
	return slices.ContainsFunc(owners, func(assistantID string) bool { return c.has(assistantID, name) })
}
