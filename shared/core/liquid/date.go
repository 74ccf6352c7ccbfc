package liquid

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/osteele/tuesday"
)

// wideField is a field of a date format that would be filled up to a thousand characters and more.
var wideField = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`%[-_^#0]*\d{4}`) })

// maxFormatGrowth is how many times longer than its format a date can be: %999Y has five characters.
const maxFormatGrowth = 200

// dateSteps is what it takes to try all forms of a date.
const dateSteps = 50

// dateFilter formats a time as Ruby's strftime does. A value that is not a date stays as it is. The second value is a time
// zone, as in Vapi's date filter.
func dateFilter(a arguments, v any) (any, error) {
	format, err := a.text(0, "%a, %b %d, %y")
	if err != nil {
		return nil, err
	}
	name, err := a.text(1, "")
	if err != nil {
		return nil, err
	}
	zone := a.r.clock.Zone
	if name != "" {
		named, err := a.r.loadZone(name)
		if err != nil {
			return nil, err
		}
		if named != nil {
			zone = named
		}
	}
	if err := a.r.step(dateSteps + 20*len(format)); err != nil {
		return nil, err
	}
	t, ok := a.r.clock.parse(v, zone)
	if !ok || format == "" {
		return v, nil
	}
	if wideField().MatchString(format) {
		return nil, errDateFormat
	}
	if err := a.r.fits(maxFormatGrowth * len(format)); err != nil {
		return nil, err
	}
	s, err := tuesday.Strftime(format, t.In(zone))
	if err != nil {
		return nil, errDateFormat
	}
	return a.result(s)
}

// What it takes to read the description of a time zone.
const (
	zoneSteps = 500
	zoneBytes = 64 << 10
)

// loadZone returns a time zone, or nil if there is none of this name.
func (r *renderer) loadZone(name string) (*time.Location, error) {
	zone, known := r.zones[name]
	if known {
		return zone, nil
	}
	if err := r.step(zoneSteps); err != nil {
		return nil, err
	}
	if err := r.made(zoneBytes); err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		zone = nil
	}
	r.zones[name] = zone
	return zone, nil
}

// dateLayouts are the forms of dates that templates write and that tools return. A date without a time zone is in the
// zone in which it is printed, so that a day stays the same day.
var dateLayouts = []string{
	"2006-01-02", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", time.RFC3339,
	"2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04:05 MST", "20060102T150405Z",
	"January 2, 2006", "January 2 2006", "Jan 2, 2006", "Jan 2 2006", "2 January 2006", "2 Jan 2006", "2006/01/02", "01/02/2006",
	"January 2, 2006 15:04", "January 2, 2006 3:04 PM",
	time.ANSIC, time.UnixDate, time.RubyDate, time.RFC822, time.RFC822Z, time.RFC850, time.RFC1123, time.RFC1123Z,
}

// maxDateLength is longer than every date in these forms.
const maxDateLength = 64

// parse reads the input of the filter date.
func (c Clock) parse(v any, zone *time.Location) (time.Time, bool) {
	switch v := v.(type) {
	case time.Time:
		return v, true
	case int64:
		return time.Unix(v, 0), true
	case float64:
		return time.Unix(toInt(v), 0), true
	case string:
		if len(v) > maxDateLength {
			return time.Time{}, false
		}
		s := strings.TrimSpace(v)
		if strings.EqualFold(s, "now") || strings.EqualFold(s, "today") {
			return c.Now(), true
		}
		if seconds, err := strconv.ParseInt(s, 10, 64); err == nil && seconds >= 0 {
			return time.Unix(seconds, 0), true
		}
		for _, layout := range dateLayouts {
			if t, err := time.ParseInLocation(layout, s, zone); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}
