package dynamo

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// Attributes by which a caller's calls are found; the index is named for the first. They are left out where the
// assistant or the caller is unknown.
const (
	callerKey = "callerKey" // <assistantId>#<E.164>
	atKey     = "at"        // RFC 3339, UTC: when the call was
)

// maxHistory is how many calls one look may give.
const maxHistory = 100

func callerIndexKey(assistantID string, caller aurora.Phone) string {
	return assistantID + "#" + string(caller)
}

// setCallerIndex adds the attributes of the index to a row.
func setCallerIndex(fields map[string]any, c aurora.Call) {
	delete(fields, callerKey)
	delete(fields, atKey)
	if c.AssistantID == "" || c.AssistantID == aurora.NoAssistant || c.Customer == "" {
		return
	}
	at := c.Day + "T00:00:00Z"
	if t := c.StartOrEnd(); !t.IsZero() {
		at = t.UTC().Format(time.RFC3339)
	}
	fields[callerKey], fields[atKey] = callerIndexKey(c.AssistantID, c.Customer), at
}

// CallsOf is an assistant's calls with a caller, the newest first, at most limit of them. A row that cannot be read is
// left out.
func (s *Calls) CallsOf(ctx context.Context, assistantID string, caller aurora.Phone, limit int) ([]aurora.Call, error) {
	if assistantID == "" || caller == "" {
		return nil, nil
	}
	t, err := s.table()
	if err != nil {
		return nil, err
	}
	limit = min(max(limit, 1), maxHistory)
	var items []dynamo.Item
	err = t.Get(callerKey, callerIndexKey(assistantID, caller)).Index(callerKey).Order(dynamo.Descending).Limit(limit).All(ctx, &items)
	if err != nil {
		return nil, errUnavailable("The calls cannot be read now.").Because(fmt.Errorf("read a caller's calls: %w", err))
	}
	calls := make([]aurora.Call, 0, len(items))
	for _, item := range items {
		fields := itemToJSON(item)
		var c aurora.Call
		b, err := json.Marshal(fields)
		if err = cmp.Or(err, json.Unmarshal(b, &c)); err != nil {
			continue
		}
		partition, _ := fields[partitionKey].(string)
		c.CallKey = aurora.ParseCallKey(partition, fmt.Sprint(fields[callKey]))
		calls = append(calls, c)
	}
	return calls, nil
}
