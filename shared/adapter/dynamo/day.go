package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

const (
	bulkReadAttempts = 10
	bulkReadBackoff  = 2 * time.Second
)

// withManyRetries allows a client more retries for a read of many items: a table that grows under a burst throttles for
// seconds, and a report needs all items.
func withManyRetries(o *dynamodb.Options) {
	o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = bulkReadAttempts, bulkReadBackoff })
}

// reportAttributes are the attributes that reports and their CSV files need.
var reportAttributes = []string{partitionKey, callKey, "version", "key", "id", "startedAt", "endedAt", "reportedAt", "seconds", "cost", "endedReason",
	"class", "direction", "customer", "customerName", "withheld", "success", "recordingUrl", "transcript", "spoke", "transferred",
	"transferFailed", "conversationUnknown", "answeredBy", "outcome", "sentiment", "topics", "actionItems", "summary", "extracted"}

// Day yields all calls of an assistant's day in the order of their ids, in pages of at most 1 MB. The model, the cost
// and the note of the analysis are left out. An invalid attribute is left out and logged with its row. After an error nothing
// more comes, so the pages before it are incomplete.
func (s *Calls) Day(ctx context.Context, assistantID, day string) iter.Seq2[[]aurora.Call, error] {
	return func(yield func([]aurora.Call, error) bool) {
		t, err := s.bulkTable()
		if err != nil {
			yield(nil, err)
			return
		}
		partition := aurora.CallKey{AssistantID: assistantID, Day: day}.Partition()
		var invalid int
		var next dynamo.PagingKey
		for first := true; first || next != nil; first = false {
			var page []aurora.Call // a new slice each time, because the reader may keep it
			// One request per iteration: the library's own iterator does not tell where a page ends.
			rows := t.Get(partitionKey, partition).Project(reportAttributes...).StartFrom(next).RequestLimit(1).Iter()
			var r dayRow
			for ; rows.Next(ctx, &r); r = (dayRow{}) {
				r.call.CallKey = aurora.CallKey{AssistantID: assistantID, Day: day, CallID: r.call.CallID}
				if r.badAttribute != "" {
					invalid++
					slog.WarnContext(ctx, "an attribute of a call is invalid and was left out", "event", "call.attribute_invalid", "assistantId", assistantID, "row", partition, "callId", r.call.CallID, "attribute", r.badAttribute)
				}
				page = append(page, r.call)
			}
			if err = rows.Err(); err == nil {
				next, err = rows.LastEvaluatedKey(ctx)
			}
			if err != nil {
				yield(nil, errUnavailable("The calls cannot be read now.").Because(fmt.Errorf("read the calls of a day: %w", err)))
				return
			}
			if len(page) > 0 && !yield(page, nil) {
				return
			}
		}
		if invalid > 0 {
			slog.WarnContext(ctx, "calls of a day have invalid attributes", "event", "call.attributes_invalid", "assistantId", assistantID, "row", partition, "calls", invalid)
		}
	}
}

// dayRow is a call that is read from its attributes directly and not through JSON: a month's report may read 50,000 calls.
type dayRow struct {
	call         aurora.Call
	badAttribute string // the name of an invalid attribute, or ""
}

// UnmarshalDynamoItem reads a row. An invalid attribute is left out.
func (r *dayRow) UnmarshalDynamoItem(item dynamo.Item) error {
	c := &r.call
	for name, v := range item {
		var ok bool
		switch name {
		case callKey:
			c.CallID, ok = parseString(v)
		case "version":
			c.Version, ok = parseString(v)
		case "key":
			c.ObjectKey, ok = parseString(v)
		case "id":
			c.ID, ok = parseString(v)
		case "startedAt":
			c.StartedAt, ok = parseTime(v)
		case "endedAt":
			c.EndedAt, ok = parseTime(v)
		case "reportedAt":
			c.ReportedAt, ok = parseTime(v)
		case "seconds":
			c.Seconds, ok = parseNumber(v)
		case "cost":
			c.Cost, ok = parseNumber(v)
		case "transcript":
			c.Transcript, ok = parseBool(v)
		case "spoke":
			c.Spoke, ok = parseBool(v)
		case "withheld":
			c.Withheld, ok = parseBool(v)
		case "transferred":
			c.Transferred, ok = parseBool(v)
		case "transferFailed":
			c.TransferFailed, ok = parseBool(v)
		case "conversationUnknown":
			c.ConversationUnknown, ok = parseBool(v)
		default:
			ok = r.setText(name, v)
		}
		if !ok {
			r.badAttribute = name
		}
	}
	return nil
}

// setText sets a field of the call from an attribute with a text or a list of texts.
func (r *dayRow) setText(name string, v types.AttributeValue) (ok bool) {
	c := &r.call
	var s string
	switch name {
	case "topics":
		c.Topics, ok = parseStrings(v)
		return ok
	case "actionItems":
		c.ActionItems, ok = parseStrings(v)
		return ok
	case "extracted":
		c.Extracted, ok = parseObject(v)
		return ok
	}
	s, ok = parseString(v)
	switch name {
	case "endedReason":
		c.EndedReason = s
	case "class":
		c.Disposition = aurora.Disposition(s)
	case "direction":
		c.Direction = aurora.Direction(s)
	case "customer":
		c.Customer = aurora.Phone(s)
	case "customerName":
		c.CustomerName = s
	case "summary":
		c.Summary = s
	case "success":
		c.Success = s
	case "recordingUrl":
		c.Recording = s
	case "answeredBy":
		c.AnsweredBy = s
	case "outcome":
		c.Outcome = aurora.Outcome(s)
	case "sentiment":
		c.Sentiment = aurora.Sentiment(s)
	default:
		return true // an attribute that reports do not need
	}
	return ok
}

func parseString(v types.AttributeValue) (string, bool) {
	s, ok := v.(*types.AttributeValueMemberS)
	if !ok {
		return "", false
	}
	return s.Value, true
}

func parseTime(v types.AttributeValue) (time.Time, bool) {
	s, ok := parseString(v)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}

func parseNumber(v types.AttributeValue) (*float64, bool) {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return nil, false
	}
	f, err := strconv.ParseFloat(n.Value, 64)
	if err != nil {
		return nil, false
	}
	return aws.Float64(f), true
}

// parseObject reads an object as JSON.
func parseObject(v types.AttributeValue) (json.RawMessage, bool) {
	m, ok := v.(*types.AttributeValueMemberM)
	if !ok {
		return nil, false
	}
	b, err := json.Marshal(itemToJSON(m.Value))
	return b, err == nil
}

func parseBool(v types.AttributeValue) (value, ok bool) {
	b, ok := v.(*types.AttributeValueMemberBOOL)
	return ok && b.Value, ok
}

// parseStrings reads a list. Elements that are not strings are left out; then the result is not ok.
func parseStrings(v types.AttributeValue) (all []string, ok bool) {
	l, ok := v.(*types.AttributeValueMemberL)
	if !ok {
		return nil, false
	}
	for _, item := range l.Value {
		if s, isString := parseString(item); isString {
			all = append(all, s)
		} else {
			ok = false
		}
	}
	return all, ok
}
