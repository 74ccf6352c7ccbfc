package outbound

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// TestZonesOfAnAreaCode checks for every area code that the zones do not depend on the exchange, and that the zones which the
// library knows for any exchange are among them.
func TestZonesOfAnAreaCode(t *testing.T) {
	for area := 201; area < 1000; area++ {
		all := areaZones(fmt.Sprint(area))
		for exchange := 200; exchange < 1000; exchange += 37 {
			found, err := phonenumbers.GetTimezonesForPrefix(fmt.Sprintf("+1%d%d0000", area, exchange))
			if err != nil || len(found) > maxTimeZones {
				continue
			}
			for _, zone := range found {
				if !slices.Contains(all, zone) {
					t.Errorf("area code %d: the zones %v do not have %s, where exchange %d is", area, all, zone, exchange)
				}
			}
		}
	}
}

func TestZonesOfSplitAreas(t *testing.T) {
	for written, want := range map[string][]string{
		"+14235550100": {"America/New_York", "America/Chicago"}, "+12195550100": {"America/New_York", "America/Chicago"}, "+12705550100": {"America/New_York", "America/Chicago"},
		"+18505550100": {"America/New_York", "America/Chicago"}, "+13085550100": {"America/Chicago", "America/Denver"}, "+18125550100": {"America/New_York", "America/Chicago"},
		"+13645550100": {"America/New_York", "America/Chicago"}, "+14485550100": {"America/New_York", "America/Chicago"}, "+19305550100": {"America/New_York", "America/Chicago"},
		"+19315550100": {"America/New_York", "America/Chicago"}, "+18675550100": {"America/Whitehorse", "America/Edmonton", "America/Winnipeg", "America/Toronto"},
		"+19865550100": {"America/Los_Angeles", "America/Denver"}, "+14585550100": {"America/Los_Angeles", "America/Denver"}, "+17015550100": {"America/Chicago", "America/Denver"},
		"+61412345678": {"Australia/Perth", "Australia/Sydney"}, "+79161234567": {"Europe/Kaliningrad", "Asia/Kamchatka"}, "+34612345678": {"Atlantic/Canary", "Europe/Madrid"}, "+6281234567890": {"Asia/Jakarta", "Asia/Jayapura"},
	} {
		n, err := ParseNumber(written, "")
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		for _, zone := range want {
			if !slices.Contains(n.TimeZones, zone) {
				t.Errorf("%s: zones %v, want %s among them", written, n.TimeZones, zone)
			}
		}
		for _, zone := range n.TimeZones {
			if _, err := time.LoadLocation(zone); err != nil {
				t.Errorf("%s: %v", written, err)
			}
		}
		if len(n.TimeZones) > maxTimeZones {
			t.Errorf("%s has %d zones: it could never be called", written, len(n.TimeZones))
		}
	}
}

// TestHoursInSplitAreas checks that a number of an area on both sides of a border is called only when both sides are awake.
func TestHoursInSplitAreas(t *testing.T) {
	hours, err := ParseHours("08:00-21:00")
	if err != nil {
		t.Fatal(err)
	}
	n, err := ParseNumber("+14235550100", "")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]bool{"2026-11-25T12:59:00Z": false, "2026-11-25T13:30:00Z": false, "2026-11-25T14:00:00Z": true, "2026-11-26T01:59:00Z": true, "2026-11-26T02:00:00Z": false, "2026-11-26T02:30:00Z": false} {
		when, _ := time.Parse(time.RFC3339, at)
		if got := hours.Contains(when, n.TimeZones); got != want {
			t.Errorf("at %s: %v, want %v", at, got, want)
		}
	}
}

// TestWrittenForms checks that a call goes to the one number that all its spellings mean.
func TestWrittenForms(t *testing.T) {
	for want, spellings := range map[string][]string{
		"+447400123456": {"+44 (0)7400 123456", "+447400123456"}, "+525512345678": {"+52 1 55 1234 5678", "+52 55 1234 5678"},
		"+4930901820": {"+49 (0)30 901820", "+49 30 901820"}, "+390612345678": {"+39 06 1234 5678"},
	} {
		for _, s := range spellings {
			if n, err := ParseNumber(s, ""); err != nil || string(n.Phone) != want {
				t.Errorf("%q: %s, %v; want %s", s, n.Phone, err, want)
			}
		}
	}
	if n, err := ParseNumber("(415) 555-0191", "US"); err != nil || n.Phone != "+14155550191" {
		t.Errorf("a national number: %s, %v", n.Phone, err)
	}
}
