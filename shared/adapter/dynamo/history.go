package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// Attributes of the index that finds a caller's calls. The index is named after the first one. They are left out if the
// assistant or the caller is not known.
const (
	callerKey = "callerKey" // <assistantId>#<E.164>
	atKey     = "at"        // RFC 3339, UTC: when the call was
)

// maxHistory limits the calls that CallsOf returns.
const maxHistory = 100

func callerIndexKey(assistantID string, caller aurora.Phone) string {
	return assistantID + "#" + string(caller)
}

// setCallerIndex sets the attributes of the index in a row, or removes them.
func setCallerIndex(fields map[string]any, c aurora.Call) {
	delete(fields, callerKey)
	delete(fields, atKey)
	if c.AssistantID == "" || c.AssistantID == aurora.NoAssistant || aurora.IsWithheld(string(c.Customer)) {
		return
	}
	at := c.Day + "T00:00:00Z"
	if t := c.StartOrEnd(); !t.IsZero() {
		at = t.UTC().Format(time.RFC3339)
	}
	fields[callerKey], fields[atKey] = callerIndexKey(c.AssistantID, c.Customer), at
}

// CallsOf returns an assistant's calls with a caller, the newest first, at most limit. An invalid row is left out.
func (s *Calls) CallsOf(ctx context.Context, assistantID string, caller aurora.Phone, limit int) ([]aurora.Call, error) {
	if assistantID == "" || aurora.IsWithheld(string(caller)) {
		return nil, nil
	}
	t, err := s.table()
	if err != nil {
		return nil, err
	}
	limit = min(max(limit, 1), maxHistory)
	var items []dynamo.Item
	for _, spelling := range caller.Spellings() { // rows may be older than the one spelling of a number
		var found []dynamo.Item
		err = t.Get(callerKey, callerIndexKey(assistantID, spelling)).Index(callerKey).Order(dynamo.Descending).Limit(limit).All(ctx, &found)
		if err != nil {
			return nil, errUnavailable("The calls cannot be read now.").Because(fmt.Errorf("read a caller's calls: %w", err))
		}
		items = append(items, found...)
	}
	slices.SortStableFunc(items, func(a, b dynamo.Item) int {
		at, _ := parseString(a[atKey])
		other, _ := parseString(b[atKey])
		return cmp.Compare(other, at)
	})
	items = items[:min(len(items), limit)]
	calls := make([]aurora.Call, 0, len(items))
	for _, item := range items {
		c, err := decodeCall(item)
		if err != nil {
			continue
		}
		partition, _ := parseString(item[partitionKey])
		callID, _ := parseString(item[callKey])
		c.CallKey = aurora.ParseCallKey(partition, callID)
		calls = append(calls, c)
	}
	return calls, nil
}
