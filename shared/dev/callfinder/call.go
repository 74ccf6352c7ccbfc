package callfinder

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/redact"
)

// Call is what was found of one call of an assistant.
type Call struct {
	AssistantID string // empty if it is not known
	Entries     []Entry
	Verdict     string // of package timeline; empty if the records were not read

	ids      map[string]bool // as sent
	requests map[string]bool // ids of requests about this call, and as far as is known about no other
	seen     map[string]bool // entries that are in Entries
}

// Entry is one thing that was found.
type Entry struct {
	Time   time.Time // zero if it is not known
	Source string    // the function of a log line, or the store
	What   string
	Detail string
}

func newCall(assistantID string) *Call {
	return &Call{AssistantID: assistantID, ids: map[string]bool{}, requests: map[string]bool{}, seen: map[string]bool{}}
}

// IDs returns all ids of the call. An id that stands in keys as a hash is left out if there are others.
func (c *Call) IDs() []string {
	all := slices.Sorted(maps.Keys(c.ids))
	named := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return strings.HasPrefix(id, "h-") })
	if len(named) == 0 {
		return all
	}
	return named
}

// names returns the ids as they stand in keys of stores.
func (c *Call) names() map[string]bool {
	names := map[string]bool{}
	for id := range c.ids {
		names[aurora.SafeKey(id)] = true
		names[aurora.OwnAlias(aurora.SafeKey(id), c.key())] = true
	}
	return names
}

// key returns the assistant's id as it stands in keys of stores.
func (c *Call) key() string { return aurora.AssistantKey(c.AssistantID) }

// addIDs adds ids, and reports whether one of them is new.
func (c *Call) addIDs(ids ...string) (isNew bool) {
	for _, id := range ids {
		if id != "" && !c.ids[id] {
			c.ids[id], isNew = true, true
		}
	}
	return isNew
}

// add adds an entry, once.
func (c *Call) add(e Entry) {
	if key := fmt.Sprint(e); !c.seen[key] {
		c.seen[key] = true
		c.Entries = append(c.Entries, e)
	}
}

// Print writes the call's history in the order of time. What has no time comes last.
func (c *Call) Print(w io.Writer) {
	slices.SortStableFunc(c.Entries, func(a, b Entry) int {
		if a.Time.IsZero() != b.Time.IsZero() {
			return cmp.Compare(b.Time.Unix(), a.Time.Unix())
		}
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Source, b.Source), cmp.Compare(a.What, b.What), cmp.Compare(a.Detail, b.Detail))
	})
	what := "call " + redact.Text(strings.Join(c.IDs(), ", "))
	if len(c.ids) == 0 {
		what = "a request without a call"
	}
	_, _ = fmt.Fprintf(w, "%s of %s\n", what, cmp.Or(c.AssistantID, "an unknown assistant"))
	if c.Verdict != "" && len(c.ids) > 0 {
		_, _ = fmt.Fprintf(w, "  %s\n", c.Verdict)
	}
	for _, e := range c.Entries {
		at := "without a time"
		if !e.Time.IsZero() {
			at = e.Time.UTC().Format("2006-01-02 15:04:05.000")
		}
		_, _ = fmt.Fprintf(w, "  %-23s  %-22s  %-24s  %s\n", at, e.Source, e.What, e.Detail)
	}
}
