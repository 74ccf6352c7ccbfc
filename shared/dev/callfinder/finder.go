package callfinder

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/trace"
)

// Logs finds lines of the stack's logs.
type Logs interface {
	// Lines returns the lines that contain one of the texts.
	Lines(ctx context.Context, texts []string) ([]Line, error)
}

// Bucket reads the stack's bucket.
type Bucket interface {
	List(ctx context.Context, prefix, startAfter string) iter.Seq2[string, error]
	Read(ctx context.Context, key string) (body []byte, written time.Time, err error)
}

// Items yields every item of a table.
type Items interface {
	All(ctx context.Context) iter.Seq2[aurora.StoredItem, error]
}

// Traces reads the records of turns and messages.
type Traces interface {
	Traces(ctx context.Context, call trace.Key, now time.Time) ([]trace.Record, error)
}

// Finder finds calls. All fields are required.
type Finder struct {
	Logs          Logs
	Bucket        Bucket
	Calls, Ledger Items
	Traces        Traces
	Now           func() time.Time
}

// maxRounds bounds the search: an id leads to a request, the request to further ids, and those to more requests.
const maxRounds = 6

// search is the state of one search.
type search struct {
	*Finder
	id     string
	calls  map[string]*Call // by assistant
	lines  []Line
	rows   []aurora.StoredItem
	ledger []aurora.StoredItem
	texts  map[string]bool     // what the logs were searched for
	keys   map[string][]string // of the bucket, by prefix
}

// Find returns the calls that an id leads to, one for each assistant.
func (f *Finder) Find(ctx context.Context, id string) ([]*Call, error) {
	s := &search{Finder: f, id: id, calls: map[string]*Call{}, texts: map[string]bool{}, keys: map[string][]string{}}
	for _, table := range []struct {
		items Items
		into  *[]aurora.StoredItem
	}{{f.Calls, &s.rows}, {f.Ledger, &s.ledger}} {
		for item, err := range table.items.All(ctx) {
			if err != nil {
				return nil, err
			}
			*table.into = append(*table.into, item)
		}
	}
	for range maxRounds {
		before := s.size()
		if err := s.readLogs(ctx); err != nil {
			return nil, err
		}
		s.joinLines()
		s.joinLedger()
		s.joinRows()
		if err := s.joinReports(ctx); err != nil {
			return nil, err
		}
		if s.size() == before {
			break
		}
	}
	s.dropUnknownOwner()
	for _, c := range s.calls {
		s.addLines(c)
		s.addLedger(c)
		s.addRows(c)
		if err := s.addTraces(ctx, c); err != nil {
			return nil, err
		}
		if err := s.addObjects(ctx, c); err != nil {
			return nil, err
		}
	}
	var found []*Call
	for _, name := range slices.Sorted(maps.Keys(s.calls)) {
		if c := s.calls[name]; len(c.Entries) > 0 {
			found = append(found, c)
		}
	}
	return found, nil
}

// size returns how many calls, ids and requests are known, by which the search knows that it has come to its end.
func (s *search) size() (n int) {
	for _, c := range s.calls {
		n += 1 + len(c.ids) + len(c.requests)
	}
	return n
}

// call returns the call of an assistant.
func (s *search) call(assistantID string) *Call {
	assistantID = ownerOf(assistantID)
	if s.calls[assistantID] == nil {
		s.calls[assistantID] = newCall(assistantID)
	}
	return s.calls[assistantID]
}

// isNamed reports whether ids of an assistant's call are those of a call that is known, or the id that is searched for.
func (s *search) isNamed(assistantID string, ids []string) bool {
	c := s.calls[ownerOf(assistantID)]
	return slices.ContainsFunc(ids, func(id string) bool { return id != "" && (id == s.id || c != nil && c.ids[id]) })
}

// ownerOf returns the assistant's id of a key, which is empty if the key names none.
func ownerOf(assistantID string) string {
	if assistantID == aurora.NoAssistant {
		return ""
	}
	return assistantID
}

// list returns the keys of the bucket with a prefix. Each prefix is listed once.
func (s *search) list(ctx context.Context, prefix string) ([]string, error) {
	if keys, ok := s.keys[prefix]; ok {
		return keys, nil
	}
	keys := []string{}
	for key, err := range s.Bucket.List(ctx, prefix, "") {
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	s.keys[prefix] = keys
	return keys, nil
}

// dropUnknownOwner joins what names no assistant with the only call that does, if its ids say that both are one.
func (s *search) dropUnknownOwner() {
	unknown := s.calls[""]
	if unknown == nil || len(s.calls) != 2 {
		return
	}
	for assistantID, c := range s.calls {
		if assistantID == "" || !slices.ContainsFunc(unknown.IDs(), func(id string) bool { return c.ids[id] }) {
			continue
		}
		c.addIDs(unknown.IDs()...)
		maps.Copy(c.requests, unknown.requests)
		delete(s.calls, "")
		return
	}
}
