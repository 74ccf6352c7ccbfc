package outbound

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// Hours are when people may be called, by the clock where they are: from the first minute until before the last. The
// zero value is any time.
type Hours struct {
	from, until int // minutes since midnight
}

var hoursPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])$`)
})

// ParseHours reads hours such as 08:00-21:00; empty is any time.
func ParseHours(s string) (Hours, error) {
	if s == "" {
		return Hours{}, nil
	}
	m := hoursPattern().FindStringSubmatch(s)
	if m == nil {
		return Hours{}, fmt.Errorf("%q is not of the form 08:00-21:00", s)
	}
	h := Hours{from: minuteOfDay(m[1], m[2]), until: minuteOfDay(m[3], m[4])}
	if h.from >= h.until || h.until > 24*60 {
		return Hours{}, fmt.Errorf("%q does not end after it begins, on one day", s)
	}
	return h, nil
}

func minuteOfDay(hour, minute string) int {
	h, _ := strconv.Atoi(hour) // the pattern allows nothing else
	m, _ := strconv.Atoi(minute)
	return 60*h + m
}

// maxTimeZones is how many zones a number may be in: beyond, it says nothing about where its holder is.
const maxTimeZones = 8

// Contains reports whether it is a time to call in every one of the zones. Nobody is called of whom no zone is known.
func (h Hours) Contains(at time.Time, zones []string) bool {
	if h == (Hours{}) {
		return true
	}
	if len(zones) == 0 || len(zones) > maxTimeZones {
		return false
	}
	for _, name := range zones {
		if name == "" || name == "Local" || name == "Etc/Unknown" {
			return false
		}
		zone, err := time.LoadLocation(name)
		if err != nil {
			return false
		}
		hour, minute, _ := at.In(zone).Clock()
		if now := 60*hour + minute; now < h.from || now >= h.until {
			return false
		}
	}
	return true
}
