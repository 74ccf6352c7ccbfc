package twilio

import (
	"context"
	"strconv"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"example.com/aurora/shared/core/aurora"
)

// maxListedCalls is the size of the only page that is read. Twilio lists the latest calls first, and the limits for one
// number keep the calls to it far below.
const maxListedCalls = 100

// ListCalls returns the calls between two numbers since a time, the latest first.
func (c *Client) ListCalls(ctx context.Context, from, to aurora.Phone, since time.Time) ([]aurora.ProviderCall, error) {
	params := (&api.ListCallParams{}).SetFrom(string(from)).SetTo(string(to)).SetStartTimeAfter(since.UTC()).SetPageSize(maxListedCalls)
	var calls []aurora.ProviderCall
	err := c.do(ctx, "list calls", func(service *api.ApiService) error {
		page, err := service.PageCall(params, "", "")
		if err != nil {
			return err
		}
		for _, call := range page.Calls {
			d := toProviderCall(&call)
			if aurora.IsCallSID(d.SID) && d.From == from && d.To == to {
				calls = append(calls, d)
			}
		}
		return nil
	})
	return calls, err
}

// FetchCall returns one call. It is a fault.NotFound if the account has no such call.
func (c *Client) FetchCall(ctx context.Context, sid string) (found aurora.ProviderCall, err error) {
	if !aurora.IsCallSID(sid) { // it becomes part of the request's path
		return found, errNoCallSID()
	}
	err = c.do(ctx, "fetch call", func(service *api.ApiService) error {
		call, err := service.FetchCall(sid, &api.FetchCallParams{})
		if err == nil {
			found = toProviderCall(call)
		}
		return err
	})
	return found, err
}

func toProviderCall(call *api.ApiV2010Call) aurora.ProviderCall {
	d := aurora.ProviderCall{SID: stringOrEmpty(call.Sid), From: aurora.Phone(stringOrEmpty(call.From)), To: aurora.Phone(stringOrEmpty(call.To)),
		Direction: stringOrEmpty(call.Direction), Status: aurora.CallStatus(stringOrEmpty(call.Status)), CreatedAt: parseTime(call.DateCreated), EndedAt: parseTime(call.EndTime)}
	if seconds, err := strconv.ParseFloat(stringOrEmpty(call.Duration), 64); err == nil {
		d.Seconds = &seconds
	}
	return d
}

// stringOrEmpty returns the text, or "" for nil.
func stringOrEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// parseTime reads a time of Twilio's (RFC 2822). It returns the zero time if there is none.
func parseTime(s *string) time.Time {
	t, err := time.Parse(time.RFC1123Z, stringOrEmpty(s))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
