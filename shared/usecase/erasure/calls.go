package erasure

import (
	"slices"

	"example.com/aurora/shared/core/aurora"
)

// calls are the person's calls: the ids of each, in SafeKey's form, with the assistants that had a call of this id.
type calls struct {
	assistants map[string]map[string]bool // by id
	erased     map[string]bool            // what is remembered of this run's calls, and of runs that did not end
	changed    bool                       // an id was added
}

func newCalls() *calls {
	return &calls{assistants: map[string]map[string]bool{}, erased: map[string]bool{}}
}

// add adds the ids of one call of an assistant.
func (c *calls) add(assistantID string, ids ...string) {
	assistantID = aurora.AssistantKey(assistantID)
	for _, id := range ids {
		if id == "" {
			continue
		}
		name := aurora.SafeKey(id)
		if c.assistants[name] == nil {
			c.assistants[name] = map[string]bool{}
		}
		if !c.assistants[name][assistantID] {
			c.assistants[name][assistantID], c.changed = true, true
		}
	}
}

// anyAssistant stands for every assistant in what is remembered of an id.
const anyAssistant = "*"

// has reports whether a call of an assistant is the person's.
func (c *calls) has(assistantID, name string) bool {
	return c.assistants[name][assistantID] || len(c.erased) > 0 && c.erased[aurora.ErasedCall(assistantID, name)]
}

// knows reports whether an id is one of the person's calls, of any assistant.
func (c *calls) knows(name string) bool {
	return len(c.assistants[name]) > 0 || len(c.erased) > 0 && c.erased[aurora.ErasedCall(anyAssistant, name)]
}

// byAssistant returns the ids of the calls of each assistant.
func (c *calls) byAssistant() map[string][]string {
	all := map[string][]string{}
	for name, assistants := range c.assistants {
		for assistantID := range assistants {
			all[assistantID] = append(all[assistantID], name)
		}
	}
	for _, names := range all {
		slices.Sort(names)
	}
	return all
}
