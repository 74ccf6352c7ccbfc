package dynamo

import (
	"encoding/json"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// ReadDayRow is how Day reads an item.
func ReadDayRow(item dynamo.Item) (aurora.Call, error) {
	var r dayRow
	err := r.UnmarshalDynamoItem(item)
	return r.call, err
}

// ReadRowJSON is how Row reads one.
func ReadRowJSON(item dynamo.Item) (c aurora.Call, err error) {
	b, err := json.Marshal(itemToJSON(item))
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(b, &c)
}
