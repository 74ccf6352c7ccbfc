package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"example.com/aurora/shared/core/aurora"
)

// Limits are the limits of one key. A nil field means the deployment's limit, and 0 allows nothing.
type Limits struct {
	ChatTurnsPerMinute *int64 `json:"chatTurnsPerMinute,omitempty"`
	ChatTokensPerDay   *int64 `json:"chatTokensPerDay,omitempty"` // in the prompts and the answers of chat turns

	CallsPerMinute       *int64 `json:"callsPerMinute,omitempty"`
	CallsPerDay          *int64 `json:"callsPerDay,omitempty"`
	CallsToNumberPerDay  *int64 `json:"callsToNumberPerDay,omitempty"`  // to one number
	CallsToCountryPerDay *int64 `json:"callsToCountryPerDay,omitempty"` // to one country

	TextsPerDay          *int64           `json:"textsPerDay,omitempty"`
	TextsToCountryPerDay *int64           `json:"textsToCountryPerDay,omitempty"`
	SpendPerDay          *aurora.MicroUSD `json:"spendPerDayUsd,omitempty"` // of calls and text messages
}

// spendField is the one limit that is an amount of dollars.
const spendField = "spendPerDayUsd"

// field returns the field with a name in JSON, or nil if there is none.
func (l *Limits) field(name string) **int64 {
	switch name {
	case "chatTurnsPerMinute":
		return &l.ChatTurnsPerMinute
	case "chatTokensPerDay":
		return &l.ChatTokensPerDay
	case "callsPerMinute":
		return &l.CallsPerMinute
	case "callsPerDay":
		return &l.CallsPerDay
	case "callsToNumberPerDay":
		return &l.CallsToNumberPerDay
	case "callsToCountryPerDay":
		return &l.CallsToCountryPerDay
	case "textsPerDay":
		return &l.TextsPerDay
	case "textsToCountryPerDay":
		return &l.TextsToCountryPerDay
	}
	return nil
}

// UnmarshalJSON reads limits. It rejects a name that is no limit: a limit with a typing error would be none.
func (l *Limits) UnmarshalJSON(b []byte) error {
	var values map[string]json.Number
	if err := json.Unmarshal(b, &values); err != nil {
		return err
	}
	if values == nil { // null
		return errors.New("not an object")
	}
	*l = Limits{}
	for name, value := range values {
		if name == spendField {
			amount, err := aurora.ParseUSD(value.String())
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			l.SpendPerDay = &amount
			continue
		}
		field := l.field(name)
		if field == nil {
			return fmt.Errorf("%q is not a limit", name)
		}
		n, err := strconv.ParseInt(value.String(), 10, 64)
		if err != nil || n < 0 {
			return fmt.Errorf("%s is not a whole number of at least 0", name)
		}
		*field = &n
	}
	return nil
}

// Share returns what the principal's key may use of the limits for text messages and for the spend.
func (p Principal) Share() aurora.KeyShare {
	if p.ID == "" {
		return aurora.KeyShare{}
	}
	return aurora.KeyShare{Account: p.Account(), TextsPerDay: p.Limits.TextsPerDay, TextsToCountryPerDay: p.Limits.TextsToCountryPerDay, SpendPerDay: p.Limits.SpendPerDay}
}

// Account returns the name under which the principal's use is counted. Keys with the same name have one account, so that a
// holder keeps its account when its key is replaced. Keys without a name have one each.
func (p Principal) Account() string {
	if p.Name != "" && p.Name != p.ID {
		return "n-" + aurora.SafeKey(p.Name)
	}
	return "i-" + aurora.SafeKey(p.ID)
}
