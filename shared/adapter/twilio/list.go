package twilio

import (
	"context"
	"strconv"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"example.com/aurora/shared/core/aurora"
)

// maxListedCalls is how many calls are asked for: Twilio gives the latest first, and no destination is called so often.
const maxListedCalls = 100

// ListCalls is the calls between two numbers since a time, the latest first.
func (c *Client) ListCalls(ctx context.Context, from, to aurora.Phone, since time.Time) ([]aurora.ProviderCall, error) {
	params := (&api.ListCallParams{}).SetFrom(string(from)).SetTo(string(to)).SetStartTimeAfter(since.UTC()).SetPageSize(maxListedCalls)
	var calls []aurora.ProviderCall
	err := c.do(ctx, "list calls", func(service *api.ApiService) error {
		page, err := service.PageCall(params, "", "")
		if err != nil {
			return err
		}
		for _, call := range page.Calls {
			d := aurora.ProviderCall{SID: stringOrEmpty(call.Sid), From: aurora.Phone(stringOrEmpty(call.From)), To: aurora.Phone(stringOrEmpty(call.To)),
				Status: aurora.CallStatus(stringOrEmpty(call.Status)), CreatedAt: parseTime(call.DateCreated), EndedAt: parseTime(call.EndTime)}
			if seconds, err := strconv.ParseFloat(stringOrEmpty(call.Duration), 64); err == nil {
				d.Seconds = &seconds
			}
			if aurora.IsCallSID(d.SID) && d.From == from && d.To == to {
				calls = append(calls, d)
			}
		}
		return nil
	})
	return calls, err
}

func stringOrEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// parseTime reads a time as Twilio writes it (RFC 2822); zero where it wrote none.
func parseTime(s *string) time.Time {
	t, err := time.Parse(time.RFC1123Z, stringOrEmpty(s))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
