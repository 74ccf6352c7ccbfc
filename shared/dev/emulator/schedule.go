package emulator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// schedule is a parsed EventBridge schedule expression.
type schedule struct {
	every time.Duration // rate(…)
	at    time.Time     // at(…), in the schedule's time zone
	cron  [6]cronField  // minute, hour, day of month, month, day of week, year
	kind  string
}

// cronField is one field of a cron expression: the values that match.
type cronField struct {
	any    bool
	values map[int]bool
	last   bool // L: the last day of the month; after a weekday, its last one in the month
	nth    int  // #n: the n-th of this weekday in the month
}

var (
	months   = strings.Split("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC", " ")
	weekdays = strings.Split("SUN MON TUE WED THU FRI SAT", " ")
)

// parseSchedule parses cron(…), rate(…) and at(…) of EventBridge Scheduler, except W in cron.
func parseSchedule(expression string) (*schedule, error) {
	kind, rest, found := strings.Cut(expression, "(")
	body, closed := strings.CutSuffix(rest, ")")
	if !found || !closed {
		return nil, fmt.Errorf("schedule %q: want cron(…), rate(…) or at(…)", expression)
	}
	s := &schedule{kind: kind}
	var err error
	switch kind {
	case "rate":
		s.every, err = parseRate(body)
	case "at":
		s.at, err = time.Parse("2006-01-02T15:04:05", body)
	case "cron":
		err = s.parseCron(body)
	default:
		err = fmt.Errorf("unknown kind %s", kind)
	}
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w", expression, err)
	}
	return s, nil
}

func parseRate(body string) (time.Duration, error) {
	count, unit, _ := strings.Cut(body, " ")
	n, err := strconv.Atoi(count)
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	each := units[strings.TrimSuffix(unit, "s")]
	if err != nil || n < 1 || each == 0 {
		return 0, fmt.Errorf("a rate must be a number and minutes, hours or days")
	}
	return time.Duration(n) * each, nil
}

func (s *schedule) parseCron(body string) error {
	parts := strings.Fields(body)
	if len(parts) != 6 {
		return fmt.Errorf("a cron expression has six fields, not %d", len(parts))
	}
	limits := [6][2]int{{0, 59}, {0, 23}, {1, 31}, {1, 12}, {1, 7}, {1970, 2199}}
	names := [6][]string{3: months, 4: weekdays}
	for i, part := range parts {
		f, err := parseField(part, limits[i][0], limits[i][1], names[i])
		if err != nil {
			return err
		}
		s.cron[i] = f
	}
	if (parts[2] == "?") == (parts[4] == "?") {
		return fmt.Errorf("exactly one of day of month and day of week must be ?")
	}
	return nil
}

func parseField(text string, low, high int, names []string) (cronField, error) {
	f := cronField{values: map[int]bool{}}
	if text == "*" || text == "?" {
		f.any = true
		return f, nil
	}
	for _, item := range strings.Split(text, ",") {
		item, steps, stepped := strings.Cut(item, "/")
		step := 1
		if stepped {
			n, err := strconv.Atoi(steps)
			if err != nil || n < 1 {
				return f, fmt.Errorf("%q is not a step: want a number above 0", steps)
			}
			step = n
		}
		if item == "L" {
			f.last = true
			continue
		}
		if day, nth, numbered := strings.Cut(item, "#"); numbered {
			item = day
			f.nth, _ = strconv.Atoi(nth) // 0 if it is not a number; rejected below
			if f.nth < 1 || f.nth > 5 {
				return f, fmt.Errorf("%q is not a week of the month: want 1 to 5", nth)
			}
		}
		if day, last := strings.CutSuffix(item, "L"); last && day != "" {
			item, f.last = day, true
		}
		from, to, ranged := strings.Cut(item, "-")
		first, err := parseValue(from, low, high, names)
		if err != nil {
			return f, err
		}
		end := first
		switch {
		case item == "*":
			first, end = low, high
		case ranged:
			if end, err = parseValue(to, low, high, names); err != nil {
				return f, err
			}
		case stepped:
			end = high
		}
		if end < first {
			end += high - low + 1 // SAT-MON continues with the next week
		}
		for v := first; v <= end; v += step {
			f.values[low+(v-low)%(high-low+1)] = true
		}
	}
	return f, nil
}

func parseValue(text string, low, high int, names []string) (int, error) {
	for i, name := range names {
		if strings.EqualFold(text, name) {
			return low + i, nil
		}
	}
	if text == "*" {
		return low, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("%q is not between %d and %d", text, low, high)
	}
	return n, nil
}

// isDue reports whether the schedule fires in the minute that begins at now. A rate counts from started.
func (s *schedule) isDue(now, started time.Time) bool {
	switch s.kind {
	case "rate":
		passed := now.Sub(started.Truncate(time.Minute))
		return passed > 0 && passed%s.every == 0
	case "at":
		return now.Format("2006-01-02T15:04") == s.at.Format("2006-01-02T15:04")
	}
	is := func(i, v int) bool { return s.cron[i].any || s.cron[i].values[v] }
	return is(0, now.Minute()) && is(1, now.Hour()) && is(3, int(now.Month())) && is(5, now.Year()) && s.isDueOn(now)
}

func (s *schedule) isDueOn(now time.Time) bool {
	left := time.Date(now.Year(), now.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day() - now.Day() // days after this one
	if dom := s.cron[2]; !dom.any && !dom.values[now.Day()] && !(dom.last && left == 0) {
		return false
	}
	dow := s.cron[4]
	weekday := int(now.Weekday()) + 1
	switch {
	case dow.any:
		return true
	case dow.last && len(dow.values) == 0:
		return weekday == 7
	case !dow.values[weekday]:
		return false
	case dow.last:
		return left < 7
	case dow.nth > 0:
		return (now.Day()-1)/7+1 == dow.nth
	}
	return true
}

// event is what a schedule invokes its function with at a minute: its input, with Scheduler's words about the
// invocation filled in (https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html).
func (p schedulePlan) event(arn string, minute time.Time) []byte {
	if p.input == "" {
		return []byte("{}")
	}
	return []byte(strings.NewReplacer(
		"<aws.scheduler.schedule-arn>", strings.Replace(strings.Replace(arn, ":lambda:", ":scheduler:", 1), ":function:", ":schedule/default/", 1),
		"<aws.scheduler.scheduled-time>", minute.UTC().Format("2006-01-02T15:04:05Z"),
		"<aws.scheduler.execution-id>", newID(),
		"<aws.scheduler.attempt-number>", "1",
	).Replace(p.input))
}
