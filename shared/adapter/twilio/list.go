package twilio

import (
	"context"
	"strconv"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"example.com/aurora/shared/core/aurora"
)

// listed is how many calls are asked for: Twilio gives the latest first, and no destination is called so often.
const listed = 100

// ListCalls is the calls between two numbers since a time, the latest first.
func (c *Client) ListCalls(ctx context.Context, from, to aurora.Phone, since time.Time) ([]aurora.DialedCall, error) {
	params := (&api.ListCallParams{}).SetFrom(string(from)).SetTo(string(to)).SetStartTimeAfter(since.UTC()).SetPageSize(listed)
	var calls []aurora.DialedCall
	err := c.do(ctx, "list calls", func(service *api.ApiService) error {
		page, err := service.PageCall(params, "", "")
		if err != nil {
			return err
		}
		for _, call := range page.Calls {
			d := aurora.DialedCall{SID: text(call.Sid), From: aurora.Phone(text(call.From)), To: aurora.Phone(text(call.To)),
				Status: aurora.CallStatus(text(call.Status)), Created: when(call.DateCreated), Ended: when(call.EndTime)}
			if seconds, err := strconv.ParseFloat(text(call.Duration), 64); err == nil {
				d.Seconds = &seconds
			}
			if aurora.CallSID(d.SID) && d.From == from && d.To == to {
				calls = append(calls, d)
			}
		}
		return nil
	})
	return calls, err
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// when reads a time as Twilio writes it (RFC 2822); zero where it wrote none.
func when(s *string) time.Time {
	t, err := time.Parse(time.RFC1123Z, text(s))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
