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
}

// field returns the field with a name in JSON, or nil if there is none.
func (l *Limits) field(name string) **int64 {
	switch name {
	case "chatTurnsPerMinute":
		return &l.ChatTurnsPerMinute
	case "chatTokensPerDay":
		return &l.ChatTokensPerDay
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

// Account returns the name under which the principal's use is counted. Keys with the same name have one account, so that a
// holder keeps its account when its key is replaced. Keys without a name have one each.
func (p Principal) Account() string {
	if p.Name != "" && p.Name != p.ID {
		return "n-" + aurora.SafeKey(p.Name)
	}
	return "i-" + aurora.SafeKey(p.ID)
}
