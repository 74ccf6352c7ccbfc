package outbound

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"time"
)

// Hours is the time of day when people may be called, by their local clock. The zero value is the whole day.
type Hours struct {
	from, until int // minutes since midnight; until is not part of the hours
}

var hoursPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])$`)
})

// ParseHours reads hours such as 08:00-21:00. An empty text is the whole day.
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
		return Hours{}, fmt.Errorf("%q must end after it begins, on the same day", s)
	}
	return h, nil
}

func minuteOfDay(hour, minute string) int {
	h, _ := strconv.Atoi(hour) // the pattern allows nothing else
	m, _ := strconv.Atoi(minute)
	return 60*h + m
}

// maxTimeZones limits the zones of one number. A number with more zones, such as a toll-free one, does not tell where its
// owner is.
const maxTimeZones = 8

// Contains reports whether a time is within the hours in every one of the zones. Without a known zone it is not.
func (h Hours) Contains(at time.Time, timeZones []string) bool {
	if h == (Hours{}) {
		return true
	}
	if len(timeZones) == 0 || len(timeZones) > maxTimeZones {
		return false
	}
	for _, name := range timeZones {
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
