package contact

import (
	"context"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/numberplan"
)

// Channel is a way in which a person is contacted. Its texts complete the messages of errors.
type Channel struct {
	name    string // in the log
	what    string // in the plural
	reached string // of a number
	nothing string // the result of a rejection
}

// The channels.
var (
	Calls = Channel{name: "call", what: "calls", reached: "called", nothing: "no call was placed"}
	Texts = Channel{name: "text", what: "text messages", reached: "texted", nothing: "no text message was sent"}
	Mails = Channel{name: "mail", what: "e-mails", reached: "reached", nothing: "no e-mail was sent"}
)

// Ledger has the lists of numbers and the counters.
type Ledger interface {
	// IsDoNotCall reports whether a number is on the do-not-call list. If it fails, the number must not be contacted.
	IsDoNotCall(ctx context.Context, number aurora.Phone) (bool, error)
	// TakeQuota adds a quota's amount unless that exceeds the limit, and reports whether it did. taker is the id of the contact,
	// so that a repeated write is not counted twice. A store that is not sure counts too much, never too little.
	TakeQuota(ctx context.Context, q aurora.Quota, taker string) (taken bool, err error)
	ReturnQuota(ctx context.Context, q aurora.Quota) error
}

// NumberFinder finds the assistant whose own number this is. The error is fault.NotFound if there is none.
type NumberFinder interface {
	ByNumber(ctx context.Context, number aurora.Phone) (aurora.Assistant, error)
}

// Guard applies the deployment's rules. Its fields are set once, before its use.
type Guard struct {
	Assistants NumberFinder
	Ledger     Ledger
	Countries  Countries
	// Count, if set, counts the metrics BudgetExhausted and ContactRejected.
	Count func(ctx context.Context, metric string)

	// Limits, Now and NewID are for messages. NewID returns an id that is never returned twice.
	Limits MessageLimits
	Now    func() time.Time
	NewID  func() string
}

func (g *Guard) count(ctx context.Context, metric string) {
	if g.Count != nil {
		g.Count(ctx, metric)
	}
}

// CheckNumber checks whether a number may be contacted at all: its kind and country, and that it is not one of our own
// numbers. from is the assistant that contacts it; its zero value is no assistant.
func (g *Guard) CheckNumber(ctx context.Context, c Channel, to aurora.Phone, from aurora.Assistant) error {
	n := numberplan.Find(to)
	if !n.IsPersonal() {
		return fault.Newf(fault.Forbidden, "%s to numbers of this type are not allowed: only mobile and fixed-line numbers can be %s.", capital(c.what), c.reached).
			WithCode("number_type_blocked")
	}
	if !g.Countries.Allows(n.Region) {
		return fault.Newf(fault.Forbidden, "%s to this country are not allowed.", capital(c.what)).WithCode("country_blocked")
	}
	errOwnNumber := fault.New(fault.Forbidden, "This number is one of our own.").WithCode("number_type_blocked")
	if isOwnNumber(from, to) {
		return errOwnNumber
	}
	switch _, err := g.Assistants.ByNumber(ctx, to); {
	case err == nil, fault.Is(err, fault.Internal): // an assistant with an invalid configuration still has the number
		return errOwnNumber
	case !fault.Is(err, fault.NotFound):
		return c.errUnavailable("The assistants cannot be read now", err)
	}
	return nil
}

// CheckDoNotCall returns an error for a number on the do-not-call list, and for every number if the list cannot be read.
func (g *Guard) CheckDoNotCall(ctx context.Context, c Channel, to aurora.Phone) error {
	listed, err := g.Ledger.IsDoNotCall(ctx, to)
	if err != nil {
		return c.errUnavailable("The do-not-call list cannot be read now", err)
	}
	if listed {
		return fault.New(fault.Forbidden, "This number is on the do-not-call list.").WithCode("do_not_call")
	}
	return nil
}

// errUnavailable is the error for a store that does not answer.
func (c Channel) errUnavailable(reason string, cause error) *fault.Error {
	return fault.New(fault.Unavailable, reason+", so "+c.nothing+".").WithCode("store_unavailable").WithRetryAfter(time.Second).Because(cause)
}

// capital returns a text with a capital first letter.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// isOwnNumber reports whether a number is one of the assistant's. Numbers may be stored as national numbers: those are
// compared with the number's digits after its country code.
func isOwnNumber(a aurora.Assistant, number aurora.Phone) bool {
	national := strings.TrimLeft(strings.TrimPrefix(string(number), "+"+number.CountryCode()), "0")
	for _, s := range append([]string{string(a.AssistantPhoneNumber), string(a.TextFromNumber)}, a.PhoneNumbers...) {
		if p, ok := aurora.ParsePhone(s); ok {
			if p == number {
				return true
			}
			continue
		}
		if digits := strings.TrimLeft(onlyDigits(s), "0"); digits != "" && digits == national {
			return true
		}
	}
	return false
}

// onlyDigits returns the ASCII digits of a text.
func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}
