package main

import (
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// Fault 57: the windows of a backfill end where those of the schedule would have ended, in the assistant's time zone.
func TestFault57Backfill(t *testing.T) {
	now := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		period          aurora.Period
		from, to, zone  string
		want, wantFirst string
	}{
		"weeks over a change of clock":   {aurora.Weekly, "2026-03-20", "2026-04-10", "Europe/Bucharest", "03-23+02:00 03-30+03:00 04-06+03:00", "2026-03-16"},
		"weeks, both ends a Monday":      {aurora.Weekly, "2026-10-26", "2026-11-09", "America/New_York", "10-26-04:00 11-02-05:00 11-09-05:00", "2026-10-19"},
		"months of a leap year":          {aurora.Monthly, "2024-02-01", "2024-04-30", "UTC", "02-01Z 03-01Z 04-01Z", "2024-01-01"},
		"ends in the future":             {aurora.Weekly, "2026-11-10", "2026-12-31", "America/New_York", "11-16-05:00 11-23-05:00", "2026-11-09"},
		"December has not begun":         {aurora.Monthly, "2026-11-01", "2026-12-31", "Pacific/Honolulu", "11-01-10:00", "2026-10-01"},
		"a midnight that is skipped":     {aurora.Weekly, "2018-11-01", "2018-11-30", "America/Sao_Paulo", "11-05-02:00 11-12-02:00 11-19-02:00 11-26-02:00", "2018-10-29"},
		"a day that a zone skipped":      {aurora.Weekly, "2011-12-26", "2012-01-02", "Pacific/Apia", "12-26-10:00 01-02+14:00", "2011-12-19"},
		"no Monday":                      {aurora.Weekly, "2026-11-17", "2026-11-22", "UTC", "", ""},
		"a 1st that begins at one":       {aurora.Monthly, "2023-04-01", "2023-04-30", "Asia/Beirut", "04-01+03:00", "2023-03-01"},
		"weeks until now, to the minute": {aurora.Weekly, "2026-11-23", "2026-11-23", "UTC", "11-23Z", "2026-11-16"},
		"a Monday two hours old":         {aurora.Weekly, "2026-11-23", "2026-11-23", "Etc/GMT+12", "11-23-12:00", "2026-11-16"},
	} {
		t.Run("fault 57: "+name, func(t *testing.T) {
			day := func(s string) time.Time {
				d, err := time.Parse(time.DateOnly, s)
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			all := windowEnds(c.period, day(c.from), day(c.to), zone, now)
			for _, until := range all {
				got = append(got, until.Format("01-02Z07:00"))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("the windows end at %v, want %s", all, c.want)
			}
			if len(all) > 0 {
				if from := c.period.WindowUntil(all[0], zone).From; from.Format(time.DateOnly) != c.wantFirst {
					t.Errorf("the first window begins at %v, want %s", from, c.wantFirst)
				}
			}
		})
	}
}

func TestReportCommandsNameMissingArguments(t *testing.T) {
	for _, c := range []struct {
		want string
		args []string
	}{
		{"make report ASSISTANT=", []string{"report"}},
		{"make report ASSISTANT=", []string{"report", "-period", "weekly"}},
		{"weekly or monthly", []string{"report", "-assistant", "a", "-period", "daily"}},
		{"weekly or monthly", []string{"schedule"}},
		{"make backfill PERIOD=", []string{"backfill", "-period", "weekly", "-from", "2026-01-01"}},
		{"make backfill PERIOD=", []string{"backfill", "-period", "weekly", "-from", "2026-02-01", "-to", "2026-01-01"}},
		{"weekly or monthly", []string{"backfill", "-from", "2026-01-01", "-to", "2026-02-01"}},
		{"make run", []string{"report", "-assistant", "a", "-period", "weekly"}},
		{"make run", []string{"schedule", "-period", "monthly"}},
		{"make run", []string{"backfill", "-period", "weekly", "-from", "2026-01-01", "-to", "2026-02-01"}},
	} {
		if _, err := command(t, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("the error of %q is %v, want one with %q", c.args, err, c.want)
		}
	}
}
