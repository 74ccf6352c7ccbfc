package retryafter

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Max is the longest time that Parse returns.
const Max = 24 * time.Hour

// Parse returns the time that a Retry-After asks to wait: a number of seconds, or an HTTP date, which is at least one second away.
// inSeconds reports which of the two it was. It is not ok for anything else.
func Parse(header string, now time.Time) (wait time.Duration, inSeconds, ok bool) {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseUint(header, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(Max/time.Second))) * time.Second, true, true
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0, false, false
	}
	return min(max(at.Sub(now), time.Second), Max), false, true
}
