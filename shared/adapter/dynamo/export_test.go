package dynamo

import (
	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// ReadDayRow reads an item as Day does.
func ReadDayRow(item dynamo.Item) (aurora.Call, error) {
	var r dayRow
	err := r.UnmarshalDynamoItem(item)
	return r.call, err
}

// ReadRowJSON reads an item as Row does.
func ReadRowJSON(item dynamo.Item) (aurora.Call, error) { return decodeCall(item) }
