package operatorapi

import (
	"net/http"
	"strconv"

	"example.com/aurora/shared/core/fault"
)

// page reads the parameters of a list.
func page(r *http.Request) (limit int, cursor string, err error) {
	limit = 50
	if text := r.URL.Query().Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 {
			return 0, "", fault.New(fault.Invalid, "limit must be a whole number from 1 to 200.").WithCode("invalid_limit").WithParam("limit")
		}
	}
	return min(limit, 200), r.URL.Query().Get("cursor"), nil
}

type listResponse[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"nextCursor"`
}
