package report

import (
	"encoding/json"
	"maps"
	"slices"

	"example.com/aurora/shared/core/text"
)

// Limits of the extracted data that a card shows.
const (
	maxShownFields = 12
	maxShownName   = 60
	maxShownValue  = 200
)

// extractedDetails returns the fields of extracted data by name. Lists and objects are shown as JSON.
func extractedDetails(data json.RawMessage) []detail {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return nil
	}
	var details []detail
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		var value string
		if json.Unmarshal(fields[name], &value) != nil {
			value = string(fields[name])
		}
		if string(fields[name]) == "null" {
			continue
		}
		value = text.DisplayLine(value, maxShownValue)
		if name = text.DisplayLine(name, maxShownName); name != "" && value != "" && len(details) < maxShownFields {
			details = append(details, detail{Name: name, Value: value})
		}
	}
	return details
}
